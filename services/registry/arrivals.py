"""What has arrived from all sources and is not yet written: bounded in memory, read while it waits."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.registry.deliveries import Message
from services.registry.reading import read_in_steps
from shared.events.codec import MAX_BATCH
from shared.events.subjects import BATCH

TURN_BYTES = 2 * 1024 * 1024
"""Of messages that one turn takes. Read and decided, they take twenty times as much memory."""
HELD_BYTES = 8 * 1024 * 1024
"""Of messages that wait for their turn, from all sources together."""
MESSAGE_BYTES = 256
"""What a message counts at least: an empty one takes memory too, and so does its outcome."""
EVENT_BYTES = 64
"""The same of each event that a batch may hold: a million of them are no more than 2 MiB of `[1,1,…]`."""
PULLS = 2
"""How many sources are read from at once. An idle source waits for its next message beside that."""


class Arrivals:
    """A queue from the sources' readers to the writer."""

    def __init__(self) -> None:
        self._messages: deque[Message] = deque()
        self._bytes = 0
        self._ahead = 0
        self._bytes_ahead = 0
        self._arrived = asyncio.Event()
        self._unread = asyncio.Event()
        self._taken = asyncio.Condition()
        self._pulls = asyncio.Semaphore(PULLS)

    @asynccontextmanager
    async def room(self) -> AsyncIterator[None]:
        """Wait until there is room for what one pull may bring, and until it is this one's turn."""
        async with self._pulls:
            async with self._taken:
                await self._taken.wait_for(lambda: self._bytes < HELD_BYTES)
            yield

    def put(self, message: Message) -> None:
        """Add one message."""
        self._messages.append(message)
        self._bytes += _weight(message)
        self._arrived.set()
        self._unread.set()

    async def take(self) -> list[Message]:
        """Wait for messages; take those that have arrived, as many as one turn takes."""
        await self._arrived.wait()
        taken: list[Message] = []
        size = 0
        while self._messages and size < TURN_BYTES:
            taken.append(self._messages.popleft())
            size += _weight(taken[-1])
        self._bytes -= size
        self._ahead = self._bytes_ahead = 0
        if not self._messages:
            self._arrived.clear()
        self._unread.set()
        async with self._taken:
            self._taken.notify_all()
        return taken

    async def read_ahead(self, idle: asyncio.Event) -> None:
        """Read messages before their turn while `idle` is set, a few events at a time; as many as a turn takes."""
        while True:
            if self._ahead == len(self._messages) or self._bytes_ahead >= TURN_BYTES:
                self._unread.clear()
                await self._unread.wait()
                continue
            message = self._messages[self._ahead]
            self._ahead += 1
            self._bytes_ahead += _weight(message)
            await idle.wait()
            # What goes wrong goes wrong again in its turn, where it holds up its own source only.
            with contextlib.suppress(Exception):
                for _ in read_in_steps(message):
                    # An event that is set is not waited for: without this nobody else has a turn before the end.
                    await asyncio.sleep(0)
                    await idle.wait()


def _weight(message: Message) -> int:
    """The bytes that a message counts: its own, or more where it has very many events for them."""
    payload = message.payload or b""
    if message.event_name != BATCH or len(payload) >= EVENT_BYTES * MAX_BATCH:
        return max(len(payload), MESSAGE_BYTES)
    most_events = min(payload.count(b",") + 1, MAX_BATCH)  # cheaper than to look, and no event is missed
    return max(len(payload), MESSAGE_BYTES, EVENT_BYTES * most_events)
