"""The end of a background task."""

import asyncio
from typing import Any

PATIENCE = 1.0


async def ended(task: asyncio.Task[Any]) -> None:
    """Cancel the task and wait until it has ended, whatever it ends with.

    Once is not always enough: a task group whose child fails in the same moment reports the failure and drops the
    cancellation, and a loop around it goes on.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=PATIENCE)
    if not task.cancelled():
        task.exception()  # looked at, so that asyncio does not warn that nobody did
