"""Hard rules about targets that look beyond one timeline: new ids, heirs who revise, one target for one aim."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from services.registry.rules.references import organisation_key
from shared.events.organisation import TargetAssigned
from shared.timeline.fact import Fact
from shared.timeline.fold import State
from shared.timeline.organisation import OrganisationState
from shared.timeline.targets import Standing, standings

if TYPE_CHECKING:
    from services.registry.rules.decide import Situation


def taken(fact: Fact, situation: "Situation") -> Iterator[str]:
    """That the id of an assignment is taken: also by one that counts nothing now, which may yet fit again."""
    target_id = cast(TargetAssigned, fact.data).target_id
    owner = situation.target_owner(target_id)
    if owner is None:
        return  # nearly always
    said = (each.data for each in situation.timeline(organisation_key(owner)))
    if any(isinstance(each, TargetAssigned) and each.target_id == target_id for each in said):
        yield f"expected a new target id, found {target_id} assigned to {owner}"


def assignment(fact: Fact, before: State, situation: "Situation") -> Iterator[str]:
    """What an assignment breaks besides: a target that was taken over has its aim.

    `before` is the organisation's state at the fact's place, without what a correction says otherwise.
    """
    assert isinstance(before, OrganisationState)
    data = cast(TargetAssigned, fact.data)
    aim = (data.metric, data.basis, data.issuer_id, data.from_, data.to)
    for each in held_by(fact.subject_id, situation, before):
        if each.target.aim == aim and each.since <= fact.effectiveon < each.until:
            yield (
                f"expected one active target for {data.metric}, {data.basis}, issuer {data.issuer_id}, "
                f"{data.from_} to {data.to}, found {each.target.target_id}, taken over from {each.assigned_to}"
            )


def revision(fact: Fact, target_id: str, before: State, situation: "Situation") -> Iterator[str]:
    """What a revision or withdrawal breaks: the target is another organisation's, or stands no more.

    `before` is the organisation's state at the fact's place: what it says later of the target counts not yet.
    """
    assert isinstance(before, OrganisationState)
    owner = situation.target_owner(target_id)
    assert owner is not None
    day = fact.effectiveon
    if owner == fact.subject_id:
        state = situation.organisation(owner)
        target = next((each for each in state.targets if each.target_id == target_id), None) if state else None
        if target is None or target.since > day:
            yield f"expected target {target_id} to be assigned by {day}, found it is not"
        return
    found = [each for each in held_by(fact.subject_id, situation, before) if each.target.target_id == target_id]
    if not any(each.since <= day < each.until for each in found):
        yield f"expected target {target_id} to be {fact.subject_id}'s on {day}, found it assigned to {owner}"


def held_by(
    organisation_id: str, situation: "Situation", state: OrganisationState | None = None
) -> list[Standing]:
    """Targets that the organisation took over, each with the days on which it holds it; `state` is its own."""
    if not situation.lineage.before(organisation_id):
        return []
    kin = situation.lineage.kin(organisation_id)
    situation.ask_folds(f"organisation/{each}" for each in kin)
    states = {each: found for each in kin if (found := situation.organisation(each)) is not None}
    if state is not None:
        states[organisation_id] = state
    return [
        each
        for each in standings(states, situation.lineage)
        if each.holder == organisation_id and each.assigned_to != organisation_id
    ]
