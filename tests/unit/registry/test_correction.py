"""Corrections: any recorded fact may be replaced or taken back, and everything after it is folded again."""

from typing import Any

import pytest

from tests.given import (
    admitted,
    balance,
    corrected,
    enrolled,
    event,
    identified,
    merged,
    new_uuid,
    organisation,
    root,
)
from tests.unit.registry.given import in_the_hands_of, last_reason, outcomes, turn

ANA = new_uuid()
WORLD = [root(), *(organisation(name) for name in ("cell", "other", "third"))]
BEGUN = identified(ANA, "2022-01-01")
ADMITTED = admitted(ANA, "2022-05-01")
CONFIRMED = event("MemberConfirmed", f"person/{ANA}", "2023-05-01", {"official_from": "2023-05-01"})
RECORDED = ("recorded", None)


def test_a_fact_that_was_none_is_taken_back_and_what_rests_on_it_counts_no_more() -> None:
    after = turn([*WORLD, BEGUN, ADMITTED, CONFIRMED, corrected(ADMITTED, None)])

    assert in_the_hands_of("cell", after) == {"candidates.open": 1}
    findings = after.outcomes.log[-1].findings
    assert [(each.code, CONFIRMED["id"] in each.message) for each in findings] == [("unseats", True)]


def test_the_first_fact_of_all_may_be_corrected() -> None:
    elsewhere = corrected(BEGUN, {"data": {"organisation_id": "other", "categories": []}})
    after = turn([*WORLD, BEGUN, elsewhere])

    assert in_the_hands_of("cell", after) == {}
    assert in_the_hands_of("other", after) == {"candidates.open": 1}


def test_a_day_is_corrected_with_the_member_that_must_equal_it() -> None:
    after = turn([*WORLD, BEGUN, ADMITTED, corrected(ADMITTED, {"effectiveon": "2022-06-01"})])

    assert in_the_hands_of("cell", after, "2022-05-31") == {"candidates.open": 1}
    assert in_the_hands_of("cell", after, "2022-06-01") == {"members.probationary": 1}
    other_way = corrected(ADMITTED, {"data": {"organisation_id": "cell", "ceremony_on": "2022-06-01"}})
    assert in_the_hands_of("cell", turn([*WORLD, BEGUN, ADMITTED, other_way]), "2022-05-31") == {
        "candidates.open": 1
    }


def test_the_last_correction_of_a_fact_counts() -> None:
    to_other = corrected(ADMITTED, {"data": {"organisation_id": "other", "ceremony_on": "2022-05-01"}})
    events = [*WORLD, BEGUN, ADMITTED, corrected(ADMITTED, None), to_other]
    assert in_the_hands_of("other", turn(events)) == {"members.probationary": 1}
    assert in_the_hands_of("cell", turn([*events, corrected(ADMITTED, None)])) == {"candidates.open": 1}


def test_a_correction_waits_for_what_it_corrects() -> None:
    assert outcomes([*WORLD, BEGUN, corrected(ADMITTED, None), ADMITTED])[-2:] == [RECORDED, RECORDED]


def test_a_correction_lets_in_what_waited_because_of_the_mistake() -> None:
    closed = event("CandidateClosed", f"person/{ANA}", "2022-09-01", {"reason": "withdrew"})
    assert outcomes([*WORLD, BEGUN, ADMITTED, closed])[-1] == ("quarantined", "wrong-stage")
    assert outcomes([*WORLD, BEGUN, ADMITTED, closed, corrected(ADMITTED, None)])[-2:] == [RECORDED, RECORDED]


def test_a_merger_that_never_was_gives_back_what_it_took() -> None:
    merger = merged("other", "2022-07-01", "cell")
    given = [*WORLD, balance("cell", "2021-01-01", 5), enrolled(ANA, "2022-01-01"), merger]
    after = turn([*given, corrected(merger, None)])

    assert in_the_hands_of("cell", after) == {"balance.official": 5, "members.official": 1}
    assert in_the_hands_of("other", after) == {}
    on_another_day = {"effectiveon": "2022-08-01", "data": {"sources": ["cell", "third"], "targets": "sum"}}
    later = turn([*given, corrected(merger, on_another_day)])
    assert in_the_hands_of("cell", later, "2022-07-31") == {"balance.official": 5, "members.official": 1}
    assert in_the_hands_of("other", later, "2022-08-01") == {"balance.official": 5, "members.official": 1}
    to_third = turn([*given, corrected(merger, {"data": {"sources": ["third"], "targets": "keep"}})])
    assert in_the_hands_of("cell", to_third) == {"balance.official": 5, "members.official": 1}
    assert to_third.situation.lineage.succession("third") is not None


def test_an_end_on_another_day_moves_what_it_hands_on() -> None:
    end = event("OrganisationDissolved", "organisation/cell", "2022-07-01", {"successor_id": "other"})
    later = corrected(end, {"effectiveon": "2022-10-01"})
    after = turn([*WORLD, balance("cell", "2021-01-01", 5), end, later])

    assert in_the_hands_of("cell", after, "2022-09-30") == {"balance.official": 5}
    assert in_the_hands_of("other", after, "2022-10-01") == {"balance.official": 5}


REFUSED: dict[str, tuple[dict[str, Any], tuple[str, str], str]] = {
    "a correction of a correction": (
        corrected(corrected(ADMITTED, None), None), ("quarantined", "unknown-target"), "to be on record"
    ),
    "another subject": (
        {**corrected(ADMITTED, None), "subject": "organisation/cell"},
        ("quarantined", "rule-violated"), "expected the subject of the corrected fact",
    ),
    "data of another type": (
        corrected(ADMITTED, {"data": {"reason": "other"}}), ("rejected", "invalid-data"), "no unknown member"
    ),
    "a day that the data contradicts": (
        corrected(ADMITTED, {"effectiveon": "2022-06-01",
                             "data": {"organisation_id": "cell", "ceremony_on": "2022-05-01"}}),
        ("rejected", "invalid-data"), "to equal effectiveon",
    ),
    "nothing to replace": (
        corrected(ADMITTED, {}), ("rejected", "invalid-data"), "expected `effectiveon` or `data`"
    ),
    "an unknown organisation": (
        corrected(ADMITTED, {"data": {"organisation_id": "nowhere", "ceremony_on": "2022-05-01"}}),
        ("quarantined", "unknown-organisation"), "nowhere",
    ),
    "a day before the organisation was founded": (
        corrected(ADMITTED, {"effectiveon": "2019-06-01"}), ("quarantined", "rule-violated"), "to be active"
    ),
}  # fmt: skip


@pytest.mark.parametrize("given", REFUSED)
def test_what_is_wrong_with_a_correction_is_said(given: str) -> None:
    correction, expected, said = REFUSED[given]
    events = [*WORLD, BEGUN, ADMITTED, correction]
    assert outcomes(events)[-1] == expected
    assert said in last_reason(events)


def test_what_a_correction_may_not_name_is_found_at_its_path() -> None:
    abroad = [
        root("son-la-root", source="son-la"),
        organisation("abroad", parent="son-la-root", source="son-la"),
    ]
    there = corrected(ADMITTED, {"data": {"organisation_id": "abroad", "ceremony_on": "2022-05-01"}})
    (refused,) = turn([*WORLD, *abroad, BEGUN, ADMITTED, there]).outcomes.refused

    assert refused.reason is not None
    assert refused.reason.code == "foreign-organisation"
    assert refused.reason.path == "$.data.replacement.data.organisation_id"


def test_a_correction_on_record_is_none_to_correct() -> None:
    first = corrected(ADMITTED, None)
    assert "correct that one again" not in last_reason([*WORLD, BEGUN, ADMITTED, first])
    assert "correct that one again" not in last_reason([*WORLD, BEGUN, first])
    second = {**corrected(first, None), "subject": first["subject"]}
    reason = last_reason([*WORLD, BEGUN, ADMITTED, first, second])
    assert "expected a fact that is no correction" in reason


def test_a_balance_is_not_corrected_below_what_was_taken_out_of_it() -> None:
    declared = balance("cell", "2021-01-01", 2)
    taken = enrolled(ANA, "2022-01-01", in_opening_balance=True)
    fewer = corrected(declared, {"data": {"as_of": "2021-01-01", "official": 0, "probationary": 0}})
    assert outcomes([*WORLD, declared, taken, fewer])[-1] == ("quarantined", "rule-violated")
    one = corrected(declared, {"data": {"as_of": "2021-01-01", "official": 1, "probationary": 0}})
    assert outcomes([*WORLD, declared, taken, one])[-1] == RECORDED


def test_another_source_corrects_nothing_of_this_one() -> None:
    foreign = {**corrected(ADMITTED, None), "source": "son-la"}
    assert outcomes([*WORLD, BEGUN, ADMITTED, foreign])[-1] == ("quarantined", "unknown-target")


def test_no_correction_puts_an_organisation_under_itself() -> None:
    inner = organisation("inner", parent="cell")
    moved = event("OrganisationReparented", "organisation/cell", "2022-01-01", {"parent_id": "other"})
    under_itself = corrected(moved, {"data": {"parent_id": "inner"}})
    assert "outside it" in last_reason([*WORLD, inner, moved, under_itself])

    out = event("OrganisationReparented", "organisation/inner", "2022-01-01", {"parent_id": "other"})
    in_turn = event("OrganisationReparented", "organisation/cell", "2022-02-01", {"parent_id": "inner"})
    assert "outside it" in last_reason([*WORLD, inner, out, in_turn, corrected(out, None)])


def test_where_a_founding_was_taken_back_facts_wait_for_another_one() -> None:
    founding = organisation("mistaken")
    unmade = [*WORLD, founding, corrected(founding, None)]
    named = identified(ANA, "2022-01-01", "mistaken")
    renamed = event("OrganisationRenamed", "organisation/mistaken", "2021-01-01", {"name": "Chi bộ 2"})
    under_it = organisation("below", parent="mistaken")

    assert outcomes([*unmade, named, renamed, under_it])[-3:] == [
        ("quarantined", "unknown-organisation"),
        ("quarantined", "unknown-subject"),
        ("quarantined", "unknown-organisation"),
    ]
    again = organisation("mistaken", parent="other")
    founded_again = [*unmade, named, renamed, under_it, again]
    assert outcomes(founded_again)[-4:] == [RECORDED] * 4
    assert in_the_hands_of("mistaken", turn(founded_again)) == {"candidates.open": 1}
    assert outcomes([*unmade, again, organisation("mistaken")])[-1] == ("quarantined", "rule-violated")


def test_a_place_is_registered_anew_once_its_registration_was_taken_back() -> None:
    registered = event(
        "PlaceRegistered", "place/ban-1", "2020-01-01",
        {"name": "Bản 1", "kind": "village", "organisation_id": "cell", "tags": []},
    )  # fmt: skip
    covered = event("PlaceCovered", "place/ban-1", "2021-01-01", {"cell_id": "cell", "shared": False})
    again = {**registered, "id": new_uuid()}
    given = [*WORLD, registered, corrected(registered, None), covered]

    assert outcomes(given)[-1] == ("quarantined", "wrong-stage")
    assert outcomes([*given, again])[-2:] == [RECORDED, RECORDED]
    assert outcomes([*given, again, {**registered, "id": new_uuid()}])[-1] == ("quarantined", "rule-violated")
