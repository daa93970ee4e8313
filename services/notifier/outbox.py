"""The sender: takes deliveries that are due through their channel, one at a time; a restart goes on."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from prometheus_client import Counter
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier.channels.channel import Channel, GivenUp, Letter, NotDelivered
from services.notifier.clock import Clock
from services.notifier.evaluation import ALERTS
from services.notifier.rules.retrying import delay_after
from shared.runtime.progress import Progress

log = structlog.get_logger(__name__)

DELIVERIES = Counter("ketnap_notifier_deliveries", "Attempts to deliver an alert", ["channel", "outcome"])
PATIENCE = 30.0
"""Seconds for one attempt as a whole: an answer byte by byte keeps each single step short, and all others wait."""
LOOK = 5.0
"""Seconds after which it looks at the table again, whoever may have written to it."""


class Sender:
    """Empties the outbox of one channel. The row stays locked while it is sent, so that nobody else sends it."""

    def __init__(
        self,
        engine: AsyncEngine,
        channel: Channel,
        clock: Clock,
        progress: Progress,
        delay: Callable[[int], timedelta | None] = delay_after,
        patience: float = PATIENCE,
    ) -> None:
        self._engine = engine
        self._channel = channel
        self._clock = clock
        self._progress = progress
        self._delay = delay
        self._patience = patience
        self._woken = asyncio.Event()
        for outcome in ("sent", "postponed", "failed"):
            DELIVERIES.labels(channel.name, outcome)  # from 0, so that the first failure is a rise

    def wake(self) -> None:
        """Look now: there may be something to send."""
        self._woken.set()

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            self._woken.clear()
            pause = LOOK
            try:
                async with self._progress.working():
                    await self.send_due()
                    pause = await self._pause()
            except Exception as error:
                log.warning("cannot read the outbox; trying again", channel=self._channel.name, error=repr(error))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._woken.wait()

    async def send_due(self) -> int:
        """Try everything that is due, each once; gives how many were delivered."""
        delivered = 0
        began = self._clock()
        while (arrived := await self._send_one(began)) is not None:
            delivered += arrived
        return delivered

    async def _send_one(self, due: datetime) -> bool | None:
        """Try one delivery; None if there is none that was due."""
        async with self._engine.begin() as connection:
            claimed = {"channel": self._channel.name, "now": due}
            row = (await connection.execute(ALERTS["claim"], claimed)).mappings().one_or_none()
            if row is None:
                return None
            letter = Letter.of_row(row)
            try:
                await self._deliver(letter, row["subscription_id"])
            except Exception as error:
                # Whatever it was: this one is put off, and those behind it are not held up.
                if not isinstance(error, NotDelivered | GivenUp):
                    log.exception("a channel failed", delivery=str(letter.delivery_id))
                delay = None if isinstance(error, GivenUp) else self._delay(row["attempts"] + 1)
                outcome = {"id": letter.delivery_id, "error": (str(error) or repr(error))[:500]}
                if delay is None:
                    await connection.execute(ALERTS["failed"], outcome)
                else:
                    outcome["next_attempt"] = self._clock() + delay
                    await connection.execute(ALERTS["postponed"], outcome)
                said = "failed" if delay is None else "postponed"
                log.warning("an alert was not delivered", delivery=str(letter.delivery_id), outcome=said)
                DELIVERIES.labels(self._channel.name, said).inc()
                return False
            await connection.execute(ALERTS["sent"], {"id": letter.delivery_id, "now": self._clock()})
        DELIVERIES.labels(self._channel.name, "sent").inc()
        log.info("an alert was delivered", delivery=str(letter.delivery_id), channel=self._channel.name)
        return True

    async def _deliver(self, letter: Letter, subscription: UUID | None) -> None:
        """Hand it to the channel. Raises GivenUp, NotDelivered."""
        if subscription is None:
            raise GivenUp("its subscription was removed before it was sent")
        try:
            async with asyncio.timeout(self._patience):
                await self._channel.send(letter)
        except TimeoutError:
            raise NotDelivered(f"expected an answer within {self._patience:g} s, found none") from None

    async def _pause(self) -> float:
        async with self._engine.connect() as connection:
            due = await connection.scalar(ALERTS["next_due"], {"channel": self._channel.name})
        return LOOK if due is None else min(LOOK, max(0.05, (due - self._clock()).total_seconds()))
