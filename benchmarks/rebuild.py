"""Reporting made again from the log, beside reading the same events back with Python `eventsourcing`.

The projector gets pages of the log as the registry serves them, one after the other, into empty tables. There is
no command for it yet and no second worker: this is one process, without HTTP between the log and the projector.
"""

import asyncio
from time import perf_counter

import asyncpg

from benchmarks import servers
from benchmarks.append import record
from benchmarks.goals import Figure
from benchmarks.peer import Peer, told
from benchmarks.province import Province
from deploy.stack.postgres import PostgresServer
from services.reporting.position import Watch
from services.reporting.projector.log import PAGE
from services.reporting.projector.projector import Projector
from shared.events.recorded import read_recorded
from shared.runtime.database import create_engine

EVENTS = 30_000

_PAGE = "SELECT event::text FROM registry.log WHERE position > $1 ORDER BY position LIMIT $2"


def measure() -> dict[str, Figure]:
    """`rebuild`."""
    province = Province("rebuilt")
    events = list(province.events(EVENTS))
    with servers.postgres() as server:
        value = EVENTS / asyncio.run(_rebuild(server, province, events))
        reference = EVENTS / _read_back(server, events)
    note = f"{EVENTS:,} events, one worker; the reference reads back and folds nothing"
    return {"rebuild": Figure(round(value), "events/s", round(reference), round(value / reference, 3), note)}


async def _rebuild(server: PostgresServer, province: Province, events: list[bytes]) -> float:
    database = await servers.migrated(server)
    await record(database, province, events)
    engine = create_engine(database.url("ketnap_reporting"), "benchmark")
    projector = Projector(engine, Watch())
    log = await asyncpg.connect(database.url("ketnap_registry"))
    position = 0
    begin = perf_counter()
    while rows := await log.fetch(_PAGE, position, PAGE):
        page = b"[%s]" % ",".join(row["event"] for row in rows).encode()
        position = (await projector.project(read_recorded(page))).position
    seconds = perf_counter() - begin
    assert position == EVENTS
    await log.close()
    await engine.dispose()
    await servers.drop(database)
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
