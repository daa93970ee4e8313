"""A place's timeline: the organisation it belongs to and the cell that covers it."""

from datetime import date

from msgspec import Struct

from shared.events import place as events
from shared.timeline.fact import Fact, Refusal
from shared.timeline.lineage import Lineage


class Coverage(Struct, frozen=True):
    """What holds from the day `since` until the next one."""

    since: date
    cell_id: str | None
    shared: bool


class PlaceState(Struct, frozen=True):
    """Where a place stands after a stretch of the timeline; no organisation: not registered."""

    organisation_id: str | None = None
    name: str = ""
    kind: str = ""
    tags: tuple[str, ...] = ()
    coverage: tuple[Coverage, ...] = ()


EMPTY = PlaceState()


def refusal(state: PlaceState, fact: Fact, lineage: Lineage) -> Refusal | None:
    """The hard rule of the place's own timeline that `fact` breaks in `state`, or None."""
    registered = state.organisation_id is not None
    if isinstance(fact.data, events.PlaceRegistered):
        return Refusal("rule-violated", "expected a new id, found one that is taken") if registered else None
    if not registered:
        return Refusal("wrong-stage", f"expected a place registered by {fact.effectiveon}, found none")
    return None


def advance(state: PlaceState, fact: Fact) -> PlaceState:
    """The state after a fact whose rules hold."""
    match fact.data:
        case events.PlaceRegistered() as data:
            first = Coverage(fact.effectiveon, None, shared=False)
            return PlaceState(data.organisation_id, data.name, data.kind, tuple(data.tags), (first,))
        case events.PlaceCovered() as data:
            coverage = Coverage(fact.effectiveon, data.cell_id, shared=data.shared)
            return PlaceState(
                state.organisation_id, state.name, state.kind, state.tags, (*state.coverage, coverage)
            )
        case _:
            raise TypeError(f"no fold for {fact.name} about a place")
