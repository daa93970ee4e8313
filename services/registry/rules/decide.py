"""The decision about one event: record it, let it wait, or reject it. Pure: state comes in as data."""

from typing import Protocol

from msgspec import Struct

from services.registry.rules import findings, rules
from services.registry.rules.ownership import foreign, home
from services.registry.rules.references import (
    NamedOrganisation,
    named_organisations,
    named_target,
    organisation_key,
    target_key,
)
from services.registry.rules.rulepack import RulePack
from shared.events import organisation, person
from shared.events.catalogue import EventType
from shared.events.person import Profile
from shared.events.receipts import Finding, Reason
from shared.timeline.fact import Fact
from shared.timeline.fold import (
    Folded,
    State,
    empty,
    extend,
    goes_at_end,
    kind_of,
    refusal,
    state_before,
)
from shared.timeline.lineage import Lineage
from shared.timeline.measures import Change, changes, refolded
from shared.timeline.organisation import OrganisationState
from shared.timeline.person import PersonState


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
    if folded is None and not entry.opens:
        message = f"expected {fact.subject} to be on record, found no fact about it"
        return Quarantine(Reason("unknown-subject", message), frozenset({fact.subject}))
    for each in named:
        if situation.organisation(each.organisation_id) is None:
            message = f"expected organisation {each.organisation_id} to be on record, found none"
            key = organisation_key(each.organisation_id)
            return Quarantine(Reason("unknown-organisation", message), frozenset({key}))
    target_id = named_target(fact)
    if target_id is not None and situation.target_owner(target_id) is None:
        message = f"expected target {target_id} to be on record, found none"
        return Quarantine(Reason("unknown-target", message), frozenset({target_key(target_id)}))
    kind = kind_of(fact.subject)
    folded = folded or empty(kind)
    late = not goes_at_end(folded, fact)
    before = folded.state
    if late:
        before = state_before(kind, situation.facts(fact.subject), fact, situation.lineage)
    not_theirs = foreign(fact, named, before, root, situation)
    if not_theirs is not None:
        return Reject(not_theirs)
    refused = refusal(kind, before, fact, situation.lineage)
    if refused is not None:
        keys = _keys(fact, named, before, situation.lineage, of_named=False)
        return Quarantine(Reason(refused.code, refused.message), keys)
    for problem in rules.violations(fact, named, root, situation):
        keys = _keys(fact, named, before, situation.lineage, of_named=True)
        return Quarantine(Reason("rule-violated", problem), keys)
    return _record(fact, folded, situation, late=late)


def _record(fact: Fact, folded: Folded, situation: Situation, *, late: bool) -> Record:
    found = list(findings.findings(fact, situation))
    if not late:
        after, step = extend(kind_of(fact.subject), folded, fact)
        found.extend(findings.stage_findings(step, situation.rulepack))
        return Record(after, tuple(changes(step)), tuple(found))
    again = refolded(kind_of(fact.subject), situation.facts(fact.subject), fact, situation.lineage)
    if again.step is not None:
        found.extend(findings.stage_findings(again.step, situation.rulepack))
    found.extend(findings.seating(folded, again.folded))
    return Record(again.folded, again.changes, tuple(found))


def _keys(
    fact: Fact, named: list[NamedOrganisation], before: State, lineage: Lineage, *, of_named: bool
) -> frozenset[str]:
    """Subjects whose facts could make the fact fit: its own, and the organisations that its rule looks at."""
    keys = {fact.subject}
    looked_at = {each.organisation_id for each in named} if of_named else set()
    if isinstance(fact.data, person.TransferInitiated | person.TransferAccepted):
        # Whether two ends are the same depends on who took over from whom.
        assert isinstance(before, PersonState)
        looked_at |= {each.organisation_id for each in named}
        looked_at |= {home(before) or "", before.transfer.to if before.transfer else ""} - {""}
    for organisation_id in looked_at:
        keys.add(organisation_key(organisation_id))
        keys |= {organisation_key(each.successor_id) for each in lineage.onward(organisation_id)}
    if isinstance(fact.data, organisation.TargetAssigned):
        keys.add(target_key(fact.data.target_id))
    return frozenset(keys)
