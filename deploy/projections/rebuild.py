"""A rebuild: fill a new version beside the one in service, compare, and put it in its place, or drop it.

Reads go on throughout. Projecting is held twice, for as long as it takes to apply what has just come: to see both
versions at one position, and to switch. The switch is one transaction that takes every table for itself. A reader
keeps what it has read from until its answer is complete, so the switch waits for those under way, and who comes
meanwhile waits for it: a quarter of a second at most, then it gives way and tries again.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from asyncpg import PostgresError
from msgspec import Struct
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from deploy.projections.comparing import Compared, compare, see_one_moment
from deploy.projections.filling import Filling, Told
from deploy.projections.tables import (
    LOCKS,
    Projection,
    beside_is,
    create_beside,
    drop,
    schema_version,
    sql,
    tables,
)
from deploy.stack.errors import StackError
from shared.runtime.database import create_engine

CLOSE = 2000
"""Positions between the two versions at which projecting may be held for the rest."""
READERS_WAIT = 250
"""Milliseconds for which the switch may keep readers."""
ATTEMPTS = 240
PAUSE = 0.5
SWITCHING = "switching"
"""The step from which on the new version may be in service."""

_GAVE_WAY = {"57014", "55P03", "40P01"}  # out of time, a lock not to be had, a deadlock

Agree = Callable[[list[Compared]], bool]
"""Whether to switch although figures differ."""


class Rebuilt(Struct, frozen=True):
    """How a rebuild ended."""

    position: int
    compared: list[Compared]
    switched: bool

    @property
    def differing(self) -> int:
        """How many figures differ."""
        return sum(each.differing for each in self.compared)


async def rebuild(
    url: str,
    projection: Projection,
    agree: Agree,
    *,
    keep: bool = False,
    workers: int | None = None,
    told: Told = lambda done, total: None,
    step: Callable[[str], None] = lambda what: None,
) -> Rebuilt:
    """Rebuild a projection with the owner's `url`.

    Where figures differ `agree` is asked; without its consent the new version is dropped, or with `keep` left
    beside until the next rebuild. workers: processes that fill, see `whole.py`. Raises StackError, with the
    version in service untouched.
    """
    engine = create_engine(url, f"rebuild-{projection.name}", command_timeout=None, durable=False)
    try:
        async with _alone(engine, projection):
            return await _rebuild(engine, url, projection, agree, keep, workers, told, step)
    finally:
        await engine.dispose()


async def _rebuild(
    engine: AsyncEngine,
    url: str,
    projection: Projection,
    agree: Agree,
    keep: bool,
    workers: int | None,
    told: Told,
    step: Callable[[str], None],
) -> Rebuilt:
    step("filling")
    async with engine.begin() as connection:
        version = await schema_version(connection, projection)
        late = await create_beside(connection, projection)
        ours = await beside_is(connection, projection)
        if projection.name == "notifier":
            # On the way to where the rules were, they are not asked.
            await connection.execute(sql(f"UPDATE {projection.beside}.checkpoint SET evaluated = {2**63 - 1}"))  # noqa: S608 - names of our own
    done = False
    try:
        filling = Filling(engine, url, projection, late, workers)
        async with engine.connect() as connection:
            until = await _position(connection, projection)
        await filling.begin(until, told)
        step("indexing")
        await filling.make_indexes()
        step("filling")
        await _catch_up(engine, projection, filling, told)
        async with engine.begin() as connection:
            for table in await tables(connection, projection):
                await connection.execute(sql(f"ANALYZE {projection.beside}.{table}"))
        await _catch_up(engine, projection, filling, told)
        step("summing up")
        await filling.sum_up()
        step("comparing")
        async with engine.connect() as seeing:
            async with _even(engine, projection, filling, ours):
                await see_one_moment(seeing)
            compared = await compare(seeing, projection)
        if any(each.differing for each in compared) and not agree(compared):
            done = keep
            return Rebuilt(filling.position, compared, switched=False)
        step(SWITCHING)
        await _catch_up(engine, projection, filling, told)
        await _switch(engine, projection, filling, version, ours)
        done = True
        await _drop_ours(engine, projection, None)
        return Rebuilt(filling.position, compared, switched=True)
    finally:
        if not done:
            await _drop_ours(engine, projection, ours)


async def _drop_ours(engine: AsyncEngine, projection: Projection, ours: int | None) -> None:
    """Remove what this rebuild has left beside, and no other's."""
    async with engine.begin() as connection:
        if await beside_is(connection, projection) == ours:
            await drop(connection, projection)


@asynccontextmanager
async def _alone(engine: AsyncEngine, projection: Projection) -> AsyncIterator[None]:
    """Raises StackError while another rebuild of the projection runs, wherever."""
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        got = await connection.scalar(
            text("SELECT pg_try_advisory_lock(:key, hashtext(:name))"), {"key": LOCKS, "name": projection.name}
        )
        if not got:
            raise StackError(f"a rebuild of {projection.name} is under way already; wait for it, or end it")
        # Let go with the connection, of which nothing more is asked: it may have broken, and all is well.
        yield


async def _position(connection: AsyncConnection, projection: Projection) -> int:
    return int(await connection.scalar(sql(f"SELECT position FROM {projection.name}.checkpoint")) or 0)  # noqa: S608


async def _catch_up(engine: AsyncEngine, projection: Projection, filling: Filling, told: Told) -> None:
    """Fill until little is missing to where the version in service stands by then."""
    while True:
        async with engine.connect() as connection:
            until = await _position(connection, projection)
        if until - filling.position <= CLOSE and filling.position:
            return
        await filling.fill(until, told)
        if not until:
            return


@asynccontextmanager
async def _even(
    engine: AsyncEngine, projection: Projection, filling: Filling, ours: int | None
) -> AsyncIterator[AsyncConnection]:
    """Both versions at one position, and projecting held meanwhile; in the transaction of the connection.

    Raises StackError where the tables beside are not `ours` any more.
    """
    async with engine.begin() as connection:
        # The lock that keeps two rebuilds apart ends with its connection, which may break while somebody is asked.
        if await beside_is(connection, projection) != ours:
            raise StackError(
                f"another rebuild of {projection.name} has begun, after this one lost its connection to the "
                "database; nothing is changed by this one"
            )
        # In conflict with who would project, but with nobody who reads.
        await connection.execute(sql(f"LOCK TABLE {projection.name}.checkpoint IN EXCLUSIVE MODE"))
        await filling.fill(await _position(connection, projection))
        yield connection


async def _switch(
    engine: AsyncEngine, projection: Projection, filling: Filling, version: str, ours: int | None
) -> None:
    for _ in range(ATTEMPTS):
        try:
            async with _even(engine, projection, filling, ours) as connection:
                await _move(connection, projection, version)
            return
        except (DBAPIError, PostgresError) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            if getattr(cause, "sqlstate", None) not in _GAVE_WAY:
                raise
        await asyncio.sleep(PAUSE)
    raise StackError(
        f"the tables of {projection.name} were never free of readers for {ATTEMPTS * PAUSE:.0f} s; look for a "
        "long transaction in pg_stat_activity, such as a backup; wait for it, or end it; then rebuild again"
    )


async def _move(connection: AsyncConnection, projection: Projection, version: str) -> None:
    old, new, former = projection.name, projection.beside, projection.former
    names = await tables(connection, projection)
    every = ", ".join([*(f"{old}.{name}" for name in names), *(f"{new}.{name}" for name in names)])
    await connection.execute(sql("SET LOCAL synchronous_commit = on"))
    await connection.execute(sql(f"SET LOCAL statement_timeout = {READERS_WAIT}"))
    await connection.execute(sql(f"LOCK TABLE {every} IN ACCESS EXCLUSIVE MODE"))
    # Asked once no table can be altered any more: a migration may have had them until now.
    if await schema_version(connection, projection) != version:
        raise StackError(f"the schema of {projection.name} was migrated meanwhile; begin the rebuild again")
    if projection.name == "notifier":
        # What the rules have said, they have said.
        await connection.execute(
            sql(f"UPDATE {new}.checkpoint SET evaluated = (SELECT evaluated FROM {old}.checkpoint)")  # noqa: S608
        )
    await connection.execute(sql(f"CREATE SCHEMA {former}"))
    for name in names:
        await connection.execute(sql(f"ALTER TABLE {old}.{name} SET SCHEMA {former}"))
        await connection.execute(sql(f"ALTER TABLE {new}.{name} SET SCHEMA {old}"))
