"""Background tasks: the work of a service, and how any of them ends."""

import asyncio
import signal
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import structlog

from shared.runtime.causes import in_public
from shared.runtime.progress import Progress

log = structlog.get_logger(__name__)

T = TypeVar("T")

PATIENCE = 1.0


@asynccontextmanager
async def at_work(work: Coroutine[Any, Any, None], progress: Progress) -> AsyncIterator[None]:
    """Do a service's `work` in the background while this lasts.

    Where that fails, which no failure of a server makes it, `progress` says so and the process ends: one that only
    answers would look well, and whoever runs it starts it again, from what PostgreSQL says.
    """

    def is_over(task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        progress.failing(f"has ended: {in_public(error)}")
        log.critical("the service's work has ended; the process ends too", exc_info=error)
        signal.raise_signal(signal.SIGTERM)

    working = asyncio.create_task(work)
    working.add_done_callback(is_over)
    try:
        yield
    finally:
        await ended(working)


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
