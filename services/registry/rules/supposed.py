"""What would have to come for a waiting event to fit: made-up causes, for rehearsals only.

They are events as the waiting event's own source would send them, with stand-ins where nothing says more: the
organisation is the one that the waiting event names, else the source's root. Where no single kind of cause would
help, there is none.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid5

import msgspec

from shared.events import organisation, person
from shared.timeline.fact import Fact

Cause = tuple[str, str, dict[str, Any]]
"""Name of an event type, its subject, its data."""

_SECOND = timedelta(seconds=1)


def causes(fact: Fact, code: str, waits_for: frozenset[str], root: str) -> list[Cause]:
    """Facts after which `fact`, which waits for the reason `code`, may well fit, in their order."""
    match code:
        case "unknown-organisation":
            return [_founding(key.partition("/")[2], root) for key in sorted(waits_for)]
        case "unknown-target":
            return list(_assignment(fact, root))
        case "unknown-subject" if fact.subject.startswith("organisation/"):
            return [_founding(fact.subject_id, root)]
        case "unknown-subject" if fact.subject.startswith("place/"):
            return [
                (
                    "PlaceRegistered",
                    fact.subject,
                    {"name": fact.subject_id, "kind": "other", "organisation_id": root},
                )
            ]
        case "unknown-subject" | "wrong-stage" if fact.subject.startswith("person/"):
            return list(_standing(fact, root))
        case "rule-violated":
            return list(_balance(fact))
    return []


def event(cause: Cause, fact: Fact, source: str, since: tuple[date, datetime], left: int) -> bytes:
    """The cause as an event of `source` that comes right before the place `since` in the timeline.

    `left` is how many causes of the same fact come between.
    """
    name, subject, data = cause
    day, time = since
    same_day = {"as_of": str(day)} if name == "OpeningBalanceDeclared" else {}
    return msgspec.json.encode(
        {
            "specversion": "1.0",
            "id": uuid5(fact.event_id, f"{name} {subject}"),
            "source": source,
            "type": f"{name}.v1",
            "subject": subject,
            "time": time - _SECOND * (left + 1),
            "effectiveon": day,
            "data": {**data, **same_day},
        }
    )


def _founding(organisation_id: str, root: str) -> Cause:
    data = {"name": organisation_id, "kind": "cell", "sector": "other"}
    if organisation_id != root:
        data["parent_id"] = root
    return ("OrganisationEstablished", f"organisation/{organisation_id}", data)


def _assignment(fact: Fact, root: str) -> Iterator[Cause]:
    match fact.data:
        case organisation.TargetRevised(target_id=target_id) | organisation.TargetWithdrawn(target_id=target_id):
            year = fact.effectiveon.year
            period = {"from": f"{year}-01-01", "to": f"{year}-12-31"}
            aim = {"metric": "admissions", "basis": "own", "issuer_id": root, "comparison": "at_least", "value": 0}
            yield ("TargetAssigned", fact.subject, {"target_id": target_id, **aim, **period})


def _balance(fact: Fact) -> Iterator[Cause]:
    match fact.data:
        case person.MemberEnrolled(in_opening_balance=True, organisation_id=organisation_id, status=status):
            counts = {"official": 0, "probationary": 0, status: 1}
            yield ("OpeningBalanceDeclared", f"organisation/{organisation_id}", counts)


def _standing(fact: Fact, root: str) -> Iterator[Cause]:
    """The candidacy, membership, assignment or transfer that an event about a person needs."""
    home = getattr(fact.data, "organisation_id", root)
    match fact.data:
        case (
            person.CandidateListed()
            | person.CandidateClosed()
            | person.MemberAdmitted()
            | person.ApplicationSubmitted()
            | person.IntroductionConfirmed()
            | person.BackgroundVerified()
            | person.MentorAssigned()
            | person.VoteHeld(purpose="admission")
            | person.DecisionIssued(purpose="admission")
        ):
            yield ("CandidateIdentified", fact.subject, {"organisation_id": home})
        case person.CandidateMoved():
            yield ("CandidateIdentified", fact.subject, {"organisation_id": root})
        case person.MentorReleased(mentor_id=mentor_id) | person.MentorReportSubmitted(mentor_id=mentor_id):
            yield ("CandidateIdentified", fact.subject, {"organisation_id": home})
            yield ("MentorAssigned", fact.subject, {"mentor_id": str(mentor_id), "role": "mentor"})
        case (
            person.MemberConfirmed()
            | person.VoteHeld(purpose="confirmation")
            | person.DecisionIssued(purpose="confirmation")
        ):
            yield _enrolment(fact, home, "probationary")
        case person.TransferInitiated(from_=from_):
            yield _enrolment(fact, from_, "official")
        case person.TransferAccepted(organisation_id=organisation_id):
            yield _enrolment(fact, root, "official")
            data = {"from": root, "to": organisation_id, "kind": "official"}
            yield ("TransferInitiated", fact.subject, data)
        case person.MembershipEnded() | person.VoteHeld() | person.DecisionIssued() | person.PersonErased():
            yield _enrolment(fact, home, "official")


def _enrolment(fact: Fact, organisation_id: str, status: str) -> Cause:
    data = {"organisation_id": organisation_id, "status": status, "in_opening_balance": False}
    return ("MemberEnrolled", fact.subject, data)
