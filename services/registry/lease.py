"""The lease on the log: which of several registries writes, and since which epoch."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.runtime.sql import Statements

SQL = Statements("services.registry.sql", "lease.sql")


class Fenced(Exception):
    """Another writer has taken over, or the head moved: nothing was written."""


class Head(msgspec.Struct):
    """Where the log stands, and by whose epoch."""

    epoch: int
    position: int
    recordedat: datetime | None


LEASE = timedelta(seconds=3)
"""How long a writer that says nothing stays the writer: another takes over within 5 s of its death."""


@asynccontextmanager
async def at_once(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection whose every statement commits itself.

    For single statements that lock the lease or the head: a process that is stopped between a statement and its
    COMMIT would keep the lock, and with it every other registry from taking over.
    """
    async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        yield connection


async def take_over(engine: AsyncEngine, epoch: int | None) -> Head:
    """Become the writer: from now on every earlier writer is fenced. `epoch` is one's own, if one was it before.

    Raises Fenced while another writer's lease runs.
    """
    async with at_once(engine) as connection:
        wanted = {"lease": LEASE, "epoch": -1 if epoch is None else epoch}
        taken = await connection.scalar(SQL["take_lease"], wanted)
        if taken is None:
            raise Fenced("another registry is the writer; this one stands by")
        await connection.execute(SQL["end_sessions"])
        return await _fence(connection, taken)


async def seize(engine: AsyncEngine) -> Head:
    """Become the writer although another one is: for work on the writer's tables, after which one steps down.

    What that one is writing it finishes; from then on it stands by.
    """
    async with at_once(engine) as connection:
        taken: int | None = await connection.scalar(SQL["seize_lease"], {"lease": LEASE})
        assert taken is not None, "the lease has one row, since the migration that made it"
        return await _fence(connection, taken)


async def _fence(connection: AsyncConnection, epoch: int) -> Head:
    row = (await connection.execute(SQL["fence"], {"epoch": epoch})).one_or_none()
    if row is None:
        raise Fenced("another registry has become the writer meanwhile; this one stands by")
    recordedat = row.recordedat if isinstance(row.recordedat, datetime) and row.position else None
    return Head(row.epoch, row.position, recordedat)


async def renew(engine: AsyncEngine, epoch: int) -> str | None:
    """Stay the writer; gives the id of the newest master key. Raises Fenced for one who is the writer no more."""
    async with at_once(engine) as connection:
        row = (await connection.execute(SQL["renew"], {"lease": LEASE, "epoch": epoch})).one_or_none()
    if row is None:
        raise Fenced("another registry has become the writer; this one stands by")
    newest: str | None = row.master
    return newest


async def step_down(engine: AsyncEngine, epoch: int) -> None:
    """Let another one take over at once."""
    async with at_once(engine) as connection:
        await connection.execute(SQL["step_down"], {"epoch": epoch})
