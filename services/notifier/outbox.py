"""The sender: takes what is due through its channel, receivers beside each other, each one at a time."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import structlog
from msgspec import Struct
from prometheus_client import Counter
from sqlalchemy.ext.asyncio import AsyncEngine

from services.notifier.channels.channel import Channel, GivenUp, Letter, NotDelivered
from services.notifier.clock import Clock
from services.notifier.rules.retrying import delay_after
from shared.runtime.progress import Progress
from shared.runtime.sql import Statements
from shared.runtime.tasks import endable

log = structlog.get_logger(__name__)

SQL = Statements("services.notifier.sql", "outbox.sql")

DELIVERIES = Counter("ketnap_notifier_deliveries", "Attempts to deliver an alert", ["channel", "outcome"])
PATIENCE = 30.0
"""Seconds for one attempt as a whole: an answer byte by byte keeps each single step short."""
TO_CONCLUDE = 30.0
"""Seconds in which it can be noted what came of it. An attempt that is older is that of a process that is gone."""
RETRY = 0.5
LOOK = 5.0
"""Seconds after which it looks at the table again, whoever may have written to it."""


class Attempt(Struct, frozen=True):
    """One that this process has begun: until `until` nobody begins another one to the same receiver."""

    letter: Letter
    earlier: int
    """Attempts at the same delivery before this one."""
    subscription: UUID | None
    """None: nobody asks for it any more."""
    until: datetime


class Outcome(Struct, frozen=True, kw_only=True):
    """What came of an attempt."""

    said: Literal["sent", "postponed", "failed"]
    sent_at: datetime | None = None
    next_attempt: datetime | None = None
    error: str | None = None


class Sender:
    """Empties the outbox of one channel; as many attempts are under way at once as the channel takes.

    An attempt is begun and concluded by one statement each. In between no transaction is open, and nothing is held
    but a row of `attempt`, which lapses if this process dies.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        channel: Channel,
        clock: Clock,
        delay: Callable[[int], timedelta | None] = delay_after,
        patience: float = PATIENCE,
    ) -> None:
        # Each statement stands by itself: a process that is stopped in the middle leaves no row locked.
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._channel = channel
        self._clock = clock
        self.progress = Progress(f"the sender of {channel.name}", stalled_after=60.0)
        self._delay = delay
        self._patience = patience
        self._lease = timedelta(seconds=patience + TO_CONCLUDE)
        self._room = asyncio.Semaphore(channel.at_once)
        self._woken = asyncio.Event()
        for outcome in ("sent", "postponed", "failed"):
            DELIVERIES.labels(channel.name, outcome)  # from 0, so that the first failure is a rise

    def wake(self) -> None:
        """Look now: there may be something to send."""
        self._woken.set()

    async def run(self) -> None:
        """Send until cancelled; attempts that are under way then are broken off and released."""
        async with asyncio.TaskGroup() as attempts:
            while True:
                await self._room.acquire()
                attempts.create_task(endable(self._make(await self._next())))

    async def _next(self) -> Attempt:
        """Wait until something is due, and begin an attempt at it."""
        while True:
            self._woken.clear()
            pause = LOOK
            try:
                async with self.progress.working():
                    begun = await self._begin()
                    if begun is not None:
                        return begun
                    pause = await self._pause()
            except Exception as error:
                log.warning("cannot read the outbox; trying again", channel=self._channel.name, error=repr(error))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._woken.wait()

    async def _begin(self) -> Attempt | None:
        asked = {"channel": self._channel.name, "now": self._clock(), "lease": self._lease}
        async with self._engine.connect() as connection:
            await connection.execute(SQL["lapse"], {"lease": self._lease})
            row = (await connection.execute(SQL["claim"], asked)).mappings().one_or_none()
        if row is None:
            return None
        return Attempt(Letter.of_row(row), row["attempts"], row["subscription_id"], row["until"])

    async def _pause(self) -> float:
        async with self._engine.connect() as connection:
            due = await connection.scalar(SQL["next_due"], {"channel": self._channel.name})
        return LOOK if due is None else min(LOOK, max(0.05, (due - self._clock()).total_seconds()))

    async def _make(self, attempt: Attempt) -> None:
        """Make an attempt and conclude it. Its receiver may have another delivery due, so it looks again then."""
        try:
            outcome = await self._outcome(attempt)
            async with asyncio.timeout(TO_CONCLUDE):
                await self._conclude(attempt, outcome)
        except asyncio.CancelledError:
            await self._release(attempt)
            raise
        except TimeoutError:
            log.warning(
                "what came of an attempt could not be noted; another one is made",
                delivery=str(attempt.letter.delivery_id),
                channel=self._channel.name,
                outcome=outcome.said,
            )
        finally:
            self._room.release()
            self.wake()

    async def _outcome(self, attempt: Attempt) -> Outcome:
        try:
            await self._deliver(attempt)
        except Exception as error:
            # Whatever it was: this one is put off, and those behind it are not held up.
            if not isinstance(error, NotDelivered | GivenUp):
                log.exception("a channel failed", delivery=str(attempt.letter.delivery_id))
            delay = None if isinstance(error, GivenUp) else self._delay(attempt.earlier + 1)
            why = (str(error) or repr(error))[:500]
            if delay is None:
                return Outcome(said="failed", error=why)
            return Outcome(said="postponed", next_attempt=self._clock() + delay, error=why)
        return Outcome(said="sent", sent_at=self._clock())

    async def _deliver(self, attempt: Attempt) -> None:
        """Hand it to the channel. Raises GivenUp, NotDelivered."""
        if attempt.subscription is None:
            raise GivenUp("no subscription asks for it any more")
        try:
            async with asyncio.timeout(self._patience):
                await self._channel.send(attempt.letter)
        except TimeoutError:
            raise NotDelivered(f"expected an answer within {self._patience:g} s, found none") from None

    async def _conclude(self, attempt: Attempt, outcome: Outcome) -> None:
        """Note it, however often that has to be tried: else it would be sent again."""
        delivery = attempt.letter.delivery_id
        row = {
            "id": delivery,
            "until": attempt.until,
            "state": "pending" if outcome.said == "postponed" else outcome.said,
            "sent_at": outcome.sent_at,
            "next_attempt": outcome.next_attempt,
            "error": outcome.error,
        }
        while True:
            try:
                async with self._engine.connect() as connection:
                    await connection.execute(SQL["conclude"], row)
                break
            except Exception as error:
                log.warning("cannot write to the outbox; trying again", delivery=str(delivery), error=repr(error))
                await asyncio.sleep(RETRY)
        DELIVERIES.labels(self._channel.name, outcome.said).inc()
        if outcome.said == "sent":
            log.info("an alert was delivered", delivery=str(delivery), channel=self._channel.name)
        else:
            log.warning(
                "an alert was not delivered",
                delivery=str(delivery),
                channel=self._channel.name,
                outcome=outcome.said,
            )

    async def _release(self, attempt: Attempt) -> None:
        """Let others begin at once what is broken off here."""
        with contextlib.suppress(Exception):  # if it cannot be said, the attempt lapses
            async with self._engine.connect() as connection:
                released = {"id": attempt.letter.delivery_id, "until": attempt.until}
                await connection.execute(SQL["release"], released)
