"""Ranking: which of a child's targets it is ranked by, and in which order children stand."""

from datetime import date
from typing import Any

import pytest

from services.reporting.reports.question import Organisation, Question
from services.reporting.reports.ranking import ATTAINMENT, Order, by_attainment, ranked

CHILD = Organisation("child", "Child", "cell")
QUESTION = Question(
    organisation=Organisation("asked", "Asked", "grassroots_committee"),
    root="asked",
    as_of=date(2022, 12, 31),
    known=1,
    recordedat=None,
    hierarchy="as_was",
    from_=date(2021, 1, 1),
    to=date(2022, 12, 31),
    today=date(2022, 12, 31),
    by_child=True,
    children=(CHILD,),
)


def target(target_id: str, issuer_id: str, year: int = 2022, **more: Any) -> dict[str, Any]:
    return {
        "target_id": target_id,
        "metric": "admissions",
        "basis": "resolution",
        "issuer_id": issuer_id,
        "from": date(year, 1, 1),
        "attainment_percent": 50.0,
        "actual": 1,
        "target": 2,
        "status": "on_track",
    } | more


def ranked_by(*targets: dict[str, Any], issuer: str | None = None) -> str | None:
    order = Order(ATTAINMENT, descending=True, metric="admissions", basis="resolution", issuer=issuer)
    found: str | None = by_attainment({CHILD.id: {"targets": list(targets)}}, QUESTION, order)[CHILD.id].get(
        "target_id"
    )
    return found


OTHERS, OWN, ASKED = target("a", "another"), target("b", "child"), target("c", "asked")
LAST_YEARS = target("0", "asked", 2021)


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ((OTHERS, OWN, LAST_YEARS, ASKED), "c"),
        ((OTHERS, OWN, LAST_YEARS), "0"),
        ((OTHERS, OWN), "b"),
        ((OTHERS,), "a"),
        ((OTHERS, target("e", "another"), target("f", "another", 2021)), "a"),
        ((target("g", "asked", metric="confirmations"), target("h", "asked", basis="own")), None),
    ],
    ids=[
        "the last period's",
        "the asked one's",
        "the child's own",
        "any issuer's",
        "the first by id",
        "no other aim's",
    ],
)
def test_of_several_targets_of_a_child_one_counts(
    targets: tuple[dict[str, Any], ...], expected: str | None
) -> None:
    assert ranked_by(*targets) == ranked_by(*reversed(targets)) == expected


def test_the_row_says_which_target_it_is_and_how_far() -> None:
    order = Order(ATTAINMENT, descending=True, metric="admissions", basis="resolution", issuer=None)

    assert by_attainment({CHILD.id: {"targets": [OWN]}}, QUESTION, order)[CHILD.id] == {
        "value": 50.0, "target_id": "b", "issuer_id": "child", "actual": 1, "target": 2, "status": "on_track",
    }  # fmt: skip


def test_of_an_issuer_asked_for_no_other_ones_target_counts() -> None:
    assert ranked_by(ASKED, OWN, OTHERS, issuer="another") == "a"
    assert ranked_by(ASKED, OWN, issuer="another") is None


@pytest.mark.parametrize(
    ("descending", "expected"),
    [
        (True, [(1, "b"), (2, "c2"), (2, "c10"), (4, "a"), (None, "d")]),
        (False, [(1, "a"), (2, "c2"), (2, "c10"), (4, "b"), (None, "d")]),
    ],
    ids=["highest first", "lowest first"],
)
def test_equal_values_share_a_rank_and_stand_by_name_and_without_a_value_there_is_none(
    descending: bool, expected: list[tuple[int | None, str]]
) -> None:
    values = {"a": 0.0, "b": 155.0, "c10": 50.0, "c2": 50.0, "d": None}
    children = tuple(Organisation(each, each, "cell") for each in values)
    order = Order(ATTAINMENT, descending=descending, metric="admissions", basis="resolution", issuer=None)

    rows = ranked(children, {each: {"value": value} for each, value in values.items()}, order)

    assert [(row["rank"], row["organisation"].id) for row in rows] == expected
    assert not any("share_percent" in row for row in rows)
