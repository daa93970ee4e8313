"""Person steps: the facts that count on persons' timelines, each with where it leaves the person. Pure.

Deltas say how many; what follows from the order of one person's facts (how long, whether in time, and then what
became of them) is read from these.
"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from shared.events import person
from shared.timeline.fold import Step
from shared.timeline.person import STAGES, PersonState, belongs_to
from shared.timeline.perspective import LinkedAway, Reallocated

ADMITTED = len(STAGES)
"""As a stage: past all milestones of a candidacy."""

_PLACE = {stage: place for place, stage in enumerate(STAGES)}

StepKey = tuple[UUID, str, UUID]
"""Person, source and event: what only one known step has."""


class PersonStep(Struct, frozen=True, gc=False):
    """One fact that counts on a person's timeline. Stages are places in `STAGES`, or ADMITTED."""

    person: UUID
    """The first of a person's ids."""
    source: str
    event_id: UUID
    name: str
    """What the fact is to this person: an event's name, `Reallocated` by a split, `LinkedAway` as a second id."""
    day: date
    time: datetime
    organisation_id: str | None
    """Where the person stands after it, else where they stood last; None: nowhere yet."""
    standing: str | None
    """After it: `candidate`, `probationary`, `official`; None: neither candidate nor member."""
    stage_before: int | None
    stage: int | None
    """Of the candidacy that is open before it, and after it; ADMITTED with the admission itself."""
    mentors: int
    """How many mentors the candidate or probationary member has after it."""
    mentor: UUID | None
    """The mentor whom the fact is about."""
    issued_on: date | None
    expires_on: date | None
    """Of the latest certificate after it, of those who are no members."""
    detail: str | None
    """What else reports ask of this kind of fact, as a JSON object."""

    @property
    def key(self) -> StepKey:
        """What only one known step has."""
        return (self.person, self.source, self.event_id)


class KnownStep(Struct, frozen=True, gc=False):
    """A step and the positions from `known_from` to before `known_to` at which it is what is known."""

    step: PersonStep
    known_from: int
    known_to: int


class ClosedStep(Struct, frozen=True):
    """The stored step with this key is known no more from `position` on."""

    key: StepKey
    position: int


class Steps:
    """Gathers which steps a batch closes and which it makes known."""

    def __init__(self, still_known: int) -> None:
        self.closings: list[ClosedStep] = []
        self._still_known = still_known
        self._superseded: list[KnownStep] = []
        self._newest: dict[StepKey, KnownStep] = {}

    def turn(self, subject: str, gone: Iterable[Step], come: Iterable[Step], position: int) -> None:
        """Take in what a position changes on a person's timeline."""
        person_id = UUID(subject.partition("/")[2])
        for each in gone:
            key = (person_id, each.fact.source, each.fact.event_id)
            newest = self._newest.pop(key, None)
            if newest is None:
                self.closings.append(ClosedStep(key, position))
            else:
                self._superseded.append(KnownStep(newest.step, newest.known_from, position))
        for each in come:
            step = person_step(person_id, each)
            self._newest[step.key] = KnownStep(step, position, self._still_known)

    def known(self) -> list[KnownStep]:
        """Steps that came to be known in the batch, those included that it overtook again."""
        return [*self._superseded, *self._newest.values()]


def person_step(person_id: UUID, step: Step) -> PersonStep:
    """The row of a step on a person's timeline."""
    fact, before, after = step.fact, step.before, step.after
    assert isinstance(before, PersonState)
    assert isinstance(after, PersonState)
    standing = _standing(after)
    admitted = isinstance(fact.data, person.MemberAdmitted)
    accompanied = standing in ("candidate", "probationary")
    certificate = after.certificate if after.membership is None else None
    detail = _detail(fact.data, before)
    return PersonStep(
        person_id,
        fact.source,
        fact.event_id,
        type(fact.data).__name__,
        fact.effectiveon,
        fact.time,
        belongs_to(after) or belongs_to(before) or after.home,
        standing,
        _stage(before),
        ADMITTED if admitted else _stage(after),
        len(after.mentors) if accompanied else 0,
        getattr(fact.data, "mentor_id", None),
        certificate.issued_on if certificate else None,
        certificate.expires_on if certificate else None,
        msgspec.json.encode(detail).decode() if detail else None,
    )


def _standing(state: PersonState) -> str | None:
    if state.membership is not None:
        return state.membership.status
    return "candidate" if state.candidacy is not None else None


def _stage(state: PersonState) -> int | None:
    return _PLACE[state.candidacy.stage] if state.candidacy is not None else None


_DETAILED = frozenset(
    {
        person.VoteHeld,
        person.DecisionIssued,
        person.MemberEnrolled,
        person.MembershipEnded,
        LinkedAway,
        person.CandidateClosed,
        person.MentorReleased,
        person.TransferInitiated,
        person.MentorReportSubmitted,
        Reallocated,
    }
)


def _detail(data: Struct, before: PersonState) -> dict[str, Any] | None:
    if type(data) not in _DETAILED:
        return None
    match data:
        case person.VoteHeld(purpose=purpose, eligible=eligible, in_favour=in_favour):
            return {"purpose": purpose, "eligible": eligible, "in_favour": in_favour}
        case person.DecisionIssued() as decision:
            return {
                "purpose": decision.purpose,
                "outcome": decision.outcome,
                "decided_on": decision.decided_on,
                "received_on": decision.received_on,
            }
        case person.MemberEnrolled(admitted_on=admitted_on):
            return {"admitted_on": admitted_on}
        case person.MembershipEnded(reason=reason):
            return {"reason": reason, "admitted_on": before.membership and before.membership.admitted_on}
        case LinkedAway():
            return {"reason": "linked", "admitted_on": before.membership and before.membership.admitted_on}
        case person.CandidateClosed(reason=reason) | person.MentorReleased(reason=reason):
            return {"reason": reason}
        case person.TransferInitiated(kind=kind, to=to):
            return {"kind": kind, "to": to}
        case person.MentorReportSubmitted(period_from=since, period_to=until):
            return {"period_from": since, "period_to": until}
        case Reallocated(from_=from_):
            return {"from": from_}
    return None
