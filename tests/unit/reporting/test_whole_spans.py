"""Whole years, months and days count each day that is asked for once, and no other."""

from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.reporting.reports.whole_spans import whole_spans

DAYS = st.dates(date(2019, 1, 1), date(2024, 12, 31))


def counted(first: date, last: date) -> Counter[date]:
    """Each day, by how often the years, months and days of its spans have it."""
    spans = whole_spans(first, last)
    found: Counter[date] = Counter()
    day = date(2018, 1, 1)
    while day < date(2026, 1, 1):
        year, month = day.replace(month=1, day=1), day.replace(day=1)
        found[day] += spans["years_from"] <= year < spans["years_to"]
        found[day] += spans["months_from"] <= month < spans["years_from"]
        found[day] += spans["months_sign"] * (spans["more_months_from"] <= month < spans["more_months_to"])
        found[day] += first <= day < spans["months_from"]
        found[day] += spans["days_sign"] * (spans["more_days_from"] <= day < spans["more_days_to"])
        day += timedelta(days=1)
    return found


@given(DAYS, DAYS)
def test_each_day_asked_for_is_counted_once_and_no_other(one: date, other: date) -> None:
    first, last = sorted((one, other))

    assert all(number == (first <= day <= last) for day, number in counted(first, last).items())


@given(DAYS, DAYS)
def test_by_months_and_days_too(one: date, other: date) -> None:
    first, last = sorted((one, other))
    spans = whole_spans(first, last)

    days = (spans["months_to"] - spans["months_from"]).days + (spans["months_from"] - first).days
    days += spans["days_sign"] * (spans["more_days_to"] - spans["more_days_from"]).days

    assert days == (last - first).days + 1


@given(DAYS)
def test_few_are_read_of_a_level(day: date) -> None:
    spans = whole_spans(date.min, day)

    assert spans["years_from"] == date.min
    assert (spans["more_months_to"] - spans["more_months_from"]).days <= 6 * 31
    assert (spans["more_days_to"] - spans["more_days_from"]).days <= 16


@pytest.mark.parametrize("last", [date.max - timedelta(days=1), date(9999, 12, 10), date(9999, 8, 20)])
def test_the_last_year_there_is_has_an_end(last: date) -> None:
    spans = whole_spans(date(2020, 1, 1), last)

    assert spans["years_from"] == date(2020, 1, 1)
    assert spans["more_days_to"] >= last
