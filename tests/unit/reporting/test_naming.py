"""Names are compared without accents and case, and sorted as Vietnamese does."""

import pytest

from services.reporting.naming import name_order, patterns, search_name


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


def test_names_are_sorted_as_a_vietnamese_dictionary_does() -> None:
    in_order = [
        "Chi bộ", "Chi bộ (mới)", "Chi bộ 2", "Chi bộ 010", "Chi bộ 11", "Chi bộ An", "Chi bộ an toàn",
        "Chi bộ Ăn", "Chi bộ Ân", "Chi bộ Dũng", "Chi bộ Đông", "Chi bộ ma", "Chi bộ mà", "Chi bộ mả", "Chi bộ mã",
        "Chi bộ má", "Chi bộ mạ", "Chi bộ mà 2", "Chi bộ Ơn", "Chi bộ Ương", "Chi bộ ខ្មែរ",
    ]  # fmt: skip

    backwards = in_order[::-1]

    assert sorted(backwards, key=name_order) == in_order
    # PostgreSQL compares bytes.
    assert sorted(backwards, key=lambda name: name_order(name).encode()) == in_order


def test_every_word_is_looked_for_by_itself_and_no_sign_of_a_pattern_has_a_meaning() -> None:
    assert patterns("Mường  PỒN") == ["%muong%", "%pon%"]
    assert patterns(r"5% _ \\") == [r"%5\%%", r"%\_%", r"%\\\\%"]
    assert patterns("") == []
