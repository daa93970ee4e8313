"""The decision about one event: record it, let it wait, or reject it. Pure: state comes in as data."""

from collections.abc import Iterable
from typing import Protocol, cast
from uuid import UUID

from services.registry.rules import findings, rules
from services.registry.rules.beside import above, above_parents, before_others, targets_keys, unknown_target
from services.registry.rules.branches import Branches
from services.registry.rules.correction import decide_correction
from services.registry.rules.decision import Decision, Quarantine, Record, Reject
from services.registry.rules.ownership import foreign, foreign_person, not_theirs_yet
from services.registry.rules.references import (
    NAMES_ITS_ORGANISATION,
    NAMES_NOBODY,
    NamedOrganisation,
    named_organisations,
    organisation_key,
)
from services.registry.rules.tree import circular, moves
from shared.events import person
from shared.events.catalogue import EventType
from shared.events.correction import FactCorrected
from shared.events.receipts import Reason
from shared.law.rulepack import RulePack
from shared.timeline import person as person_timeline
from shared.timeline.book import Effect
from shared.timeline.fact import Fact, Refusal
from shared.timeline.fold import Folded, State, Step, empty, goes_at_end, kind_of, refusal, state_before
from shared.timeline.lineage import Lineage
from shared.timeline.measures import Change, person_changes
from shared.timeline.organisation import OrganisationState
from shared.timeline.person import PersonState, belongs_to
from shared.timeline.perspective import others, seen_by


class Situation(Protocol):
    """What is on record when an event is decided: the book of timelines, and what else rules ask for."""

    lineage: Lineage
    rulepack: RulePack
    branches: Branches

    def folded(self, subject: str) -> Folded | None:
        """The fold of a subject, None where nothing about it is on record."""

    def with_first_ids(self, subjects: Iterable[str]) -> tuple[str, ...]:
        """These subjects, and of persons who are second ids the first ones too."""

    def ask_folds(self, subjects: Iterable[str]) -> None:
        """Have these folds read."""

    def ask_facts(self, subjects: Iterable[str]) -> None:
        """Have these timelines read."""

    def facts(self, subject: str) -> list[Fact]:
        """All facts that name a subject, in the order of their positions."""

    def timeline(self, subject: str) -> list[Fact]:
        """All facts of a subject's timeline, as they are folded."""

    def main_timeline(self, fact: Fact) -> str:
        """The subject on whose timeline the fact stands."""

    def original(self, fact: Fact) -> Fact | None:
        """What a correction corrects, None where it is not on record."""

    def event(self, source: str, event_id: UUID) -> Fact | None:
        """A fact by its id, None where it is not on record."""

    def effect(self, fact: Fact) -> Effect:
        """What the fact does to folds and figures."""

    def added(self, fact: Fact, subject: str, before: Folded) -> Effect:
        """What a fact does that fits at the end of the only timeline on which it stands."""

    def organisation(self, organisation_id: str) -> OrganisationState | None:
        """The state of an organisation, None where it is not on record or its founding was taken back."""

    def target_owner(self, target_id: str) -> str | None:
        """The organisation that a target was assigned to."""

    def headcount(self, organisation_id: str) -> list[Change]:
        """Changes of members, balances and candidates in the hands of an organisation, after all successions."""

    def year_of_birth(self, fact: Fact) -> int | None:
        """The year of birth that the fact tells, else the one that was last told of its person."""


def decide(fact: Fact, entry: EventType, root: str, situation: Situation) -> Decision:
    """Judge a readable event of the source whose registered root is `root`."""
    said = type(fact.data)
    if said is FactCorrected:
        return decide_correction(fact, root, situation)
    if said in NAMES_NOBODY or said in NAMES_ITS_ORGANISATION:
        decision = decide_ordinary(fact, entry, root, situation)
        if decision is not None:
            return decision  # nearly always
    return decide_in_full(fact, entry, root, situation)


def decide_in_full(fact: Fact, entry: EventType, root: str, situation: Situation) -> Decision:
    """Judge an event, other than a correction, by all rules that there are."""
    alone = type(fact.data) in NAMES_NOBODY
    subject = situation.main_timeline(fact)
    folded = situation.folded(subject)
    named = [] if alone else named_organisations(fact, root)
    unknown = _unknown(fact, entry, folded, named, situation, alone=alone)
    if unknown is not None:
        return unknown
    if not alone:
        named += rules.referred_on_record(fact, situation)
    kind, known = kind_of(subject), folded is not None
    folded = folded or empty(kind)
    before = folded.state
    at_end = goes_at_end(folded, fact)
    if not at_end:
        before = state_before(kind, situation.timeline(subject), fact, situation.lineage)
    befores = {} if alone else before_others(fact, situation)
    not_theirs = foreign(fact, named, before, root, situation) or foreign_person(fact, befores, root, situation)
    if not_theirs is not None:
        return Reject(not_theirs)
    not_yet = not_theirs_yet(fact, before, root, situation)
    if not_yet is not None:
        keys = _keys(fact, named, before, situation, of_named=False)
        return Quarantine(Reason("wrong-stage", not_yet), keys)
    refused = refusal(kind, before, fact, situation.lineage) or _refused_by_others(fact, befores, situation)
    if refused is not None:
        keys = _keys(fact, named, before, situation, of_named=False)
        return Quarantine(Reason(refused.code, refused.message), keys)
    for problem in () if alone else rules.violations(fact, named, before, root, situation):
        keys = _keys(fact, named, before, situation, of_named=True) | above(fact, named, situation)
        return Quarantine(Reason("rule-violated", problem), keys)
    effect = situation.added(fact, subject, folded) if at_end and not befores else situation.effect(fact)
    for problem in circular(effect, situation) if moves(fact, known=known) else ():
        keys = _keys(fact, named, before, situation, of_named=True) | above(fact, named, situation)
        return Quarantine(Reason("rule-violated", problem), keys | above_parents(effect, situation))
    return _record(fact, effect, situation)


def decide_ordinary(fact: Fact, entry: EventType, root: str, situation: Situation) -> Record | None:
    """The decision about a fact that plainly fits at the end of its person's timeline, in an organisation known.

    Of a type in NAMES_NOBODY or NAMES_ITS_ORGANISATION. It spares questions and no rule: what `decide_in_full`
    would say, or None where that is not plain.
    """
    subject, key, day = fact.subject, fact.key, fact.effectiveon
    folded = situation.folded(subject)
    if folded is None:
        if not entry.opens:
            return None
        folded = _NOTHING
    elif folded.last is None or folded.last >= key:
        return None
    state = cast(PersonState, folded.state)
    if state.linked_to is not None or state.transfer is not None:
        return None
    home = belongs_to(state)
    if home is not None and not situation.branches.known(home, root, day):
        return None
    said = type(fact.data)
    if said in NAMES_ITS_ORGANISATION:
        named = cast(person.CandidateIdentified, fact.data).organisation_id
        organisation_ = situation.organisation(named)
        if organisation_ is None or not organisation_.active_on(day):
            return None
        if not situation.branches.known(named, root, day):
            return None
        if said is person.MemberEnrolled and cast(person.MemberEnrolled, fact.data).in_opening_balance:
            return None
        if said is person.CandidateIdentified and any(
            rules.inactive(fact, rules.referred_on_record(fact, situation), situation)
        ):
            return None
    if person_timeline.refusal(state, fact, situation.lineage) is not None:
        return None
    after = person_timeline.advance(state, fact)
    step = Step(fact, state, after)
    folds = {subject: Folded(after, key, folded.unseated)}
    effect = Effect((subject,), (), folds, person_changes(state, after, fact), step, {})
    return Record(effect, findings.of_ordinary(step, situation))


_NOTHING = empty("person")


def _unknown(
    fact: Fact,
    entry: EventType,
    folded: Folded | None,
    named: list[NamedOrganisation],
    situation: Situation,
    *,
    alone: bool,
) -> Quarantine | None:
    """What the event names and nobody has recorded yet: its own subject, organisations, a target, a person."""
    if folded is None and not entry.opens:
        message = f"expected {fact.subject} to be on record, found no fact about it"
        return Quarantine(Reason("unknown-subject", message), frozenset({fact.subject}))
    if folded is not None and not entry.opens and folded.state == OrganisationState():
        message = f"expected {fact.subject} to be on record, found its founding taken back"
        return Quarantine(Reason("unknown-subject", message), frozenset({fact.subject}))
    if alone:
        return None  # nearly always
    for each in named:
        if situation.organisation(each.organisation_id) is None:
            message = f"expected organisation {each.organisation_id} to be on record, found none"
            key = organisation_key(each.organisation_id)
            return Quarantine(Reason("unknown-organisation", message), frozenset({key}))
    return unknown_target(fact, situation)


def _refused_by_others(fact: Fact, befores: dict[str, State], situation: Situation) -> Refusal | None:
    """The hard rule that the event breaks on the timeline of somebody else whom it is about."""
    for subject, before in befores.items():
        view = cast(Fact, seen_by(fact, subject))
        refused = refusal(kind_of(subject), before, view, situation.lineage)
        if refused is not None:
            return Refusal("rule-violated", refused.message)
    return None


def _record(fact: Fact, effect: Effect, situation: Situation) -> Record:
    found = [*findings.findings(fact, situation)]
    if effect.step is not None:
        found += findings.stage_findings(effect.step, situation.rulepack)
    if effect.refolded or effect.step is None:
        found += findings.seating(fact, effect, situation)
    return Record(effect, tuple(found))


def _keys(
    fact: Fact, named: list[NamedOrganisation], before: State, situation: Situation, *, of_named: bool
) -> frozenset[str]:
    """Subjects whose facts could make the fact fit: its own, and those that its rule looks at.

    Of a person whose second id is named, that is the first one too: what is said of it stands on its timeline.
    """
    lineage = situation.lineage
    keys = {*situation.with_first_ids((fact.subject, *others(fact))), *targets_keys(fact, situation)}
    looked_at = {each.organisation_id for each in named} if of_named else set()
    if isinstance(fact.data, person.TransferInitiated | person.TransferAccepted):
        # Whether two ends are the same depends on who took over from whom.
        assert isinstance(before, PersonState)
        looked_at |= {each.organisation_id for each in named}
        looked_at |= {belongs_to(before) or "", before.transfer.to if before.transfer else ""} - {""}
    for organisation_id in looked_at:
        keys.add(organisation_key(organisation_id))
        keys |= {organisation_key(each.successor_id) for each in lineage.onward(organisation_id)}
    return frozenset(keys)
