"""The decision about a FactCorrected: what it corrects, and what would stand in its place."""

from typing import TYPE_CHECKING, cast

from msgspec import UNSET
from msgspec.structs import replace

from services.registry.rules import findings
from services.registry.rules.decision import Decision, Quarantine, Record, Reject
from services.registry.rules.ownership import not_own
from services.registry.rules.references import NamedOrganisation, event_key, named_organisations, organisation_key
from services.registry.rules.rules import circular, inactive, overdrawn
from shared.events.correction import FactCorrected, Replacement
from shared.events.receipts import Reason
from shared.timeline.correcting import as_corrected
from shared.timeline.fact import Fact

if TYPE_CHECKING:
    from services.registry.rules.decide import Situation


def decide_correction(fact: Fact, root: str, situation: "Situation") -> Decision:
    """Judge a correction. Whether what it says fits its timeline is the fold's to say: it counts where it does."""
    data = cast(FactCorrected, fact.data)
    if situation.folded(fact.subject) is None:
        message = f"expected {fact.subject} to be on record, found no fact about it"
        return Quarantine(Reason("unknown-subject", message), frozenset({fact.subject}))
    original = situation.original(fact)
    waits_for = frozenset({fact.subject, event_key(fact.source, data.corrects)})
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
    effect = situation.effect(fact)
    # Whether an organisation fits whose own timeline the fact stands on is for the fold to say.
    beside = [each for each in named if organisation_key(each.organisation_id) not in effect.subjects]
    for problem in inactive(now or fact, beside, situation):
        keys = frozenset({fact.subject, *(organisation_key(each.organisation_id) for each in beside)})
        return Quarantine(Reason("rule-violated", problem), keys)
    for problem in circular(effect, situation):
        return Quarantine(Reason("rule-violated", problem), waits_for)
    for problem in overdrawn(effect.changes, situation):
        return Quarantine(Reason("rule-violated", problem), waits_for)
    found = [*findings.findings(now or fact, situation), *findings.seating(fact, effect, situation)]
    return Record(effect, tuple(found))


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
    """Why the replacement cannot name an organisation: it is unknown, or another source's."""
    for each in named:
        if situation.organisation(each.organisation_id) is None:
            message = f"expected organisation {each.organisation_id} to be on record, found none"
            key = organisation_key(each.organisation_id)
            return Quarantine(Reason("unknown-organisation", message), frozenset({key}))
    foreign = not_own(now, named, root, situation)
    return None if foreign is None else Reject(replace(foreign, path=_where(correction, foreign)))


def _where(correction: FactCorrected, found: Reason) -> str:
    """Where in the correction stands what is wrong with the fact as corrected."""
    replacement = cast(Replacement, correction.replacement)
    if replacement.data is UNSET:
        return "$.data.replacement.effectiveon"
    return f"$.data.replacement{(found.path or '').removeprefix('$')}"
