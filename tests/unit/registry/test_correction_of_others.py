"""A correction keeps the rules about others that a new fact would have to keep."""

from typing import Any

import pytest

from tests.given import (
    balance,
    corrected,
    enrolled,
    event,
    identified,
    linked,
    merged,
    new_uuid,
    organisation,
    root,
    split,
    target,
)
from tests.unit.registry.given import in_the_hands_of, last_reason, outcomes, turn

ANA, BEN = new_uuid(), new_uuid()
WORLD = [
    root(),
    *(organisation(name) for name in ("cell", "other", "third")),
    organisation("below", parent="cell"),
]
ABROAD = [root("son-la-root", source="son-la"), organisation("abroad", parent="son-la-root", source="son-la")]
RECORDED = ("recorded", None)
VIOLATED = ("quarantined", "rule-violated")

END = event("OrganisationDissolved", "organisation/cell", "2022-07-01", {"successor_id": "other"})
MERGER = merged("other", "2022-07-01", "cell")
MEMBER = enrolled(ANA, "2022-01-01")
CANDIDATE = identified(BEN, "2022-01-01")
LINK = linked(ANA, BEN, "2022-07-01")
FOUNDING = organisation("late")
TARGET, OTHERS = target("cell"), target("other")
REVISED = event(
    "TargetRevised", "organisation/cell", "2022-02-01", {"target_id": "target-cell", "value": 5, "reason": "other"}
)
SPLIT = split("cell", "2022-07-01", third=[ANA])

NOT_AS_A_CORRECTION: dict[str, tuple[list[dict[str, Any]], dict[str, Any], tuple[str, str], str]] = {
    "an end without a successor, while there are members": (
        [MEMBER, END], {"data": {}}, VIOLATED, "expected no members left in cell",
    ),
    "the same on a later day": (
        [MEMBER, END], {"effectiveon": "2023-07-01", "data": {}}, VIOLATED, "expected no members left in cell",
    ),
    "an end without a successor, while there is a balance": (
        [balance("cell", "2021-01-01", 5), END], {"data": {}}, VIOLATED, "expected no balance left in cell",
    ),
    "an end without a successor, while there is a candidate": (
        [CANDIDATE, END], {"data": {}}, VIOLATED, "expected no open candidates left in cell",
    ),
    "an end that hands on to itself": (
        [MEMBER, END], {"data": {"successor_id": "cell"}}, VIOLATED, "another organisation as successor",
    ),
    "an end that hands on to what lies under it": (
        [MEMBER, END], {"data": {"successor_id": "below"}}, VIOLATED, "found below under it",
    ),
    "a merger of the survivor into itself": (
        [MEMBER, MERGER], {"data": {"sources": ["cell", "other"], "targets": "keep"}}, VIOLATED,
        "another organisation as successor",
    ),
    "a split that gives to the divided one": (
        [MEMBER, SPLIT], {"data": {"allocations": [{"organisation_id": "cell", "person_ids": [ANA]}]}}, VIOLATED,
        "other organisations as recipients",
    ),
    "a second root": (
        [FOUNDING], {"data": {"name": "Late", "kind": "cell", "sector": "territorial"}}, VIOLATED,
        "only the registered root",
    ),
    "a target id that is taken": (
        [TARGET, OTHERS], {"data": {**OTHERS["data"], "target_id": "target-cell"}}, VIOLATED,
        "target-cell assigned to cell",
    ),
    "a revision of another's target": (
        [TARGET, OTHERS, REVISED], {"data": {**REVISED["data"], "target_id": "target-other"}}, VIOLATED,
        "assigned to other",
    ),
    "a revision of an unknown target": (
        [TARGET, REVISED], {"data": {**REVISED["data"], "target_id": "no-target"}},
        ("quarantined", "unknown-target"), "target no-target to be on record",
    ),
    "a revision before the assignment": (
        [TARGET, REVISED], {"effectiveon": "2021-12-31"}, VIOLATED, "to be assigned by 2021-12-31",
    ),
    "a link of a person with themselves": (
        [MEMBER, CANDIDATE, LINK], {"data": {"other_person_id": ANA}}, VIOLATED, "another person's id",
    ),
    "a link with nobody": (
        [MEMBER, CANDIDATE, LINK], {"data": {"other_person_id": new_uuid()}}, ("quarantined", "unknown-target"),
        "to be on record",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", NOT_AS_A_CORRECTION)
def test_what_no_new_fact_may_say_no_correction_may(what: str) -> None:
    facts, replacement, expected, said = NOT_AS_A_CORRECTION[what]
    events = [*WORLD, *facts, corrected(facts[-1], replacement)]
    assert outcomes(events)[-1] == expected
    assert said in last_reason(events)


def test_nobody_elses_person_is_linked_by_a_correction() -> None:
    carl = new_uuid()
    theirs = enrolled(carl, "2022-01-01", "abroad", source="son-la")
    correction = corrected(LINK, {"data": {"other_person_id": carl}})
    events = [*WORLD, *ABROAD, theirs, MEMBER, CANDIDATE, LINK, correction]
    (refused,) = turn(events).outcomes.refused
    assert refused.reason is not None
    assert (refused.reason.code, refused.reason.path) == (
        "foreign-organisation",
        "$.data.replacement.data.other_person_id",
    )


def test_a_refused_correction_moves_nobody() -> None:
    facts = [*WORLD, MEMBER, CANDIDATE, balance("cell", "2021-01-01", 5), END]
    before = in_the_hands_of("other", turn(facts))
    assert before == {"members.official": 1, "candidates.open": 1, "balance.official": 5}
    assert in_the_hands_of("other", turn([*facts, corrected(END, {"data": {}})])) == before


@pytest.mark.parametrize(
    ("facts", "replacement"),
    [
        ([MEMBER, END], {"effectiveon": "2022-08-01"}),
        ([MEMBER, END], {"data": {"successor_id": "third"}}),
        ([MEMBER, END], {"effectiveon": "2021-01-01", "data": {"successor_id": "third"}}),
        ([END], {"data": {}}),
        ([MEMBER, MERGER], {"data": {"sources": ["cell", "third"], "targets": "sum"}}),
        ([TARGET], {"data": {**TARGET["data"], "value": 7}}),
        ([TARGET], {"data": {**TARGET["data"], "target_id": "target-new"}}),
        ([TARGET, REVISED], {"data": {**REVISED["data"], "value": 6}}),
        ([MEMBER, CANDIDATE, LINK], {"effectiveon": "2022-08-01"}),
        ([FOUNDING], {"effectiveon": "2021-01-01"}),
    ],
)  # fmt: skip
def test_what_fits_is_corrected_in_whatever_it_says(
    facts: list[dict[str, Any]], replacement: dict[str, Any]
) -> None:
    assert outcomes([*WORLD, *facts, corrected(facts[-1], replacement)])[-1] == RECORDED
    twice = [corrected(facts[-1], None), corrected(facts[-1], replacement)]
    assert outcomes([*WORLD, *facts, *twice])[-2:] == [RECORDED, RECORDED]


def test_no_correction_makes_an_organisation_its_own_successor() -> None:
    founding, end = (
        organisation("late"),
        event("OrganisationDissolved", "organisation/late", "2021-06-01", {"successor_id": "other"}),
    )
    later, earlier = (corrected(founding, {"effectiveon": day}) for day in ("2023-01-01", "2020-06-01"))
    facts = [*WORLD, founding, end, later, merged("late", "2023-01-02", "other")]
    assert outcomes(facts)[-2:] == [RECORDED, RECORDED]
    assert outcomes([*facts, earlier])[-1] == VIOLATED
    assert "to end for good" in last_reason([*facts, earlier])
    assert outcomes([*facts, earlier, corrected(facts[-1], None)])[-2:] == [RECORDED, RECORDED]


def test_a_correction_that_waits_for_others_is_released_by_them() -> None:
    gone = event("MembershipEnded", f"person/{ANA}", "2022-06-30", {"reason": "resigned"})
    assert outcomes([*WORLD, MEMBER, END, corrected(END, {"data": {}}), gone])[-2:] == [RECORDED, RECORDED]

    freed = corrected(TARGET, {"data": {**TARGET["data"], "target_id": "target-new"}})
    takes = corrected(OTHERS, {"data": {**OTHERS["data"], "target_id": "target-cell"}})
    assert outcomes([*WORLD, TARGET, OTHERS, takes, freed])[-2:] == [RECORDED, RECORDED]
    assert outcomes([*WORLD, TARGET, OTHERS, takes, corrected(TARGET, None)])[-2:] == [RECORDED, RECORDED]


def test_a_target_id_stays_taken_while_its_assignment_counts_nothing_and_may_fit_again() -> None:
    first, end = target("cell"), event("OrganisationDissolved", "organisation/cell", "2021-06-01")
    second = target("other", target_id=first["data"]["target_id"], to="2022-06-30")
    taken = outcomes([*WORLD, first, end, second, corrected(end, None)])
    freed = outcomes([*WORLD, first, end, second, corrected(first, None)])

    assert taken[-4:] == [RECORDED, RECORDED, ("quarantined", "rule-violated"), RECORDED]
    assert freed[-4:] == [RECORDED] * 4


def test_a_target_id_that_a_correction_frees_is_free_for_who_waits_for_it() -> None:
    wants = target("other", target_id="target-cell")
    again = corrected(TARGET, {"data": {**TARGET["data"], "target_id": "target-new"}})
    assert outcomes([*WORLD, TARGET, wants])[-1] == VIOLATED
    assert outcomes([*WORLD, TARGET, wants, corrected(TARGET, None)])[-2:] == [RECORDED, RECORDED]
    assert outcomes([*WORLD, TARGET, wants, again])[-2:] == [RECORDED, RECORDED]

    back = corrected(TARGET, {"data": {**TARGET["data"], "target_id": "target-cell", "value": 3}})
    wants_new = target("third", target_id="target-new")
    assert outcomes([*WORLD, TARGET, again, wants_new, back])[-2:] == [RECORDED, RECORDED]


def test_a_merger_is_not_taken_back_while_the_balance_that_came_with_it_is_used_up() -> None:
    merger = merged("other", "2022-01-01", "cell")
    taken = enrolled(ANA, "2022-06-01", "other", in_opening_balance=True)
    back = corrected(merger, None)
    assert outcomes([*WORLD, balance("cell", "2021-01-01", 1), merger, taken, back])[-1] == VIOLATED
    more = balance("other", "2021-01-01", 1)
    assert outcomes([*WORLD, balance("cell", "2021-01-01", 1), merger, taken, back, more])[-2:] == [RECORDED] * 2


def test_a_founding_is_not_put_back_where_its_end_would_put_an_heir_under_itself() -> None:
    # `third` takes over from `late`, which took over from `below`: `third` may not lie under that.
    late = organisation("late", "2022-01-01")
    mergers = [merged("late", "2022-02-01", "below"), merged("third", "2022-03-01", "late")]
    gone = corrected(late, None)
    under = event("OrganisationReparented", "organisation/third", "2022-01-15", {"parent_id": "below"})
    back = corrected(late, {"effectiveon": "2022-01-01"})
    assert outcomes([*WORLD, late, *mergers, under])[-1] == VIOLATED
    assert outcomes([*WORLD, late, *mergers, gone, under, back])[-3:] == [RECORDED, RECORDED, VIOLATED]
