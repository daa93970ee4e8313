"""The calendar of deadlines: months, and working days: Monday to Friday but for what the rule pack says."""

from bisect import bisect_right
from collections.abc import Callable
from datetime import date, timedelta
from functools import cache, lru_cache
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from typing import cast

from holidays import HolidayBase

from shared.law.rulepack import law

LISTED = range(2011, 2036)
"""Years whose public holidays are in the rule pack, `holidays.json`. Those of others are worked out."""


@cache
def _public_holidays() -> HolidayBase:
    # The package of countries imports all 277 of them for one: a quarter of a second, in the middle of a turn.
    countries = find_spec("holidays.countries")
    vietnam = countries and PathFinder.find_spec("vietnam", countries.submodule_search_locations)
    assert vietnam is not None, "the package `holidays` has no countries/vietnam.py"
    assert vietnam.loader is not None
    module = module_from_spec(vietnam)
    vietnam.loader.exec_module(module)
    # Grows by the year as days are asked for.
    return cast(HolidayBase, module.Vietnam())


@lru_cache(maxsize=10_000)
def is_working_day(day: date) -> bool:
    """Whether offices work on `day`."""
    said = law().day(day)
    if said is not None:
        return said == "working_day"
    return day.weekday() < 5 and (day.year in LISTED or day not in _public_holidays())


@lru_cache(maxsize=400)
def _working_days(year: int) -> list[int]:
    """The working days of a year, as proleptic Gregorian ordinals."""
    first, last = date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal()
    return [each for each in range(first, last + 1) if is_working_day(date.fromordinal(each))]


def working_days_after(day: date, number: int) -> date:
    """The working day that is `number` of them after `day`, which does not count itself."""
    if number == 0:
        return day
    year, days = day.year, _working_days(day.year)
    place = bisect_right(days, day.toordinal()) + number - 1
    while place >= len(days):
        year, place = year + 1, place - len(days)
        days = _working_days(year)
    return date.fromordinal(days[place])


def months_after(day: date, months: int) -> date:
    """The same day so many months later, or the last day of that month where it has none such."""
    years, month = divmod(day.month - 1 + months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(day.year + years, month + 1, min(day.day, last))
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")


def period_end(day: date, months: Callable[[date], int | None]) -> date | None:
    """The last day of the period of the calendar that `day` is in.

    A month ends one if its number is a multiple of the length that `months` gives for its last day: 3 makes them
    quarters. None where no length is known.
    """
    while True:
        following = months_after(day.replace(day=1), 1)
        end = following - timedelta(days=1)
        length = months(end)
        if length is None:
            return None
        if end.month % length == 0 or end.month == 12:
            return end
        day = following
