"""Readiness checks that every service has: its database, its schema, NATS, and whether its work gets anywhere."""

from faststream.nats import NatsBroker
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.runtime.http import Check
from shared.runtime.migrations import standing, too_old
from shared.runtime.progress import Progress


def database(engine: AsyncEngine, package: str) -> Check:
    """Whether the database answers and has a schema that is not older than the service package expects."""

    async def check() -> str | None:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
        return too_old(package, await standing(engine, package))

    return check


def nats(broker: NatsBroker) -> Check:
    """Whether NATS answers."""

    async def check() -> str | None:
        if await broker.ping(timeout=2):
            return None
        return "NATS does not answer; check that it runs at KETNAP_NATS_URL"

    return check


def progress(watched: Progress) -> Check:
    """What keeps the work, if anything does."""

    async def check() -> str | None:
        return watched.problem()

    return check
