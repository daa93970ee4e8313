"""Spans of days between two days: by day, week, month, quarter or year."""

from datetime import date, timedelta
from typing import Literal, get_args

from msgspec import Struct

Step = Literal["day", "week", "month", "quarter", "year"]
STEPS: tuple[Step, ...] = get_args(Step)

DAY = timedelta(days=1)


class Span(Struct, frozen=True):
    """The days from `first` to `last`, both included."""

    first: date
    last: date


def spans(first: date, last: date, step: Step) -> list[Span]:
    """The steps of the calendar that lie between two days, the outer ones cut off there; weeks begin on Monday."""
    found = []
    while first <= last:
        following = min(_next(first, step), last + DAY)
        found.append(Span(first, following - DAY))
        first = following
    return found


def _next(day: date, step: Step) -> date:
    """The first day of the step after the one that `day` lies in."""
    match step:
        case "day":
            return day + DAY
        case "week":
            return day + timedelta(days=7 - day.weekday())
        case "month":
            return _month(day.year, day.month + 1)
        case "quarter":
            return _month(day.year, (day.month - 1) // 3 * 3 + 4)
        case "year":
            return date(day.year + 1, 1, 1)


def _month(year: int, month: int) -> date:
    return date(year + (month - 1) // 12, (month - 1) % 12 + 1, 1)
