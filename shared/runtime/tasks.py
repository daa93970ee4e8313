"""The end of a background task."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

PATIENCE = 1.0


async def ended(task: asyncio.Task[Any]) -> None:
    """Cancel the task and wait until it has ended, whatever it ends with.

    Once is not always enough: a task group whose child fails in the same moment reports the failure and drops the
    cancellation, and a loop around it goes on. So does `asyncio.wait_for` before Python 3.12 when what it waits
    for comes in the same moment, and nats-py waits with it for every answer.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=PATIENCE)
    if not task.cancelled():
        task.exception()  # looked at, so that asyncio does not warn that nobody did


async def endable(work: Coroutine[Any, Any, T]) -> T:
    """`work`, for a task group, which cancels its tasks only once: libraries drop that now and then.

    What `work` gives and raises is passed on.
    """
    task = asyncio.create_task(work)
    try:
        await asyncio.wait({task})
    finally:
        await ended(task)
    return task.result()
