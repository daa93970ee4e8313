"""Figures for metrics are read again soon after a reading that failed, however long that took."""

import asyncio

from shared.runtime.collecting import SHARE, Reading, collecting

TAKES = 0.1


async def test_a_reading_that_waited_in_vain_is_tried_again_soon() -> None:
    readings = 0
    again = asyncio.Event()

    async def read() -> None:
        nonlocal readings
        readings += 1
        if readings > 1:
            again.set()
            return
        await asyncio.sleep(TAKES)
        raise TimeoutError

    async with collecting(Reading("made up", 0.0, read)), asyncio.timeout(TAKES / SHARE / 2):
        await again.wait()


async def test_a_slow_reading_takes_no_more_than_its_share_of_the_time() -> None:
    readings = 0

    async def read() -> None:
        nonlocal readings
        readings += 1
        await asyncio.sleep(TAKES)

    async with collecting(Reading("made up", 0.0, read)):
        await asyncio.sleep(TAKES * 10)

    assert readings == 1
