"""Findings: what a soft rule looks at, on which day, and by which value of the law."""

from datetime import date
from typing import Any

import pytest

from shared.law.rulepack import Rule, RulePack, RuleValue
from tests.given import (
    admitted,
    corrected,
    enrolled,
    event,
    identified,
    linked,
    new_uuid,
    organisation,
    root,
    target,
)
from tests.unit.registry.given import turn

WORLD = [root(), organisation("cell")]
PERSON, MENTOR = new_uuid(), new_uuid()


def step(name: str, day: str, person: str = PERSON, **data: Any) -> dict[str, Any]:
    return event(name, f"person/{person}", day, data)


def findings(events: list[dict[str, Any]], **more: Any) -> list[str]:
    """Codes of the findings of the last event."""
    return [finding.code for finding in turn(events, **more).outcomes.log[-1].findings]


def confirmed(person: str, day: str) -> dict[str, Any]:
    return step("MemberConfirmed", day, person, official_from=day)


def ended(person: str, day: str) -> dict[str, Any]:
    return step("MembershipEnded", day, person, reason="deceased")


def assigned(day: str, mentor: str = MENTOR) -> dict[str, Any]:
    return step("MentorAssigned", day, mentor_id=mentor, role="mentor")


@pytest.mark.parametrize(
    ("history", "day", "expected"),
    [
        ([enrolled(MENTOR, "2021-01-01"), ended(MENTOR, "2023-01-01")], "2022-02-01", []),
        ([enrolled(MENTOR, "2021-01-01"), ended(MENTOR, "2023-01-01")], "2022-12-31", []),
        ([enrolled(MENTOR, "2021-01-01"), ended(MENTOR, "2023-01-01")], "2023-01-01", ["mentor-not-official"]),
        ([enrolled(MENTOR, "2022-02-02")], "2022-02-01", ["mentor-not-official"]),
        ([enrolled(MENTOR, "2022-02-01")], "2022-02-01", []),
        (
            [enrolled(MENTOR, "2021-01-01", status="probationary"), confirmed(MENTOR, "2022-06-01")],
            "2022-05-31",
            ["mentor-not-official"],
        ),
        (
            [enrolled(MENTOR, "2021-01-01", status="probationary"), confirmed(MENTOR, "2022-06-01")],
            "2022-06-01",
            [],
        ),
    ],
)
def test_a_mentor_is_an_official_member_on_the_day_of_the_charge_whatever_came_later(
    history: list[dict[str, Any]], day: str, expected: list[str]
) -> None:
    assert findings([*WORLD, *history, identified(PERSON, "2022-01-01"), assigned(day)]) == expected


def test_a_mentor_may_be_named_by_a_second_id() -> None:
    first = new_uuid()
    one_person = [
        enrolled(first, "2021-01-01"),
        enrolled(MENTOR, "2021-01-01"),
        linked(first, MENTOR, "2021-06-01"),
    ]
    begun = [*WORLD, *one_person, identified(PERSON, "2022-01-01")]

    assert findings([*begun, assigned("2022-02-01")]) == []
    assert findings([*begun, ended(first, "2022-01-15"), assigned("2022-02-01")]) == ["mentor-not-official"]


def test_a_charge_is_judged_by_what_corrections_say_of_the_mentor() -> None:
    enrolment = enrolled(MENTOR, "2021-01-01")
    begun = [*WORLD, enrolment, ended(MENTOR, "2024-01-01"), identified(PERSON, "2022-01-01")]
    assert findings([*begun, corrected(enrolment, None), assigned("2022-02-01")]) == ["mentor-not-official"]


def test_who_introduces_twice_is_one_introducer() -> None:
    twice = [{"id": MENTOR, "kind": "member"}] * 2
    said = step("IntroductionConfirmed", "2022-02-01", introducers=twice)
    assert findings([*WORLD, identified(PERSON, "2022-01-01"), said]) == ["too-few-introducers"]


def test_a_decision_that_refuses_is_none_to_admit_by() -> None:
    def decided(outcome: str, day: str) -> dict[str, Any]:
        decision = {"purpose": "admission", "decision_ref": "QD-1", "decided_on": day, "received_on": day}
        return step("DecisionIssued", day, outcome=outcome, **decision)

    begun = [*WORLD, identified(PERSON, "2022-01-01")]
    refused, granted = decided("refused", "2022-04-01"), decided("approved", "2022-05-04")
    assert findings([*begun, refused, admitted(PERSON, "2022-05-05")]) == ["no-decision"]
    assert findings([*begun, refused, granted, admitted(PERSON, "2022-05-05")]) == []


def pack(rule: Rule, before: int, after: int, unit: Any) -> RulePack:
    """One rule that changed on 1 July 2022."""
    regulation = {"regulation": "made up", "regulation_vi": "minh hoạ"}
    earlier = RuleValue(rule, before, unit, date(2011, 1, 1), date(2022, 6, 30), **regulation)
    return RulePack([earlier, RuleValue(rule, after, unit, date(2022, 7, 1), None, **regulation)])


def test_a_period_is_as_long_as_it_was_on_the_day_on_which_it_began() -> None:
    six_months = pack("probation", 12, 6, "months")
    before = [*WORLD, identified(PERSON, "2022-01-01"), admitted(PERSON, "2022-06-30")]
    after = [*WORLD, identified(PERSON, "2022-01-01"), admitted(PERSON, "2022-07-01")]
    assert findings([*before, confirmed(PERSON, "2023-01-01")], rulepack=six_months) == ["probation-too-short"]
    assert findings([*after, confirmed(PERSON, "2023-01-01")], rulepack=six_months) == []

    shorter = pack("certificate", 60, 12, "months")
    applied = step("ApplicationSubmitted", "2023-07-02")

    def trained(day: str) -> dict[str, Any]:
        return step("TrainingCompleted", day, certificate_ref="GCN-1", issued_on=day)

    begun = [*WORLD, identified(PERSON, "2022-01-01")]
    assert findings([*begun, trained("2022-06-30"), applied], rulepack=shorter) == []
    assert findings([*begun, trained("2022-07-01"), applied], rulepack=shorter) == ["certificate-expired"]

    sooner = pack("ceremony", 30, 5, "working_days")
    ceremony = admitted(PERSON, "2022-07-15")

    def decided(received_on: str) -> dict[str, Any]:
        decision = {"purpose": "admission", "outcome": "approved", "decision_ref": "QD-1"}
        return step("DecisionIssued", "2022-06-20", **decision, decided_on="2022-06-20", received_on=received_on)

    assert findings([*begun, decided("2022-06-30"), ceremony], rulepack=sooner) == []
    assert findings([*begun, decided("2022-07-01"), ceremony], rulepack=sooner) == ["ceremony-late"]


def test_on_a_day_for_which_the_law_names_no_value_nothing_is_noted_and_nothing_held_back() -> None:
    decision = {"purpose": "admission", "outcome": "approved", "decision_ref": "QD-1", "decided_on": "2022-03-01"}
    vote = {"purpose": "admission", "level": "cell", "eligible": 9, "in_favour": 1, "round": 1}
    history = [
        identified(PERSON, "2022-01-01"),
        step("TrainingCompleted", "2022-01-02", certificate_ref="GCN-1", issued_on="2016-06-01"),
        step("ApplicationSubmitted", "2022-02-01"),
        step("IntroductionConfirmed", "2022-02-02", introducers=[{"id": MENTOR, "kind": "member"}]),
        step("VoteHeld", "2022-02-03", **vote),
        step("DecisionIssued", "2022-03-01", **decision, received_on="2022-03-01"),
        admitted(PERSON, "2022-12-01"),
        confirmed(PERSON, "2022-12-02"),
    ]
    history[-2]["data"]["profile"] = {"birth_year": 1900}

    def noted(rulepack: RulePack) -> list[str]:
        log = turn([*WORLD, *history], rulepack=rulepack).outcomes.log
        assert len(log) == len(WORLD) + len(history)
        return [finding.code for row in log for finding in row.findings]

    assert noted(RulePack([])) == []
    assert noted(RulePack.shipped()) == [
        "certificate-expired", "too-few-introducers", "below-threshold", "age-out-of-range", "ceremony-late",
        "probation-too-short",
    ]  # fmt: skip


def test_a_certificate_holds_until_the_day_that_it_names_whatever_the_law_says() -> None:
    def applied(day: str, expires_on: str) -> list[str]:
        certificate = {"certificate_ref": "GCN-1", "issued_on": "2016-06-01", "expires_on": expires_on}
        trained = step("TrainingCompleted", "2022-01-02", **certificate)
        return findings([*WORLD, identified(PERSON, "2022-01-01"), trained, step("ApplicationSubmitted", day)])

    assert applied("2022-06-30", expires_on="2022-06-30") == []
    assert applied("2022-07-01", expires_on="2022-06-30") == ["certificate-expired"]


def test_a_correction_is_noted_for_what_it_says_instead() -> None:
    admission, confirmation = admitted(PERSON, "2022-06-01"), confirmed(PERSON, "2023-06-01")
    member = [*WORLD, identified(PERSON, "2022-01-01"), admission, confirmation]
    assert findings([*member, corrected(confirmation, {"effectiveon": "2023-05-31"})]) == ["probation-too-short"]
    assert findings([*member, corrected(confirmation, {"effectiveon": "2023-06-02"})]) == []
    assert findings([*member, corrected(confirmation, None)]) == []
    assert findings([*member, corrected(confirmation, {"effectiveon": "2022-05-31"})]) == ["unseats"]

    vote = {"purpose": "removal", "level": "cell", "eligible": 9, "in_favour": 6, "round": 1}
    voted = step("VoteHeld", "2023-07-01", **vote)
    fewer = corrected(voted, {"data": {**vote, "in_favour": 5}})
    assert findings([*member, voted, fewer]) == ["below-threshold"]


def test_a_reason_on_no_list_is_noted_wherever_there_is_one() -> None:
    aim = target("cell")
    of_target = {"target_id": aim["data"]["target_id"], "reason": "on_no_list"}
    revised = event("TargetRevised", "organisation/cell", "2022-07-01", {**of_target, "value": 5})
    withdrawn = event("TargetWithdrawn", "organisation/cell", "2022-07-01", of_target)
    for said in (revised, withdrawn):
        assert findings([*WORLD, aim, said]) == ["unlisted-code"]
    for replacement in (None, {"effectiveon": "2022-02-01"}):
        correction = corrected(aim, replacement)
        correction["data"]["reason"] = "on_no_list"
        assert findings([*WORLD, aim, correction]) == ["unlisted-code"]


def test_what_is_taken_back_does_not_fit_again() -> None:
    candidate, listed = identified(PERSON, "2022-01-01"), step("CandidateListed", "2022-03-01")
    closed = step("CandidateClosed", "2022-02-01", reason="withdrew")
    assert findings([*WORLD, candidate, listed, closed]) == ["unseats"]
    assert findings([*WORLD, candidate, listed, closed, corrected(listed, None)]) == []
    assert findings([*WORLD, candidate, listed, closed, corrected(closed, None)]) == ["reseats"]
