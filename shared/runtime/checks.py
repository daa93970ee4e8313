"""Readiness checks that every service has: its database, its schema, NATS, and whether its work gets anywhere."""

import contextlib

from faststream.nats import NatsBroker
from nats import errors as nats_errors
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.runtime.health import Check
from shared.runtime.progress import Progress
from shared.runtime.schemas import standing, too_old

NATS_PATIENCE = 3.0
"""Seconds; with the time for its state, less than the health endpoint waits for a check."""


def database(engine: AsyncEngine, package: str) -> Check:
    """Whether the database answers and has a schema that is not older than the service package expects."""

    async def check() -> str | None:
        return too_old(package, await standing(engine, package))

    return check


def nats(broker: NatsBroker) -> Check:
    """Whether NATS answers, and its JetStream."""

    async def check() -> str | None:
        # The broker's ping looks at its own state only: to a server that says nothing it stays connected.
        if await broker.ping(timeout=1):
            with contextlib.suppress(TimeoutError, nats_errors.Error):
                await broker.connection.jetstream(timeout=NATS_PATIENCE).account_info()
                return None
        return "NATS does not answer; check that it runs at KETNAP_NATS_URL"

    return check


def progress(watched: Progress) -> Check:
    """What keeps the work, if anything does."""

    async def check() -> str | None:
        return watched.problem()

    return check
