"""Makes all checks in one read-only snapshot, so that a registry that goes on writing disturbs none of them."""

import time
from collections.abc import Callable

from msgspec import Struct
from nats.aio.client import Client
from sqlalchemy.ext.asyncio import AsyncEngine

from services.registry.sealing import Sealer
from services.registry.verification.check import Check
from services.registry.verification.contents import Anchor, Contents
from services.registry.verification.outcomes import OUTCOME_CHECKS, SQL, check_outcomes
from services.registry.verification.replay import Replay
from services.registry.verification.streams import Streams

Progress = Callable[[str, int, int | None], None]
"""Told of a part of the work: its name, how much more of it is done, and how much it is in all, where known."""


class Account(Struct, frozen=True):
    """What was found, up to `position`, in `seconds`."""

    position: int
    chain: str
    """Over all positions, to be kept as an anchor for later."""
    seconds: float
    checks: list[Check]

    @property
    def ok(self) -> bool:
        """Whether nothing is at fault."""
        return all(check.ok for check in self.checks)


async def verify(
    engine: AsyncEngine,
    content_key: bytes,
    sealer: Sealer,
    *,
    client: Client | None = None,
    anchor: Anchor | None = None,
    progress: Progress = lambda part, done, total: None,
) -> Account:
    """Check the log and all that stands around it. Without a `client` of NATS, what streams hold is left out."""
    begun = time.monotonic()
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        async with connection.begin():
            head = (await connection.execute(SQL["head"])).one()
            contents = Contents(content_key, sealer, anchor)
            await contents.go(connection, lambda done: progress("log", done, head.position))
            checks = contents.checks
            checks += await check_outcomes(connection, lambda done: progress("outcomes", done, OUTCOME_CHECKS))
            replay = Replay()
            await replay.go(connection, lambda done: progress("replay", done, head.position))
            checks += replay.checks
            if client is not None:
                streams = Streams(client, content_key)
                await streams.go(connection, lambda done: progress("streams", done, None))
                checks.append(streams.check)
    return Account(head.position, contents.chain.hex(), time.monotonic() - begun, checks)
