"""A person's timeline: candidacy, membership, mentors, transfer.

Events are in `shared.events.person`; here are the state, the hard rules, and the fold.
"""

from datetime import date
from typing import Literal, get_args
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from shared.events import person as events
from shared.timeline import course as courses
from shared.timeline.course import Course
from shared.timeline.fact import Fact, OrderKey, Refusal
from shared.timeline.lineage import Lineage
from shared.timeline.perspective import LinkedAway, Reallocated

Stage = Literal[
    "identified", "listed", "mentored", "trained", "applied", "introduced", "verified", "voted", "decided"
]
STAGES: tuple[Stage, ...] = get_args(Stage)
"""Milestones of a candidacy in their order; its stage is the highest one reached."""
_PLACE = {stage: place for place, stage in enumerate(STAGES)}


class Candidacy(Struct, frozen=True, gc=False):
    """An open candidacy."""

    organisation_id: str
    stage: Stage


class Membership(Struct, frozen=True, gc=False):
    """A current membership; `admitted_on` is the day of the ceremony, where known."""

    organisation_id: str
    status: Literal["official", "probationary"]
    admitted_on: date | None


class Transfer(Struct, frozen=True, gc=False):
    """A transfer that the other end has not accepted yet."""

    to: str
    kind: Literal["official", "temporary"]


class Certificate(Struct, frozen=True, gc=False):
    """An awareness class's certificate; without `expires_on` the rule pack says how long it is valid."""

    issued_on: date
    expires_on: date | None


class Decision(Struct, frozen=True, gc=False):
    """A decision about the person, and when the organisation received it."""

    purpose: events.Purpose
    decided_on: date
    received_on: date | None


class Report(Struct, frozen=True, gc=False):
    """A mentor's report for a period."""

    mentor_id: UUID
    period_from: date
    period_to: date


class PersonState(Struct, frozen=True, omit_defaults=True, gc=False):
    """Where a person stands after a stretch of the timeline."""

    candidacy: Candidacy | None = None
    membership: Membership | None = None
    mentors: tuple[UUID, ...] = ()
    transfer: Transfer | None = None
    home: str | None = None
    """The organisation that the person belongs to, or last belonged to."""
    certificate: Certificate | None = None
    """The latest one, whenever it was earned."""
    voted: tuple[events.Purpose, ...] = ()
    """Purposes voted on since the candidacy began, or the membership, if there was none."""
    decisions: tuple[Decision, ...] = ()
    """Decisions since then, the latest of each purpose."""
    reports: tuple[Report, ...] = ()
    """Mentors' reports since then."""
    erased: bool = False
    """Whether the person's attributes are erased. Nothing else follows from it: counts and stages stay."""
    linked_to: str | None = None
    """The person's first id, where this is a second one; what comes after `linked_at` stands on that timeline."""
    linked_at: OrderKey | None = None
    course: Course = Course()
    """What is waited for. Folds that were stored before it was followed lack what came before."""


EMPTY = PersonState()


_OF_A_CANDIDACY = frozenset(
    {
        events.CandidateListed,
        events.CandidateMoved,
        events.CandidateClosed,
        events.ApplicationSubmitted,
        events.IntroductionConfirmed,
        events.BackgroundVerified,
        events.MemberAdmitted,
    }
)
_ALWAYS_FITS = frozenset(
    {events.TrainingCompleted, events.MentorReportSubmitted, events.PersonErased, events.PersonsLinked}
)
_REACHES: dict[type[Struct], Stage] = {
    events.CandidateListed: "listed",
    events.ApplicationSubmitted: "applied",
    events.IntroductionConfirmed: "introduced",
    events.BackgroundVerified: "verified",
}
"""Events that do no more than reach a stage."""
_PREPARES = frozenset(
    {events.VoteHeld, events.DecisionIssued, events.MentorReportSubmitted, events.TrainingCompleted}
)
"""Steps that prepare an admission, a confirmation or a removal."""


def refusal(state: PersonState, fact: Fact, lineage: Lineage) -> Refusal | None:
    """The hard rule of the person's own timeline that `fact` breaks in `state`, or None."""
    said = type(fact.data)
    if said in _OF_A_CANDIDACY:
        return None if state.candidacy is not None else _stage(fact, "an open candidacy", state)
    if said in _ALWAYS_FITS:
        return None
    match fact.data:  # what comes most often, first
        case events.VoteHeld() | events.DecisionIssued():
            return _vote_or_decision_refusal(state, fact)
        case events.CandidateIdentified():
            if state.membership is not None:
                return _stage(fact, "a person who is not a member", state)
            if state.candidacy is not None:
                return _stage(fact, "no open candidacy", state)
        case events.MemberEnrolled():
            if state.membership is not None:
                return _stage(fact, "a person who is not a member", state)
        case events.MentorAssigned():
            probationary = state.membership is not None and state.membership.status == "probationary"
            if state.candidacy is None and not probationary:
                return _stage(fact, "an open candidacy or a probationary member", state)
        case events.MemberConfirmed():
            if state.membership is None or state.membership.status != "probationary":
                return _stage(fact, "a probationary member", state)
        case LinkedAway():
            if state.linked_to is not None:
                message = f"expected {fact.subject} to be nobody's second id, found it linked to {state.linked_to}"
                return Refusal("rule-violated", message)
        case Reallocated(from_=from_):
            home = belongs_to(state)
            if home is None or lineage.resolve(home, fact.effectiveon) != lineage.resolve(from_, fact.effectiveon):
                expected = f"{fact.subject} to be a member or candidate of {from_}"
                return _stage(fact, expected, state)
        case events.MentorReleased(mentor_id=mentor_id):
            if mentor_id not in state.mentors:
                found = f"{len(state.mentors)} other mentors" if state.mentors else "no mentor"
                return Refusal("wrong-stage", f"expected mentor {mentor_id} to be assigned, found {found}")
        case events.TransferCancelled():
            if state.transfer is None:
                return Refusal("wrong-stage", f"expected an open transfer on {fact.effectiveon}, found none")
        case events.TransferInitiated(from_=from_):
            return _transfer_refusal(state, fact, from_, lineage)
        case events.TransferAccepted(organisation_id=to):
            day = fact.effectiveon
            if state.transfer is None:
                return Refusal("wrong-stage", f"expected an open transfer to {to} on {day}, found none")
            if lineage.resolve(state.transfer.to, day) != lineage.resolve(to, day):
                message = f"expected an open transfer to {to} on {day}, found one to {state.transfer.to}"
                return Refusal("wrong-stage", message)
        case events.MembershipEnded():
            if state.membership is None:
                return _stage(fact, "a member", state)
        case _:
            raise TypeError(f"no rules for {fact.name} about a person")
    return None


def belongs_to(state: PersonState) -> str | None:
    """The organisation that the person belongs to; None of one who is neither member nor candidate."""
    if state.membership is not None:
        return state.membership.organisation_id
    return state.candidacy.organisation_id if state.candidacy is not None else None


def _vote_or_decision_refusal(state: PersonState, fact: Fact) -> Refusal | None:
    if state.candidacy is None and state.membership is None:
        return _stage(fact, "an open candidacy or a member", state)
    if isinstance(fact.data, events.VoteHeld) and fact.data.in_favour > fact.data.eligible:
        found = f"{fact.data.in_favour} of {fact.data.eligible}"
        return Refusal("rule-violated", f"expected at most as many in favour as are eligible, found {found}")
    return None


def _transfer_refusal(state: PersonState, fact: Fact, from_: str, lineage: Lineage) -> Refusal | None:
    day = fact.effectiveon
    if state.membership is None:
        return _stage(fact, f"a member of {from_}", state)
    if lineage.resolve(state.membership.organisation_id, day) != lineage.resolve(from_, day):
        return _stage(fact, f"a member of {from_}", state)
    if state.transfer is not None:
        message = f"expected no open transfer on {day}, found one to {state.transfer.to}"
        return Refusal("wrong-stage", message)
    return None


def advance(state: PersonState, fact: Fact) -> PersonState:
    """The state after a fact whose rules hold."""
    after = _advance(state, fact)
    if type(fact.data) in courses.TURNS:
        return replace(after, course=courses.onward(state.course, fact))
    return after


def _advance(state: PersonState, fact: Fact) -> PersonState:
    said = type(fact.data)
    stage = _REACHES.get(said)
    if stage is not None:
        return _reach(state, stage)
    if said in _PREPARES:
        return _advance_preparation(state, fact)
    match fact.data:  # what comes most often, first
        case events.CandidateIdentified(organisation_id=organisation_id):
            candidacy = Candidacy(organisation_id, "identified")
            return PersonState(candidacy, home=organisation_id, certificate=state.certificate, erased=state.erased)
        case events.MemberEnrolled(organisation_id=organisation_id, status=status, admitted_on=admitted_on):
            # Who turns out to be a member is a candidate no more.
            membership = Membership(organisation_id, status, admitted_on)
            return replace(state, candidacy=None, membership=membership, home=organisation_id)
        case events.MentorAssigned(mentor_id=mentor_id):
            mentors = state.mentors if mentor_id in state.mentors else (*state.mentors, mentor_id)
            return replace(_reach(state, "mentored"), mentors=mentors)
        case events.MemberAdmitted(organisation_id=organisation_id, ceremony_on=ceremony_on):
            membership = Membership(organisation_id, "probationary", ceremony_on)
            return replace(state, candidacy=None, membership=membership, home=organisation_id)
        case events.MemberConfirmed():
            assert state.membership is not None
            return replace(state, membership=replace(state.membership, status="official"))
        case events.CandidateMoved(organisation_id=organisation_id) | Reallocated(to=organisation_id):
            return _at(state, organisation_id)
        case events.CandidateClosed():
            return replace(state, candidacy=None)
        case events.TransferCancelled():
            return replace(state, transfer=None)
        case events.PersonErased():
            return replace(state, erased=True)
        case events.MentorReleased(mentor_id=mentor_id):
            return replace(state, mentors=tuple(each for each in state.mentors if each != mentor_id))
        case events.TransferInitiated(to=to, kind=kind):
            return replace(state, transfer=Transfer(to, kind))
        case events.TransferAccepted(organisation_id=organisation_id):
            assert state.transfer is not None
            assert state.membership is not None
            if state.transfer.kind == "temporary":
                return replace(state, transfer=None)
            return _at(replace(state, transfer=None), organisation_id)
        case events.MembershipEnded():
            return replace(state, membership=None, transfer=None)
        case events.PersonsLinked():
            return state
        case LinkedAway(person_id=person_id):
            return PersonState(home=state.home, linked_to=f"person/{person_id}", linked_at=fact.key)
        case _:
            raise TypeError(f"no fold for {fact.name} about a person")


def _at(state: PersonState, organisation_id: str) -> PersonState:
    """The membership or the candidacy goes on in another organisation."""
    if state.membership is not None:
        membership = replace(state.membership, organisation_id=organisation_id)
        return replace(state, membership=membership, home=organisation_id)
    assert state.candidacy is not None
    candidacy = replace(state.candidacy, organisation_id=organisation_id)
    return replace(state, candidacy=candidacy, home=organisation_id)


def _advance_preparation(state: PersonState, fact: Fact) -> PersonState:
    """The state after one of the steps that prepare an admission, a confirmation or a removal."""
    match fact.data:
        case events.MentorReportSubmitted(mentor_id=mentor_id, period_from=since, period_to=until):
            return replace(state, reports=(*state.reports, Report(mentor_id, since, until)))
        case events.TrainingCompleted(certificate=issued):
            certificate = Certificate(issued.issued_on, issued.expires_on)
            if state.certificate is not None and state.certificate.issued_on > issued.issued_on:
                certificate = state.certificate
            return replace(_reach(state, "trained"), certificate=certificate)
        case events.VoteHeld(purpose=purpose):
            voted = state.voted if purpose in state.voted else (*state.voted, purpose)
            return replace(_reach(state, "voted") if purpose == "admission" else state, voted=voted)
        case events.DecisionIssued(purpose=purpose, decided_on=decided_on, received_on=received_on):
            others = tuple(each for each in state.decisions if each.purpose != purpose)
            decisions = (*others, Decision(purpose, decided_on, received_on))
            return replace(_reach(state, "decided") if purpose == "admission" else state, decisions=decisions)
        case _:
            raise TypeError(f"no fold for {fact.name} about a person")


def _reach(state: PersonState, stage: Stage) -> PersonState:
    if state.candidacy is None or _PLACE[state.candidacy.stage] >= _PLACE[stage]:
        return state
    return replace(state, candidacy=replace(state.candidacy, stage=stage))


def _stage(fact: Fact, expected: str, state: PersonState) -> Refusal:
    return Refusal("wrong-stage", f"expected {expected} on {fact.effectiveon}, found {describe(state)}")


def describe(state: PersonState) -> str:
    """One phrase that says where the person stands."""
    if state.membership is not None:
        return f"{_an(state.membership.status)} member of {state.membership.organisation_id}"
    if state.candidacy is not None:
        return f"an open candidacy in {state.candidacy.organisation_id} ({state.candidacy.stage})"
    return "neither a candidacy nor a membership"


def _an(word: str) -> str:
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"
