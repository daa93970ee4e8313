"""Connections to NATS that keep what the server said against them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from nats.aio.client import Client

from deploy.stack.nats import NatsServer


@dataclass
class Heard:
    """A connection, and what went wrong with it."""

    client: Client
    errors: list[str] = field(default_factory=list)
    disconnects: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def refusals(self, number: int) -> list[str]:
        """What the server refused, once it has said so `number` times; it says so beside the answers."""
        async with asyncio.timeout(5):
            while len(self.errors) < number:
                self.changed.clear()
                await self.changed.wait()
        return self.errors


Connect = Callable[..., Coroutine[None, None, Heard]]


@asynccontextmanager
async def connections(nats_server: NatsServer) -> AsyncIterator[Connect]:
    """How to connect with a seed; a `name` is whose inbox it takes. All are closed at the end."""
    heard: list[Heard] = []

    async def connect(seed: str, name: str | None = None) -> Heard:
        async def failed(error: Exception) -> None:
            connection.errors.append(str(error))
            connection.changed.set()

        async def disconnected() -> None:
            connection.disconnects += 1

        connection = Heard(Client())
        await connection.client.connect(
            nats_server.url,
            nkeys_seed_str=seed,
            inbox_prefix=f"_INBOX_{name}" if name else "_INBOX",
            error_cb=failed,
            disconnected_cb=disconnected,
            max_reconnect_attempts=0,
        )
        heard.append(connection)
        return connection

    yield connect
    for connection in heard:
        await connection.client.close()
