"""Years of birth that the registry keeps in memory, so that an admission need not open what was told before."""

import pytest

from services.registry.profiles import YearsOfBirth


def test_what_was_told_last_is_known() -> None:
    years = YearsOfBirth()

    years.learn({"person/1": 1990, "person/2": 1980}, gone=())
    years.learn({"person/1": 1991, "person/2": None}, gone=())

    assert (years.get("person/1"), years.get("person/2"), years.get("person/3")) == (1991, 1980, None)


def test_whoever_is_erased_is_forgotten_whatever_was_told_in_the_same_turn() -> None:
    years = YearsOfBirth()
    years.learn({"person/1": 1990}, gone=())

    years.learn({"person/1": 1990, "person/2": 1980}, gone={"person/1", "person/2"})

    assert (years.get("person/1"), years.get("person/2")) == (None, None)


def test_the_oldest_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(YearsOfBirth, "MOST", 2)
    years = YearsOfBirth()

    for number in range(3):
        years.learn({f"person/{number}": 1990 + number}, gone=())

    assert [years.get(f"person/{number}") for number in range(3)] == [None, 1991, 1992]
