"""The projections' tables: the one place that reads for a batch and writes it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import starmap
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.persons import store as persons_store
from services.reporting.projector import rows
from services.reporting.projector.batch import Batch, Closing, KnownVersion, late_subjects
from services.reporting.projector.person_steps import Steps
from services.reporting.projector.versions import (
    HoldingVersion,
    OrganisationVersion,
    PlaceVersion,
    TargetVersion,
    Version,
)
from shared.events.organisation import OrganisationEstablished
from shared.events.recorded import Recorded, read_data
from shared.runtime.database import copy
from shared.runtime.progress import Stopped
from shared.runtime.sql import Statements, write_rows
from shared.timeline import fold
from shared.timeline.book import Unloaded
from shared.timeline.fact import Fact
from shared.timeline.lineage import Lineage, Succession

SQL = Statements("services.reporting.sql", "projector.sql")

VERSION = 5
"""Of the projections. Raise it when the same log gives other figures: `ketnap projections rebuild` is due then."""

_TABLES: dict[type[Version], str] = {
    OrganisationVersion: "organisation_version",
    HoldingVersion: "holding_version",
    PlaceVersion: "place_version",
    TargetVersion: "target_version",
}


class Checkpoint(msgspec.Struct, frozen=True):
    """How far is projected; no time before the first event."""

    position: int
    recordedat: datetime | None
    tables: int = 0
    """Which tables it is of: others, once a version that was built beside has taken their place. 0: not asked."""


async def read_checkpoint(connection: AsyncConnection) -> Checkpoint:
    """The checkpoint."""
    row = (await connection.execute(SQL["checkpoint"])).one()
    return Checkpoint(row.position, row.recordedat, row.tables)


async def lock_checkpoint(connection: AsyncConnection) -> Checkpoint:
    """The checkpoint, held so that nobody else projects until the transaction ends."""
    row = (await connection.execute(SQL["lock_checkpoint"])).one()
    return Checkpoint(row.position, row.recordedat, row.tables)


async def note_stop(connection: AsyncConnection, stopped: Stopped) -> None:
    """Write down which event cannot be applied, for whoever asks how the projections stand."""
    await connection.execute(SQL["stop"], {"position": stopped.position, "why": stopped.why})


async def read_lineage(connection: AsyncConnection) -> Lineage:
    """All successions projected so far."""
    found = await connection.execute(SQL["successions"])
    return Lineage(Succession(row.organisation_id, row.day, row.successor_id, row.targets) for row in found)


async def prepare(connection: AsyncConnection, batch: Batch, events: Sequence[Recorded]) -> None:
    """Read in one go what a batch is sure to ask for."""
    subjects = {event.subject for event in events}
    await load(connection, batch, Unloaded("subject", *subjects))
    founded = {
        event.subject.partition("/")[2] for event in events if isinstance(event.data, OrganisationEstablished)
    }
    if founded:
        await load(connection, batch, Unloaded("dependents", *founded))
    folds = {subject: folded for subject in subjects if (folded := batch.book.folded(subject)) is not None}
    late = late_subjects(events, folds)
    if late:
        await load(connection, batch, Unloaded("timeline", *late))


async def load(connection: AsyncConnection, batch: Batch, missing: Unloaded) -> None:
    """Read what a batch asks for into it."""
    keys = sorted(missing.keys)
    match missing.kind:
        case "subject":
            stored = await connection.execute(SQL["subjects"], {"subjects": keys})
            folds = {row.subject: fold.decode(fold.kind_of(row.subject), row.folded) for row in stored}
            batch.book.put_folds({subject: folds.get(subject) for subject in keys})
        case "timeline":
            facts: dict[str, list[Fact]] = {subject: [] for subject in keys}
            for row in await connection.execute(SQL["timelines"], {"subjects": keys}):
                facts[row.wanted].append(_fact(row))
            for subject, found in facts.items():
                batch.book.put_facts(subject, found)
        case "event":
            for key in keys:
                source, _, event_id = key.partition("/")
                wanted = {"source": source, "event_id": UUID(event_id)}
                event = (await connection.execute(SQL["fact"], wanted)).one_or_none()
                batch.book.put_event(source, UUID(event_id), None if event is None else _fact(event))
        case "travellers":
            persons: dict[str, set[str]] = {organisation_id: set() for organisation_id in keys}
            for row in await connection.execute(SQL["travellers"], {"organisations": keys}):
                persons[row.organisation_id].add(row.subject)
            for organisation_id, each in persons.items():
                batch.book.put_travellers(organisation_id, each)
        case "dependents":
            dependents: dict[str, set[str]] = {organisation_id: set() for organisation_id in keys}
            for row in await connection.execute(SQL["dependents"], {"ids": keys}):
                dependents[row.wanted].add(row.subject)
            for organisation_id, subjects in dependents.items():
                batch.put_dependents(organisation_id, subjects)
        case "erased":
            batch.put_erased(keys, await persons_store.erased_among(connection, keys))
        case _:
            raise missing


def _fact(row: Any) -> Fact:
    data = read_data(row.type, row.data.encode(), row.position)
    name = row.type.partition(".")[0]
    return Fact(row.event_id, row.subject, name, row.effectiveon, row.time, data, row.source)


async def write(connection: AsyncConnection, batch: Batch) -> Checkpoint:
    """Write what a batch changes and move the checkpoint, in the transaction of `connection`."""
    last = batch.facts[-1]
    # Nearly all of what a batch writes goes by COPY.
    await _add(connection, rows.FACT, map(rows.fact, batch.facts))
    await _add(connection, rows.DELTA, starmap(rows.delta, batch.deltas))
    await _add(connection, rows.EDGE, starmap(rows.edge, batch.edges))
    await write_rows(connection, SQL["put_moments"], ("recordedat", "position"), list(batch.moments.items()))
    await write_rows(
        connection,
        SQL["put_subjects"],
        ("subject", "folded"),
        list(starmap(rows.folded, batch.changed_folds().items())),
    )
    changed = [(organisation_id,) for organisation_id in batch.successions]
    await write_rows(connection, SQL["drop_successions"], ("organisation_id",), changed)
    await write_rows(
        connection,
        SQL["put_successions"],
        ("organisation_id", "day", "successor_id", "targets"),
        [
            (each.organisation_id, each.day, each.successor_id, each.targets)
            for each in batch.successions.values()
            if each is not None
        ],
    )
    await write_rows(connection, SQL["put_about"], ("subject", "position"), batch.about)
    await write_rows(connection, SQL["put_travellers"], ("organisation_id", "subject"), batch.travels)
    await _write_steps(connection, batch.steps)
    for type_, table in _TABLES.items():
        await _write_versions(connection, type_, table, batch.closings, batch.new_versions())
    if batch.erased:
        await persons_store.erase(connection, batch.erased)
    return await move_checkpoint(connection, last.position, last.recordedat)


async def move_checkpoint(connection: AsyncConnection, position: int, recordedat: datetime) -> Checkpoint:
    """Say that all is projected up to a position."""
    await connection.execute(
        SQL["move_checkpoint"], {"position": position, "recordedat": recordedat, "version": VERSION}
    )
    return Checkpoint(position, recordedat)


async def _write_steps(connection: AsyncConnection, steps: Steps) -> None:
    await write_rows(
        connection,
        SQL["close_person_steps"],
        ("person", "source", "event_id", "position"),
        [(*each.key, each.position) for each in steps.closings],
    )
    await _add(connection, rows.STEP, map(rows.person_step, steps.known()))


async def _write_versions(
    connection: AsyncConnection,
    type_: type[Version],
    table: str,
    closings: Iterable[Closing],
    known: Iterable[KnownVersion],
) -> None:
    # Closed before the new ones come, which may begin on the same days.
    await write_rows(
        connection,
        SQL[f"close_{table}"],
        ("id", "valid_from", "position"),
        [(*each.key[1:], each.position) for each in closings if each.key[0] is type_],
    )
    await write_rows(
        connection,
        SQL[f"add_{table}"],
        (*type_.__struct_fields__, "known_from", "known_to"),
        [
            (*msgspec.structs.astuple(each.version), each.known_from, each.known_to)
            for each in known
            if type(each.version) is type_
        ],
    )


async def _add(connection: AsyncConnection, table: rows.Table, made: Iterable[rows.Row]) -> None:
    await copy(connection, "reporting", table.name, table.columns, made)
