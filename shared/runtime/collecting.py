"""Figures for `/metrics` are read beside it: a scrape looks at memory only, and reading takes little time."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import structlog
from msgspec import Struct
from prometheus_client import Gauge
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.runtime.health import Check, examined
from shared.runtime.tasks import ended

log = structlog.get_logger(__name__)

SHARE = 0.02
"""Of the time, at most, that reading takes: what is slow to read is read less often."""
SHARE_WAITING = 0.5
"""The same where it was by waiting that reading took long: when it failed, and when it is about who answers."""

PATIENCE = 2.0
"""Seconds that a reading under way has at the end."""

FAILING = Gauge("ketnap_check_failing", "Whether a check of readiness fails: 1 or 0", ["check"])
TABLE = Gauge("ketnap_table_bytes", "Size of a table with its indexes, by schema and table", ["schema", "table"])
DATABASE = Gauge("ketnap_database_bytes", "Size of the whole database")
DISK_FREE = Gauge("ketnap_disk_free_bytes", "Room that is left on the disk under the data directory")
DISK_SIZE = Gauge("ketnap_disk_size_bytes", "Size of the disk under the data directory")

# Sizes are asked of the file system; no table is read, and none is locked against anybody but who drops it.
_SIZES = text("""
SELECT n.nspname AS schema, c.relname AS name, pg_total_relation_size(c.oid) AS bytes
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY (CAST(:schemas AS text[])) AND c.relkind = 'r'
""")
_DATABASE = text("SELECT pg_database_size(current_database())")


class Reading(Struct, frozen=True):
    """Something that is read again and again: what, how often in seconds, and how."""

    what: str
    every: float
    read: Callable[[], Awaitable[None]]
    share: float = SHARE


@asynccontextmanager
async def collecting(*readings: Reading) -> AsyncIterator[None]:
    """Read each of these in the background while this lasts."""
    over = asyncio.Event()
    tasks = [asyncio.create_task(_again_and_again(reading, over)) for reading in readings]
    try:
        yield
    finally:
        over.set()
        # A reading that is cancelled on its way costs a connection; one that hangs is not waited for.
        await asyncio.wait(tasks, timeout=PATIENCE)
        for task in tasks:
            await ended(task)


async def _again_and_again(reading: Reading, over: asyncio.Event) -> None:
    while not over.is_set():
        began = time.monotonic()
        share = reading.share
        try:
            await reading.read()
        except Exception as error:
            log.warning("figures for metrics cannot be read; trying again", what=reading.what, error=repr(error))
            # A server that was waited for in vain for a minute must not be left alone for most of an hour.
            share = SHARE_WAITING
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(reading.every, (time.monotonic() - began) / share)):
                await over.wait()


def health(checks: Callable[[], dict[str, Check]]) -> Reading:
    """What readiness says, check by check."""

    async def read() -> None:
        for check, problem in (await examined(checks())).items():
            FAILING.labels(check).set(problem is not None)

    return Reading("readiness", 10.0, read, SHARE_WAITING)


def sizes(engine: AsyncEngine, schemas: Sequence[str]) -> Reading:
    """How large the database is, and the tables of these schemas."""

    async def read() -> None:
        async with engine.connect() as connection:
            rows = (await connection.execute(_SIZES, {"schemas": list(schemas)})).all()
            whole = await connection.scalar(_DATABASE)
        TABLE.clear()
        for row in rows:
            if row.bytes is not None:  # None: dropped in this moment
                TABLE.labels(row.schema, row.name).set(row.bytes)
        DATABASE.set(whole or 0)

    return Reading("sizes", 60.0, read)


def disk(directory: str) -> Reading:
    """How much room the disk has under `directory`; an empty name: nothing is said."""

    async def read() -> None:
        if directory:
            found = os.statvfs(directory)
            DISK_FREE.set(found.f_bavail * found.f_frsize)
            DISK_SIZE.set(found.f_blocks * found.f_frsize)

    return Reading("disk", 10.0, read)
