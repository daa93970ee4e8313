"""Signed changes: what a fact that counts does to the figures of organisations, day by day.

Levels (`members.*`, `balance.*`, `candidates.*`, `kind.*`, `sector.*`) are sums over all days up to a day; flows
are sums over the days of a period. Every figure of a report is a sum of such changes. A change names the
organisation that the fact names, whoever holds later what was its: that is the lineage's to say.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from typing import get_args

from msgspec import Struct

from shared.events import organisation as organisation_events
from shared.events import person as person_events
from shared.events.vocabulary import MembershipStatus
from shared.timeline.fact import Fact
from shared.timeline.fold import Step
from shared.timeline.lineage import Lineage
from shared.timeline.organisation import OrganisationState
from shared.timeline.person import STAGES, PersonState
from shared.timeline.perspective import Absorbed, LinkedAway, Reallocated

MEMBER_LEVELS = ("members.official", "members.probationary", "balance.official", "balance.probationary")
CANDIDATE_LEVELS = tuple(f"candidates.{stage}" for stage in STAGES)
"""These two: levels that are the successor's when an organisation ends."""


class Change(Struct, frozen=True, gc=False):
    """`change` to `measure` of one organisation on `day`; `counterpart` is the other end of a movement."""

    organisation_id: str
    measure: str
    day: date
    change: int
    counterpart: str | None = None


def changes(step: Step) -> tuple[Change, ...]:
    """What one fact that counts changes, on the organisations that it names."""
    if isinstance(step.after, PersonState):
        assert isinstance(step.before, PersonState)
        return person_changes(step.before, step.after, step.fact)
    if isinstance(step.after, OrganisationState):
        return tuple(_organisation_changes(step))
    return ()


def person_changes(before: PersonState, after: PersonState, fact: Fact) -> tuple[Change, ...]:
    """The same of a fact about a person, which leads from one state to the other."""
    found = _standing_changes(before, after, fact.effectiveon)
    return found if type(fact.data) in _FLOWLESS else (*found, *_person_flows(before, after, fact))


def difference(was: Iterable[Step], becomes: Iterable[Step]) -> Iterator[Change]:
    """The changes that turn the figures of one fold of a timeline into those of another."""
    for step in was:
        for change in changes(step):
            yield Change(change.organisation_id, change.measure, change.day, -change.change, change.counterpart)
    for step in becomes:
        yield from changes(step)


_MEMBERS = {status: f"members.{status}" for status in get_args(MembershipStatus)}
_CANDIDATES = {stage: f"candidates.{stage}" for stage in STAGES}


def _standing(state: PersonState) -> tuple[str, str] | None:
    membership = state.membership
    if membership is not None:
        return (membership.organisation_id, _MEMBERS[membership.status])
    candidacy = state.candidacy
    if candidacy is not None:
        return (candidacy.organisation_id, _CANDIDATES[candidacy.stage])
    return None


def _standing_changes(before: PersonState, after: PersonState, day: date) -> tuple[Change, ...]:
    if before.membership is after.membership and before.candidacy is after.candidacy:
        return ()
    was, becomes = _standing(before), _standing(after)
    if was == becomes:
        return ()
    if was is None:
        return () if becomes is None else (Change(becomes[0], becomes[1], day, 1),)
    gone = Change(was[0], was[1], day, -1)
    return (gone,) if becomes is None else (gone, Change(becomes[0], becomes[1], day, 1))


_FLOWLESS = frozenset(
    {
        person_events.CandidateListed,
        person_events.MentorAssigned,
        person_events.MentorReportSubmitted,
        person_events.ApplicationSubmitted,
        person_events.IntroductionConfirmed,
        person_events.BackgroundVerified,
        person_events.VoteHeld,
        person_events.DecisionIssued,
    }
)
"""Most of what is published: spares `_person_flows` the question whether it is each of the others."""


def _person_flows(before: PersonState, after: PersonState, fact: Fact) -> Iterator[Change]:
    day = fact.effectiveon
    match fact.data:
        case person_events.CandidateIdentified(organisation_id=organisation_id):
            yield Change(organisation_id, "candidates_identified", day, 1)
        case person_events.MemberAdmitted(organisation_id=organisation_id):
            yield Change(organisation_id, "admissions", day, 1)
        case person_events.MemberConfirmed():
            assert after.membership is not None
            yield Change(after.membership.organisation_id, "confirmations", day, 1)
        case person_events.TrainingCompleted():
            # Of a person who belongs nowhere yet, no organisation's figure changes.
            standing = _standing(after)
            if standing is not None:
                yield Change(standing[0], "training_completions", day, 1)
        case person_events.MemberEnrolled(organisation_id=organisation_id, in_opening_balance=True) as data:
            yield Change(organisation_id, f"balance.{data.status}", day, -1)
        case person_events.MemberEnrolled(organisation_id=organisation_id):
            yield Change(organisation_id, "enrolled", day, 1)
        case person_events.TransferAccepted():
            assert before.membership is not None
            assert after.membership is not None
            origin, target = before.membership.organisation_id, after.membership.organisation_id
            if origin != target:
                yield Change(origin, "transferred_out", day, 1, target)
                yield Change(target, "transferred_in", day, 1, origin)
        case Reallocated(from_=origin, to=target):
            if after.membership is not None and before.membership is not None:
                origin = before.membership.organisation_id
                yield Change(origin, "reorganised_out", day, 1, target)
                yield Change(target, "reorganised_in", day, 1, origin)
        case LinkedAway():
            if before.membership is not None:
                yield Change(before.membership.organisation_id, "linked", day, 1)
        case person_events.MembershipEnded(reason=reason):
            assert before.membership is not None
            home = before.membership.organisation_id
            measure = "transferred_out" if reason == "transferred_out" else f"ended.{reason}"
            yield Change(home, measure, day, 1)


def _organisation_changes(step: Step) -> list[Change]:
    fact, day = step.fact, step.fact.effectiveon
    assert isinstance(step.before, OrganisationState)
    assert isinstance(step.after, OrganisationState)
    organisation_id = fact.subject_id
    match fact.data:
        case organisation_events.OrganisationEstablished(kind=kind, sector=sector):
            return [
                Change(organisation_id, f"kind.{kind}", day, 1),
                Change(organisation_id, f"sector.{sector}", day, 1),
                Change(organisation_id, f"founded.{sector}", day, 1),
            ]
        case organisation_events.OrganisationReclassified():
            was, becomes = step.before.at(day), step.after.at(day)
            assert was is not None
            assert becomes is not None
            turned = (
                Change(organisation_id, f"kind.{was.kind}", day, -1),
                Change(organisation_id, f"kind.{becomes.kind}", day, 1),
                Change(organisation_id, f"sector.{was.sector}", day, -1),
                Change(organisation_id, f"sector.{becomes.sector}", day, 1),
            )
            return added_up(turned)
        case organisation_events.OrganisationDissolved() | Absorbed():
            last = step.before.at(day)
            assert last is not None
            return [
                Change(organisation_id, f"kind.{last.kind}", day, -1),
                Change(organisation_id, f"sector.{last.sector}", day, -1),
                Change(organisation_id, "organisations_ended", day, 1),
            ]
        case organisation_events.OpeningBalanceDeclared(official=official, probationary=probationary):
            found = (
                Change(organisation_id, "balance.official", day, official),
                Change(organisation_id, "balance.probationary", day, probationary),
                Change(organisation_id, "declared", day, official + probationary),
            )
            return [each for each in found if each.change]
    return []


def held(changes: Iterable[Change], holder: str, lineage: Lineage) -> list[Change]:
    """What changes of the organisations that an organisation took over from, and its own, come to in its hands.

    A level that was there when it took over comes in on that day, and goes when another takes over from it.
    """
    found: list[Change] = []
    for change in changes:
        for at, since, until in lineage.spans(change.organisation_id, change.day, date.max):
            if at == holder:
                found.append(Change(holder, change.measure, since, change.change))
                if until < date.max:
                    found.append(Change(holder, change.measure, until, -change.change))
    return added_up(found)


def added_up(found: Iterable[Change]) -> list[Change]:
    """Equal changes added up, zeros left out."""
    total: Counter[tuple[str, str, date, str | None]] = Counter()
    for change in found:
        total[(change.organisation_id, change.measure, change.day, change.counterpart)] += change.change
    return [Change(o, m, d, n, c) for (o, m, d, c), n in total.items() if n]
