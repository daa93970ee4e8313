"""What has arrived and waits for its turn: in order, bounded in memory, read ahead."""

import asyncio

import pytest

from services.registry import arrivals as bounds
from services.registry.arrivals import Arrivals
from services.registry.deliveries import Message
from services.registry.reading import EVENTS_A_STEP, read_message
from tests.given import encoded, root


def message(sequence: int, payload: bytes) -> Message:
    return Message("dien-bien", sequence, sequence - 1, "batch", payload)


async def steps(number: int) -> None:
    """Let other tasks go so many steps on."""
    for _ in range(number):
        await asyncio.sleep(0)


async def test_a_turn_takes_what_it_may_and_leaves_the_rest_in_order() -> None:
    arrivals = Arrivals()
    half = b"x" * (bounds.TURN_BYTES // 2)
    for sequence in range(1, 6):
        arrivals.put(message(sequence, half))

    turns = [await arrivals.take() for _ in range(3)]

    assert [[each.stream_sequence for each in turn] for turn in turns] == [[1, 2], [3, 4], [5]]


@pytest.mark.parametrize(
    ("event_name", "payload", "events"),
    [("MemberAdmitted", b"", 1), ("MemberAdmitted", b"1", 1), ("batch", b"[%s1]" % (b"1," * 999), 1000)],
)
async def test_a_turn_has_no_more_events_than_memory_allows_however_small_they_are(
    event_name: str, payload: bytes, events: int
) -> None:
    arrivals = Arrivals()
    most = 50_000
    for sequence in range(1, 2 * most // events):
        arrivals.put(Message("dien-bien", sequence, sequence - 1, event_name, payload))

    taken = await arrivals.take()

    assert 1 <= len(taken) * events <= most


async def test_small_messages_leave_no_more_room_than_large_ones() -> None:
    arrivals = Arrivals()
    for sequence in range(1, 100_000):
        arrivals.put(message(sequence, b""))

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0), arrivals.room():
            pass


async def test_there_is_room_again_only_when_enough_was_taken() -> None:
    arrivals = Arrivals()
    turn = b"x" * bounds.TURN_BYTES
    turns = bounds.HELD_BYTES // bounds.TURN_BYTES
    for sequence in range(1, turns + 1):
        arrivals.put(message(sequence, turn))
    entered = asyncio.Event()

    async def pull() -> None:
        async with arrivals.room():
            entered.set()

    pulling = asyncio.create_task(pull())
    await steps(10)
    assert not entered.is_set()

    await arrivals.take()

    await asyncio.wait_for(pulling, 5)


async def test_messages_are_read_before_their_turn_but_no_more_than_one_turn_takes() -> None:
    arrivals = Arrivals()
    batch = encoded([root()])
    padded = batch + b" " * (bounds.TURN_BYTES - len(batch))
    waiting = [message(sequence, padded) for sequence in (1, 2, 3)]
    idle = asyncio.Event()
    idle.set()
    ahead = asyncio.create_task(arrivals.read_ahead(idle))
    for each in waiting:
        arrivals.put(each)
    await steps(10)
    read_first = [each.reads is not None for each in waiting]

    await arrivals.take()
    await steps(10)
    ahead.cancel()

    assert read_first == [True, False, False]
    assert [each.reads is not None for each in waiting] == [True, True, False]


async def test_what_is_read_ahead_pauses_after_a_few_events_and_while_the_writer_decides() -> None:
    arrivals = Arrivals()
    events = [root() for _ in range(3 * EVENTS_A_STEP)]
    waiting = message(1, encoded(events))
    idle = asyncio.Event()
    ahead = asyncio.create_task(arrivals.read_ahead(idle))
    arrivals.put(waiting)
    await steps(10)
    read_while_deciding = waiting.reads

    idle.set()
    await steps(2)
    idle.clear()
    await steps(10)
    read_before_the_pause = waiting.reads
    idle.set()
    await steps(10)
    ahead.cancel()

    assert read_while_deciding is None
    assert read_before_the_pause is None
    assert waiting.reads == read_message(message(1, waiting.payload or b""))
    assert [delivery.batch_index for delivery, _ in waiting.reads] == list(range(len(events)))
