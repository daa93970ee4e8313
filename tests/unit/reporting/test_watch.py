"""Whoever waits for a position is woken when it is projected."""

import asyncio
from datetime import UTC, datetime

from services.reporting.api.live import _positions
from services.reporting.position import Watch
from services.reporting.projector.store import Checkpoint


async def test_waiting_ends_when_the_position_is_reached() -> None:
    watch = Watch()
    waiting = asyncio.create_task(watch.reached(2, 5))
    await asyncio.sleep(0)

    watch.move(Checkpoint(1, None))
    await asyncio.sleep(0)
    assert not waiting.done()
    watch.move(Checkpoint(3, None))

    assert await waiting


async def test_waiting_has_an_end() -> None:
    assert not await Watch().reached(1, 0.01)


async def test_the_live_stream_tells_where_it_stands_then_each_step_and_that_it_is_there() -> None:
    watch = Watch()
    watch.move(Checkpoint(4, None))
    told = watch.checkpoints(heartbeat=0.02)

    assert await anext(told) == Checkpoint(4, None)
    assert await anext(told) is None
    watch.move(Checkpoint(5, None))
    watch.move(Checkpoint(6, None))
    assert await anext(told) == Checkpoint(6, None)
    await told.aclose()


async def test_it_never_goes_back() -> None:
    watch = Watch()
    watch.move(Checkpoint(5, None))
    watch.move(Checkpoint(4, None))

    assert watch.checkpoint.position == 5


async def test_the_live_stream_is_server_sent_events() -> None:
    watch = Watch()
    watch.move(Checkpoint(7, datetime(2022, 1, 1, tzinfo=UTC)))

    message = await anext(aiter(_positions(watch, lambda: True)))

    assert message.encode() == (
        b'id: 7\r\nevent: position\r\ndata: {"position":7,"time":"2022-01-01T00:00:00Z"}\r\n\r\n'
    )


async def test_whoever_follows_is_let_go_when_the_service_ends() -> None:
    watch = Watch()
    following = watch.checkpoints(heartbeat=60)
    assert await anext(following) == watch.checkpoint
    waiting = asyncio.ensure_future(anext(following, None))
    waits = asyncio.ensure_future(watch.reached(7, patience=60))
    await asyncio.sleep(0)
    watch.end()
    assert await waiting is None
    assert await waits is False
