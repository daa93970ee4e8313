"""What append and rebuild would reach if what Python works out took no time: `python -m benchmarks.floors`.

No goal is measured here; it shows what a goal asks of the rest. Append: the same events again, with every decision
known from before, so that no rule is asked. Rebuild: the rows that a rebuild left go as they are into tables
without indexes while the log is read, and then the indexes are made; no event is decoded, no row worked out. Each
beside what it is part of, in the same run, with the processor time of an event.
"""

import asyncio
import os
import sys
from io import BytesIO
from time import perf_counter
from typing import Any, NamedTuple
from unittest.mock import patch

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks import append, rebuild, servers
from benchmarks.national import process
from benchmarks.processor import tree_time
from benchmarks.province import Province
from deploy.projections.tables import create_beside, drop_indexes
from deploy.projections.whole import BULKY, make_indexes
from deploy.stack.postgres import PostgresServer
from services.registry import turn
from services.registry.rules import decide
from shared.runtime.database import create_engine

EVENTS = 40_000
REBUILT = 200_000
ROUNDS = 3
PARTS = 24
"""Stretches of persons that the rows of a rebuild are put in by, each in one transaction."""
TABLES = (*BULKY, "subject")
"""Where a rebuild puts what it works out person by person."""

_LOG_OF = "SELECT event::text FROM registry.log WHERE subject >= $1 AND subject < $2 ORDER BY subject, position"


class Spent(NamedTuple):
    """Seconds: as a clock sees them, of our processes, of PostgreSQL's."""

    wall: float
    python: float
    postgres: float

    def told(self, events: int) -> str:
        """Events a second, and processor time of one."""
        each = 1e6 / events
        cores = f"Python {self.python * each:.1f} µs, PostgreSQL {self.postgres * each:.1f} µs"
        return f"{events / self.wall:9,.0f} events/s   {cores}"


class Watch:
    """Counts from when it is made."""

    def __init__(self, server: PostgresServer) -> None:
        self._postgres = process(server)
        self._begin = self._now()

    def spent(self) -> Spent:
        """What was spent since."""
        return Spent(*(now - then for now, then in zip(self._now(), self._begin, strict=True)))

    def _now(self) -> Spent:
        # PostgreSQL is a child of ours that has not ended, so it is in neither of these.
        times = os.times()
        python = times.user + times.system + times.children_user + times.children_system
        return Spent(perf_counter(), python, tree_time(self._postgres))


def main() -> None:
    """Measure and print both."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with servers.postgres() as server:
        for seed in range(ROUNDS):
            _append(server, Province("made-up", seed=seed))
        asyncio.run(_rebuild(server))


def _append(server: PostgresServer, province: Province) -> None:
    events = list(province.events(EVENTS))
    known: list[Any] = []

    def keep(*asked: Any) -> Any:
        known.append(decide.decide(*asked))
        return known[-1]

    took, rows = asyncio.run(append.append(server, province, events))
    with patch.object(turn, "decide", keep):
        asyncio.run(append.append(server, province, events))
    told = iter(known)
    with patch.object(turn, "decide", lambda *_: next(told)):
        without, _ = asyncio.run(append.append(server, province, events))
    copied = EVENTS / asyncio.run(append.copy(server, rows))
    number = EVENTS - append.WARM_UP * append.BATCH
    for what, each in (("append", took), ("append, decisions known", without)):
        speed = number / each.wall
        busy = each.processor / number * 1e6
        _say(f"{what:28} {speed:9,.0f} events/s   {speed / copied:.2f} × COPY   Python {busy:.1f} µs")


async def _rebuild(server: PostgresServer) -> None:
    database = await servers.migrated(server)
    province = Province("rebuilt")
    await append.record(database, province, list(province.events(REBUILT)))
    engine = create_engine(database.url(), "benchmark", command_timeout=None, durable=False)
    watch = Watch(server)
    await rebuild.fill(engine, database.url(), rebuild.WORKERS, REBUILT)
    _say(f"{'rebuild':28} {watch.spent().told(REBUILT)}")
    ready = {table: await _rows(database.url(), table) for table in TABLES}
    watch = Watch(server)
    await _put_in(engine, database.url(), ready)
    _say(f"{'rebuild, rows known':28} {watch.spent().told(REBUILT)}")
    await engine.dispose()
    await servers.drop(database)


async def _rows(url: str, table: str) -> list[bytes]:
    """All rows of a table that was filled, in `PARTS` pieces of PostgreSQL's own form."""
    connection = await asyncpg.connect(url)
    name = f"{rebuild.REPORTING.beside}.{table}"
    pages = await connection.fetchval("SELECT pg_relation_size($1::text::regclass) / 8192 / $2 + 1", name, PARTS)
    pieces = []
    for first in range(0, pages * PARTS, pages):
        piece = BytesIO()
        await connection.copy_from_query(
            f"SELECT * FROM {name} WHERE ctid >= $1::text::tid AND ctid < $2::text::tid",  # noqa: S608 - of our own
            f"({first},0)",
            f"({first + pages},0)",
            output=piece,
            format="binary",
        )
        pieces.append(piece.getvalue())
    await connection.close()
    return pieces


async def _put_in(engine: AsyncEngine, url: str, ready: dict[str, list[bytes]]) -> None:
    """What PostgreSQL does in a rebuild: read the log, take the rows, make the indexes."""
    async with engine.begin() as connection:
        late = await create_beside(connection, rebuild.REPORTING)
        late += await drop_indexes(connection, rebuild.REPORTING, TABLES)
    bounds = [f"person/{16**4 * each // PARTS:04x}" for each in range(PARTS)] + ["person0"]
    waiting = list(range(PARTS))

    async def work() -> None:
        connection = await asyncpg.connect(url, server_settings={"synchronous_commit": "off"})
        while waiting:
            part = waiting.pop()
            async with connection.transaction():
                read = BytesIO()
                await connection.copy_from_query(
                    _LOG_OF, bounds[part], bounds[part + 1], output=read, format="binary"
                )
                for table, pieces in ready.items():
                    await connection.copy_to_table(
                        table,
                        schema_name=rebuild.REPORTING.beside,
                        source=BytesIO(pieces[part]),
                        format="binary",
                    )
        await connection.close()

    await asyncio.gather(*(work() for _ in range(rebuild.WORKERS)))
    await make_indexes(engine, late)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
