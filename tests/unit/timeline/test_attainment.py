"""Target attainment as the contract's table says."""

from datetime import date
from fractions import Fraction
from typing import Any

import pytest

from shared.timeline.attainment import attainment, expected_to_date, percent, rounded, status

START, END = date(2022, 1, 1), date(2022, 12, 31)
LONG_BEFORE, BEFORE, HALF, LAST = date(2021, 6, 30), date(2021, 12, 31), date(2022, 7, 1), END


@pytest.mark.parametrize(
    ("metric", "comparison", "value", "actual", "as_of", "expected"),
    [
        ("admissions", "at_least", 200, 310, HALF, "exceeded"),
        ("admissions", "at_least", 310, 310, HALF, "attained"),
        ("admissions", "at_least", 100, 50, HALF, "on_track"),
        # 182 are expected by then; a shortfall over 36.5 is behind.
        ("admissions", "at_least", 365, 146, HALF, "on_track"),
        ("admissions", "at_least", 365, 145, HALF, "behind"),
        # Ten points under the expected half are not more than ten: 1,820 of 3,650 less 365.
        ("admissions", "at_least", 3650, 1455, HALF, "on_track"),
        ("admissions", "at_least", 3650, 1454, HALF, "behind"),
        ("admissions", "at_least", 100, 99, LAST, "missed"),
        ("admissions", "at_least", 100, 0, BEFORE, "on_track"),
        ("members", "at_least", 100, 10, HALF, "on_track"),
        ("members", "at_least", 100, 10, LAST, "missed"),
        ("admissions", "exactly", 10, 10, HALF, "attained"),
        ("admissions", "exactly", 10, 11, HALF, "missed"),
        ("admissions", "exactly", 10, 9, HALF, "on_track"),
        ("admissions", "exactly", 10, 9, LAST, "missed"),
        ("members", "exactly", 10, 11, HALF, "on_track"),
        ("members", "exactly", 10, 11, LAST, "missed"),
        ("admissions", "at_most", 10, 10, HALF, "on_track"),
        ("admissions", "at_most", 10, 10, LAST, "attained"),
        ("admissions", "at_most", 10, 11, HALF, "missed"),
        ("places_without_members", "at_most", 3, 3, HALF, "attained"),
        ("places_without_members", "at_most", 3, 4, HALF, "on_track"),
        ("places_without_members", "at_most", 3, 4, LAST, "missed"),
    ],
)
def test_status(metric: Any, comparison: Any, value: int, actual: int, as_of: date, expected: str) -> None:
    assert status(metric, comparison, value, actual, START, END, as_of) == expected


def test_the_expected_share_counts_both_ends_of_the_period() -> None:
    days = [expected_to_date("admissions", 365, START, END, day) for day in (BEFORE, START, HALF, LAST)]
    assert days == [0, 1, 182, 365]


def test_nothing_is_expected_before_the_period_and_no_more_than_the_target_after_it() -> None:
    days = [expected_to_date("admissions", 365, START, END, day) for day in (LONG_BEFORE, date(2024, 1, 1))]
    assert days == [0, 365]
    early = attainment("admissions", "at_least", 365, 0, START, END, LONG_BEFORE)
    assert (early.expected_to_date, early.status) == (0.0, "on_track")


def test_the_printed_figures_of_the_district() -> None:
    on = date(2022, 11, 30)
    resolution = attainment("admissions", "at_least", 200, 310, START, END, on)
    assert (resolution.attainment_percent, resolution.excess_percent) == (155.0, 55.0)
    assert (resolution.expected_to_date, resolution.remaining, resolution.status) == (183.0, 0, "exceeded")
    assigned = attainment("admissions", "at_least", 310, 310, START, END, on)
    assert (assigned.attainment_percent, assigned.excess_percent, assigned.status) == (100.0, 0.0, "attained")


def test_the_printed_excess_of_the_province() -> None:
    assert attainment("admissions", "at_least", 2500, 2589, START, END, END).excess_percent == 3.6


def test_percentages_round_half_up_and_a_target_of_zero_has_none() -> None:
    assert percent(1, 0) is None
    assert rounded(Fraction(5, 100)) == 0.1
    assert rounded(Fraction(125, 1000) * 10) == 1.3
    assert str(rounded(Fraction(-1, 100))) == "0.0"
    assert rounded(Fraction(-5, 100)) == -0.1
