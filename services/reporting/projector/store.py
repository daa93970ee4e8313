"""The projections' tables: the one place that reads for a batch and writes it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.projector.batch import (
    Batch,
    Closing,
    KnownVersion,
    Situation,
    ending_organisations,
    late_subjects,
)
from services.reporting.projector.versions import (
    OrganisationVersion,
    PlaceVersion,
    TargetVersion,
    Version,
    ended_above,
)
from shared.events.recorded import Recorded, read_data
from shared.runtime.sql import Statements
from shared.timeline import fold
from shared.timeline.fact import Fact
from shared.timeline.lineage import Lineage, Succession
from shared.timeline.measures import Change

SQL = Statements("services.reporting.sql", "projector.sql")

_TABLES: dict[type[Version], str] = {
    OrganisationVersion: "organisation_version",
    PlaceVersion: "place_version",
    TargetVersion: "target_version",
}


class Checkpoint(msgspec.Struct, frozen=True):
    """How far is projected; no time before the first event."""

    position: int
    recordedat: datetime | None


async def read_checkpoint(connection: AsyncConnection, *, lock: bool = False) -> Checkpoint:
    """The checkpoint; with `lock` nobody else projects until the transaction ends."""
    row = (await connection.execute(SQL["lock_checkpoint" if lock else "checkpoint"])).one()
    return Checkpoint(row.position, row.recordedat)


async def read_lineage(connection: AsyncConnection) -> Lineage:
    """All successions projected so far."""
    rows = await connection.execute(SQL["successions"])
    return Lineage(Succession(row.organisation_id, row.day, row.successor_id) for row in rows)


async def read_situation(connection: AsyncConnection, events: Sequence[Recorded], lineage: Lineage) -> Situation:
    """What is projected already of everything that a batch touches."""
    folds = await _folds(connection, {event.subject for event in events})
    late = late_subjects(events, folds)
    ending = sorted(ending_organisations(events))
    dependents = await _dependents(connection, ending)
    folds |= await _folds(connection, set().union(*dependents.values()) - folds.keys())
    folds |= await _folds(connection, _above(events, folds, lineage) - folds.keys())
    return Situation(
        lineage, folds, await _timelines(connection, late), await _held(connection, ending), dependents
    )


def _above(events: Iterable[Recorded], folds: dict[str, fold.Folded], lineage: Lineage) -> set[str]:
    """Organisations that have ended, or end in the batch, above those that it touches."""
    ended = {each for folded in folds.values() for each in ended_above(folded.state, lineage)}
    for event in events:
        for member in ("parent_id", "successor_id"):
            named = getattr(event.data, member, None)
            if named is not None:
                ended.update(each.organisation_id for each in lineage.onward(named))
    return {f"organisation/{each}" for each in ended}


async def _folds(connection: AsyncConnection, subjects: Iterable[str]) -> dict[str, fold.Folded]:
    wanted = sorted(subjects)
    if not wanted:
        return {}
    rows = await connection.execute(SQL["subjects"], {"subjects": wanted})
    return {row.subject: fold.decode(fold.kind_of(row.subject), row.folded) for row in rows}


async def _timelines(connection: AsyncConnection, subjects: set[str]) -> dict[str, list[Fact]]:
    found: dict[str, list[Fact]] = {subject: [] for subject in subjects}
    if subjects:
        for row in await connection.execute(SQL["timelines"], {"subjects": sorted(subjects)}):
            data = read_data(row.type, row.data.encode(), 0)
            name = row.type.partition(".")[0]
            found[row.subject].append(Fact(row.event_id, row.subject, name, row.effectiveon, row.time, data))
    return found


async def _held(connection: AsyncConnection, ending: list[str]) -> dict[str, list[Change]]:
    found: dict[str, list[Change]] = {organisation_id: [] for organisation_id in ending}
    if ending:
        for row in await connection.execute(SQL["held"], {"ids": ending}):
            change = Change(row.organisation_id, row.measure, row.day, row.change, row.counterpart)
            found[row.wanted].append(change)
    return found


async def _dependents(connection: AsyncConnection, ending: list[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {organisation_id: set() for organisation_id in ending}
    if ending:
        for row in await connection.execute(SQL["dependents"], {"ids": ending}):
            found[row.wanted].add(row.subject)
    return found


async def write(connection: AsyncConnection, batch: Batch) -> Checkpoint:
    """Write what a batch changes and move the checkpoint, in the transaction of `connection`."""
    last = batch.facts[-1]
    await _columns(
        connection,
        "add_facts",
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
            for event in batch.facts
        ],
    )
    await _columns(connection, "put_moments", ("recordedat", "position"), list(batch.moments.items()))
    await _columns(
        connection,
        "put_subjects",
        ("subject", "folded"),
        [(subject, fold.encode(folded)) for subject, folded in batch.changed_folds().items()],
    )
    await _columns(
        connection,
        "put_successions",
        ("organisation_id", "day", "successor_id"),
        [(each.organisation_id, each.day, each.successor_id) for each in batch.successions],
    )
    await _columns(
        connection,
        "add_deltas",
        ("organisation_id", "measure", "day", "position", "change", "counterpart"),
        [
            (each.organisation_id, each.measure, each.day, position, each.change, each.counterpart)
            for position, each in batch.deltas
        ],
    )
    for type_, table in _TABLES.items():
        await _write_versions(connection, type_, table, batch.closings, batch.new_versions())
    await connection.execute(SQL["move_checkpoint"], {"position": last.position, "recordedat": last.recordedat})
    return Checkpoint(last.position, last.recordedat)


async def _write_versions(
    connection: AsyncConnection,
    type_: type[Version],
    table: str,
    closings: Iterable[Closing],
    known: Iterable[KnownVersion],
) -> None:
    # Closed before the new ones come, which may begin on the same days.
    await _columns(
        connection,
        f"close_{table}",
        ("id", "valid_from", "position"),
        [(*each.key[1:], each.position) for each in closings if each.key[0] is type_],
    )
    await _columns(
        connection,
        f"add_{table}",
        (*type_.__struct_fields__, "known_from", "known_to"),
        [
            (*msgspec.structs.astuple(each.version), each.known_from, each.known_to)
            for each in known
            if type(each.version) is type_
        ],
    )


async def _columns(
    connection: AsyncConnection, statement: str, names: Sequence[str], rows: Sequence[Sequence[Any]]
) -> None:
    if rows:
        columns = zip(*rows, strict=True)
        await connection.execute(SQL[statement], dict(zip(names, map(list, columns), strict=True)))
