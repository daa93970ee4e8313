"""A person's course: since when what is waited for. Reports count deadlines from it; no rule asks for it."""

from datetime import date
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from shared.events import person as events
from shared.timeline.fact import Fact


class Charge(Struct, frozen=True, gc=False):
    """A mentor's charge of the candidate or probationary member, since when."""

    mentor_id: UUID
    since: date


class Vote(Struct, frozen=True, gc=False):
    """A vote that no decision has followed yet."""

    purpose: events.Purpose
    day: date
    eligible: int
    in_favour: int


class Course(Struct, frozen=True, omit_defaults=True, gc=False):
    """What is waited for after a stretch of the timeline."""

    charges: tuple[Charge, ...] = ()
    """While the person is a candidate or a probationary member."""
    listed_on: date | None = None
    """Listed on this day without a mentor, and without one since."""
    votes: tuple[Vote, ...] = ()
    """The latest of each purpose."""
    received_on: date | None = None
    """When the latest decision on the admission was received."""
    outcome: str | None = None
    """Of that decision."""
    sent_on: date | None = None
    """When the open transfer began."""


def onward(course: Course, fact: Fact) -> Course:
    """The course after a fact whose rules hold; of one that CandidateIdentified begins it is a new one."""
    match fact.data:
        case events.CandidateListed():
            waits = course.listed_on is not None or course.charges
            return course if waits else replace(course, listed_on=fact.effectiveon)
        case events.MentorAssigned(mentor_id=mentor_id):
            charges = course.charges
            if not any(each.mentor_id == mentor_id for each in charges):
                charges = (*charges, Charge(mentor_id, fact.effectiveon))
            return replace(course, charges=charges, listed_on=None)
        case events.MentorReleased(mentor_id=mentor_id):
            return replace(course, charges=tuple(each for each in course.charges if each.mentor_id != mentor_id))
        case events.VoteHeld(purpose=purpose, eligible=eligible, in_favour=in_favour):
            vote = Vote(purpose, fact.effectiveon, eligible, in_favour)
            return replace(course, votes=(*_but(course, purpose), vote))
        case events.DecisionIssued(purpose=purpose) as decision:
            decided = replace(course, votes=_but(course, purpose))
            if purpose != "admission":
                return decided
            return replace(decided, received_on=decision.received_on, outcome=decision.outcome)
        case events.MemberAdmitted():
            return Course(charges=course.charges)
        case events.MemberEnrolled(status=status):
            return Course(charges=course.charges if status == "probationary" else ())
        case events.MemberConfirmed():
            return Course(sent_on=course.sent_on)
        case events.TransferInitiated():
            return replace(course, sent_on=fact.effectiveon)
        case events.TransferAccepted() | events.TransferCancelled():
            return replace(course, sent_on=None)
        case events.CandidateClosed() | events.MembershipEnded():
            return Course()
    return course


TURNS: frozenset[type[Struct]] = frozenset(
    {
        events.CandidateListed,
        events.MentorAssigned,
        events.MentorReleased,
        events.VoteHeld,
        events.DecisionIssued,
        events.MemberAdmitted,
        events.MemberEnrolled,
        events.MemberConfirmed,
        events.TransferInitiated,
        events.TransferAccepted,
        events.TransferCancelled,
        events.CandidateClosed,
        events.MembershipEnded,
    }
)
"""Data of the facts that change it."""


def _but(course: Course, purpose: events.Purpose) -> tuple[Vote, ...]:
    return tuple(each for each in course.votes if each.purpose != purpose)
