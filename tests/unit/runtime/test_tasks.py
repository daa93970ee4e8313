"""Background work that a library keeps from hearing that it shall end."""

import asyncio

import pytest

from shared.runtime.tasks import PATIENCE, endable, ended


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
