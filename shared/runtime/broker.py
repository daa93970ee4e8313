"""NATS: one FastStream broker per service, which never gives up reconnecting."""

from collections.abc import Awaitable, Callable

import structlog
from faststream.middlewares import AckPolicy
from faststream.nats import NatsBroker
from faststream.nats.security import NatsNKey

from shared.runtime import connection

log = structlog.get_logger(__name__)


class Broker(NatsBroker):
    """FastStream's broker on a connection that leaves nothing behind."""

    ca: str | None = None

    async def _connect(self) -> connection.Connection:
        client = await connection.connect(ca=self.ca, **self._connection_kwargs)
        self.config.connect(client)
        return client


def create_broker(
    url: str,
    seed: str | None,
    name: str,
    reconnected: Callable[[], None] = lambda: None,
    *,
    ca: str | None = None,
) -> NatsBroker:
    """A broker for `url`, authenticated with an nkey `seed`; `name` shows in the server's connection list.

    `url` may be several of a cluster, with commas between. `ca` certifies the servers of `tls://` addresses (PEM).
    `reconnected` is called when the server is there again: what was asked of it before, it may have forgotten.
    """

    async def is_back() -> None:
        log.warning("NATS is reachable again")
        reconnected()

    broker = Broker(
        url,
        name=f"ketnap-{name}",
        security=NatsNKey.from_seed(seed) if seed else None,
        inbox_prefix=f"_INBOX_{name}",
        allow_reconnect=True,
        # With a limit, nats-py's loop spins once the attempts are used up.
        max_reconnect_attempts=-1,
        reconnect_time_wait=1,
        ping_interval=10,
        graceful_timeout=5.0,
        # The default would terminate a message on any exception.
        ack_policy=AckPolicy.MANUAL,
        disconnected_cb=_said("NATS is not reachable; trying again"),
        reconnected_cb=is_back,
        logger=None,
    )
    broker.ca = ca
    return broker


def _said(message: str) -> Callable[[], Awaitable[None]]:
    async def callback() -> None:
        log.warning(message)

    return callback
