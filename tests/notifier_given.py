"""What tests about the notifier begin from."""

import asyncio
from collections.abc import Awaitable, Callable

from sqlalchemy.ext.asyncio import AsyncConnection

from deploy.projections.tables import PROJECTIONS, tables

PATIENCE = 20.0


async def until(what: Callable[[], Awaitable[bool]]) -> None:
    """Look until it is so."""
    async with asyncio.timeout(PATIENCE):
        while not await what():  # noqa: ASYNC110 - tables and servers offer no event
            await asyncio.sleep(0.02)


async def begin_anew(connection: AsyncConnection) -> None:
    """Empty the projection, as a migration does that has it made anew from the log; what was said stays said."""
    made = await tables(connection, PROJECTIONS["notifier"])
    emptied = ", ".join(f"notifier.{each}" for each in made if each != "checkpoint")
    await connection.exec_driver_sql(f"TRUNCATE {emptied}")
    await connection.exec_driver_sql("UPDATE notifier.checkpoint SET position = 0")
