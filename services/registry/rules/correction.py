"""The decision about a FactCorrected: what it corrects, and what would stand in its place."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast, get_args

from msgspec import UNSET
from msgspec.structs import replace

from services.registry.rules import findings
from services.registry.rules.beside import above, above_parents, before_others, targets_keys, unknown_target
from services.registry.rules.decision import Decision, Quarantine, Record, Reject
from services.registry.rules.ownership import foreign_person, not_own
from services.registry.rules.references import (
    NamedOrganisation,
    event_key,
    named_organisations,
    organisation_key,
)
from services.registry.rules.rules import inactive, misfits, overdrawn, referred_on_record, taken
from services.registry.rules.tree import circular, supposing
from shared.events.correction import FactCorrected, Replacement
from shared.events.organisation import TargetAssigned
from shared.events.person import PersonsLinked
from shared.events.receipts import Finding, Reason
from shared.events.vocabulary import MembershipStatus
from shared.timeline.book import Effect
from shared.timeline.correcting import as_corrected
from shared.timeline.fact import Fact
from shared.timeline.fold import kind_of, state_before
from shared.timeline.measures import Change
from shared.timeline.perspective import others

if TYPE_CHECKING:
    from services.registry.rules.decide import Situation


def decide_correction(fact: Fact, root: str, situation: "Situation") -> Decision:
    """Judge a correction. Whether what it says fits its timeline is the fold's to say: it counts where it does.

    Rules about others are judged now, for what it says instead, as for a new fact.
    """
    data = cast(FactCorrected, fact.data)
    if situation.folded(fact.subject) is None:
        message = f"expected {fact.subject} to be on record, found no fact about it"
        return Quarantine(Reason("unknown-subject", message), frozenset({fact.subject}))
    original = situation.original(fact)
    subjects = situation.with_first_ids((fact.subject,))
    waits_for = frozenset({*subjects, event_key(fact.source, data.corrects)})
    if original is None:
        message = f"expected event {data.corrects} of {fact.source} to be on record, found none"
        return Quarantine(Reason("unknown-target", message), waits_for)
    problem = _misdirected(fact, original)
    if problem is not None:
        return Quarantine(Reason("rule-violated", problem), waits_for)
    now = as_corrected(original, fact)
    if isinstance(now, Reason):
        return Reject(now)
    named = [] if now is None else named_organisations(now, root)
    if now is not None and (decision := _unnameable(data, now, named, root, situation)) is not None:
        return decision
    if now is not None:
        named += referred_on_record(now, situation)
    effect = situation.effect(fact)
    if now is not None:
        for problem in _misfits(now, effect, root, situation):
            return Quarantine(Reason("rule-violated", problem), waits_for | _looked_at(now, named, situation))
    # Whether an organisation fits whose own timeline the fact stands on is for the fold to say.
    beside = [each for each in named if organisation_key(each.organisation_id) not in effect.subjects]
    for problem in inactive(now or fact, beside, situation):
        keys = frozenset({fact.subject, *(organisation_key(each.organisation_id) for each in beside)})
        return Quarantine(Reason("rule-violated", problem), keys)
    for problem in circular(effect, situation):
        return Quarantine(Reason("rule-violated", problem), waits_for | above_parents(effect, situation))
    moved = _balances_moved(effect, situation)
    with supposing(effect.successions, situation):
        short = [*overdrawn((*effect.changes, *moved), situation)]
    for problem in short:
        return Quarantine(Reason("rule-violated", problem), waits_for | _balances(effect, situation))
    found = [*findings.findings(fact, situation)]
    if now is not None:
        found += findings.findings(now, situation)
        found += _stage_findings(now, effect, situation)
    found += findings.seating(fact, effect, situation)
    return Record(effect, tuple(found))


def _stage_findings(now: Fact, effect: Effect, situation: "Situation") -> Iterable[Finding]:
    """Findings from the state that the fact meets at its place, as it is corrected to and if it fits there."""
    for refolded in effect.refolded.values():
        for step in refolded.come:
            if (step.fact.source, step.fact.event_id) == (now.source, now.event_id):
                return findings.stage_findings(step, situation.rulepack)
    return ()


def _balances_moved(effect: Effect, situation: "Situation") -> list[Change]:
    """No change, of each balance that comes into other hands with the successions that an effect changes."""
    before, after = situation.lineage, situation.lineage.changed(effect.successions)
    found = []
    for ended in effect.successions:
        ends = (before.succession(ended), after.succession(ended))
        day = min(each.day for each in ends if each is not None)
        for name in before.kin(ended) | after.kin(ended):
            found += [Change(name, f"balance.{status}", day, 0) for status in get_args(MembershipStatus)]
    return found


def _balances(effect: Effect, situation: "Situation") -> frozenset[str]:
    """Whoever holds the balances that an effect takes from."""
    changes = (*effect.changes, *_balances_moved(effect, situation))
    names = {each.organisation_id for each in changes if each.measure.startswith("balance.")}
    heirs = {each.successor_id for name in names for each in situation.lineage.onward(name)}
    return frozenset(map(organisation_key, names | heirs))


def _misdirected(fact: Fact, original: Fact) -> str | None:
    if isinstance(original.data, FactCorrected):
        return (
            f"expected a fact that is no correction, found {original.event_id}, which corrects "
            f"{original.data.corrects}; correct that one again, the last correction counts"
        )
    if original.subject != fact.subject:
        return f"expected the subject of the corrected fact, {original.subject}, found {fact.subject}"
    return None


def _unnameable(
    correction: FactCorrected, now: Fact, named: list[NamedOrganisation], root: str, situation: "Situation"
) -> Decision | None:
    """Why the replacement cannot name whom or what it names: it is unknown, or another source's."""
    for each in named:
        if situation.organisation(each.organisation_id) is None:
            message = f"expected organisation {each.organisation_id} to be on record, found none"
            key = organisation_key(each.organisation_id)
            return Quarantine(Reason("unknown-organisation", message), frozenset({key}))
    unknown = unknown_target(now, situation)
    if unknown is not None:
        return unknown
    befores = before_others(now, situation) if isinstance(now.data, PersonsLinked) else {}
    foreign = not_own(now, named, root, situation) or foreign_person(now, befores, root, situation)
    return None if foreign is None else Reject(replace(foreign, path=_where(correction, foreign)))


def _misfits(now: Fact, effect: Effect, root: str, situation: "Situation") -> list[str]:
    """Rules about others that the fact breaks as it is corrected to, without what it says until now."""
    facts = situation.timeline(now.subject)
    said = next((each for each in facts if (each.source, each.event_id) == (now.source, now.event_id)), None)
    rest = (each for each in facts if each is not said)
    before = state_before(kind_of(now.subject), rest, now, situation.lineage)
    found = list(taken(now, situation)) if _gives_another_id(now, said) else []
    with supposing(dict.fromkeys(effect.successions), situation):
        return found + list(misfits(now, before, root, situation, effect.changes))


def _gives_another_id(now: Fact, said: Fact | None) -> bool:
    if not isinstance(now.data, TargetAssigned):
        return False  # its id is the subject's
    return said is None or cast(TargetAssigned, said.data).target_id != now.data.target_id


def _looked_at(now: Fact, named: list[NamedOrganisation], situation: "Situation") -> frozenset[str]:
    """What else could make the fact fit as it is corrected to."""
    named_ones = map(organisation_key, (each.organisation_id for each in named))
    seen = situation.with_first_ids(others(now))
    return above(now, named, situation) | targets_keys(now, situation) | {*seen, *named_ones}


def _where(correction: FactCorrected, found: Reason) -> str:
    """Where in the correction stands what is wrong with the fact as corrected."""
    replacement = cast(Replacement, correction.replacement)
    if replacement.data is UNSET:
        return "$.data.replacement.effectiveon"
    return f"$.data.replacement{(found.path or '').removeprefix('$')}"
