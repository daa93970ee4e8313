"""Decisions: given what is on record, when an event comes, then it is recorded, waits, or is rejected."""

from itertools import permutations
from typing import Any

import pytest

from tests.given import admitted, balance, enrolled, event, identified, new_uuid, organisation, root, target
from tests.unit.registry.given import in_the_hands_of, last_reason, outcomes, turn

WORLD = [root(), organisation("district", kind="intermediate_committee"), organisation("cell", parent="district")]
NEIGHBOUR = [root("son-la-root", source="son-la"), organisation("far", parent="son-la-root", source="son-la")]
SOMEONE = new_uuid()
DISSOLVED = event("OrganisationDissolved", "organisation/cell", "2023-01-01", {})
MERGED = event("OrganisationDissolved", "organisation/cell", "2023-01-01", {"successor_id": "heir"})
PLACE = event(
    "PlaceRegistered",
    "place/ban-1",
    "2021-01-01",
    {"name": "Bản 1", "kind": "village", "organisation_id": "district"},
)


def covered(cell: str | None, day: str = "2021-02-01", place: str = "ban-1") -> dict[str, Any]:
    return event("PlaceCovered", f"place/{place}", day, {"cell_id": cell, "shared": False})


def transfer(day: str, from_: str, to: str, person: str = SOMEONE, **more: Any) -> dict[str, Any]:
    data = {"from": from_, "to": to, "kind": "official"}
    return event("TransferInitiated", f"person/{person}", day, data, **more)


def accepted(day: str, to: str, person: str = SOMEONE, **more: Any) -> dict[str, Any]:
    return event("TransferAccepted", f"person/{person}", day, {"organisation_id": to, "presented_on": day}, **more)


QUARANTINED: dict[str, tuple[list[dict[str, Any]], str]] = {
    "a founding under an unknown parent": ([root(), organisation("a", parent="b")], "unknown-organisation"),
    "a target of an unknown organisation": ([*WORLD, target("nowhere")], "unknown-subject"),
    "an admission of an unknown person": ([*WORLD, admitted(new_uuid(), "2022-01-01")], "unknown-subject"),
    "a candidacy in an unknown organisation": (
        [*WORLD, identified(new_uuid(), "2022-01-01", "nowhere")], "unknown-organisation"
    ),
    "coverage of an unknown place": ([*WORLD, covered("cell")], "unknown-subject"),
    "coverage by an unknown cell": ([*WORLD, PLACE, covered("nowhere")], "unknown-organisation"),
    "a second candidacy": (
        [*WORLD, identified(SOMEONE, "2022-01-01"), identified(SOMEONE, "2022-02-01")], "wrong-stage"
    ),
    "an admission before the candidacy": (
        [*WORLD, identified(SOMEONE, "2022-01-01"), admitted(SOMEONE, "2021-12-31")], "wrong-stage"
    ),
    "an id that is taken": ([*WORLD, organisation("cell", "2024-01-01")], "rule-violated"),
    "an id that is taken, from an earlier day": ([*WORLD, organisation("cell", "2019-01-01")], "rule-violated"),
    "a place id that is taken": ([*WORLD, PLACE, {**PLACE, "id": new_uuid()}], "rule-violated"),
    "a root that nobody registered": ([root(), organisation("other", parent=None)], "rule-violated"),
    "a candidacy before the organisation was founded": (
        [*WORLD, identified(new_uuid(), "2019-01-01")], "rule-violated"
    ),
    "a balance before the founding": ([*WORLD, balance("cell", "2019-01-01", 3)], "wrong-stage"),
    "a target after the end": ([*WORLD, DISSOLVED, target("cell", "2023-01-02")], "wrong-stage"),
    "a candidacy on the day of the end": (
        [*WORLD, DISSOLVED, identified(new_uuid(), "2023-01-01")], "rule-violated"
    ),
    "a target id that is taken elsewhere": (
        [*WORLD, target("cell"), target("district", target_id="target-cell")], "rule-violated"
    ),
    "a second active target for the same": (
        [*WORLD, target("cell"), target("cell", "2022-01-02", target_id="another")], "rule-violated"
    ),
    "an end with members left": ([*WORLD, enrolled(SOMEONE, "2022-01-01"), DISSOLVED], "rule-violated"),
    "an end with a balance left": ([*WORLD, balance("cell", "2022-01-01", 3), DISSOLVED], "rule-violated"),
    "an end with an open candidate": ([*WORLD, identified(SOMEONE, "2022-01-01"), DISSOLVED], "rule-violated"),
    "an end with itself as successor": (
        [*WORLD, event("OrganisationDissolved", "organisation/cell", "2023-01-01", {"successor_id": "cell"})],
        "rule-violated",
    ),
    "an end with a successor that lies under it": (
        [*WORLD, event("OrganisationDissolved", "organisation/district", "2023-01-01", {"successor_id": "cell"})],
        "rule-violated",
    ),
    "an enrolment out of no balance": (
        [*WORLD, enrolled(SOMEONE, "2022-01-01", in_opening_balance=True)], "rule-violated"
    ),
    "an enrolment out of a balance of another status": (
        [*WORLD, balance("cell", "2021-01-01", 0, 4), enrolled(SOMEONE, "2022-01-01", in_opening_balance=True)],
        "rule-violated",
    ),
    "a transfer out of a cell that the member is not in": (
        [*WORLD, enrolled(SOMEONE, "2022-01-01"), transfer("2022-02-01", "district", "cell")], "wrong-stage"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("events", "code"), QUARANTINED.values(), ids=QUARANTINED.keys())
def test_what_breaks_a_hard_rule_waits(events: list[dict[str, Any]], code: str) -> None:
    assert outcomes(events)[-1] == ("quarantined", code)
    assert "expected" in last_reason(events)


REJECTED = {
    "a founding under someone else's organisation": organisation("a", parent="far"),
    "a candidacy in someone else's organisation": identified(new_uuid(), "2022-01-01", "far"),
    "a target of someone else's organisation": target("far"),
    "an end of someone else's organisation": event("OrganisationDissolved", "organisation/far", "2023-01-01", {}),
    "a successor that is someone else's": event(
        "OrganisationDissolved", "organisation/cell", "2023-01-01", {"successor_id": "far"}
    ),
    "coverage by someone else's cell": covered("far"),
    "a mentor for someone else's candidate": event(
        "MentorAssigned", f"person/{SOMEONE}", "2022-02-01", {"mentor_id": new_uuid(), "role": "mentor"}
    ),
    "acceptance on behalf of someone else": accepted("2022-03-01", "far"),
}


@pytest.mark.parametrize("when", REJECTED.values(), ids=REJECTED.keys())
def test_what_is_not_the_sources_own_is_rejected(when: dict[str, Any]) -> None:
    foreigner = identified(SOMEONE, "2022-01-01", "far", source="son-la")
    events = [*WORLD, *NEIGHBOUR, PLACE, foreigner, when]
    assert outcomes(events)[-1] == ("rejected", "foreign-organisation")


def test_a_transfer_crosses_sources_and_the_receiving_one_accepts_it() -> None:
    there = transfer("2022-02-01", "cell", "far")
    events = [
        *WORLD, *NEIGHBOUR, enrolled(SOMEONE, "2022-01-01"), there, accepted("2022-03-01", "far", source="son-la")
    ]  # fmt: skip
    assert outcomes(events)[-2:] == [("recorded", None), ("recorded", None)]


def test_roots_may_nest() -> None:
    nested = {"dien-bien": "root", "son-la": "district"}
    events = [*WORLD, organisation("own", parent="district", source="son-la")]
    assert outcomes(events, roots=nested)[-1] == ("recorded", None)
    assert outcomes([*WORLD, organisation("up", parent="root", source="son-la")], roots=nested)[-1] == (
        "rejected",
        "foreign-organisation",
    )


def test_an_enrolment_takes_one_out_of_the_balance_until_none_is_left() -> None:
    enrolments = [enrolled(new_uuid(), "2022-01-01", in_opening_balance=True) for _ in range(3)]
    found = outcomes([*WORLD, balance("cell", "2021-01-01", 1), balance("cell", "2021-06-01", 1), *enrolments])
    assert [outcome for outcome, _ in found[-3:]] == ["recorded", "recorded", "quarantined"]


def test_members_balances_and_candidates_are_conserved_when_a_successor_takes_over() -> None:
    people = [identified(new_uuid(), "2022-01-01"), enrolled(new_uuid(), "2022-01-01")]
    heir = organisation("heir", parent="district")
    after = turn([*WORLD, heir, balance("cell", "2021-01-01", 5, 2), *people, MERGED])

    assert in_the_hands_of("cell", after) == {}
    assert in_the_hands_of("heir", after) == {
        "balance.official": 5, "balance.probationary": 2, "candidates.open": 1, "members.official": 1,
    }  # fmt: skip


def test_a_member_of_an_ended_cell_is_sent_on_from_its_successor() -> None:
    heir = organisation("heir", parent="district")
    gone = [*WORLD, heir, enrolled(SOMEONE, "2022-01-01"), MERGED, transfer("2023-02-01", "heir", "district")]
    assert outcomes(gone)[-1] == ("recorded", None)


def test_what_waits_is_released_by_its_cause_and_releases_what_waits_for_it() -> None:
    person = new_uuid()
    confirmed = event("MemberConfirmed", f"person/{person}", "2023-06-01", {"official_from": "2023-06-01"})
    backwards = [confirmed, admitted(person, "2022-06-01"), identified(person, "2022-01-01"), *reversed(WORLD)]
    assert outcomes(backwards) == [("recorded", None)] * len(backwards)


def findings(events: list[dict[str, Any]]) -> list[str]:
    return [finding.code for finding in turn(events).outcomes.receipts[-1].findings]


def test_soft_rules_leave_findings() -> None:
    person, mentor = new_uuid(), new_uuid()
    subject = f"person/{person}"

    def step(name: str, day: str, **data: Any) -> dict[str, Any]:
        return event(name, subject, day, data)

    def voted(in_favour: int) -> dict[str, Any]:
        vote = {"purpose": "admission", "level": "cell", "eligible": 9, "in_favour": in_favour, "round": 1}
        return step("VoteHeld", "2022-03-01", **vote)

    def aged(birth_year: int, day: str = "2022-06-01") -> dict[str, Any]:
        found = admitted(person, day)
        return {**found, "data": {**found["data"], "profile": {"birth_year": birth_year}}}

    def told(birth_year: int, **more: Any) -> list[dict[str, Any]]:
        begun = identified(person, "2022-01-01")
        begun = {**begun, "data": {**begun["data"], "profile": {"birth_year": birth_year}}}
        return [*WORLD, begun, voted(6), decided, admitted(person, "2022-06-01") | more]

    def report(by: str, day: str) -> dict[str, Any]:
        period = {"period_from": "2022-01-01", "period_to": "2022-03-31"}
        return step("MentorReportSubmitted", day, mentor_id=by, rating="good", **period)

    assigned = step("MentorAssigned", "2022-01-02", mentor_id=mentor, role="mentor")
    decision = {"purpose": "admission", "outcome": "approved", "decision_ref": "QD-1", "decided_on": "2022-04-01"}
    decided = step("DecisionIssued", "2022-04-01", **decision, received_on="2022-05-04")
    trained = step("TrainingCompleted", "2017-01-10", certificate_ref="GCN-1", issued_on="2017-01-10")
    candidate = [*WORLD, enrolled(mentor, "2020-06-01"), identified(person, "2022-01-01")]
    ready = [*candidate, voted(6), decided]
    member = [*ready, admitted(person, "2022-06-01")]

    found = {
        what: findings(events)
        for what, events in {
            "mentor": [*candidate, assigned],
            "stranger as mentor": [
                *candidate,
                step("MentorAssigned", "2022-01-02", mentor_id=person, role="mentor"),
            ],
            "report": [*candidate, assigned, report(mentor, "2022-04-01")],
            "report by another": [*candidate, assigned, report(new_uuid(), "2022-04-01")],
            "second report": [*candidate, assigned, report(mentor, "2022-04-01"), report(mentor, "2022-04-02")],
            "application": [*candidate, trained, step("ApplicationSubmitted", "2022-01-10")],
            "application after 60 months": [*candidate, trained, step("ApplicationSubmitted", "2022-01-11")],
            "application without": [*candidate, step("ApplicationSubmitted", "2022-01-10")],
            "one introducer": [
                *candidate,
                step("IntroductionConfirmed", "2022-02-01", introducers=[{"id": mentor, "kind": "member"}]),
            ],
            "two thirds": [*candidate, voted(6)],
            "less than two thirds": [*candidate, voted(5)],
            "decision": ready,
            "decision without a vote": [*candidate, decided],
            "admission": member,
            "admission without a decision": [*candidate, admitted(person, "2022-06-01")],
            "admission on the thirtieth working day": [*ready, admitted(person, "2022-06-15")],
            "admission after it": [*ready, admitted(person, "2022-06-16")],
            "eighteen": [*ready, aged(2004)],
            "seventeen": [*ready, aged(2005)],
            "sixty-one": [*ready, aged(1960)],
            "eighteen by what the candidacy tells": told(2004),
            "seventeen by what the candidacy tells": told(2005),
            "seventeen by that, but not by its own": told(2005, data=aged(2004)["data"]),
            "confirmation": [*member, step("MemberConfirmed", "2023-06-01", official_from="2023-06-01")],
            "early confirmation": [*member, step("MemberConfirmed", "2023-05-31", official_from="2023-05-31")],
        }.items()
    }

    assert {what: codes for what, codes in found.items() if codes} == {
        "stranger as mentor": ["mentor-not-official"],
        "report by another": ["not-a-current-mentor"],
        "second report": ["second-report"],
        "application after 60 months": ["certificate-expired"],
        "application without": ["no-certificate"],
        "one introducer": ["too-few-introducers"],
        "less than two thirds": ["below-threshold"],
        "decision without a vote": ["no-vote"],
        "admission without a decision": ["no-decision"],
        "admission after it": ["ceremony-late"],
        "seventeen": ["age-out-of-range"],
        "sixty-one": ["age-out-of-range"],
        "seventeen by what the candidacy tells": ["age-out-of-range"],
        "early confirmation": ["probation-too-short"],
    }


def test_targets_are_revised_withdrawn_and_replaced() -> None:
    def changed(name: str, day: str, **data: Any) -> dict[str, Any]:
        return event(name, "organisation/cell", day, {"target_id": "target-cell", "reason": "other", **data})

    events = [
        *WORLD,
        changed("TargetRevised", "2022-03-01", value=12),
        target("cell"),
        changed("TargetWithdrawn", "2022-06-01"),
        changed("TargetRevised", "2022-07-01", value=14),
        target("cell", "2022-07-01", target_id="another"),
        target("cell", "2022-07-02", target_id="a-third"),
    ]
    assert [code for _, code in outcomes(events)[len(WORLD) :]] == [
        None, None, None, "rule-violated", None, "rule-violated",
    ]  # fmt: skip
    assert outcomes(events[: len(WORLD) + 1])[-1] == ("quarantined", "unknown-target")


def test_an_organisation_is_hung_elsewhere_renamed_and_reclassified() -> None:
    def under(organisation_id: str, parent: str, day: str) -> dict[str, Any]:
        return event("OrganisationReparented", f"organisation/{organisation_id}", day, {"parent_id": parent})

    commune = organisation("commune", kind="intermediate_committee")
    renamed = event("OrganisationRenamed", "organisation/cell", "2021-01-01", {"name": "Chi bộ mới"})
    promoted = event("OrganisationReclassified", "organisation/cell", "2021-01-01", {"kind": "grassroots_cell"})
    world = [*WORLD, commune, renamed, promoted, under("cell", "commune", "2022-01-01")]
    assert outcomes(world) == [("recorded", None)] * len(world)
    for cycle in (under("district", "district", "2022-01-01"), under("commune", "cell", "2022-02-01")):
        assert outcomes([*world, cycle])[-1] == ("quarantined", "rule-violated")
    # On that day the cell does not lie under the commune yet, but it will.
    assert outcomes([*world, under("commune", "cell", "2021-06-01")])[-1] == ("quarantined", "rule-violated")
    assert outcomes([*world, *NEIGHBOUR, under("cell", "far", "2022-02-01")])[-1] == (
        "rejected",
        "foreign-organisation",
    )


def test_a_period_is_closed_once() -> None:
    closed = event("PeriodClosed", "organisation/cell", "2023-01-05", {"from": "2022-01-01", "to": "2022-12-31"})
    again = {**closed, "id": new_uuid(), "time": "2023-01-06T00:00:00Z"}
    assert outcomes([*WORLD, closed, again])[-2:] == [("recorded", None), ("quarantined", "rule-violated")]


def test_a_late_fact_names_the_facts_that_it_unseats() -> None:
    listed = event("CandidateListed", f"person/{SOMEONE}", "2022-03-01")
    closed = event("CandidateClosed", f"person/{SOMEONE}", "2022-02-01", {"reason": "withdrew"})
    receipt = turn([*WORLD, identified(SOMEONE, "2022-01-01"), listed, closed]).outcomes.receipts[-1]
    assert [finding.code for finding in receipt.findings] == ["unseats"]
    assert listed["id"] in receipt.findings[0].message


def test_a_profile_is_sealed_before_anything_is_kept() -> None:
    candidate = identified(SOMEONE, "2022-01-01")
    candidate["data"]["profile"] = {"sex": "female", "birth_year": 1999}
    waiting = turn([candidate]).outcomes.held
    recorded = turn([*WORLD, candidate]).outcomes.log[-1].event
    for stored in (next(iter(waiting.values())).content, recorded):
        assert b"sealed:v1:" in stored
        assert b"1999" not in stored


def test_an_enrolment_before_a_merger_may_come_after_it() -> None:
    heir = organisation("heir", parent="district")
    late = enrolled(new_uuid(), "2022-06-01", in_opening_balance=True)
    found = outcomes([*WORLD, heir, balance("cell", "2021-01-01", 1), MERGED, late])
    assert found[-1] == ("recorded", None)


def test_who_belonged_elsewhere_before_may_turn_out_to_be_ones_own() -> None:
    listed = event("CandidateListed", f"person/{SOMEONE}", "2022-05-01", source="son-la")
    here = [
        identified(SOMEONE, "2021-01-01"),
        event("CandidateClosed", f"person/{SOMEONE}", "2021-06-01", {"reason": "moved_away"}),
    ]
    there = identified(SOMEONE, "2022-04-01", "far", source="son-la")
    assert outcomes([*WORLD, *NEIGHBOUR, *here, listed, there])[-2:] == [("recorded", None)] * 2
    # The history of one source is not judged by what another one said of later days.
    enrolment = enrolled(SOMEONE, "2022-04-01", "far", source="son-la")
    assert outcomes([*WORLD, *NEIGHBOUR, enrolment, *reversed(here)]) == [("recorded", None)] * 8


def test_a_member_on_the_way_to_a_source_may_be_spoken_of_before_the_acceptance() -> None:
    confirmed = event(
        "MemberConfirmed", f"person/{SOMEONE}", "2022-04-01", {"official_from": "2022-04-01"}, source="son-la"
    )
    events = [
        *WORLD,
        *NEIGHBOUR,
        enrolled(SOMEONE, "2022-01-01", status="probationary"),
        transfer("2022-02-01", "cell", "far"),
        {**confirmed, "source": "son-la"},
        accepted("2022-03-01", "far", source="son-la"),
    ]
    assert outcomes(events) == [("recorded", None)] * len(events)


def _there(type_: str, day: str, **data: Any) -> dict[str, Any]:
    return event(type_, f"person/{SOMEONE}", day, data, source="son-la")


ONES = f"person/{SOMEONE}"
COMING = {
    "by transfer": (
        [enrolled(SOMEONE, "2022-01-01", status="probationary"), transfer("2022-02-01", "cell", "far")],
        [
            accepted("2022-03-01", "far", source="son-la"),
            _there("MemberConfirmed", "2022-04-01", official_from="2022-04-01"),
        ],
    ),
    "by an end and an enrolment": (
        [enrolled(SOMEONE, "2022-01-01"), event("MembershipEnded", ONES, "2022-02-01", {"reason": "resigned"})],
        [
            enrolled(SOMEONE, "2022-03-01", "far", source="son-la"),
            _there("MembershipEnded", "2022-04-01", reason="deceased"),
        ],
    ),
    "as a candidate": (
        [
            identified(SOMEONE, "2022-01-01"),
            event("CandidateClosed", ONES, "2022-02-01", {"reason": "moved_away"}),
        ],
        [identified(SOMEONE, "2022-03-01", "far", source="son-la"), _there("CandidateListed", "2022-04-01")],
    ),
}


@pytest.mark.parametrize("how", COMING)
def test_a_person_goes_on_to_another_source_whenever_the_one_before_is_heard(how: str) -> None:
    here, there = COMING[how]
    places = [*WORLD, *NEIGHBOUR]
    orders = [order for order in permutations([*here, *there]) if order.index(there[0]) < order.index(there[1])]
    assert len(orders) == 12
    for order in orders:
        assert outcomes([*places, *order]) == [("recorded", None)] * (len(places) + 4)


def test_what_is_said_of_a_person_elsewhere_waits_only_for_what_the_same_source_said_before() -> None:
    started, acceptance = enrolled(SOMEONE, "2022-01-01"), accepted("2022-03-01", "far", source="son-la")
    ended = _there("MembershipEnded", "2022-04-01", reason="resigned")
    said = last_reason([*WORLD, *NEIGHBOUR, started, acceptance, ended])
    assert said == (
        f"expected person/{SOMEONE} to have come by 2022-04-01, "
        f"found TransferAccepted of 2022-03-01 ({acceptance['id']}) waiting"
    )
    # What comes later in the timeline brings nobody before, nor does what another source says.
    later = accepted("2022-05-01", "far", source="son-la")
    by_another = accepted("2022-03-01", "far")
    for other in (later, by_another):
        assert outcomes([*WORLD, *NEIGHBOUR, started, other, ended])[-1] == ("rejected", "foreign-organisation")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("MemberConfirmed", {"official_from": "2022-04-01"}),
        ("MembershipEnded", {"reason": "resigned"}),
        ("TransferCancelled", {"reason": "other"}),
        ("PersonErased", {"request_ref": "YC-1"}),
    ],
)
def test_a_member_on_the_way_belongs_to_where_they_were_until_the_acceptance(
    name: str, data: dict[str, Any]
) -> None:
    on_the_way = [
        *WORLD, *NEIGHBOUR, enrolled(SOMEONE, "2022-01-01", status="probationary"),
        transfer("2022-02-01", "cell", "far"),
    ]  # fmt: skip
    said = event(name, f"person/{SOMEONE}", "2022-04-01", data, source="son-la")
    assert outcomes([*on_the_way, said])[-1] == ("quarantined", "wrong-stage")
    cancelled = event("TransferCancelled", f"person/{SOMEONE}", "2022-03-01", {"reason": "other"})
    assert outcomes([*on_the_way, cancelled, said])[-1] == ("rejected", "foreign-organisation")


@pytest.mark.parametrize(
    ("come", "gone"),
    [
        ([identified(SOMEONE, "2022-01-01")], ("CandidateClosed", {"reason": "withdrew"})),
        ([enrolled(SOMEONE, "2022-01-01")], ("MembershipEnded", {"reason": "resigned"})),
        (
            [identified(SOMEONE, "2022-01-01"), admitted(SOMEONE, "2022-02-01")],
            ("MembershipEnded", {"reason": "deceased"}),
        ),
    ],
    ids=["candidate", "member", "admitted"],
)
@pytest.mark.parametrize("day", ["2023-01-01", "2021-12-01"])
def test_who_belongs_nowhere_any_more_is_erased_by_none_but_the_source_they_belonged_to_last(
    come: list[dict[str, Any]], gone: tuple[str, dict[str, Any]], day: str
) -> None:
    name, data = gone
    history = [*WORLD, *NEIGHBOUR, *come, event(name, f"person/{SOMEONE}", "2022-06-01", data)]
    erased = event("PersonErased", f"person/{SOMEONE}", day, {"request_ref": "YC-1"})
    assert outcomes([*history, {**erased, "source": "son-la"}])[-1] == ("rejected", "foreign-organisation")
    assert outcomes([*history, erased])[-1] == ("recorded", None)


def test_an_enrolment_does_not_take_someone_elses_candidate() -> None:
    taken = enrolled(SOMEONE, "2022-04-01", "far", source="son-la")
    events = [*WORLD, *NEIGHBOUR, identified(SOMEONE, "2022-01-01"), taken]
    assert outcomes(events)[-1] == ("rejected", "foreign-organisation")


def test_a_late_change_of_the_tree_makes_no_cycle_on_any_day() -> None:
    def under(organisation_id: str, parent: str, day: str) -> dict[str, Any]:
        return event("OrganisationReparented", f"organisation/{organisation_id}", day, {"parent_id": parent})

    for_a_while = [under("district", "cell2", "2024-01-01"), under("district", "root", "2026-01-01")]
    events = [*WORLD, organisation("cell2"), *for_a_while, under("cell2", "district", "2023-01-01")]
    assert outcomes(events)[-1] == ("quarantined", "rule-violated")
    assert "2024-01-01" in last_reason(events)


def test_many_waiting_events_are_each_woken_by_their_own_cause_only() -> None:
    people = [new_uuid() for _ in range(60)]
    events = [
        *WORLD,
        *(admitted(each, "2022-06-01") for each in people),
        *(identified(each, "2022-01-01") for each in people),
    ]
    after = turn(events)
    assert len(after.outcomes.log) == len(events)
