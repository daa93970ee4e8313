"""How tests wait for what offers no event: by looking again."""

import asyncio
from collections.abc import Awaitable, Callable

PATIENCE = 20.0


async def until(what: Callable[[], Awaitable[object]], within: float = PATIENCE) -> None:
    """Look until it is so, for so many seconds at most."""
    async with asyncio.timeout(within):
        while not await what():  # noqa: ASYNC110 - tables, locks and servers offer no event
            await asyncio.sleep(0.02)
