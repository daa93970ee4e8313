"""Fills reporting's tables beside from a whole log at once, by as many processes as there are cores.

A log has two parts. What organisations and places say, and persons whose timelines depend on others, goes through
the projector in log order. All other persons, nearly everybody, are worked out one by one, each from the whole of
their timeline: nothing is read back, every row is written once, and who works out whom does not matter.
"""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from deploy.projections import stretch
from deploy.projections.stretch import Done, Stretch, Task
from deploy.projections.tables import Projection, beside_is, drop_indexes, sql
from deploy.stack.errors import StackError
from services.reporting.projector import store
from services.reporting.projector.projector import project_some
from services.reporting.projector.whole_timelines import ENTANGLING, entangled
from shared.events.recorded import Recorded, read_recorded, write_batch
from shared.runtime.database import redirected
from shared.runtime.progress import Stopped
from shared.timeline.lineage import Lineage

PAGE = 4000
"""Events in one transaction of the part that goes through the projector."""
LENGTH = 8_000
"""Events that a stretch of persons has, about."""
ALONE = 20_000
"""Positions up to which other processes take longer to begin than they save."""
INDEXED = min((os.cpu_count() or 1) + 1, 4)
"""Indexes made at a time, each by one process of PostgreSQL. One more than cores: the last ones end together."""

BULKY = ("fact", "delta", "spell_edge", "person_step")
"""Tables whose indexes are made once they are full."""

_ENTANGLING = text(
    "SELECT event::text FROM registry.log WHERE position <= :until AND split_part(type, '.', 1) = ANY (:names) "
    "ORDER BY position"
)
_TRAVELLERS = text("""
SELECT DISTINCT subject FROM registry.log
WHERE position <= :until AND split_part(type, '.', 1) IN ('TransferInitiated', 'TransferAccepted')
  AND ARRAY[event->'data'->>'from', event->'data'->>'to', event->'data'->>'organisation_id']
      && CAST(:organisations AS text[])
""")
_IN_ORDER = text("""
SELECT event::text FROM registry.log
WHERE position <= :until
  AND (subject < 'person/' OR subject >= 'person0' OR subject = ANY (CAST(:apart AS text[])))
ORDER BY position
""")
_MOMENTS = """
INSERT INTO {schema}.moment (recordedat, position)
SELECT recordedat, max(position) FROM registry.log WHERE position <= {until} GROUP BY recordedat
ON CONFLICT (recordedat) DO UPDATE SET position = excluded.position
"""
_HEAD = text("SELECT recordedat FROM registry.log WHERE position = :until")
_FIRST_MISSING = text("""
SELECT coalesce(min(n), (SELECT coalesce(max(position), 0) + 1 FROM registry.log))
FROM (
    SELECT position, row_number() OVER (ORDER BY position) AS n FROM registry.log WHERE position <= :until
) AS each
WHERE position <> n
""")

Told = Callable[[int], None]
"""Is told how many events are done."""


async def fill_whole(
    engine: AsyncEngine, url: str, projection: Projection, until: int, told: Told, workers: int | None = None
) -> list[str]:
    """Project all up to a position into empty tables beside; gives the statements for the indexes of `BULKY`.

    Without those nothing more can be projected. `engine` and `url` are of one who may write there and read the
    log. workers: processes; 0: this one; None: as the log's length suggests.

    Raises Stopped, UnknownRecorded, and StackError where something of the log is missing.
    """
    if workers is None:
        workers = (os.cpu_count() or 1) if until > ALONE else 0
    beside = redirected(engine, projection.name, projection.beside)
    async with AsyncExitStack() as stack:
        # They begin while this process does what has an order.
        processes = [await stack.enter_async_context(_worker()) for _ in range(workers)]
        async with engine.connect() as connection:
            apart = await _apart(connection, until)
            ours = await beside_is(connection, projection) or 0
            task = Task(url, projection.beside, ours, until, frozenset(apart))
            done = await _in_order(connection, beside, task, told)
        async with engine.begin() as connection:
            later = await drop_indexes(connection, projection, BULKY)
        moments = asyncio.create_task(_keep_moments(engine, projection, until))
        try:
            async for number in _stretches(task, processes):
                done += number
                told(done)
            await moments
        finally:
            moments.cancel()
            await asyncio.gather(moments, return_exceptions=True)
    async with beside.begin() as connection:
        head = await connection.scalar(_HEAD, {"until": until})
        if done != until or head is None:
            missing = await connection.scalar(_FIRST_MISSING, {"until": until})
            raise StackError(f"position {missing:,} is not in the log: `ketnap log verify` says more")
        await store.move_checkpoint(connection, until, head)
    return later


async def make_indexes(engine: AsyncEngine, statements: Iterable[str]) -> None:
    """Make indexes, some at a time."""
    waiting = list(statements)

    async def make() -> None:
        while waiting:
            statement = waiting.pop(0)
            async with engine.begin() as connection:
                # The cores have others to make: to share one out costs more than it saves.
                await connection.execute(text("SET LOCAL max_parallel_maintenance_workers = 0"))
                await connection.execute(sql(statement))

    await asyncio.gather(*(make() for _ in range(INDEXED)))


async def _keep_moments(engine: AsyncEngine, projection: Projection, until: int) -> None:
    async with engine.begin() as connection:
        await connection.execute(sql(_MOMENTS.format(schema=projection.beside, until=until)))


async def _apart(connection: AsyncConnection, until: int) -> set[str]:
    """Persons whose timelines may depend on others."""
    persons: set[str] = set()
    organisations: set[str] = set()
    async with connection.stream_scalars(_ENTANGLING, {"until": until, "names": list(ENTANGLING)}) as found:
        async for page in found.partitions(PAGE):
            named = entangled(_read(page))
            persons |= named.persons
            organisations |= named.organisations
    if organisations:
        asked = {"until": until, "organisations": sorted(organisations)}
        persons.update(await connection.scalars(_TRAVELLERS, asked))
    return persons


def _read(rows: Iterable[str]) -> list[Recorded]:
    return read_recorded(write_batch(event.encode() for event in rows))


async def _in_order(connection: AsyncConnection, beside: AsyncEngine, task: Task, told: Told) -> int:
    """Project what has an order; gives how many events that was."""
    done = 0
    lineage = Lineage()
    asked = {"until": task.until, "apart": sorted(task.apart)}
    async with connection.stream_scalars(_IN_ORDER, asked) as found:
        async for page in found.partitions(PAGE):
            lineage = await project_some(beside, _read(page), lineage)
            done += len(page)
            told(done)
    return done


def _bounds(until: int) -> list[Stretch]:
    """All persons, in stretches of about the same length: ids are random."""
    number = min(max(1, until // LENGTH), 16**4)
    inner = [f"person/{16**4 * each // number:04x}" for each in range(1, number)]
    firsts = ["person/", *inner]
    return [Stretch(first, end) for first, end in zip(firsts, [*inner, "person0"], strict=True)]


async def _stretches(task: Task, processes: Sequence[Process]) -> AsyncIterator[int]:
    """Work out all persons; gives the number of events of each stretch as it is done."""
    waiting = _bounds(task.until)
    if not processes:
        connection = await stretch.connect(task)
        try:
            for each in waiting:
                yield _events(await stretch.fill(connection, task, each))
        finally:
            await connection.close()
        return
    answers: asyncio.Queue[Done | Exception] = asyncio.Queue()
    number = len(waiting)
    employed = [asyncio.create_task(_employ(each, task, waiting, answers)) for each in processes]
    try:
        for _ in range(number):
            answer = await answers.get()
            if isinstance(answer, Exception):
                raise answer
            yield _events(answer)
        await asyncio.gather(*employed)
    finally:
        for one in employed:
            one.cancel()
        await asyncio.gather(*employed, return_exceptions=True)


def _events(done: Done) -> int:
    if done.stopped_at is not None:
        raise Stopped(done.stopped_at, done.why)
    return done.events


async def _employ(
    process: Process, task: Task, waiting: list[Stretch], answers: "asyncio.Queue[Done | Exception]"
) -> None:
    """Let a process work out stretches, as long as there are some."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(msgspec.json.encode(task) + b"\n")
        while waiting:
            process.stdin.write(msgspec.json.encode(waiting.pop(0)) + b"\n")
            await process.stdin.drain()
            line = await process.stdout.readline()
            if not line:
                raise StackError("a process that fills the new version has ended; what it said stands above")
            answers.put_nowait(msgspec.json.decode(line, type=Done))
    except Exception as error:
        answers.put_nowait(error)


@asynccontextmanager
async def _worker() -> AsyncIterator[Process]:
    """A process that waits for its task, and ends with its input or with this."""
    # -P: a directory named `deploy` where the caller stands must not be taken for ours.
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "deploy.projections.stretch", stdin=PIPE, stdout=PIPE
    )
    try:
        yield process
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
