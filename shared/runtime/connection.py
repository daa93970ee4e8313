"""A NATS client that leaves no socket and no task behind, whatever becomes of the server, and lets nobody listen.

Five things of nats-py 2.16 are mended here, all of them seen with a server that dies, is slow or is another one:

- a connection that a server accepts and then does not finish is dropped without being closed;
- so is the connection of a client that is refused;
- a client that is closed in the instant in which a new connection is made loses the cancellation (`wait_for` of
  Python 3.11 swallows it) and goes on connecting for ever;
- `drain` of a client that is just reconnecting raises, and leaves it so;
- a connection whose TLS handshake fails is waited for, when it is closed, for ever.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from nats.aio.client import Client, Srv

from shared.runtime.tls import trusting

# asyncio says so of every encrypted connection of nats-py that the server ends, and nothing is wrong.
logging.getLogger("asyncio").addFilter(lambda said: "eof_received() has no effect" not in said.getMessage())


class Connection(Client):
    """nats-py's client, with those mended; everything else is as its documentation says."""

    _ended = False

    @property
    def server_id(self) -> str:
        """The id of the server that it is connected to, which of a cluster is one of several."""
        return str(self._server_info["server_id"])

    async def connect(self, *servers: Any, **options: Any) -> None:
        """As nats-py's; but a connection that fails is closed."""
        self._ended = False
        try:
            await super().connect(*servers, **options)
        except BaseException:
            if self._transport is not None:
                await self.close()
            raise

    async def drain(self) -> None:
        """Send what waits, then close; with nobody there to send it to, only close."""
        if self.is_reconnecting or self.is_connecting:
            await self.close()
        else:
            await super().drain()

    async def _close(self, status: int, do_cbs: bool = True) -> None:
        self._ended = self._ended or status == Client.CLOSED
        await super()._close(status, do_cbs)

    async def _connect_to_server(self, s: Srv) -> None:
        self._drop()
        if not self._ended:
            await super()._connect_to_server(s)
        if self._ended:
            self._drop()
            raise asyncio.CancelledError

    async def _process_connect_init(self) -> None:
        try:
            await super()._process_connect_init()
        except BaseException:
            transport: Any = self._transport
            if transport and "tls" in self.options and transport._io_writer is transport._bare_io_writer:
                # Not encrypted yet. Of its end nobody would be told, since it is between two protocols.
                self._drop()
                self._transport = None
            raise

    def _drop(self) -> None:
        transport: Any = self._transport
        if transport is not None:
            transport.close()


async def connect(servers: str | Sequence[str], *, ca: str | None = None, **options: Any) -> Connection:
    """A client connected to one of `servers`, with commas between; `options` are those of nats-py's `connect`.

    ca: certificates in PEM that certify the servers of `tls://` addresses; without it the system's store does.
    """
    connection = Connection()
    written = [servers] if isinstance(servers, str) else servers
    wanted = [server for each in written for server in each.split(",")]
    await connection.connect(wanted, **{**options, **secured(wanted, ca)})
    return connection


def secured(servers: Sequence[str], ca: str | None) -> dict[str, Any]:
    """nats-py's options for `tls://` addresses: encrypted from the first byte, the server's name verified.

    By itself nats-py goes on without encryption where a server, or whoever is in between, does not ask for it.
    """
    if not any(each.startswith("tls://") for each in servers):
        return {}
    return {"tls": trusting(ca), "tls_handshake_first": True}
