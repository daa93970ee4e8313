"""A NATS client beside servers that accept and then fail it: closed, it leaves no socket and no task.

The servers here break the protocol where a real one would when it dies; they stand for no working NATS.
"""

import asyncio
import gc
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import nats.errors
import pytest

from shared.runtime.connection import Connection, connect

INFO = b'INFO {"server_id":"broken","version":"2.10.0","max_payload":1048576}\r\n'


class Broken:
    """Finishes the first connection and ends it; what follows is accepted and left without an answer."""

    def __init__(self, answer: bytes = b"") -> None:
        self.accepted: asyncio.Queue[int] = asyncio.Queue()
        self.url = ""
        self._answer = answer
        self._count = 0
        self._over = asyncio.Event()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Broken"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            self._over.set()
            server.close()
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._count += 1
        if self._count == 1:
            writer.write(INFO)
            await reader.readuntil(b"PING\r\n")
            writer.write(b"PONG\r\n")
        else:
            self.accepted.put_nowait(self._count)
            writer.write(self._answer)
            if not self._answer:
                await self._over.wait()
        writer.close()
        await writer.wait_closed()


@pytest.fixture
def unclosed() -> Iterator[list[warnings.WarningMessage]]:
    """What the garbage collector says of sockets that nobody closed; look at it after a collection."""
    gc.collect()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        yield said


async def quiet(error: Exception) -> None:
    """That a broken server fails a client is what this is about."""


async def connected(broken: Broken) -> Connection:
    return await connect(
        broken.url, connect_timeout=0.05, reconnect_time_wait=0.01, max_reconnect_attempts=-1, error_cb=quiet
    )


@pytest.mark.parametrize("answer", [b"", b"-ERR 'no'\r\n"], ids=["silence", "no greeting"])
async def test_connections_that_a_server_does_not_finish_are_closed(
    answer: bytes, unclosed: list[warnings.WarningMessage]
) -> None:
    async with Broken(answer).listening() as broken:
        connection = await connected(broken)
        for _ in range(3):
            await broken.accepted.get()
        await connection.close()
    gc.collect()
    assert [str(warning.message) for warning in unclosed] == []


async def test_a_client_closed_in_the_instant_of_a_connection_stays_closed(
    unclosed: list[warnings.WarningMessage],
) -> None:
    before = asyncio.all_tasks()
    async with Broken().listening() as broken:
        connection = await connected(broken)
        await broken.accepted.get()  # in the same turn of the loop the client's side is made
        await connection.close()
        assert connection.is_closed
    await asyncio.wait_for(asyncio.gather(*(asyncio.all_tasks() - before), return_exceptions=True), 5)
    gc.collect()
    assert [str(warning.message) for warning in unclosed] == []


async def test_a_drain_while_it_reconnects_closes_it(unclosed: list[warnings.WarningMessage]) -> None:
    async with Broken().listening() as broken:
        connection = await connected(broken)
        await broken.accepted.get()
        await connection.drain()
        assert connection.is_closed
    gc.collect()
    assert [str(warning.message) for warning in unclosed] == []


async def test_a_refused_client_is_closed(unclosed: list[warnings.WarningMessage]) -> None:
    async with Broken(b"-ERR 'Authorization Violation'\r\n").listening() as broken:
        first = await connected(broken)
        await first.close()
        with pytest.raises(nats.errors.Error, match="INFO"):
            await connect(broken.url, allow_reconnect=False, error_cb=quiet)
    gc.collect()
    assert [str(warning.message) for warning in unclosed] == []
