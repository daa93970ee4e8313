"""A person's timeline: which facts fit where."""

from typing import Any, cast

import pytest

from shared.timeline.person import PersonState
from tests.given import admitted, enrolled, event, identified, new_uuid
from tests.unit.timeline.given import folded, refused

ANNA = new_uuid()
MENTOR = new_uuid()
SUBJECT = f"person/{ANNA}"


def listed(day: str) -> dict[str, Any]:
    return event("CandidateListed", SUBJECT, day)


def closed(day: str) -> dict[str, Any]:
    return event("CandidateClosed", SUBJECT, day, {"reason": "withdrew"})


def mentored(day: str, mentor: str = MENTOR) -> dict[str, Any]:
    return event("MentorAssigned", SUBJECT, day, {"mentor_id": mentor, "role": "mentor"})


def released(day: str, mentor: str = MENTOR) -> dict[str, Any]:
    return event("MentorReleased", SUBJECT, day, {"mentor_id": mentor, "reason": "other"})


def confirmed(day: str) -> dict[str, Any]:
    return event("MemberConfirmed", SUBJECT, day, {"official_from": day})


def sent(day: str, from_: str = "cell", to: str = "other", kind: str = "official") -> dict[str, Any]:
    return event("TransferInitiated", SUBJECT, day, {"from": from_, "to": to, "kind": kind})


def accepted(day: str, organisation_id: str = "other") -> dict[str, Any]:
    return event("TransferAccepted", SUBJECT, day, {"organisation_id": organisation_id, "presented_on": day})


def ended(day: str, reason: str = "resigned") -> dict[str, Any]:
    return event("MembershipEnded", SUBJECT, day, {"reason": reason})


CANDIDATE = [identified(ANNA, "2022-01-05")]
PROBATIONARY = [*CANDIDATE, admitted(ANNA, "2022-06-01")]
OFFICIAL = [*PROBATIONARY, confirmed("2023-06-01")]
SENT = [*OFFICIAL, sent("2023-07-01")]


@pytest.mark.parametrize(
    ("given", "when", "found"),
    [
        (CANDIDATE, identified(ANNA, "2022-02-01"), "an open candidacy in cell"),
        (PROBATIONARY, identified(ANNA, "2022-07-01"), "a probationary member of cell"),
        (CANDIDATE, confirmed("2022-07-01"), "an open candidacy"),
        (PROBATIONARY, listed("2022-07-01"), "a probationary member"),
        (PROBATIONARY, admitted(ANNA, "2022-07-01"), "a probationary member"),
        (PROBATIONARY, closed("2022-07-01"), "a probationary member"),
        (OFFICIAL, confirmed("2023-07-01"), "an official member"),
        (OFFICIAL, mentored("2023-07-01"), "an official member"),
        (OFFICIAL, enrolled(ANNA, "2023-07-01"), "an official member"),
        (CANDIDATE, released("2022-07-01"), "no mentor"),
        ([*CANDIDATE, mentored("2022-02-01")], released("2022-03-01", new_uuid()), "1 other mentors"),
        (CANDIDATE, ended("2022-07-01"), "an open candidacy"),
        (CANDIDATE, sent("2022-07-01"), "an open candidacy"),
        (OFFICIAL, sent("2023-07-01", from_="elsewhere"), "an official member of cell"),
        (SENT, sent("2023-08-01"), "found one to other"),
        (SENT, accepted("2023-08-01", "third"), "found one to other"),
        (OFFICIAL, accepted("2023-08-01"), "found none"),
        ([*SENT, ended("2023-08-01")], accepted("2023-09-01"), "found none"),
    ],
)
def test_a_fact_that_does_not_fit_is_refused_with_what_was_found(
    given: list[dict[str, Any]], when: dict[str, Any], found: str
) -> None:
    refusal = refused(given, when)
    assert refusal is not None
    assert refusal.code == "wrong-stage"
    assert found in refusal.message


@pytest.mark.parametrize(
    ("given", "when"),
    [
        ([*CANDIDATE, closed("2022-02-01")], identified(ANNA, "2022-03-01")),
        ([*OFFICIAL, ended("2024-01-01")], identified(ANNA, "2024-03-01")),
        (PROBATIONARY, mentored("2022-07-01")),
        (CANDIDATE, enrolled(ANNA, "2022-02-01")),
        (PROBATIONARY, sent("2022-07-01")),
        (SENT, accepted("2023-07-02")),
        ([*CANDIDATE, mentored("2022-02-01"), closed("2022-03-01")], released("2022-03-02")),
    ],
)
def test_a_fact_that_fits_is_accepted(given: list[dict[str, Any]], when: dict[str, Any]) -> None:
    assert refused(given, when) is None


def test_a_late_fact_is_judged_at_its_own_place() -> None:
    assert refused(PROBATIONARY, listed("2022-03-01")) is None


def test_the_stage_is_the_highest_milestone_and_a_release_does_not_lower_it() -> None:
    history = [*CANDIDATE, mentored("2022-02-01"), listed("2022-03-01"), released("2022-04-01")]
    state = cast(PersonState, folded(history).state)
    assert state.candidacy is not None
    assert (state.candidacy.stage, state.mentors) == ("mentored", ())


def test_a_temporary_transfer_leaves_the_member_where_they_are() -> None:
    state = cast(
        PersonState, folded([*OFFICIAL, sent("2023-07-01", kind="temporary"), accepted("2023-07-09")]).state
    )
    assert state.membership is not None
    assert (state.membership.organisation_id, state.transfer) == ("cell", None)


def test_a_late_end_unseats_what_came_after_it() -> None:
    late = ended("2023-06-15")
    before, after = folded(SENT), folded([*SENT, late])
    assert {str(each) for each in after.unseated - before.unseated} == {SENT[-1]["id"]}
