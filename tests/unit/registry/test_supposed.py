"""Rehearsals: the causes that are supposed for a waiting event are events that the codec takes, and they help."""

from typing import Any

import pytest

from services.registry.rules.awaited import awaited
from services.registry.rules.supposed import causes, event
from shared.events.codec import read
from shared.events.receipts import Reason
from shared.timeline.fact import Fact
from tests.given import encoded, enrolled, new_uuid, organisation, root
from tests.given import event as given_event
from tests.unit.registry.given import turn

PERSON = f"person/{new_uuid()}"
DAY = "2022-06-01"
BASE = [root(), organisation("cell"), organisation("other")]


def about_person(name: str, **data: Any) -> dict[str, Any]:
    return given_event(name, PERSON, DAY, data)


MENTOR = new_uuid()
HELPED = [
    about_person("CandidateListed"),
    about_person("CandidateMoved", organisation_id="cell"),
    about_person("CandidateClosed", reason="withdrew"),
    about_person("MentorAssigned", mentor_id=MENTOR, role="mentor"),
    about_person("MentorReleased", mentor_id=MENTOR, reason="other"),
    about_person("ApplicationSubmitted"),
    about_person("IntroductionConfirmed", introducers=[{"id": "youth-union", "kind": "youth_union"}]),
    about_person("BackgroundVerified", outcome="cleared"),
    about_person("VoteHeld", purpose="admission", level="cell", eligible=9, in_favour=8, round=1),
    about_person("VoteHeld", purpose="removal", level="cell", eligible=9, in_favour=8, round=1),
    about_person(
        "DecisionIssued", purpose="confirmation", outcome="approved", decision_ref="QD-1", decided_on=DAY
    ),
    about_person("MemberAdmitted", organisation_id="cell", ceremony_on=DAY),
    about_person("MemberConfirmed", official_from=DAY),
    about_person("TransferInitiated", **{"from": "cell", "to": "other", "kind": "official"}),
    about_person("TransferAccepted", organisation_id="other", presented_on=DAY),
    about_person("MembershipEnded", reason="resigned"),
    enrolled(new_uuid(), DAY, in_opening_balance=True),
    enrolled(new_uuid(), DAY, "new-cell"),
    organisation("new-cell", DAY, parent="new-parent"),
    given_event("OrganisationRenamed", "organisation/new-cell", DAY, {"name": "Tổ chức khác"}),
    given_event("TargetWithdrawn", "organisation/cell", DAY, {"target_id": "target-1", "reason": "other"}),
    given_event("PlaceCovered", "place/ban-1", DAY, {"cell_id": "cell", "shared": False}),
]


@pytest.mark.parametrize("waiting", HELPED, ids=lambda each: each["type"])
def test_an_event_that_waits_is_recorded_after_its_supposed_causes(waiting: dict[str, Any]) -> None:
    first = turn([*BASE, waiting]).outcomes.receipts[-1]
    assert first.outcome == "quarantined"
    assert isinstance(first.reason, Reason)
    fact = Fact.of_submitted(read(encoded(waiting), "dien-bien"))
    (held,) = turn([*BASE, waiting]).outcomes.held.values()

    found = causes(fact, first.reason.code, held.waits_for, "root")
    since = (fact.effectiveon, fact.time)
    came = [event(cause, fact, "dien-bien", since, left) for left, cause in enumerate(reversed(found))][::-1]

    assert came
    assert all(read(each, "dien-bien").fault is None for each in came)
    supposed = [given for each in came for given in [_decoded(each)]]
    receipts = turn([*BASE, *supposed, waiting]).outcomes.receipts
    assert receipts[-1].outcome == "recorded", receipts[-1]


def _decoded(event_: bytes) -> dict[str, Any]:
    import json

    found: dict[str, Any] = json.loads(event_)
    return found


@pytest.mark.parametrize(
    ("key", "code", "known", "said"),
    [
        ("person/p", "unknown-subject", False, "CandidateIdentified, TrainingCompleted or MemberEnrolled"),
        ("place/p", "unknown-subject", False, "PlaceRegistered"),
        ("organisation/o", "unknown-organisation", False, "OrganisationEstablished"),
        ("target/t", "unknown-target", False, "TargetAssigned with target_id t"),
        ("target/t", "rule-violated", True, "target t fit; it is on record"),
        ("person/own", "wrong-stage", True, "another fact about person/own, which is on record: the step between"),
        ("person/own", "rule-violated", False, "an earlier fact about person/own, of which none is on record"),
        ("organisation/o", "rule-violated", True, "one that makes it fit on that day"),
        ("event/e", "unknown-target", False, "event e, which is not on record"),
    ],
)
def test_what_is_awaited_is_said_in_words(key: str, code: str, known: bool, said: str) -> None:
    found = awaited(key, code, "person/own", known=known, waiting=3)
    assert said in found.message
    assert (f"{found.kind}/{found.id}", found.known, found.others) == (key, known, 2)
