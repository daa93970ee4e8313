"""Loads a made-up nation in bulk: its log by COPY, then the projector, the sums and the admissions over it.

Everything after the log is made by the product's own code, page by page as `ketnap projections rebuild` does it:
figures are what they would be had the events come one by one. Only the registry's part is left out: nothing is
decided and nothing sealed, so content hashes are zeros and profiles placeholders (`ketnap log verify` says so).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime
from time import perf_counter
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.nation import Nation
from deploy.projections.tables import PROJECTIONS
from services.reporting.persons.filling import Filling as Admissions
from services.reporting.position import Watch
from services.reporting.projector.person_sums import PersonSums
from services.reporting.projector.projector import Projector
from services.reporting.projector.running_sums import RunningSums
from services.reporting.projector.standing_sums import StandingSums
from services.reporting.projector.waymarks import Waymarks
from shared.events.recorded import Recorded, read_recorded, write_batch
from shared.runtime.database import create_engine

ROWS = 20_000
"""Events in one COPY."""
PAGE = 4_000
"""Events projected in one transaction."""
NO_HASH = bytes(32)


class Step(msgspec.Struct, frozen=True):
    """One part of the loading, and how long it took."""

    what: str
    seconds: float


class _Place(msgspec.Struct):
    """What a log row has in columns of its own."""

    position: int
    recordedat: datetime
    source: str
    id: UUID
    type: str
    subject: str


async def load(url: str, nation: Nation, number: int, done: Sequence[str], told: Callable[[Step], None]) -> None:
    """Fill a migrated database, with the owner's `url`, with the first `number` events of a nation.

    `told` hears of each part as it is there, and how long it took; those that are `done` already are left out.
    """
    engine = create_engine(url, "nation", command_timeout=None, durable=False)
    connection = await asyncpg.connect(url)
    parts: dict[str, Callable[[], Awaitable[Any]]] = {
        "log": lambda: _write_log(connection, nation, number),
        "projection": lambda: _project(connection, engine, number),
        "indexes": lambda: _make_indexes(connection),
        "vacuum": lambda: connection.execute("VACUUM ANALYZE"),
        "running sums": lambda: RunningSums(engine).catch_up(),
        "standing sums": lambda: StandingSums(engine).catch_up(),
        "person sums": lambda: PersonSums(engine).catch_up(),
        "waymarks": lambda: Waymarks(engine).catch_up(),
        "admissions": lambda: _admissions(engine, connection),
        "vacuum of both": lambda: connection.execute("VACUUM ANALYZE"),
    }
    try:
        for what, work in parts.items():
            if what not in done:
                begin = perf_counter()
                await work()
                told(Step(what, round(perf_counter() - begin, 1)))
    finally:
        await connection.close()
        await engine.dispose()


async def _write_log(connection: asyncpg.Connection, nation: Nation, number: int) -> None:
    sources = [(nation.source, nation.root), *((each.source, each.root) for each in nation.provinces)]
    await connection.executemany(
        "INSERT INTO registry.source (source, root, public_key) VALUES ($1, $2, '')", sources
    )
    last: _Place | None = None
    decoder = msgspec.json.Decoder(_Place)
    for rows in _chunks(nation.recorded(number)):
        records = []
        for event in rows:
            last = decoder.decode(event)
            records.append(
                (
                    last.position,
                    last.recordedat,
                    last.source,
                    last.id,
                    last.position,
                    0,
                    last.type,
                    last.subject,
                    NO_HASH,
                    None,
                    event.decode(),
                )
            )
        await connection.copy_records_to_table("log", schema_name="registry", records=records)
    assert last is not None
    await connection.execute(
        "UPDATE registry.head SET position = $1, recordedat = $2", last.position, last.recordedat
    )


def _chunks(events: Iterator[bytes]) -> Iterator[list[bytes]]:
    chunk: list[bytes] = []
    for event in events:
        chunk.append(event)
        if len(chunk) == ROWS:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


async def _project(connection: asyncpg.Connection, engine: AsyncEngine, number: int) -> None:
    """Without the indexes that the projector does not read by: they are made over full tables, afterwards."""
    await connection.execute("CREATE TABLE IF NOT EXISTS public.late_index AS SELECT ''::text AS made LIMIT 0")
    await connection.execute(
        "INSERT INTO public.late_index SELECT indexdef FROM pg_indexes "
        "WHERE schemaname = 'reporting' AND indexname = ANY ($1)",
        sorted(PROJECTIONS["reporting"].late_indexes),
    )
    for name in sorted(PROJECTIONS["reporting"].late_indexes):
        await connection.execute(f"DROP INDEX IF EXISTS reporting.{name}")
    projector = Projector(engine, Watch())
    reading = asyncio.ensure_future(_page(engine, 0))
    while projector.position < number:
        events = await reading
        # The next page is read while this one is applied.
        reading = asyncio.ensure_future(_page(engine, events[-1].position))
        await projector.project(events)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)


async def _make_indexes(connection: asyncpg.Connection) -> None:
    await connection.execute("SET maintenance_work_mem = '512MB'")
    for row in await connection.fetch("SELECT made FROM public.late_index"):
        await connection.execute(row["made"])
    await connection.execute("DROP TABLE public.late_index")


async def _page(engine: AsyncEngine, after: int) -> list[Recorded]:
    statement = text("SELECT event::text FROM registry.log WHERE position > :after ORDER BY position LIMIT :page")
    async with engine.connect() as connection:
        rows = await connection.scalars(statement, {"after": after, "page": PAGE})
        return read_recorded(write_batch(event.encode() for event in rows))


async def _admissions(engine: AsyncEngine, connection: asyncpg.Connection) -> None:
    """Make the admissions, and make up the attributes that the registry would unseal."""
    await Admissions(engine, Watch(), None).fill()
    await connection.execute("SELECT setseed(0.5)")
    await connection.execute(
        "UPDATE reporting_person.profile SET state = 'unsealed', asked_at = now(), "
        "sex = (ARRAY['female', 'male'])[1 + floor(random() * 2)], "
        "birth_year = 1970 + floor(random() * 30), ethnic_minority = random() < 0.4, "
        "occupation = (ARRAY['farmer', 'teacher', 'worker', 'nurse'])[1 + floor(random() * 4)], "
        "schooling = '12/12' WHERE state = 'unread'"
    )
