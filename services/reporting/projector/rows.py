"""Rows: what of a projection is only ever added to, as COPY takes it. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from services.reporting.projector.person_steps import KnownStep, PersonStep
from services.reporting.projector.spells import Edge
from shared.events.recorded import Recorded
from shared.timeline import fold
from shared.timeline.fold import Folded
from shared.timeline.measures import Change

Row = tuple[Any, ...]


class Rows(Struct, frozen=True):
    """Rows of one table."""

    table: str
    columns: tuple[str, ...]
    rows: Sequence[Row]


def facts(events: Iterable[Recorded]) -> Rows:
    """Recorded events as facts."""
    return Rows(
        "fact",
        ("position", "source", "event_id", "type", "subject", "effectiveon", "time", "data"),
        [
            (
                event.position,
                event.source,
                event.event_id,
                event.entry.type,
                event.subject,
                event.effectiveon,
                event.time,
                msgspec.json.encode(event.data).decode(),
            )
            for event in events
        ],
    )


def deltas(changes: Iterable[tuple[int, Change]]) -> Rows:
    """Changes with the positions that made them."""
    return Rows(
        "delta",
        ("organisation_id", "measure", "day", "position", "change", "counterpart"),
        [
            (each.organisation_id, each.measure, each.day, position, each.change, each.counterpart)
            for position, each in changes
        ],
    )


def edges(found: Iterable[tuple[int, Edge]]) -> Rows:
    """Edges of spells with the positions that made them."""
    return Rows(
        "spell_edge",
        ("position", *Edge.__struct_fields__),
        [(position, *msgspec.structs.astuple(each)) for position, each in found],
    )


def person_steps(known: Iterable[KnownStep]) -> Rows:
    """Steps of persons' timelines."""
    return Rows(
        "person_step",
        (*PersonStep.__struct_fields__, "known_from", "known_to"),
        [(*msgspec.structs.astuple(each.step), each.known_from, each.known_to) for each in known],
    )


def folds(folded: Mapping[str, Folded]) -> Rows:
    """Subjects with their folds."""
    return Rows("subject", ("subject", "folded"), [(name, fold.encode(each)) for name, each in folded.items()])
