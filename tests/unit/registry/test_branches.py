"""Branches: whose an organisation is is remembered for the days for which it holds, and not beyond a change."""

from typing import Any

from tests.given import event, identified, merged, new_uuid, organisation, root
from tests.unit.registry.given import outcomes

HERE = [root(), organisation("district", kind="intermediate_committee"), organisation("cell", parent="district")]
THERE = [root("son-la-root", source="son-la"), organisation("away", parent="son-la-root", source="son-la")]
RECORDED = ("recorded", None)
FOREIGN = ("rejected", "foreign-organisation")


def candidate(day: str, source: str = "dien-bien") -> dict[str, Any]:
    return identified(new_uuid(), day, source=source)


def moved(organisation_id: str, day: str, parent: str) -> dict[str, Any]:
    return event("OrganisationReparented", f"organisation/{organisation_id}", day, {"parent_id": parent})


def test_a_branch_that_moves_is_whose_it_was_before_that_day_and_the_others_from_then_on() -> None:
    moves = [*HERE, *THERE, candidate("2022-05-31"), moved("district", "2022-06-01", "root")]
    asked = [candidate("2021-01-01"), candidate("2022-06-01"), candidate("2023-01-01", "son-la")]

    assert outcomes([*moves, *asked])[-3:] == [RECORDED, RECORDED, FOREIGN]


def test_what_was_looked_up_before_a_merger_is_looked_up_again_after_it() -> None:
    heir = organisation("heir", parent="district")
    before = [*HERE, *THERE, heir, candidate("2021-01-01"), candidate("2023-01-01")]

    found = outcomes(
        [*before, merged("heir", "2022-01-01", "cell"), candidate("2021-06-01"), candidate("2023-01-01")]
    )

    # On the earlier day it is active still and the source's own; on the later one it is active no more.
    assert found[-2:] == [RECORDED, ("quarantined", "rule-violated")]


def test_each_day_is_judged_by_the_tree_of_that_day_whichever_was_asked_first() -> None:
    deeper = [*HERE, organisation("side", parent="root"), moved("cell", "2022-06-01", "side")]
    days = ["2022-05-31", "2022-06-01", "2020-01-01", "2024-01-01"]

    for order in (days, days[::-1]):
        own = outcomes([*deeper, *(candidate(day) for day in order)])
        assert own[-4:] == [RECORDED] * 4
        others = outcomes([*deeper, *THERE, *(candidate(day, "son-la") for day in order)])
        assert others[-4:] == [FOREIGN] * 4
