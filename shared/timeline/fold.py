"""The fold of a timeline: facts in their order, each applied where its rules hold and passed over where not."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, Protocol, TypeVar, cast
from uuid import UUID

import msgspec
from msgspec import Struct

from shared.events.catalogue import SubjectKind
from shared.timeline import organisation, person, place
from shared.timeline.fact import Fact, OrderKey, Refusal
from shared.timeline.lineage import Lineage

S = TypeVar("S")
State = person.PersonState | organisation.OrganisationState | place.PlaceState


class Rules(Protocol):
    """What the module of each kind of subject offers."""

    EMPTY: Any

    def refusal(self, state: Any, fact: Fact, lineage: Lineage) -> Refusal | None: ...
    def advance(self, state: Any, fact: Fact) -> Any: ...


RULES: dict[SubjectKind, Rules] = {
    "organisation": organisation,
    "person": person,
    "place": place,
}


class Step(Struct, frozen=True, gc=False):
    """One fact of a timeline that counts, with the state on both sides of it."""

    fact: Fact
    before: State
    after: State


class Folded(Struct, frozen=True, gc=False):
    """The state at the end of a timeline, the place of its last fact, and the facts that count nothing."""

    state: State
    last: OrderKey | None = None
    unseated: frozenset[UUID] = frozenset()


class Refolded(Struct, frozen=True):
    """Of a timeline that is folded again: the steps that are no more, and those that are there instead."""

    gone: tuple[Step, ...]
    come: tuple[Step, ...]


class _Stored(Struct, Generic[S]):
    state: S
    last: OrderKey | None
    unseated: frozenset[UUID]


_DECODERS: dict[SubjectKind, msgspec.json.Decoder[Any]] = {
    "organisation": msgspec.json.Decoder(_Stored[organisation.OrganisationState]),
    "person": msgspec.json.Decoder(_Stored[person.PersonState]),
    "place": msgspec.json.Decoder(_Stored[place.PlaceState]),
}


def encode(folded: Folded) -> bytes:
    """A fold as JSON, to be stored."""
    return msgspec.json.encode(folded)


def decode(kind: SubjectKind, stored: bytes) -> Folded:
    """A fold that `encode` wrote."""
    found = _DECODERS[kind].decode(stored)
    return Folded(found.state, found.last, found.unseated)


def kind_of(subject: str) -> SubjectKind:
    """`person` of `person/7f3c…`."""
    if subject.startswith("person/"):
        return "person"  # nearly always
    return cast(SubjectKind, subject.partition("/")[0])


def empty(kind: SubjectKind) -> Folded:
    """A timeline without facts."""
    return Folded(RULES[kind].EMPTY)


def refusal(kind: SubjectKind, state: State, fact: Fact, lineage: Lineage) -> Refusal | None:
    """Why `fact` does not fit after `state`, or None."""
    return RULES[kind].refusal(state, fact, lineage)


def steps(kind: SubjectKind, facts: Iterable[Fact], lineage: Lineage) -> Iterator[Step]:
    """The facts that count, in timeline order."""
    rules = RULES[kind]
    state = rules.EMPTY
    for fact in sorted(facts, key=lambda each: each.key):
        if rules.refusal(state, fact, lineage) is None:
            after = rules.advance(state, fact)
            yield Step(fact, state, after)
            state = after


def fold(kind: SubjectKind, facts: Iterable[Fact], lineage: Lineage) -> Folded:
    """Fold a whole timeline, in whatever order its facts are given."""
    facts = list(facts)
    return folded(kind, facts, list(steps(kind, facts, lineage)))


def folded(kind: SubjectKind, facts: Sequence[Fact], counting: Sequence[Step]) -> Folded:
    """The fold of `facts`, of which those in `counting`, in timeline order, count."""
    state = counting[-1].after if counting else RULES[kind].EMPTY
    last = max((fact.key for fact in facts), default=None)
    unseated = {fact.event_id for fact in facts} - {step.fact.event_id for step in counting}
    return Folded(state, last, frozenset(unseated))


def refolded(was: Sequence[Step], becomes: Sequence[Step]) -> Refolded:
    """What differs between two folds of a timeline."""
    before = {(step.fact.source, step.fact.event_id): step for step in was}
    after = {(step.fact.source, step.fact.event_id): step for step in becomes}
    gone = tuple(step for key, step in before.items() if after.get(key) != step)
    return Refolded(gone, tuple(step for key, step in after.items() if before.get(key) != step))


def goes_at_end(folded: Folded, fact: Fact) -> bool:
    """Whether `fact` comes after all facts of the timeline, so that the stored fold is enough."""
    return folded.last is None or folded.last < fact.key


def extend(kind: SubjectKind, folded: Folded, fact: Fact) -> tuple[Folded, Step]:
    """Add a fact that goes at the end and whose rules hold."""
    step = Step(fact, folded.state, RULES[kind].advance(folded.state, fact))
    return Folded(step.after, fact.key, folded.unseated), step


def state_before(kind: SubjectKind, facts: Iterable[Fact], fact: Fact, lineage: Lineage) -> State:
    """The state that `fact` meets at its own place in the timeline."""
    state: State = RULES[kind].EMPTY
    for step in steps(kind, (each for each in facts if each.key < fact.key), lineage):
        state = step.after
    return state
