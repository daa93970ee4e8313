"""What an event meets besides its own subject's timeline: others whom it is about, and what stands above them."""

from typing import TYPE_CHECKING, cast

from services.registry.rules.decision import Quarantine
from services.registry.rules.references import (
    NamedOrganisation,
    named_person,
    named_target,
    organisation_key,
    person_key,
    target_key,
)
from services.registry.rules.tree import supposing, ways_up
from shared.events import organisation
from shared.events.person import PersonsLinked
from shared.events.receipts import Reason
from shared.timeline.book import Effect
from shared.timeline.fact import Fact
from shared.timeline.fold import State, empty, goes_at_end, kind_of, state_before
from shared.timeline.organisation import OrganisationState
from shared.timeline.perspective import others, seen_by

if TYPE_CHECKING:
    from services.registry.rules.decide import Situation


def before_others(fact: Fact, situation: "Situation") -> dict[str, State]:
    """The states that the event meets on the timelines of others whom it is about, by their ids in the event.

    Whom a split lists by a second id is found on the timeline of the first one.
    """
    about = others(fact)
    if not about:
        return {}  # nearly always
    situation.ask_folds(about)
    views = {subject: cast(Fact, seen_by(fact, subject)) for subject in about}
    linked = isinstance(fact.data, PersonsLinked)
    on = {subject: subject if linked else situation.main_timeline(view) for subject, view in views.items()}
    folds = {subject: situation.folded(on[subject]) or empty(kind_of(subject)) for subject in about}
    late = [subject for subject in about if not goes_at_end(folds[subject], views[subject])]
    situation.ask_facts(on[subject] for subject in late)
    found = {subject: folds[subject].state for subject in about}
    for subject in late:
        facts = situation.timeline(on[subject])
        found[subject] = state_before(kind_of(subject), facts, views[subject], situation.lineage)
    return found


def above(fact: Fact, named: list[NamedOrganisation], situation: "Situation") -> frozenset[str]:
    """What stands above organisations that must not lie under others: it may yet move, or be taken over."""
    match fact.data:
        case organisation.OrganisationsMerged():
            below = [fact.subject_id]
        case organisation.OrganisationDissolved() | organisation.OrganisationReparented():
            below = [each.organisation_id for each in named]
        case _:
            return frozenset()
    ways = (way for each in below for _, way in ways_up(each, fact.effectiveon, situation))
    return frozenset(organisation_key(each) for way in ways for each in way)


def above_parents(effect: Effect, situation: "Situation") -> frozenset[str]:
    """What stands above the parents that an effect gives to organisations, and all kin of those that it ends."""
    parents = [
        (segment.parent_id, segment.since)
        for folded in effect.folds.values()
        if isinstance(folded.state, OrganisationState)
        for segment in folded.state.segments
        if segment.parent_id is not None
    ]
    with supposing(effect.successions, situation):
        ways = [way for parent, since in parents for _, way in ways_up(parent, since, situation)]
    kin = (situation.lineage.changed(effect.successions).kin(ended) for ended in effect.successions)
    return frozenset(organisation_key(each) for found in (*ways, *kin) for each in found)


def unknown_target(fact: Fact, situation: "Situation") -> Quarantine | None:
    """What the event waits for if it names a target or another person of which nothing is on record."""
    target_id = named_target(fact)
    if target_id is not None and situation.target_owner(target_id) is None:
        message = f"expected target {target_id} to be on record, found none"
        return Quarantine(Reason("unknown-target", message), frozenset({target_key(target_id)}))
    other = named_person(fact)
    if other is not None and situation.folded(person_key(other)) is None:
        message = f"expected person {other} to be on record, found no fact about them"
        return Quarantine(Reason("unknown-target", message), frozenset({person_key(other)}))
    return None


def targets_keys(fact: Fact, situation: "Situation") -> frozenset[str]:
    """What an event that names a target may wait for: the target, and whoever holds it or others of its kin."""
    match fact.data:
        case (
            organisation.TargetAssigned(target_id=target_id)
            | organisation.TargetRevised(target_id=target_id)
            | organisation.TargetWithdrawn(target_id=target_id)
        ):
            owner = situation.target_owner(target_id)
            holders = situation.lineage.kin(fact.subject_id) | ({owner} if owner is not None else set())
            return frozenset({target_key(target_id), *map(organisation_key, holders)})
    return frozenset()
