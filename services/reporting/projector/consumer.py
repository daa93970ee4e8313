"""The consumer: reads `log.recorded` and hands what has arrived to the projector as one batch.

What is read and not committed comes again: messages are acknowledged after the transaction that projected them.
A hole is filled from the registry's log, and so is an empty database when reading begins.
"""

import asyncio
import contextlib
import time
from collections.abc import Sequence

import structlog
from faststream.middlewares import AckPolicy
from faststream.nats import JStream, NatsBroker, PullSub
from faststream.nats.message import NatsMessage
from nats.js.api import ConsumerConfig, DeliverPolicy
from prometheus_client import Gauge

from services.reporting.projector.projector import Gap, Projector
from shared.events.recorded import Recorded, UnknownRecorded, read_recorded
from shared.events.subjects import LAST_HEADER, LOG_STREAM, LOG_SUBJECT
from shared.runtime.causes import in_public
from shared.runtime.following import traced
from shared.runtime.progress import Progress, Stopped
from shared.runtime.served_log import LogUnavailable, ServedLog
from shared.runtime.tasks import ended

log = structlog.get_logger(__name__)

PENDING = Gauge("ketnap_reporting_pending_messages", "Messages of the log that wait in NATS to be projected")

DURABLE = "reporting"
ARRIVED_MESSAGES = 16
"""Messages, of at most 1 MiB each, that wait in memory while a batch is projected."""
FETCH = 5.0
RETRY = 0.5
STOPPED_RETRY = 5.0


class Consumer:
    """Reads until cancelled, whatever comes and goes meanwhile."""

    def __init__(self, broker: NatsBroker, events: ServedLog, projector: Projector, progress: Progress) -> None:
        self._broker = broker
        self._log = events
        self._projector = projector
        self._progress = progress

    async def run(self) -> None:
        """Catch up with the log, then follow `log.recorded`; after any failure the same again."""
        while True:
            try:
                # First of all, so that readers learn where reporting stands even while NATS is away.
                await self._projector.checkpoint()
                await self._broker.connect()
                await self._follow()
            except Stopped as stopped:
                log.error("projecting has stopped", position=stopped.position, problem=stopped.why)
                self._progress.failing(f"has stopped before position {stopped.position}: {stopped.why}")
                await asyncio.sleep(STOPPED_RETRY)
            except Exception as error:
                log.warning("projecting was interrupted; trying again", error=repr(error))
                self._progress.failing(f"was interrupted and is trying again: {in_public(error)}")
                await asyncio.sleep(RETRY)

    async def _follow(self) -> None:
        await self._catch_up()
        arrived: asyncio.Queue[NatsMessage] = asyncio.Queue(ARRIVED_MESSAGES)
        reading = asyncio.create_task(self._read(arrived))
        try:
            while True:
                messages = await _taken(arrived, reading)
                began = time.time_ns()
                async with self._progress.working():
                    try:
                        events = [event for each in messages for event in self._new_events(each)]
                    except UnknownRecorded:
                        await self._catch_up()  # up to the event before it, where it stops
                        raise
                    await self._project(events)
                for message in messages:
                    traced("project", message.headers, began)
                    await message.ack()
                PENDING.set(messages[-1].raw_message.metadata.num_pending + arrived.qsize())
        finally:
            await ended(reading)

    async def _read(self, arrived: asyncio.Queue[NatsMessage]) -> None:
        """Put messages into `arrived` as they come, one pull each: a pull for more would wait for more."""
        subscriber = self._broker.subscriber(
            LOG_SUBJECT,
            stream=JStream(LOG_STREAM, declare=False),
            durable=DURABLE,
            # What is older than the consumer has been caught up with, or is about to be.
            config=ConsumerConfig(deliver_policy=DeliverPolicy.ALL, ack_wait=60, max_ack_pending=1000),
            pull_sub=PullSub(batch_size=1),
            inbox_prefix=b"_INBOX_reporting.",  # the only inbox that reporting may subscribe to
            ack_policy=AckPolicy.MANUAL,
            persistent=False,
        )
        try:
            while True:
                message = None
                # nats-py raises a bare TimeoutError where FastStream expects its own.
                with contextlib.suppress(TimeoutError):
                    message = await subscriber.get_one(timeout=FETCH)
                if message is not None:
                    await arrived.put(message)
                else:
                    # A consumer that somebody deletes answers nothing; only its absence gives it away.
                    await self._broker.connection.jetstream().consumer_info(LOG_STREAM, DURABLE)
                    # Nor does a stream that somebody empties. While the registry is away it has nothing new.
                    with contextlib.suppress(LogUnavailable):
                        await self._catch_up()
                    self._progress.fine()
        finally:
            await subscriber.stop()

    def _new_events(self, message: NatsMessage) -> list[Recorded]:
        """The events of a message, none if all are known to be projected."""
        last = int(message.headers.get(LAST_HEADER, 0))
        if 0 < last <= self._projector.position:
            return []
        return read_recorded(message.raw_message.data)

    async def _project(self, events: Sequence[Recorded]) -> None:
        try:
            await self._projector.project(events)
        except Gap as gap:
            log.info("filling a gap from the registry", after=gap.position)
            await self._catch_up()
            await self._projector.project(events)

    async def _catch_up(self) -> None:
        """Project what the registry has after the checkpoint, page by page, until there is no more."""
        position = (await self._projector.checkpoint()).position
        while True:
            async with self._progress.working():
                events = await self._page(position)
                if not events:
                    return
                position = (await self._projector.project(events)).position

    async def _page(self, after: int) -> list[Recorded]:
        """Events after a position, those before one that cannot be read. Raises Stopped if that is the first."""
        try:
            return read_recorded((await self._log.page(after)).events)
        except UnknownRecorded as unknown:
            before = unknown.position - after - 1
            if before <= 0:
                stopped = Stopped(unknown.position, str(unknown))
                await self._projector.stop(stopped)
                raise stopped from unknown
            return read_recorded((await self._log.page(after, before)).events)


async def _taken(arrived: asyncio.Queue[NatsMessage], reading: "asyncio.Task[None]") -> list[NatsMessage]:
    """Wait for a message and take all that have arrived. Raises what ended the reading."""
    first = asyncio.create_task(arrived.get())
    try:
        await asyncio.wait({first, reading}, return_when=asyncio.FIRST_COMPLETED)
        if not first.done():
            await reading
        messages = [await first]
    finally:
        first.cancel()
    while not arrived.empty():
        messages.append(arrived.get_nowait())
    return messages
