"""The tables of the projection: the one place that reads and writes what the notifier knows of the log."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, cast
from uuid import UUID

import msgspec
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.rules.attained import Target
from services.notifier.rules.counting import ActiveDays, Holding, Placement, Seat
from shared.events.catalogue import CATALOGUE
from shared.events.recorded import Recorded, read_data
from shared.runtime.database import copy
from shared.runtime.progress import Stopped
from shared.runtime.sql import Statements, write_rows
from shared.timeline import fold
from shared.timeline.book import Book, Unloaded
from shared.timeline.fact import Fact
from shared.timeline.fold import Folded
from shared.timeline.lineage import Lineage, Succession
from shared.timeline.organisation import OrganisationState

SQL = Statements("services.notifier.sql", "projection.sql")

VERSION = 3
"""Of the projection. Raise it when the same log gives other figures: `ketnap projections rebuild` is due then."""


class Checkpoint(msgspec.Struct, frozen=True):
    """Last position applied, and last position that rules have judged."""

    position: int
    evaluated: int
    tables: int
    """Which tables it is of: others, once a version that was built beside has taken their place."""


async def checkpoint(connection: AsyncConnection, *, lock: bool = False) -> Checkpoint:
    """Where the projection stands; `lock` makes every other one that applies wait."""
    row = (await connection.execute(SQL["lock_checkpoint" if lock else "checkpoint"])).one()
    return Checkpoint(row.position, row.evaluated, row.tables)


async def move_checkpoint(connection: AsyncConnection, position: int) -> None:
    """Say that the log is applied up to a position."""
    await connection.execute(SQL["move_checkpoint"], {"position": position, "version": VERSION})


async def note_stop(connection: AsyncConnection, stopped: Stopped) -> None:
    """Write down which event cannot be applied, for whoever asks how the projection stands."""
    await connection.execute(SQL["stop"], {"position": stopped.position, "why": stopped.why})


async def mark_evaluated(connection: AsyncConnection) -> None:
    """Say that the rules have judged all that is applied."""
    await connection.execute(SQL["mark_evaluated"])


async def read_lineage(connection: AsyncConnection) -> Lineage:
    """All successions on record."""
    rows = await connection.execute(SQL["successions"])
    return Lineage(Succession(row.organisation_id, row.day, row.successor_id, row.targets) for row in rows)


async def put_successions(connection: AsyncConnection, changed: Mapping[str, Succession | None]) -> None:
    """Write how organisations end whose end has changed; None: with no successor."""
    await write_rows(connection, SQL["drop_successions"], ("organisation_id",), [(each,) for each in changed])
    rows = [
        (each.organisation_id, each.day, each.successor_id, each.targets)
        for each in changed.values()
        if each is not None
    ]
    await write_rows(
        connection, SQL["put_successions"], ("organisation_id", "day", "successor_id", "targets"), rows
    )


async def put_about(connection: AsyncConnection, about: Sequence[tuple[str, int]]) -> None:
    """Write subjects that facts are about besides their own."""
    await write_rows(connection, SQL["put_about"], ("subject", "position"), about)


async def put_travellers(connection: AsyncConnection, travels: Sequence[tuple[str, str]]) -> None:
    """Write persons with a transfer, and the organisations that it names."""
    await write_rows(connection, SQL["put_travellers"], ("organisation_id", "subject"), travels)


async def put_facts(connection: AsyncConnection, events: Iterable[Recorded]) -> None:
    """Keep facts for the day a late one arrives."""
    rows = [
        (
            event.position,
            event.source,
            event.subject,
            event.event_id,
            event.entry.type,
            event.effectiveon,
            event.time,
            _data(event),
        )
        for event in events
    ]
    names = ("position", "source", "subject", "event_id", "type", "effectiveon", "time", "data")
    await copy(connection, "notifier", "fact", names, rows)


def _data(event: Recorded) -> str:
    data = event.data
    if getattr(data, "profile", None) is not None:
        # Nothing here asks for it, so there is nothing here to erase.
        data = replace(data, profile=None)
    return msgspec.json.encode(data).decode()


async def load(connection: AsyncConnection, book: Book, missing: Unloaded) -> None:
    """Read what a book asks for into it."""
    keys = sorted(missing.keys)
    match missing.kind:
        case "subject":
            rows = await connection.execute(SQL["subjects"], {"subjects": keys})
            folds = {row.subject: fold.decode(fold.kind_of(row.subject), row.folded) for row in rows}
            book.put_folds({subject: folds.get(subject) for subject in keys})
        case "timeline":
            facts: dict[str, list[Fact]] = {subject: [] for subject in keys}
            for row in await connection.execute(SQL["timelines"], {"subjects": keys}):
                facts[row.wanted].append(_fact(row))
            for subject, found in facts.items():
                book.put_facts(subject, found)
        case "event":
            for key in keys:
                source, _, event_id = key.partition("/")
                wanted = {"source": source, "event_id": UUID(event_id)}
                event = (await connection.execute(SQL["fact"], wanted)).one_or_none()
                book.put_event(source, UUID(event_id), None if event is None else _fact(event))
        case "travellers":
            persons: dict[str, set[str]] = {organisation_id: set() for organisation_id in keys}
            for row in await connection.execute(SQL["travellers"], {"organisations": keys}):
                persons[row.organisation_id].add(row.subject)
            for organisation_id, each in persons.items():
                book.put_travellers(organisation_id, each)
        case _:
            raise missing


def _fact(row: Any) -> Fact:
    data = read_data(row.type, row.data.encode(), row.position)
    name = CATALOGUE[row.type].name
    return Fact(row.event_id, row.subject, name, row.effectiveon, row.time, data, row.source)


async def organisations(connection: AsyncConnection, ids: Iterable[str]) -> dict[str, OrganisationState]:
    """The states of those organisations that are known."""
    rows = await connection.execute(SQL["subjects"], {"subjects": [f"organisation/{each}" for each in ids]})
    found = {row.subject: fold.decode(fold.kind_of(row.subject), row.folded) for row in rows}
    return {subject.partition("/")[2]: cast(OrganisationState, folded.state) for subject, folded in found.items()}


async def put_folds(connection: AsyncConnection, folded: dict[str, Folded]) -> None:
    """Write folds."""
    rows = [(subject, fold.encode(each)) for subject, each in sorted(folded.items())]
    await write_rows(connection, SQL["put_subjects"], ("subject", "folded"), rows)


async def add_tallies(connection: AsyncConnection, changes: dict[tuple[str, str, date], int]) -> None:
    """Add signed changes to what stands there."""
    rows = [(*key, amount) for key, amount in sorted(changes.items()) if amount]
    await write_rows(connection, SQL["add_tallies"], ("organisation_id", "measure", "day", "amount"), rows)


async def seated_under(connection: AsyncConnection, ended: Sequence[str]) -> list[str]:
    """Subjects whose place in the tree named one of these organisations."""
    return list((await connection.execute(SQL["seated_under"], {"organisations": list(ended)})).scalars())


async def put_placements(connection: AsyncConnection, ids: Sequence[str], found: Iterable[Placement]) -> None:
    """Write the tree anew for these organisations."""
    await connection.execute(SQL["clear_placements"], {"organisations": list(ids)})
    rows = [(each.organisation_id, each.since, each.until, each.parent_id) for each in found]
    await write_rows(connection, SQL["put_placements"], ("organisation_id", "since", "until", "parent_id"), rows)


async def put_holdings(connection: AsyncConnection, ids: Sequence[str], found: Iterable[Holding]) -> None:
    """Write anew who holds what was these organisations'."""
    await connection.execute(SQL["clear_holdings"], {"organisations": list(ids)})
    rows = [(each.organisation_id, each.since, each.until, each.holder) for each in found]
    await write_rows(connection, SQL["put_holdings"], ("organisation_id", "since", "until", "holder"), rows)


async def put_active_days(connection: AsyncConnection, found: Iterable[ActiveDays]) -> None:
    """Write when organisations are active."""
    rows = [(each.organisation_id, each.founded, each.ended) for each in found]
    await write_rows(connection, SQL["put_active_days"], ("organisation_id", "founded", "ended"), rows)


async def put_seats(connection: AsyncConnection, ids: Sequence[str], found: Iterable[Seat]) -> None:
    """Write whose these places are and what covers them anew."""
    await connection.execute(SQL["clear_coverage"], {"places": list(ids)})
    rows = [(each.place_id, each.since, each.until, each.organisation_id, each.cell_id) for each in found]
    await write_rows(
        connection, SQL["put_coverage"], ("place_id", "since", "until", "organisation_id", "cell_id"), rows
    )


async def covered_by(connection: AsyncConnection, cells: Iterable[str]) -> list[str]:
    """Whose places these cells cover."""
    return list((await connection.execute(SQL["covered_by"], {"cells": list(cells)})).scalars())


async def put_targets(connection: AsyncConnection, ids: Sequence[str], found: Iterable[Target]) -> set[str]:
    """Write the targets of these organisations anew; gives the ids of those that they had."""
    had = set(await connection.scalars(SQL["clear_targets"], {"organisations": list(ids)}))
    names = Target.__struct_fields__
    await write_rows(
        connection, SQL["put_targets"], names, [tuple(getattr(each, name) for name in names) for each in found]
    )
    return had
