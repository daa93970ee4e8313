"""Whole timelines: what a person's facts come to, worked out at once by who has all of them. Pure.

It is what the projector writes of them position by position, as long as nobody else's facts say anything about the
person: `entangled` says of whom they may.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise, starmap
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from services.reporting.projector import rows
from services.reporting.projector.batch import STILL_KNOWN, Batch
from services.reporting.projector.person_steps import KnownStep, person_step
from services.reporting.projector.rows import Row, Table
from services.reporting.projector.spells import edges
from shared.events.recorded import Recorded
from shared.runtime.progress import Stopped
from shared.timeline.book import MAY_TRAVEL, Book
from shared.timeline.fact import Fact
from shared.timeline.fold import Folded, Step
from shared.timeline.lineage import Lineage
from shared.timeline.measures import person_changes
from shared.timeline.person import EMPTY, advance, refusal

ENTANGLING = (
    "FactCorrected",
    "PersonsLinked",
    "PersonErased",
    "OrganisationSplit",
    "OrganisationsMerged",
    "OrganisationDissolved",
)
"""Names of events that may concern other timelines than their subject's."""

_ALONE = Lineage()
"""Nothing is asked of it that would be another answer once organisations have successors."""


class Entangled(Struct, frozen=True):
    """Those whose timelines may depend on what is said of others."""

    persons: set[str]
    """As subjects."""
    organisations: set[str]
    """Ids: so may those of persons with a transfer that names one of them."""


def entangled(events: Iterable[Recorded]) -> Entangled:
    """Everybody and everything that ENTANGLING events name, in whatever part of them."""
    persons: set[str] = set()
    organisations: set[str] = set()
    for event in events:
        named = set(_strings(msgspec.to_builtins(event.data)))
        persons.update(f"person/{each}" for each in map(_uuid, named) if each is not None)
        if event.subject.startswith("person/"):
            persons.add(event.subject)
        else:
            organisations |= {event.subject.partition("/")[2], *named}
    return Entangled(persons, organisations)


def _strings(data: Any) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        for each in data.values():
            yield from _strings(each)
    elif isinstance(data, (list, tuple)):
        for each in data:
            yield from _strings(each)


def _uuid(word: str) -> UUID | None:
    try:
        return UUID(word)
    except ValueError:
        return None


class WholeTimelines:
    """Gathers what persons' timelines come to, as rows: nothing of it is looked at again."""

    def __init__(self) -> None:
        self._travels: dict[tuple[str, str], None] = {}
        self._facts: list[Row] = []
        self._deltas: list[Row] = []
        self._edges: list[Row] = []
        self._steps: list[Row] = []
        self._folds: list[Row] = []
        self._book = Book(_ALONE)

    def rows(self) -> list[tuple[Table, list[Row]]]:
        """What is to be added to the tables."""
        return [
            (rows.FACT, self._facts),
            (rows.DELTA, self._deltas),
            (rows.EDGE, self._edges),
            (rows.STEP, self._steps),
            (rows.FOLD, self._folds),
            (rows.TRAVELLER, list(self._travels)),
        ]

    def take(self, subject: str, events: Sequence[Recorded]) -> None:
        """Take in all facts of a person, in log order. Raises Stopped at one that cannot be applied."""
        facts = list(map(Fact.of_recorded, events))
        self._facts += map(rows.fact, events)
        if any(starmap(_is_late, pairwise(facts))):
            self._take_late(subject, events)
            return
        person_id = UUID(subject.partition("/")[2])
        state = EMPTY
        unseated: list[UUID] = []
        for event, fact in zip(events, facts, strict=True):
            position = event.position
            if type(fact.data) in MAY_TRAVEL:
                self._travels |= dict.fromkeys(self._book.travels(fact))
            try:
                if refusal(state, fact, _ALONE) is not None:
                    unseated.append(fact.event_id)
                    continue
                after = advance(state, fact)
                step = Step(fact, state, after)
                for change in person_changes(state, after, fact):
                    self._deltas.append(rows.delta(position, change))
                for edge in edges(step, 1):
                    self._edges.append(rows.edge(position, edge))
                known = KnownStep(person_step(person_id, step), position, STILL_KNOWN)
                self._steps.append(rows.person_step(known))
            except Exception as error:
                raise _stopped(event, error) from error
            state = after
        self._folds.append(rows.folded(subject, Folded(state, facts[-1].key, frozenset(unseated))))

    def _take_late(self, subject: str, events: Sequence[Recorded]) -> None:
        """Where facts came late, what was known in between counts too: as the projector finds it out."""
        batch = Batch(_ALONE)
        batch.book.put_folds({subject: None})
        batch.book.put_facts(subject, ())
        for event in events:
            try:
                batch.apply(event)
            except Exception as error:
                raise _stopped(event, error) from error
        self._deltas += starmap(rows.delta, batch.deltas)
        self._edges += starmap(rows.edge, batch.edges)
        self._steps += map(rows.person_step, batch.steps.known())
        self._folds += starmap(rows.folded, batch.changed_folds().items())
        self._travels |= dict.fromkeys(batch.travels)


def _is_late(before: Fact, fact: Fact) -> bool:
    """Whether a fact stands before the one that was recorded before it."""
    return fact.effectiveon <= before.effectiveon and fact.key < before.key


def _stopped(event: Recorded, error: Exception) -> Stopped:
    return Stopped(event.position, f"applying {event.type} failed: {error!r}")
