"""Spans of days: the calendar's steps between two days, and the twelve months that end with a day."""

from datetime import date

import pytest

from services.reporting.reports.spans import STEPS, Step, spans
from services.reporting.reports.wanted import twelve_months_to


@pytest.mark.parametrize(
    ("step", "begin"),
    [
        ("day", ["2023-12-30", "2023-12-31", "2024-01-01", "2024-01-02"]),
        ("week", ["2023-12-30", "2024-01-01"]),
        ("month", ["2023-12-30", "2024-01-01"]),
        ("quarter", ["2023-12-30", "2024-01-01"]),
        ("year", ["2023-12-30", "2024-01-01"]),
    ],
)
def test_every_step_ends_with_the_year_and_with_its_sunday(step: Step, begin: list[str]) -> None:
    found = spans(date(2023, 12, 30), date(2024, 1, 2), step)

    assert [str(each.first) for each in found] == begin
    assert [str(each.last) for each in found] == [
        *(str(date.fromordinal(date.fromisoformat(each).toordinal() - 1)) for each in begin[1:]),
        "2024-01-02",
    ]


def test_quarters_begin_in_january_april_july_and_october() -> None:
    found = spans(date(2024, 2, 29), date(2024, 12, 31), "quarter")

    assert [(str(each.first), str(each.last)) for each in found] == [
        ("2024-02-29", "2024-03-31"),
        ("2024-04-01", "2024-06-30"),
        ("2024-07-01", "2024-09-30"),
        ("2024-10-01", "2024-12-31"),
    ]


@pytest.mark.parametrize("step", STEPS)
def test_of_one_day_there_is_one_span_and_of_none_there_is_none(step: Step) -> None:
    day = date(2024, 12, 31)

    assert [(each.first, each.last) for each in spans(day, day, step)] == [(day, day)]
    assert spans(day, date(2024, 12, 30), step) == []


@pytest.mark.parametrize(
    ("day", "first"),
    [
        ("2022-12-31", "2022-01-01"),
        ("2022-06-15", "2021-06-16"),
        ("2024-02-29", "2023-03-01"),
        ("2025-02-28", "2024-02-29"),
        ("2024-02-28", "2023-03-01"),
    ],
)
def test_twelve_months_end_with_the_day_and_begin_on_the_day_after_it_a_year_before(day: str, first: str) -> None:
    assert str(twelve_months_to(date.fromisoformat(day))) == first
