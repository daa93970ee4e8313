"""A TCP proxy that makes a server slow, silent or unreachable for whoever goes through it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

CHUNK = 16 * 1024


class Proxy:
    """Stands before one server. What it does to it is set while it runs."""

    def __init__(self, host: str, port: int) -> None:
        self.latency = 0.0
        """Seconds that each chunk waits, in both directions."""
        self.rate = 0
        """Bytes a second, each direction of each connection for itself; 0: as fast as it goes."""
        self._target = (host, port)
        self._open = asyncio.Event()
        self._open.set()
        self._refusing = False
        self._connections: set[asyncio.Task[None]] = set()
        self.address = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Proxy"]:
        """Listen while this lasts; `address` is `HOST:PORT` then."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        self.address = f"{host}:{port}"
        try:
            yield self
        finally:
            server.close()
            await self.cut()

    def silence(self) -> None:
        """From now on take connections and bytes, and say nothing: a black hole."""
        self._open.clear()

    def strand(self) -> None:
        """Never pass on another byte of the connections that there are; new ones are served."""
        self._open.clear()
        self._open = asyncio.Event()
        self._open.set()

    def refuse(self) -> None:
        """Hang up on new connections at once."""
        self._refusing = True

    def behave(self) -> None:
        """As if it were not there: pass on what was held back, and what comes."""
        self._open.set()
        self._refusing = False
        self.latency = self.rate = 0

    async def cut(self) -> None:
        """Cut all connections in the middle of whatever they carry."""
        for connection in list(self._connections):
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        onwards: asyncio.StreamWriter | None = None
        opened = self._open
        try:
            if not self._refusing:
                await opened.wait()
                back, onwards = await asyncio.open_connection(*self._target)
                async with asyncio.TaskGroup() as ways:
                    ways.create_task(self._pass_on(reader, onwards, opened))
                    ways.create_task(self._pass_on(back, writer, opened))
        except (asyncio.CancelledError, ExceptionGroup, OSError):
            pass
        finally:
            self._connections.discard(task)
            for each in (writer, onwards):
                if each is not None:
                    each.transport.abort()

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, opened: asyncio.Event
    ) -> None:
        while chunk := await reader.read(CHUNK):
            await opened.wait()
            if self.latency or self.rate:
                await asyncio.sleep(self.latency + (len(chunk) / self.rate if self.rate else 0))
            writer.write(chunk)
            await writer.drain()
        with contextlib.suppress(OSError):
            writer.close()
        raise ConnectionAbortedError("one end hung up")
