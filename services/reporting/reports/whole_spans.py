"""The years, months and days whose sums come to the sum over some days, few of each."""

from datetime import date, timedelta
from typing import Any

_DAY = timedelta(days=1)
_LAST_YEAR = date.max.year


def whole_spans(first: date, last: date) -> dict[str, Any]:
    """What the statements `read` and `read_known` add up for the days `first` to `last`: spans by first days.

    Days from `first` to before `months_from`, months to before `years_from`, years to before `years_to`; then
    months from `more_months_from` to before `more_months_to` and days from `more_days_from` to before
    `more_days_to`. These two are added or, where that is less to read, taken away from a whole year or month
    (`months_sign`, `days_sign`). Without years, months go from `months_from` to before `months_to`.
    """
    month = last.replace(day=1)
    months_from = first if first.day == 1 else _next_month(first)
    if months_from > month:
        after = last + _DAY
        return _spans(after, after, after, after, after)
    months_to = month
    if last.day > 15 and not _is_last_month(month):
        months_to = _next_month(month)
    year = months_to.replace(month=1)
    years_from = months_from if months_from.month == 1 else _next_year(months_from)
    if years_from is None or years_from > year:
        return _spans(months_from, months_to, months_to, months_to, last + _DAY)
    years_to = year
    if months_to.month > 7:
        years_to = _next_year(year) or year
    return _spans(months_from, years_from, years_to, months_to, last + _DAY)


def _spans(months_from: date, years_from: date, years_to: date, months_to: date, after: date) -> dict[str, Any]:
    return {
        "months_from": months_from,
        "years_from": years_from,
        "years_to": years_to,
        "months_to": months_to,
        "more_months_from": min(years_to, months_to),
        "more_months_to": max(years_to, months_to),
        "months_sign": 1 if years_to <= months_to else -1,
        "more_days_from": min(months_to, after),
        "more_days_to": max(months_to, after),
        "days_sign": 1 if months_to <= after else -1,
    }


def _is_last_month(month: date) -> bool:
    return (month.year, month.month) == (_LAST_YEAR, 12)


def _next_month(day: date) -> date:
    return (day.replace(day=28) + 4 * _DAY).replace(day=1)


def _next_year(day: date) -> date | None:
    """The first day of the year after; None after the last that there is."""
    return None if day.year == _LAST_YEAR else date(day.year + 1, 1, 1)
