"""Reporting made again from the log, beside reading the same events back with Python `eventsourcing`.

What `ketnap projections rebuild` does until it compares: empty tables beside those in service, filled from the
record, with all indexes at the end; by one process beside the one that gives out the work, and by two.
"""

import asyncio
import os
from time import perf_counter

from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks import servers
from benchmarks.append import record
from benchmarks.goals import Figure
from benchmarks.peer import Peer, told
from benchmarks.province import Province
from deploy.projections.filling import Filling
from deploy.projections.tables import PROJECTIONS, create_beside
from deploy.stack.postgres import PostgresServer
from shared.runtime.database import create_engine

EVENTS = 200_000
READ_BACK = 30_000
"""Events that `eventsourcing` saves before it reads them back: saving is what takes long."""
WORKERS = 2

REPORTING = PROJECTIONS["reporting"]


def measure() -> dict[str, Figure]:
    """`rebuild` and `rebuild_two_workers`."""
    # As users have it: Python keeps what it compiled for the processes that begin.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    province = Province("rebuilt")
    events = list(province.events(EVENTS))
    with servers.postgres() as server:
        one, both = (EVENTS / seconds for seconds in asyncio.run(_rebuild(server, province, events)))
        reference = READ_BACK / _read_back(server, events[:READ_BACK])
    note = f"{EVENTS:,} events, {WORKERS} workers; the reference reads {READ_BACK:,} back and folds nothing"
    return {
        "rebuild": Figure(round(both), "events/s", round(reference), round(both / reference, 3), note),
        "rebuild_two_workers": Figure(round(both), "events/s", round(one), round(both / one, 3)),
    }


async def _rebuild(server: PostgresServer, province: Province, events: list[bytes]) -> list[float]:
    """Seconds by one worker, and by as many as there are cores."""
    database = await servers.migrated(server)
    await record(database, province, events)
    engine = create_engine(database.url(), "benchmark", command_timeout=None, durable=False)
    seconds = [await fill(engine, database.url(), workers, EVENTS) for workers in (1, WORKERS)]
    await engine.dispose()
    await servers.drop(database)
    return seconds


async def fill(engine: AsyncEngine, url: str, workers: int, events: int) -> float:
    """Seconds until tables beside are full, with indexes, from a log of so many events."""
    begin = perf_counter()
    async with engine.begin() as connection:
        late = await create_beside(connection, REPORTING)
    filling = Filling(engine, url, REPORTING, late, workers)
    await filling.begin(events)
    await filling.make_indexes()
    seconds = perf_counter() - begin
    assert filling.position == events
    return seconds


def _read_back(server: PostgresServer, events: list[bytes]) -> float:
    database = asyncio.run(servers.migrated(server))
    peer = Peer(database.url())
    peer.save(told(events))
    begin = perf_counter()
    number = peer.read_back()
    seconds = perf_counter() - begin
    assert number == len(events)
    peer.close()
    return seconds
