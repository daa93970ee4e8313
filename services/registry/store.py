"""The registry's tables: the one place that reads for the writer and commits its turns."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.registry import log_copy
from services.registry.appending import held_already
from services.registry.deliveries import Delivery, SourceProgress, Waiting
from services.registry.lease import Fenced, Head
from services.registry.sealing import Wrapped
from services.registry.situation import LoadedSituation
from services.registry.turn import Turn
from shared.events.receipts import Reason
from shared.events.recorded import read_content, read_recorded
from shared.runtime.database import array, copy_encoded
from shared.runtime.sql import Statements
from shared.timeline import fold
from shared.timeline.book import Unloaded
from shared.timeline.fact import Fact
from shared.timeline.lineage import Lineage, Succession
from shared.timeline.measures import Change

SQL = Statements("services.registry.sql", "turn.sql")


async def read_lineage(engine: AsyncEngine) -> Lineage:
    """All successions on record."""
    async with engine.connect() as connection:
        rows = await connection.execute(SQL["successions"])
        return Lineage(Succession(row.organisation_id, row.day, row.successor_id, row.targets) for row in rows)


_REPLACED = "another registry has become the writer; this one stands by"
KNOWN_KEYS = 50_000
"""Keys that the quarantine waits for, and ids that wait, are kept in memory up to this many; beyond, turns ask."""


async def read_waited_for(engine: AsyncEngine) -> set[str] | None:
    """The keys that stored events wait for; None where they are too many to know."""
    async with engine.connect() as connection:
        keys = await connection.scalars(SQL["waited_for"], {"limit": KNOWN_KEYS + 1})
        found = set(keys)
    return found if len(found) <= KNOWN_KEYS else None


async def read_quarantined(engine: AsyncEngine) -> set[tuple[str, int]] | None:
    """Source and event id, as a number, of all that waits; None where it is too much to know."""
    async with engine.connect() as connection:
        rows = (await connection.execute(SQL["quarantined_ids"], {"limit": KNOWN_KEYS + 1})).all()
    return {(row.source, row.event_id.int) for row in rows} if len(rows) <= KNOWN_KEYS else None


async def read_sources(engine: AsyncEngine) -> dict[str, SourceProgress]:
    """All sources ever registered; removed ones may still have messages to settle."""
    async with engine.connect() as connection:
        rows = (await connection.execute(SQL["sources"])).all()
    return {
        row.source: SourceProgress(
            row.source,
            row.root,
            row.settled,
            row.last_seen,
            msgspec.json.decode(row.sequences, type=list[tuple[int, int]]),
            msgspec.json.decode(row.lost, type=list[tuple[int, int]]),
        )
        for row in rows
    }


class StoreReader:
    """Reads for one turn on one connection; a `Reader`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def held(self, ids: Iterable[tuple[str, UUID]]) -> list[Any]:
        """Rows (source, event_id, content_hash, position) of those ids that are held."""
        ids = list(ids)
        wanted = {"sources": array([source for source, _ in ids]), "ids": array([event_id for _, event_id in ids])}
        return list((await self._connection.execute(SQL["held_ids"], wanted)).all())

    async def anyone_waits(self) -> bool:
        """Whether the quarantine holds anything."""
        return bool(await self._connection.scalar(SQL["anyone_waits"]))

    async def load(self, situation: LoadedSituation, missing: Unloaded) -> None:
        """Read what was asked for into the situation."""
        loads = {
            "subject": self._load_subjects,
            "timeline": self._load_timelines,
            "event": self._load_events,
            "travellers": self._load_travellers,
            "target": self._load_targets,
            "headcount": self._load_headcounts,
        }
        await loads[missing.kind](situation, missing.keys)

    async def attached(self, organisations: Iterable[str]) -> list[str]:
        """Subjects of active organisations and of places that belong to these directly."""
        rows = await self._connection.execute(SQL["attached"], {"organisations": list(organisations)})
        return list(rows.scalars())

    async def _load_subjects(self, situation: LoadedSituation, subjects: Sequence[str]) -> None:
        rows = await self._connection.execute(SQL["subjects"], {"subjects": array(list(subjects))})
        found = {row.subject: fold.decode(fold.kind_of(row.subject), row.folded) for row in rows}
        situation.put_folds({subject: found.get(subject) for subject in subjects})

    async def _load_timelines(self, situation: LoadedSituation, subjects: Sequence[str]) -> None:
        rows = await self._connection.execute(SQL["timelines"], {"subjects": list(subjects)})
        facts: dict[str, list[Fact]] = {subject: [] for subject in subjects}
        for row in rows:
            facts[row.wanted].append(_recorded(row.event))
        for subject, found in facts.items():
            situation.put_facts(subject, found)

    async def _load_events(self, situation: LoadedSituation, keys: Sequence[str]) -> None:
        for key in keys:
            source, _, event_id = key.partition("/")
            wanted = {"source": source, "event_id": UUID(event_id)}
            row = (await self._connection.execute(SQL["recorded_event"], wanted)).one_or_none()
            situation.put_event(source, UUID(event_id), None if row is None else _recorded(row.event))

    async def _load_travellers(self, situation: LoadedSituation, organisations: Sequence[str]) -> None:
        rows = await self._connection.execute(SQL["travellers"], {"organisations": list(organisations)})
        found: dict[str, list[str]] = {organisation: [] for organisation in organisations}
        for row in rows:
            found[row.organisation_id].append(row.subject)
        for organisation, persons in found.items():
            situation.put_travellers(organisation, persons)

    async def _load_targets(self, situation: LoadedSituation, ids: Sequence[str]) -> None:
        rows = await self._connection.execute(SQL["target_owners"], {"ids": list(ids)})
        found = {row.target_id: row.organisation_id for row in rows}
        for target_id in ids:
            situation.put_owner(target_id, found.get(target_id))

    async def _load_headcounts(self, situation: LoadedSituation, organisations: Sequence[str]) -> None:
        rows = await self._connection.execute(SQL["headcounts"], {"organisations": list(organisations)})
        found: dict[str, list[Change]] = {organisation: [] for organisation in organisations}
        for row in rows:
            found[row.organisation_id].append(Change(row.organisation_id, row.measure, row.day, row.amount))
        for organisation, changes in found.items():
            situation.put_headcount(organisation, changes)

    async def waiting_for(self, keys: Iterable[str]) -> list[Waiting]:
        """Stored events that wait for any of these keys, in timeline order."""
        rows = await self._connection.execute(SQL["waiting_for"], {"keys": list(keys)})
        return [read_waiting(row) for row in rows]

    async def waiting_ones(self, keys: Sequence[tuple[str, UUID]]) -> list[Waiting]:
        """Those of these events (source, id) that wait."""
        wanted = {"sources": [source for source, _ in keys], "ids": [event_id for _, event_id in keys]}
        return [read_waiting(row) for row in await self._connection.execute(SQL["waiting_ones"], wanted)]

    async def person_keys(self, persons: Iterable[str]) -> dict[str, Wrapped | None]:
        """Wrapped keys of these persons; None of one who is erased; nobody who has none yet."""
        rows = await self._connection.execute(SQL["person_keys"], {"persons": array(list(persons))})
        return {row.person: row.wrapped and Wrapped(row.master, row.wrapped) for row in rows}


def _recorded(event: str) -> Fact:
    (recorded,) = read_recorded(b"[%s]" % event.encode())
    return Fact.of_recorded(recorded)


def read_waiting(row: Any) -> Waiting:
    """The waiting event of a row of `registry.quarantine`."""
    content = row.event.encode()
    envelope, data = read_content(content)
    fact = Fact(
        envelope.id, envelope.subject, envelope.name, envelope.effectiveon, envelope.time, data, envelope.source
    )
    return Waiting(
        Delivery(row.source, row.stream_sequence, row.batch_index),
        fact,
        envelope.type,
        row.content_hash,
        content,
        Reason(row.code, row.message),
        frozenset(row.waits_for),
        row.at,
        stored=True,
    )


async def claim_head(connection: AsyncConnection, head: Head) -> None:
    """Lock the head row for the transaction of `connection`. Raises Fenced."""
    if await connection.scalar(SQL["claim_head"], {"epoch": head.epoch, "position": head.position}) is None:
        raise Fenced(_REPLACED)


async def commit(
    connection: AsyncConnection,
    head: Head,
    turn: Turn,
    at: datetime,
    progress: Iterable[SourceProgress],
    appended: int = 0,
) -> None:
    """Write a turn, in the transaction of `connection`. Raises Fenced or HeldAlready, and nothing is written.

    appended: how many of its log rows are there already; the head was claimed before them.
    """
    moved = await connection.scalar(
        SQL["advance_head"],
        {"epoch": head.epoch, "position": head.position, "new_position": turn.position, "recordedat": at},
    )
    if moved is None:
        raise Fenced(_REPLACED)
    await _write_outcomes(connection, turn, at, appended)
    await _write_state(connection, turn)
    await _write_columns(
        connection,
        "settle",
        ("source", "settled", "last_seen", "sequences", "lost"),
        [
            (each.source, each.settled, each.last_seen, _json(each.sequences), _json(each.lost))
            for each in progress
        ],
    )
    if turn.outcomes.told:
        await connection.execute(SQL["post"], {"receipts": _json(turn.outcomes.told)})


async def _write_outcomes(connection: AsyncConnection, turn: Turn, at: datetime, appended: int) -> None:
    outcomes = turn.outcomes
    # In one transaction: no reader finds an id both in the quarantine and on the log.
    await _write_columns(connection, "let_go", ("source", "event_id"), [each.key for each in outcomes.released])
    if rows := outcomes.log[appended:]:
        try:
            await copy_encoded(connection, "registry", "log", log_copy.COLUMNS, log_copy.encoded(rows))
        except asyncpg.UniqueViolationError as error:
            raise held_already(error) from error
    await _write_columns(
        connection,
        "append_refused",
        ("source", "stream_sequence", "batch_index", "event_id", "outcome", "position", "code", "message", "path",
         "at"),
        [
            (row.delivery.source, row.delivery.stream_sequence, row.delivery.batch_index, row.event_id,
             row.outcome, row.position, row.reason and row.reason.code, row.reason and row.reason.message,
             row.reason and row.reason.path, at)
            for row in outcomes.refused
        ],
    )  # fmt: skip
    await _write_columns(
        connection,
        "hold",
        ("source", "event_id", "stream_sequence", "batch_index", "type", "subject", "effectiveon", "time",
         "content_hash", "code", "message", "waits_for", "event", "at"),
        [
            (each.delivery.source, each.fact.event_id, each.delivery.stream_sequence, each.delivery.batch_index,
             each.type, each.fact.subject, each.fact.effectiveon, each.fact.time, each.content_hash,
             each.reason.code, each.reason.message, _json(sorted(each.waits_for)), each.content.decode(),
             each.at)
            for each in outcomes.held.values()
        ],
    )  # fmt: skip

    numbers = sorted(outcomes.numbers().items())
    await _write_columns(
        connection,
        "count_outcomes",
        ("source", "outcome", "number"),
        [(source, outcome, number) for (source, outcome), number in numbers if number],
    )


async def _write_state(connection: AsyncConnection, turn: Turn) -> None:
    situation = turn.situation
    folds = situation.changed_folds()
    if folds:
        # In one order, whoever writes: two that lock the same rows never wait for each other.
        subjects = sorted(folds)
        encoded = [fold.encode(folds[subject]) for subject in subjects]
        await connection.execute(SQL["put_subjects"], {"subject": array(subjects), "folded": encoded})
    await _write_columns(
        connection, "put_targets", ("target_id", "organisation_id"), list(situation.new_targets.items())
    )
    await _write_columns(
        connection, "drop_successions", ("organisation_id",), [(each,) for each in situation.successions]
    )
    await _write_columns(
        connection,
        "put_successions",
        ("organisation_id", "day", "successor_id", "targets"),
        [
            (each.organisation_id, each.day, each.successor_id, each.targets)
            for each in situation.successions.values()
            if each is not None
        ],
    )
    await _write_columns(connection, "put_about", ("subject", "position"), turn.about)
    await _write_columns(connection, "put_travellers", ("organisation_id", "subject"), situation.new_travels)
    counts = sorted((key, amount) for key, amount in situation.headcount_changes.items() if amount)
    if counts:
        organisations, measures, days = zip(*(key for key, _ in counts), strict=True)
        changes = {"organisation_id": array(organisations), "measure": array(measures), "day": array(days)}
        changes["amount"] = array([amount for _, amount in counts])
        await connection.execute(SQL["add_headcounts"], changes)
    keys = [(person, wrapped.master, wrapped.key) for person, wrapped in turn.profiles.new_keys.items()]
    await _write_columns(connection, "put_person_keys", ("person", "master", "wrapped"), keys)
    if turn.profiles.erased:
        # In the transaction of the event: once it is on the log, the key is not in the table.
        erased = {"persons": sorted(turn.profiles.erased), "at": turn.at}
        await connection.execute(SQL["bury"], erased)
        await connection.execute(SQL["destroy_keys"], {"persons": erased["persons"]})


async def _write_columns(
    connection: AsyncConnection, statement: str, names: Sequence[str], rows: Sequence[Sequence[Any]]
) -> None:
    if rows:
        columns = zip(*rows, strict=True)
        await connection.execute(SQL[statement], dict(zip(names, map(list, columns), strict=True)))


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
