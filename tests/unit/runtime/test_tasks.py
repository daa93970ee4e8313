"""Background work: one that a library keeps from hearing that it shall end, and one that ends by a mistake."""

import asyncio
import signal

import pytest

from shared.runtime.progress import Progress
from shared.runtime.tasks import PATIENCE, at_work, endable, ended


async def deaf_once(begun: asyncio.Event) -> None:
    """Drops the first cancellation, as a connect that succeeds in the same moment does, and goes on."""
    begun.set()
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        await asyncio.sleep(3600)


async def test_a_group_ends_although_its_work_drops_the_first_cancellation() -> None:
    begun = asyncio.Event()

    async def group() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(endable(deaf_once(begun)))

    working = asyncio.create_task(group())
    await begun.wait()

    await asyncio.wait_for(ended(working), 10 * PATIENCE)

    assert working.cancelled()


async def test_what_the_work_raises_is_raised() -> None:
    async def fail() -> None:
        raise ValueError("as told")

    with pytest.raises(ValueError, match="as told"):
        await endable(fail())


async def test_a_service_ends_and_says_why_when_its_work_fails() -> None:
    asked_to_end = asyncio.Event()
    progress = Progress("the work")

    async def work() -> None:
        progress.fine()
        raise LookupError("made up")

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, asked_to_end.set)
    try:
        async with at_work(work(), progress), asyncio.timeout(5):
            await asked_to_end.wait()
    finally:
        loop.remove_signal_handler(signal.SIGTERM)

    assert progress.problem() == "the work has ended: LookupError: made up"


async def test_work_is_ended_with_what_it_was_for() -> None:
    begun, told = asyncio.Event(), list[str]()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            told.append("ended")

    async with at_work(work(), Progress("the work")):
        await begun.wait()
        assert told == []

    assert told == ["ended"]
