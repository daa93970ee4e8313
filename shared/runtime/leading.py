"""Of several processes of a service one does a piece of work; another takes over within 5 s of its silence.

The lock is a session's of PostgreSQL, which ends the session of a holder that falls silent: one that is stopped or
cut off loses it as one that is killed does. It spares two processes the same work and decides nothing that must
hold: what must not happen twice has a guard of its own in the transaction that does it, such as a checkpoint row.
Whoever takes over ends the sessions that hold such a guard, for one that fell silent would keep it for hours.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.runtime.tasks import endable, ended

log = structlog.get_logger(__name__)

RENEW = 1.0
SILENT = 4.0
"""Seconds without a word after which PostgreSQL takes the lock from its holder."""
RETRY = 0.5

_SILENCE = text(f"SET idle_session_timeout = '{int(SILENT * 1000)}ms'")
_TAKE = text("SELECT pg_try_advisory_lock(hashtext(:work))")
_RENEW = text("SELECT 1")
_END_FORMER = text("""
SELECT pg_terminate_backend(pid) FROM (
    SELECT DISTINCT pid FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE granted AND usename = current_user AND datname = current_database() AND pid <> pg_backend_pid()
      AND (locktype = 'relation' AND mode IN ('RowShareLock', 'RowExclusiveLock')
           AND relation IN (SELECT to_regclass(name) FROM unnest(CAST(:guards AS text[])) AS name)
           OR locktype = 'advisory' AND objsubid = 1
           AND CAST(objid AS bigint) IN (SELECT hashtext(name) & 4294967295
                                         FROM unnest(CAST(:guards AS text[])) AS name))
) AS holding
""")
"""Who only reads these tables holds another lock on them."""


class Lead:
    """Whether this process leads in one piece of work; `engine` reaches the database that says so."""

    def __init__(self, engine: AsyncEngine, work: str, guards: Sequence[str] = ()) -> None:
        """`work` is the same in all processes that may do it, and no other's in this database.

        guards: tables of which nobody but who does the work locks or writes a row, and names of advisory locks
        that nobody else takes.
        """
        self._engine = engine
        self._guards = list(guards)
        self._work = work
        self.leading = False

    async def run(self, work: Callable[[], Awaitable[None]], stand_by: Callable[[], Awaitable[None]]) -> None:
        """Until cancelled: do `work` while this one leads; call `stand_by` every half second while it does not.

        `work` is cancelled when the lead is lost. What it raises ends this too.
        """
        while True:
            try:
                async with self._taken() as connection:
                    if connection is not None:
                        await self._lead(connection, work)
            except _Lost as lost:
                log.warning("the lead is lost; standing by", work=self._work, why=str(lost))
            await stand_by()
            await asyncio.sleep(RETRY)

    async def _lead(self, connection: AsyncConnection, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await connection.execute(_END_FORMER, {"guards": self._guards})
        except Exception as error:
            raise _Lost(repr(error)) from None
        log.info("leading", work=self._work)
        self.leading = True
        working = asyncio.ensure_future(work())
        renewing = asyncio.create_task(endable(_renew(connection)))
        try:
            await asyncio.wait({working, renewing}, return_when=asyncio.FIRST_COMPLETED)
            for task in (working, renewing):
                if task.done():
                    await task
        finally:
            self.leading = False
            await ended(working)
            await ended(renewing)

    @asynccontextmanager
    async def _taken(self) -> AsyncIterator[AsyncConnection | None]:
        """A session that holds the lock; None where another has it, or PostgreSQL cannot be asked."""
        try:
            connection = await self._engine.connect()
        except Exception as error:
            log.warning("PostgreSQL is not reachable; trying again", work=self._work, error=repr(error))
            yield None
            return
        try:
            try:
                await connection.execution_options(isolation_level="AUTOCOMMIT")
                await connection.execute(_SILENCE)
                taken = (await connection.execute(_TAKE, {"work": self._work})).scalar_one()
            except Exception as error:
                log.warning("the lead cannot be asked for; trying again", work=self._work, error=repr(error))
                taken = False
            yield connection if taken else None
        finally:
            # Out of the pool with it: the session's setting and its lock end with the session.
            await connection.invalidate()
            await connection.close()


class _Lost(Exception):
    """PostgreSQL does not answer the holder, or has ended its session."""


async def _renew(connection: AsyncConnection) -> None:
    try:
        while True:
            async with asyncio.timeout(SILENT):
                await connection.execute(_RENEW)
            await asyncio.sleep(RENEW)
    except Exception as error:
        raise _Lost(repr(error)) from None
