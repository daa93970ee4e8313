"""The HTTP protocol with patience that ends: a client that sends or reads too slowly loses its connection.

uvicorn waits for ever for the rest of a request, and for a reader that has stopped to read. Some hundred such
connections from one machine would keep everybody else out.
"""

import asyncio
from typing import Any, Literal

import h11
import structlog
from uvicorn.protocols.http.h11_impl import H11Protocol

log = structlog.get_logger(__name__)

HEAD = 15.0
"""Seconds that the head of a request may take, from the first byte or the beginning of the connection."""
BODY = 60.0
"""Seconds for its body: the largest one then needs 280 kbit/s."""
READING = 60.0
"""Seconds in which a client that is sent something has to take some of it."""
CONNECTIONS = 1000
"""Connections at the same time; who comes later is told 503. Fewer than a process may usually open files."""

_PATIENCE = {"head": HEAD, "body": BODY, "reading": READING}
_Awaited = Literal["head", "body", "reading"]


class PatientProtocol(H11Protocol):
    """uvicorn's protocol on h11, with these limits."""

    _arriving: _Awaited | None = None
    _timer: asyncio.TimerHandle | None = None
    _reading: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The head of the first request is awaited."""
        super().connection_made(transport)
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is awaited any more."""
        self._await(None)
        self._stop_reading_clock()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """What came may have been the end of what was awaited."""
        super().data_received(data)
        self._look()

    def pause_writing(self) -> None:
        """The client has not read what it was sent."""
        super().pause_writing()
        if self._reading is None:
            self._reading = self._clock("reading")

    def resume_writing(self) -> None:
        """It goes on reading."""
        self._stop_reading_clock()
        super().resume_writing()

    def _look(self) -> None:
        state: Any = self.conn.their_state
        self._await("head" if state is h11.IDLE else "body" if state is h11.SEND_BODY else None)

    def _await(self, part: _Awaited | None) -> None:
        if part == self._arriving:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._arriving = part
        self._timer = self._clock(part) if part else None

    def _clock(self, part: _Awaited) -> asyncio.TimerHandle:
        return self.loop.call_later(_PATIENCE[part], self._too_slow, part)

    def _stop_reading_clock(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _too_slow(self, part: _Awaited) -> None:
        if not self.transport.is_closing():
            client = self.client[0] if self.client else None
            log.warning("a client was too slow; its connection is closed", awaited=part, client=client)
        self.transport.abort()
