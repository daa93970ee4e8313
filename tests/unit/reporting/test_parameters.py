"""Query parameters: what is meant where nothing is said, and the last values on both sides that are taken."""

from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest

from services.reporting.api import parameters
from services.reporting.api.parameters import Refused

TODAY = date(2024, 2, 29)


def test_without_any_the_period_is_the_calendar_year_of_as_of_on_the_tree_as_it_was() -> None:
    found = parameters.read({}, TODAY)
    assert (found.as_of, found.from_, found.to) == (TODAY, date(2024, 1, 1), date(2024, 12, 31))
    assert (found.known_at, found.hierarchy, found.by_child, found.min_position) == (None, "as_was", False, 0)

    past = parameters.read({"as_of": "2022-11-30", "hierarchy": "current", "by": "child"}, TODAY)
    assert (past.from_, past.to) == (date(2022, 1, 1), date(2022, 12, 31))
    assert (past.hierarchy, past.by_child) == ("current", True)


def test_both_ends_of_a_period_are_in_it_so_one_day_is_one() -> None:
    found = parameters.read({"from": "2022-05-01", "to": "2022-05-01"}, TODAY)
    assert found.from_ == found.to == date(2022, 5, 1)


VIETNAM = timezone(timedelta(hours=7))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"as_of": "1900-01-01"}, date(1900, 1, 1)),
        ({"as_of": "2200-12-31"}, date(2200, 12, 31)),
        ({"known_at": "0"}, 0),
        ({"known_at": "9" * 18}, 10**18 - 1),
        ({"known_at": "2022-11-30T23:59:59+07:00"}, datetime(2022, 11, 30, 23, 59, 59, tzinfo=VIETNAM)),
        ({"known_at": "2022-11-30T23:59:59 07:00"}, datetime(2022, 11, 30, 23, 59, 59, tzinfo=VIETNAM)),
        ({"min_position": str(2**63 - 2)}, 2**63 - 2),
    ],
    ids=str,
)
def test_the_outermost_values_are_taken(query: dict[str, str], expected: Any) -> None:
    (name,) = query
    assert getattr(parameters.read(query, TODAY), name) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("as_of", "1899-12-31"),
        ("as_of", "2201-01-01"),
        ("known_at", "2022-11-30T23:59:59"),
        ("known_at", "1899-12-31T00:00:00Z"),
        ("known_at", "2201-01-01T00:00:00Z"),
        ("min_position", str(2**63 - 1)),
        ("min_position", "-1"),
    ],
)
def test_what_lies_beyond_is_refused(name: str, value: str) -> None:
    with pytest.raises(Refused, match=f"^{name}: expected"):
        parameters.read({name: value}, TODAY)
