"""Names are compared without accents and case."""

import pytest

from services.reporting.naming import search_name


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Đảng bộ xã Mường Pồn", "dang bo xa muong pon"),
        ("ĐẢNG  BỘ\u00a0cơ sở", "dang bo co so"),
        ("Chi bộ Trường THPT số 2", "chi bo truong thpt so 2"),
        ("Nguyễn Ái Quốc ưỡn", "nguyen ai quoc uon"),
        ("", ""),
    ],
)
def test_a_name_is_reduced_to_its_letters(name: str, found: str) -> None:
    assert search_name(name) == found


def test_composed_and_decomposed_letters_are_the_same() -> None:
    assert search_name("Mu\u031bo\u031b\u0300ng") == search_name("Mường")
