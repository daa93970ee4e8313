"""Rows: what of a projection is only ever added to, as COPY takes it. Pure."""

from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import astuple

from services.reporting.projector.person_steps import KnownStep, PersonStep
from services.reporting.projector.spells import Edge
from shared.events.recorded import Recorded
from shared.timeline import fold
from shared.timeline.fold import Folded
from shared.timeline.measures import Change

Row = tuple[Any, ...]


class Table(Struct, frozen=True):
    """A table, and its columns in the order in which rows are made."""

    name: str
    columns: tuple[str, ...]


FACT = Table("fact", ("position", "source", "event_id", "type", "subject", "effectiveon", "time", "data"))
DELTA = Table("delta", ("organisation_id", "measure", "day", "position", "change", "counterpart"))
EDGE = Table("spell_edge", ("position", *Edge.__struct_fields__))
STEP = Table("person_step", (*PersonStep.__struct_fields__, "known_from", "known_to"))
FOLD = Table("subject", ("subject", "folded"))
TRAVELLER = Table("traveller", ("organisation_id", "subject"))

_json = msgspec.json.Encoder().encode


def fact(event: Recorded) -> Row:
    """A recorded event as a fact."""
    return (
        event.position,
        event.source,
        event.event_id,
        event.entry.type,
        event.subject,
        event.effectiveon,
        event.time,
        _json(event.data).decode(),
    )


def delta(position: int, change: Change) -> Row:
    """A change with the position that made it."""
    return (change.organisation_id, change.measure, change.day, position, change.change, change.counterpart)


def edge(position: int, each: Edge) -> Row:
    """The edge of a spell with the position that made it."""
    return (position, *astuple(each))


def person_step(known: KnownStep) -> Row:
    """A step of a person's timeline, with the positions at which it is what is known."""
    return (*astuple(known.step), known.known_from, known.known_to)


def folded(subject: str, each: Folded) -> Row:
    """A subject with its fold."""
    return (subject, fold.encode(each))
