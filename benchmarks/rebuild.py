"""Reporting made again from the log, beside reading the same events back with Python `eventsourcing`.

What `ketnap projections rebuild` does until it compares: empty tables beside those in service, filled from the
record, with all indexes at the end. It is one process; there is no second worker yet.
"""

import asyncio
from time import perf_counter

from benchmarks import servers
from benchmarks.append import record
from benchmarks.goals import Figure
from benchmarks.peer import Peer, told
from benchmarks.province import Province
from deploy.projections.filling import Filling
from deploy.projections.tables import PROJECTIONS, create_beside, sql
from deploy.stack.postgres import PostgresServer
from shared.runtime.database import create_engine

EVENTS = 30_000

REPORTING = PROJECTIONS["reporting"]


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
    engine = create_engine(database.url(), "benchmark", command_timeout=None, durable=False)
    begin = perf_counter()
    async with engine.begin() as connection:
        later = await create_beside(connection, REPORTING)
    filling = Filling(engine, REPORTING)
    await filling.fill(EVENTS)
    for statement in later:
        async with engine.begin() as connection:
            await connection.execute(sql(statement))
    seconds = perf_counter() - begin
    assert filling.position == EVENTS
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
