"""The consumer: reads `LOG` with its own durable, and asks the registry for whatever it missed."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from faststream.middlewares import AckPolicy
from faststream.nats import JStream, NatsBroker, NatsMessage, PullSub
from nats.js.api import ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from services.notifier.projector import Gap, Judge, Projector
from shared.events.recorded import UnknownRecorded, read_recorded
from shared.events.subjects import LOG_STREAM, LOG_SUBJECT
from shared.runtime.following import traced
from shared.runtime.progress import Progress, Stopped
from shared.runtime.served_log import ServedLog
from shared.runtime.tasks import ended

log = structlog.get_logger(__name__)

DURABLE = "notifier"
RETRY = 0.5
LOOK = 10.0
"""Seconds between looks at the durable and the registry; what NATS lost meanwhile comes this way."""
STUCK = 30.0
ACK_WAIT = 120.0
GATHER = 0.1
"""Seconds for which more may come before what has come is applied: each transaction costs something by itself."""
ARRIVED_MESSAGES = 32
"""Messages, of at most 1 MiB each, that wait in memory meanwhile."""
TOGETHER = 1024 * 1024
"""Bytes of messages that are applied together, or a single message."""


class Intake:
    """Keeps the projector at the end of the log."""

    def __init__(
        self,
        broker: NatsBroker,
        served: ServedLog,
        projector: Projector,
        judge: Judge,
        progress: Progress,
    ) -> None:
        self._broker = broker
        self._served = served
        self._projector = projector
        self._judge = judge
        self._progress = progress
        self._arrived: asyncio.Queue[NatsMessage] = asyncio.Queue(ARRIVED_MESSAGES)
        self._subscriber = broker.subscriber(
            LOG_SUBJECT,
            stream=JStream(LOG_STREAM, declare=False),
            durable=DURABLE,
            config=ConsumerConfig(deliver_policy=DeliverPolicy.ALL, ack_wait=ACK_WAIT),
            pull_sub=PullSub(batch_size=1, timeout=5.0),
            inbox_prefix=b"_INBOX_notifier.",  # the only inbox that the notifier may subscribe to
            ack_policy=AckPolicy.MANUAL,
            decoder=_as_it_is,
        )
        self._subscriber(self._arrive)

    async def run(self, started: Callable[[], Any] = lambda: None) -> None:
        """Catch up and then follow, until cancelled; `started` is called once the durable is there."""
        applying = asyncio.create_task(self._apply_what_arrives())
        try:
            await self._keep_up(started)
        finally:
            # Another process may go on from here, and what this one would still be sent is for that one.
            await ended(applying)
            while not self._arrived.empty():
                self._arrived.get_nowait()
            await self._subscriber.stop()

    async def _keep_up(self, started: Callable[[], Any]) -> None:
        following = False
        self._progress.failing("waits for PostgreSQL, NATS and the registry")
        while True:
            pause = LOOK
            try:
                async with self._progress.working():
                    await self._broker.connect()
                    await self._catch_up()
                    if following and not await self._durable_is_there():
                        log.warning("the durable on LOG is gone; making it anew")
                        await self._subscriber.stop()
                        following = False
                    if not following:
                        await self._follow()
                        following = True
                        started()
            except Stopped as stopped:
                self._tell(stopped)
                pause = STUCK
            except NotFoundError:
                self._progress.failing(f"waits for the stream {LOG_STREAM}, which the registry makes")
                pause = RETRY
            except Exception as error:
                log.warning("cannot follow the log yet; trying again", error=repr(error))
                pause = RETRY if not following else LOOK
            await asyncio.sleep(pause)

    async def _follow(self) -> None:
        await self._broker.connection.jetstream().stream_info(LOG_STREAM)
        if self._broker.running:
            await self._subscriber.start()
        else:
            await self._broker.start()

    async def _durable_is_there(self) -> bool:
        try:
            await self._broker.connection.jetstream().consumer_info(LOG_STREAM, DURABLE)
        except NotFoundError:
            return False
        return True

    async def _arrive(self, message: NatsMessage) -> None:
        """Let it wait until it is applied, and acknowledged then; none is asked for without room."""
        await self._arrived.put(message)

    async def _apply_what_arrives(self) -> None:
        while True:
            messages = [await self._arrived.get()]
            await asyncio.sleep(GATHER)
            size = len(messages[0].raw_message.data)
            while size < TOGETHER and not self._arrived.empty():
                messages.append(self._arrived.get_nowait())
                size += len(messages[-1].raw_message.data)
            try:
                await self._take(messages)
            except Exception as error:
                # NATS will send them again, and what is applied is passed over then.
                log.warning("messages of the log could not be acknowledged", error=repr(error))

    async def _take(self, messages: Sequence[NatsMessage]) -> None:
        began = time.time_ns()
        try:
            async with self._progress.working():
                await self._apply([message.raw_message.data for message in messages])
        except Stopped as stopped:
            self._tell(stopped)
            await self._again(messages, STUCK)
        except Exception as error:
            log.warning("a batch of the log was not applied; trying again", error=repr(error))
            await self._again(messages, RETRY)
        else:
            for message in messages:
                traced("apply", message.headers, began)
                await message.ack()

    async def _again(self, messages: Sequence[NatsMessage], delay: float) -> None:
        for message in messages:
            await message.nack(delay=delay)

    def _tell(self, stopped: Stopped) -> None:
        log.error("applying has stopped", position=stopped.position, problem=stopped.why)
        self._progress.failing(f"has stopped before position {stopped.position}: {stopped.why}")

    async def _apply(self, payloads: Sequence[bytes]) -> None:
        try:
            events = [event for payload in payloads for event in read_recorded(payload)]
            await self._projector.apply(events, more=True)
            self._judge.wake()
        except UnknownRecorded:
            await self._catch_up()  # up to the event before it, where it stops
        except Gap as gap:
            log.info("asking the registry for what is missing", gap=str(gap))
            await self._catch_up()

    async def _catch_up(self) -> None:
        """Apply all that the registry has beyond our position; rules judge once the last page is in."""
        position = await self._projector.position()
        while True:
            page = await self._served.page(position)
            try:
                events = read_recorded(page.events)
            except UnknownRecorded as unknown:
                before = unknown.position - position - 1
                if before > 0:
                    page = await self._served.page(position, before)
                    await self._projector.apply(read_recorded(page.events))
                stopped = Stopped(unknown.position, str(unknown))
                await self._projector.stop(stopped)
                raise stopped from unknown
            # Also with an empty page: an earlier one may have been applied and not judged.
            await self._projector.apply(events, more=page.next is not None)
            if page.next is None:
                return
            position = page.next


async def _as_it_is(message: Any) -> bytes:
    body: bytes = message.body
    return body
