"""The decision about one event: record it, let it wait, or reject it. Pure: state comes in as data."""

from typing import Protocol

from msgspec import Struct

from services.registry.rules import findings, rules
from services.registry.rules.references import (
    NamedOrganisation,
    named_organisations,
    named_target,
    organisation_key,
    target_key,
)
from services.registry.rules.rulepack import RulePack
from shared.events import organisation, person, place
from shared.events.catalogue import EventType
from shared.events.person import Profile
from shared.events.receipts import Finding, Reason
from shared.timeline.fact import Fact
from shared.timeline.fold import (
    Folded,
    State,
    empty,
    extend,
    fold,
    goes_at_end,
    refusal,
    state_before,
    steps,
)
from shared.timeline.lineage import Lineage
from shared.timeline.measures import Change, changes, difference
from shared.timeline.organisation import OrganisationState
from shared.timeline.person import PersonState
from shared.timeline.place import PlaceState


class Record(Struct, frozen=True):
    """Put it on the log: the subject's fold after it, and what it changes in the figures."""

    folded: Folded
    changes: tuple[Change, ...]
    findings: tuple[Finding, ...]


class Quarantine(Struct, frozen=True):
    """Let it wait for facts about any of the subjects in `waits_for`."""

    reason: Reason
    waits_for: frozenset[str]


class Reject(Struct, frozen=True):
    """It can never be recorded."""

    reason: Reason


Decision = Record | Quarantine | Reject


class Situation(Protocol):
    """What is on record when an event is decided."""

    lineage: Lineage
    rulepack: RulePack

    def folded(self, subject: str) -> Folded | None:
        """The fold of a subject, None where nothing about it is on record."""

    def facts(self, subject: str) -> list[Fact]:
        """All facts on record about a subject."""

    def organisation(self, organisation_id: str) -> OrganisationState | None:
        """The state of an organisation, None where it is not on record."""

    def target_owner(self, target_id: str) -> str | None:
        """The organisation that a target was assigned to."""

    def headcount(self, organisation_id: str) -> list[Change]:
        """Changes of members, balances and candidates of an organisation, after all successions."""

    def profile(self, fact: Fact) -> Profile | None:
        """The profile that the fact brings, readable."""


def decide(fact: Fact, entry: EventType, root: str, situation: Situation) -> Decision:
    """Judge a readable event of the source whose registered root is `root`."""
    folded = situation.folded(fact.subject)
    named = named_organisations(fact, root)
    waits_for = frozenset({fact.subject, *(organisation_key(each.organisation_id) for each in named)})
    if folded is None and not entry.opens:
        return Quarantine(
            Reason("unknown-subject", f"expected {fact.subject} to be on record, found no fact about it"),
            waits_for,
        )
    for each in named:
        if situation.organisation(each.organisation_id) is None:
            message = f"expected organisation {each.organisation_id} to be on record, found none"
            return Quarantine(Reason("unknown-organisation", message), waits_for)
    target_id = named_target(fact)
    if target_id is not None:
        waits_for |= {target_key(target_id)}
        if situation.target_owner(target_id) is None:
            message = f"expected target {target_id} to be on record, found none"
            return Quarantine(Reason("unknown-target", message), waits_for)
    folded = folded or empty(entry.subject)
    late = not goes_at_end(folded, fact)
    before = (
        state_before(entry.subject, situation.facts(fact.subject), fact, situation.lineage)
        if late
        else folded.state
    )
    foreign = _foreign(fact, named, before, folded.state, root, situation)
    if foreign is not None:
        return Reject(foreign)
    refused = refusal(entry.subject, before, fact, situation.lineage)
    if refused is not None:
        home = _home(fact, before)
        keys = waits_for | {organisation_key(home)} if home else waits_for
        return Quarantine(Reason(refused.code, refused.message), keys)
    for problem in rules.violations(fact, named, root, situation):
        return Quarantine(Reason("rule-violated", problem), waits_for | _extra_keys(fact))
    return _record(fact, entry, folded, situation, late=late)


def _record(fact: Fact, entry: EventType, folded: Folded, situation: Situation, *, late: bool) -> Record:
    found = list(findings.findings(fact, situation))
    if not late:
        after, step = extend(entry.subject, folded, fact)
        found.extend(findings.stage_findings(step, situation.rulepack))
        return Record(after, tuple(changes(step)), tuple(found))
    facts = situation.facts(fact.subject)
    after = fold(entry.subject, [*facts, fact], situation.lineage)
    was = list(steps(entry.subject, facts, situation.lineage))
    becomes = list(steps(entry.subject, [*facts, fact], situation.lineage))
    for step in becomes:
        if step.fact.event_id == fact.event_id:
            found.extend(findings.stage_findings(step, situation.rulepack))
    found.extend(findings.seating(folded, after))
    return Record(after, tuple(difference(was, becomes)), tuple(found))


def _extra_keys(fact: Fact) -> frozenset[str]:
    if isinstance(fact.data, organisation.TargetAssigned):
        return frozenset({target_key(fact.data.target_id)})
    return frozenset()


def _home(fact: Fact, state: State) -> str | None:
    """The organisation that the subject belongs to, as far as `state` knows."""
    match state:
        case PersonState(membership=membership) if membership is not None:
            return membership.organisation_id
        case PersonState(candidacy=candidacy) if candidacy is not None:
            return candidacy.organisation_id
        case PersonState(home=home):
            return home
        case PlaceState(organisation_id=organisation_id):
            return organisation_id
        case _:
            return fact.subject_id


_NAMED_ONLY = (
    organisation.OrganisationEstablished,
    place.PlaceRegistered,
    person.CandidateIdentified,
    person.MemberEnrolled,
    person.TransferAccepted,
)
"""Events for which it is enough that the organisation they name is the source's own."""


def _foreign(
    fact: Fact,
    named: list[NamedOrganisation],
    before: State,
    latest: State,
    root: str,
    situation: Situation,
) -> Reason | None:
    day = fact.effectiveon
    for each in named:
        if each.own and not rules.is_under(each.organisation_id, root, day, situation):
            message = (
                f"expected an organisation under {root} on {day}, found {each.organisation_id}, which is not; "
                "only the source that owns it may say this"
            )
            return Reason("foreign-organisation", message, f"$.data.{each.member}")
    if isinstance(fact.data, _NAMED_ONLY):
        return None
    home = _home(fact, before) or _home(fact, latest)
    if home is not None and not rules.is_under(home, root, day, situation):
        message = f"expected a subject that belongs under {root} on {day}, found {fact.subject} elsewhere"
        return Reason("foreign-organisation", message, "$.subject")
    return None
