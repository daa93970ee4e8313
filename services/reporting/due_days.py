"""Due days: on which day a deadline ends, or mentors' reports are due, as the law in force says. Pure."""

from datetime import date, timedelta
from functools import lru_cache

from shared.law.calendar import months_after, period_end, working_days_after
from shared.law.rulepack import Rule, law

_DAY = timedelta(days=1)
_FIRST_YEAR, _LAST_YEAR = 1900, 2200
"""Of days that deadlines are counted from: no holidays are known far away, and the calendar itself ends."""


@lru_cache(maxsize=10_000)
def first_whole_period(since: date) -> date | None:
    """The first day of the first reporting period that begins on a day or after it."""
    end = report_period_end(since - _DAY)
    return end and end + _DAY


@lru_cache(maxsize=10_000)
def reports_due_from(since: date) -> date | None:
    """The first day on which a report of one who has a charge since then can be due."""
    whole = first_whole_period(since)
    due_before = whole and reports_due(whole - _DAY)
    return due_before and due_before + _DAY


@lru_cache(maxsize=10_000)
def report_period_end(day: date) -> date | None:
    """The last day of the reporting period of a day."""

    def months(end: date) -> int | None:
        value = law().on("mentor_report", end)
        return value.value if value is not None else None

    return period_end(day, months) if _FIRST_YEAR <= day.year < _LAST_YEAR else None


@lru_cache(maxsize=1_000)
def reports_due(end: date) -> date | None:
    """The day on which reports for a period that ends on `end` are due."""
    return due("mentor_report_due", end)


def days_of_reports(first: date, last: date) -> list[date]:
    """The days from `first` to `last`, both included, on which mentors' reports are due."""
    found = []
    known_since = min((value.from_ for value in law().all("mentor_report")), default=last)
    end = report_period_end(max(first - timedelta(days=366), known_since))
    while end is not None and (day := reports_due(end)) is not None and day <= last:
        if day >= first:
            found.append(day)
        end = report_period_end(end + _DAY)
    return found


@lru_cache(maxsize=10_000)
def due(rule: Rule, since: date) -> date | None:
    """The last day of what a rule allows from a day on; None where none is known."""
    value = law().on(rule, since)
    if value is None or not _FIRST_YEAR <= since.year < _LAST_YEAR:
        return None
    match value.unit:
        case "working_days":
            return working_days_after(since, value.value)
        case "months":
            return months_after(since, value.value)
        case "calendar_days":
            return since + timedelta(days=value.value)
        case _:
            raise ValueError(f"{rule} is counted in {value.unit}, which no deadline is")
