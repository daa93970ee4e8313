"""The registry's append, from messages in hand to durable, beside bare COPY and beside Python `eventsourcing`.

Ours: batch messages of 500 events as they come from JetStream are read, judged and committed with their outcomes
and the state of their subjects. COPY: the rows that ours left, ready as Python tuples, into an empty table of the
same kind. `eventsourcing`: the same events, ready as its objects, saved 300 at a time. All on the same PostgreSQL,
in turns, each on an empty database; the figures are medians of the rounds.
"""

import asyncio
from collections.abc import Sequence
from statistics import median
from time import perf_counter, process_time
from typing import Any, NamedTuple

import asyncpg

from benchmarks import servers
from benchmarks.goals import Figure
from benchmarks.peer import Peer, told
from benchmarks.province import Province, batches
from deploy.stack.postgres import PostgresServer
from services.registry.arrivals import Arrivals
from services.registry.deliveries import Message
from services.registry.sealing import Sealer
from services.registry.writer import Writer
from shared.runtime.database import create_engine

EVENTS = 60_000
ROUNDS = 3
BATCH = 500
WARM_UP = 4
"""Messages before the measurement begins."""
COPY_ROWS = 4_000
"""Rows a transaction, about as many as a turn of the registry has."""

_ROWS = "SELECT * FROM registry.log ORDER BY position"


class Took(NamedTuple):
    """What recording took, in seconds."""

    wall: float
    processor: float
    """Of our process; the rest of `wall` it waited for PostgreSQL with nothing else to do."""


def measure() -> dict[str, Figure]:
    """`append_vs_copy` and `append_vs_eventsourcing`."""
    ours, copied, theirs, all_took = [], [], [], []
    with servers.postgres() as server:
        for seed in range(ROUNDS):
            province = Province("made-up", seed=seed)
            events = list(province.events(EVENTS))
            took, rows = asyncio.run(append(server, province, events))
            all_took.append(took)
            ours.append((EVENTS - WARM_UP * BATCH) / took.wall)
            copied.append(EVENTS / asyncio.run(copy(server, rows)))
            theirs.append(EVENTS / _save(server, events))
    value = round(median(ours))
    wall, processor = (median(each) / (EVENTS - WARM_UP * BATCH) * 1e6 for each in zip(*all_took, strict=True))
    note = f"{wall:.1f} µs an event, of which Python is busy for {processor:.1f}"
    return {
        "append_vs_copy": Figure(value, "events/s", round(median(copied)), _ratio(ours, copied), note),
        "append_vs_eventsourcing": Figure(value, "events/s", round(median(theirs)), _ratio(ours, theirs)),
    }


def _ratio(ours: Sequence[float], others: Sequence[float]) -> float:
    """Within each round, and of these the median: rounds differ more than what they compare."""
    return round(median(our / other for our, other in zip(ours, others, strict=True)), 3)


async def append(
    server: PostgresServer, province: Province, events: Sequence[bytes]
) -> tuple[Took, list[tuple[Any, ...]]]:
    """Record these events in an empty database; gives what that took, and the rows of the log."""
    database = await servers.migrated(server)
    took = await record(database, province, events)
    connection = await asyncpg.connect(database.url())
    rows = [tuple(row) for row in await connection.fetch(_ROWS)]
    await connection.close()
    await servers.drop(database)
    assert len(rows) == len(events), f"expected all of {len(events):,} events on the log, found {len(rows):,}"
    return took, rows


async def record(database: servers.Database, province: Province, events: Sequence[bytes]) -> Took:
    """Let the registry's writer record these events; gives what all but the first messages took."""
    await servers.add_source(database, province.source, province.root)
    engine = create_engine(database.url("ketnap_registry"), "benchmark")
    writer = Writer(engine, Sealer(b"m" * 32), b"c" * 32)
    await writer.start()
    messages = [
        Message(province.source, number + 1, number, "batch", payload)
        for number, payload in enumerate(batches(iter(events), BATCH))
    ]
    # The first turn imports, plans and connects.
    await writer.write(messages[:WARM_UP])
    arrivals = Arrivals()
    ahead = asyncio.create_task(arrivals.read_ahead(writer.idle))
    begin, busy = perf_counter(), process_time()
    arriving = asyncio.create_task(_arrive(messages[WARM_UP:], arrivals))
    while writer.sources[province.source].settled < len(messages):
        await writer.write(await arrivals.take())
    took = Took(perf_counter() - begin, process_time() - busy)
    for task in (arriving, ahead):
        task.cancel()
    await engine.dispose()
    return took


async def _arrive(messages: Sequence[Message], arrivals: Arrivals) -> None:
    """As a consumer's reader does: put in what there is room for, whenever the writer waits."""
    for message in messages:
        async with arrivals.room():
            arrivals.put(message)
        await asyncio.sleep(0)


async def copy(server: PostgresServer, rows: Sequence[tuple[Any, ...]]) -> float:
    """Seconds for these rows of a log by COPY, into an empty one."""
    database = await servers.migrated(server)
    connection = await asyncpg.connect(database.url("ketnap_registry"))
    begin = perf_counter()
    for first in range(0, len(rows), COPY_ROWS):
        await connection.copy_records_to_table(
            "log", schema_name="registry", records=rows[first : first + COPY_ROWS]
        )
    seconds = perf_counter() - begin
    await connection.close()
    await servers.drop(database)
    return seconds


def _save(server: PostgresServer, events: Sequence[bytes]) -> float:
    database = asyncio.run(servers.migrated(server))
    peer = Peer(database.url())
    ready = told(events)
    begin = perf_counter()
    peer.save(ready)
    seconds = perf_counter() - begin
    peer.close()
    asyncio.run(servers.drop(database))
    return seconds
