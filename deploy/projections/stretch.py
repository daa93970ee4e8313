"""Fills the tables beside with stretches of the log: the whole timelines of persons with ids from one to another.

As a process it is a worker of `whole.py`: one JSON object a line, first the task, then stretches, each answered
before the next is asked for. It ends with its input, and so with whoever gave it work.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from itertools import groupby
from operator import attrgetter

import asyncpg
import msgspec
from msgspec import Struct

from deploy.stack.errors import StackError
from services.reporting.projector.whole_timelines import WholeTimelines
from shared.events.recorded import Recorded, UnknownRecorded, read_recorded, write_batch
from shared.runtime.collector import calm_the_collector
from shared.runtime.progress import Stopped

PAGE = 1000
"""Events that are read and worked out together. Those of one person always are."""


class Task(Struct, frozen=True):
    """Where from, where to, and what not."""

    url: str
    """Of a database user who may read the log and write `schema`."""
    schema: str
    tables: int
    """Which tables of `schema`: another rebuild makes others, under the same names."""
    until: int
    """The last position to be read."""
    apart: frozenset[str]
    """Persons who are projected otherwise."""


class Stretch(Struct, frozen=True):
    """Subjects from `first` to before `end`."""

    first: str
    end: str


class Done(Struct, frozen=True):
    """How many events a stretch had; or which one cannot be applied, and why."""

    events: int = 0
    stopped_at: int | None = None
    why: str = ""


async def connect(task: Task) -> asyncpg.Connection:
    """A connection to fill with, for what may be lost with the server."""
    settings = {"application_name": "ketnap-rebuild-worker", "timezone": "UTC", "synchronous_commit": "off"}
    return await asyncpg.connect(
        task.url,
        server_settings=settings,
    )


async def fill(connection: asyncpg.Connection, task: Task, stretch: Stretch) -> Done:
    """Work a stretch out and write it, in one transaction. Raises StackError where there are other tables now."""
    number = 0
    try:
        async with connection.transaction():
            # From here on nobody can put others in their place before this is over.
            if await connection.fetchval(f"SELECT tableoid::bigint FROM {task.schema}.checkpoint") != task.tables:  # noqa: S608 - a name of our own
                raise StackError("the tables that were being filled are those of another rebuild by now")
            whole = WholeTimelines()
            async for events in _persons(connection, task, stretch):
                for subject, each in groupby(events, attrgetter("subject")):
                    if subject not in task.apart:
                        facts = list(each)
                        number += len(facts)
                        whole.take(subject, facts)
            # Into each table once: a COPY costs something by itself too.
            for table, made in whole.rows():
                if made:
                    await connection.copy_records_to_table(
                        table.name, schema_name=task.schema, columns=table.columns, records=made
                    )
    except Stopped as stopped:
        return Done(stopped_at=stopped.position, why=stopped.why)
    except UnknownRecorded as unknown:
        return Done(stopped_at=unknown.position, why=str(unknown))
    return Done(number)


_EVENTS = (
    "SELECT convert_to(event::text, 'UTF8') FROM registry.log "
    "WHERE subject >= $1 AND subject < $2 AND position <= $3 ORDER BY subject, position"
)


async def _persons(
    connection: asyncpg.Connection, task: Task, stretch: Stretch
) -> AsyncIterator[Sequence[Recorded]]:
    """The events of a stretch by person, no person's in two pages."""
    cursor = await connection.cursor(_EVENTS, stretch.first, stretch.end, task.until)
    kept: list[Recorded] = []
    while rows := await cursor.fetch(PAGE):
        kept += read_recorded(write_batch(row[0] for row in rows))
        last = kept[-1].subject
        end = len(kept)
        while end and kept[end - 1].subject == last:
            end -= 1
        if end:
            yield kept[:end]
            kept = kept[end:]
    if kept:
        yield kept


async def _work() -> None:
    lines = sys.stdin.buffer
    task = msgspec.json.decode(lines.readline(), type=Task)
    connection = await connect(task)
    try:
        # Nothing else goes on here that waiting for a line would keep.
        while line := lines.readline():
            done = await fill(connection, task, msgspec.json.decode(line, type=Stretch))
            os.write(sys.stdout.fileno(), msgspec.json.encode(done) + b"\n")
    finally:
        await connection.close()


if __name__ == "__main__":
    # Ctrl-C reaches the whole group on a terminal; when this ends is for whoever began it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    calm_the_collector()
    try:
        with suppress(BrokenPipeError):  # whoever began it was killed, and wants it no more
            asyncio.run(_work())
    except StackError as error:
        sys.exit(f"ketnap: {error}")
