"""What a reorganisation moves, for who asks before it happens: counted in the old hands and in the new ones."""

from collections import Counter
from collections.abc import Set
from datetime import date
from typing import TYPE_CHECKING

from msgspec import Struct

from shared.events import organisation
from shared.events.receipts import Finding
from shared.events.vocabulary import TargetMerging
from shared.timeline.fact import Fact
from shared.timeline.fold import State
from shared.timeline.organisation import OrganisationState
from shared.timeline.place import PlaceState
from shared.timeline.targets import standings

if TYPE_CHECKING:
    from services.registry.rules.decide import Situation

_DONE = {"sum": "added up where they agree", "keep": "kept", "void": "withdrawn"}


class Move(Struct, frozen=True):
    """From whom to whom on which day; `targets` is None where targets, children and places stay."""

    givers: tuple[str, ...]
    takers: tuple[str, ...]
    day: date
    targets: TargetMerging | None


class Held(Struct, frozen=True):
    """Members (those in balances included) and open candidates, by who holds them."""

    members: dict[str, int]
    candidates: dict[str, int]


class Before(Struct, frozen=True):
    """What is there before a move: people, and what the givers have of children, places and targets."""

    move: Move
    people: Held
    children: int
    places: int
    targets: int


def move_of(fact: Fact) -> Move | None:
    """The move that a fact is; None of any other fact."""
    match fact.data:
        case organisation.OrganisationsMerged(sources=sources, targets=targets):
            return Move(sources, (fact.subject_id,), fact.effectiveon, targets)
        case organisation.OrganisationDissolved(successor_id=str(successor_id)):
            return Move((fact.subject_id,), (successor_id,), fact.effectiveon, "keep")
        case organisation.OrganisationSplit(allocations=allocations):
            takers = tuple(dict.fromkeys(each.organisation_id for each in allocations))
            return Move((fact.subject_id,), takers, fact.effectiveon, None)
    return None


def held(move: Move, situation: "Situation") -> Held:
    """Whom everybody in the move holds on the evening of its day: in the old hands before it is recorded."""
    members: Counter[str] = Counter()
    candidates: Counter[str] = Counter()
    for organisation_id in dict.fromkeys((*move.givers, *move.takers)):
        for change in situation.headcount(organisation_id):
            if change.day <= move.day:
                group = candidates if change.measure.startswith("candidates.") else members
                group[organisation_id] += change.change
    return Held(dict(members), dict(candidates))


def targets_of(move: Move, situation: "Situation") -> list[str]:
    """Targets that the givers hold when the day begins."""
    found: set[str] = set()
    for giver in move.givers:
        kin = situation.lineage.kin(giver)
        situation.ask_folds(f"organisation/{each}" for each in kin)
        states = {each: state for each in kin if (state := situation.organisation(each)) is not None}
        found |= {
            each.target.target_id
            for each in standings(states, situation.lineage)
            if each.holder in move.givers and each.since < move.day <= each.until
        }
    return sorted(found)


def belongs(state: State, names: Set[str]) -> bool:
    """Whether an active organisation or a place belongs to one of these directly."""
    match state:
        case OrganisationState(ended_on=None, segments=segments) if segments:
            return segments[-1].parent_id in names
        case PlaceState(organisation_id=organisation_id, coverage=coverage):
            return organisation_id in names or bool(coverage and coverage[-1].cell_id in names)
    return False


def finding(there: Before, after: Held) -> Finding:
    """Says what moves, and how many are there before and after."""
    move, before = there.move, there.people
    given = [f"{_moved(before.members, after.members, move)} members"]
    given.append(f"{_moved(before.candidates, after.candidates, move)} open candidates")
    if move.targets is not None:
        given += [f"{there.children} organisations", f"{there.places} places"]
        given.append(f"{there.targets} targets ({_DONE[move.targets]})")
    sums = (
        f"members {sum(before.members.values())} before and {sum(after.members.values())} after, "
        f"open candidates {sum(before.candidates.values())} and {sum(after.candidates.values())}"
    )
    who = f"from {', '.join(move.givers)} to {', '.join(move.takers)} on {move.day}"
    return Finding("moves", f"{who}: {', '.join(given)}; in all {sums}")


def _moved(before: dict[str, int], after: dict[str, int], move: Move) -> int:
    return sum(before.get(giver, 0) - after.get(giver, 0) for giver in move.givers)
