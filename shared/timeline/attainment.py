"""Target attainment: shares, expected pace and status, as the contract defines them."""

from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Literal

from msgspec import Struct

from shared.events.vocabulary import FLOW_METRICS, Comparison, Metric

Status = Literal["on_track", "behind", "attained", "exceeded", "missed"]
BEHIND_POINTS = 10
"""A flow is behind when its share lies more than this many points under the expected share."""


class Attainment(Struct, frozen=True):
    """How far a target is on a day. Percentages are rounded to one decimal, half up; of a target of 0 null."""

    actual: int
    attainment_percent: float | None
    excess_percent: float | None
    expected_to_date: float
    remaining: int
    status: Status


def is_flow(metric: Metric) -> bool:
    """Whether the metric is counted over the target's period, and not read on a day."""
    return metric in FLOW_METRICS


def attainment(
    metric: Metric, comparison: Comparison, value: int, actual: int, start: date, end: date, as_of: date
) -> Attainment:
    """Judge `actual` against a target of `value` for the days `start` to `end`, both included."""
    return Attainment(
        actual=actual,
        attainment_percent=percent(actual, value),
        excess_percent=percent(actual - value, value),
        expected_to_date=rounded(expected_to_date(metric, value, start, end, as_of)),
        remaining=max(0, value - actual),
        status=status(metric, comparison, value, actual, start, end, as_of),
    )


def expected_to_date(metric: Metric, value: int, start: date, end: date, as_of: date) -> Fraction:
    """What an even pace would have reached: of a flow the elapsed share of `value`, of a level all of it."""
    if not is_flow(metric):
        return Fraction(value)
    days = (end - start).days + 1
    elapsed = min(max((as_of - start).days + 1, 0), days)
    return Fraction(value * elapsed, days)


def status(
    metric: Metric, comparison: Comparison, value: int, actual: int, start: date, end: date, as_of: date
) -> Status:
    """Status on `as_of`, compared unrounded; the period is over when `as_of` is on or after `end`."""
    over = as_of >= end
    match comparison:
        case "at_least":
            return _at_least(metric, value, actual, start, end, as_of)
        case "exactly":
            if actual == value:
                return "attained"
            if actual > value and is_flow(metric):
                return "missed"
        case "at_most":
            if actual > value and is_flow(metric):
                return "missed"
            if actual <= value and (over or not is_flow(metric)):
                return "attained"
    return "missed" if over else "on_track"


def _at_least(metric: Metric, value: int, actual: int, start: date, end: date, as_of: date) -> Status:
    if actual > value:
        return "exceeded"
    if actual == value:
        return "attained"
    if as_of >= end:
        return "missed"
    short = expected_to_date(metric, value, start, end, as_of) - actual
    if is_flow(metric) and short * 100 > BEHIND_POINTS * value:
        return "behind"
    return "on_track"


def percent(part: int, whole: int) -> float | None:
    """`part` of `whole` in percent, one decimal, half up; None of 0."""
    return None if whole == 0 else rounded(Fraction(part * 100, whole))


def rounded(exact: Fraction) -> float:
    """One decimal, half up (away from zero)."""
    tenths = (Decimal(exact.numerator) / Decimal(exact.denominator)).quantize(
        Decimal("0.1"), rounding=ROUND_HALF_UP
    )
    return float(tenths) + 0.0  # a little under nothing is 0.0, and not -0.0
