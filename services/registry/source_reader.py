"""Reads one source's stream in its order, and notices what left it unread; puts it into `Arrivals`."""

import asyncio
import contextlib
import time

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from services.registry.arrivals import Arrivals
from services.registry.deliveries import Message
from shared.events.subjects import ingest_stream
from shared.runtime import tracing

PULL_MESSAGES = 256
PULL_BYTES = 5 * 1024 * 1024
"""More than the server's largest message (4 MiB), or one such message would never be delivered."""
PULL_EXPIRES = 30.0
HEARTBEAT = 2.0
IDLE_CONSUMER = 300.0

_ACK_TOKENS = 9
"""Of a reply subject that names neither a domain nor an account."""
_FULL = ("Batch Completed", "Exceeds MaxBytes", "Exceeded MaxBytes")
_NEXT = msgspec.json.encode(
    {"batch": 1, "expires": int(PULL_EXPIRES * 1e9), "idle_heartbeat": int(HEARTBEAT * 1e9)}
)
"""Wait for one message. Idle sources ask for no more: all at once must not bring more than there is room for."""
_REST = msgspec.json.encode({"batch": PULL_MESSAGES, "max_bytes": PULL_BYTES, "no_wait": True})
"""Take what there is."""


class StreamMadeAnew(Exception):
    """The numbers of a source's stream began again: nothing can be read from it safely."""


class SourceReader:
    """An ephemeral pull consumer on one source's stream, in stream order and without acknowledgements."""

    def __init__(self, client: Client, stream: JetStreamContext, source: str) -> None:
        self._client = client
        self._stream = stream
        self._source = source
        self._received: asyncio.Queue[Msg] = asyncio.Queue()
        self._consumer = ""
        self._delivered = 0
        self._previous = 0

    async def __aenter__(self) -> "SourceReader":
        self._inbox = self._client.new_inbox()
        self._subscription = await self._client.subscribe(self._inbox, cb=self._received.put)
        return self

    async def __aexit__(self, *exc: object) -> None:
        with contextlib.suppress(Exception):
            await self._subscription.unsubscribe()
        if self._consumer:
            with contextlib.suppress(Exception):
                await self._stream.delete_consumer(ingest_stream(self._source), self._consumer)

    async def begin(self, sequence: int) -> None:
        """Make the consumer, at the first message with this stream sequence or a later one."""
        state = (await self._stream.stream_info(ingest_stream(self._source))).state
        if state.last_seq < sequence - 1:
            raise StreamMadeAnew(
                f"its stream ends at {state.last_seq}, but {sequence - 1} is settled: it was made anew. "
                "Deliveries are numbered by stream sequence, so what it holds cannot be told from what it held; "
                "restore the stream, or register the source under another name"
            )
        config = ConsumerConfig(
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=sequence,
            ack_policy=AckPolicy.NONE,
            inactive_threshold=IDLE_CONSUMER,
            mem_storage=True,
        )
        info = await self._stream.add_consumer(ingest_stream(self._source), config)
        self._consumer = info.name
        self._delivered = 0
        self._previous = sequence - 1

    async def pull(self, arrivals: Arrivals) -> None:
        """Wait for the next message, then put all that there is into `arrivals`, as room becomes free."""
        if not await self._pulled(_NEXT, arrivals, 1):
            await self.look_for_losses(arrivals)
            return
        more = True
        while more:
            async with arrivals.room():
                more = await self._pulled(_REST, arrivals) > 0

    async def look_for_losses(self, arrivals: Arrivals) -> None:
        """Put into `arrivals` that messages left the stream unread, if no later one is there to show it."""
        state = (await self._stream.stream_info(ingest_stream(self._source))).state
        if state.first_seq > self._previous + 1:
            previous, self._previous = self._previous, state.first_seq - 1
            arrivals.put(Message(self._source, self._previous, previous, "", None))

    async def _pulled(self, request: bytes, arrivals: Arrivals, most: int | None = None) -> int:
        """One pull request: put what comes into `arrivals` until the server says that this is all; how many came.

        `most`: of a request whose end the server does not say, so many messages end it too.
        """
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{ingest_stream(self._source)}.{self._consumer}"
        await self._client.publish(subject, request, self._inbox)
        received = 0
        while received != most:
            message = await self._next()
            status = (message.headers or {}).get("Status") if not message.reply else None
            if status is None:
                arrivals.put(self._message(message))
                received += 1
            elif status != "100" and self._is_over(status, (message.headers or {}).get("Description", "")):
                break
        return received

    async def _next(self) -> Msg:
        """The next answer to a pull. Raises TimeoutError where not even a heartbeat comes."""
        # Waiting with a timeout makes a task, which costs more than all else about a message that is there.
        if not self._received.empty():
            return self._received.get_nowait()
        async with asyncio.timeout(2 * HEARTBEAT + 1):
            return await self._received.get()

    def _is_over(self, status: str, description: str) -> bool:
        # 404 and 408: nothing (more) for this request; 409 with one of these: it is full, the next one goes on.
        if status in ("404", "408") or (status == "409" and description.endswith(_FULL)):
            return True
        raise ConnectionError(f"the consumer answered {status} {description}")

    def _message(self, message: Msg) -> Message:
        sequence, number = _numbers(message)
        self._delivered += 1
        if number != self._delivered:
            raise ConnectionError("messages were lost on the way from the server")
        previous, self._previous = self._previous, sequence
        event_name = message.subject.split(".", 2)[2]
        trace = None
        if tracing.on():
            trace = ((message.headers or {}).get(tracing.TRACEPARENT), time.time_ns())
        return Message(self._source, sequence, previous, event_name, message.data, trace=trace)


def _numbers(message: Msg) -> tuple[int, int]:
    """A message's place in the stream, and which one of the consumer's it is."""
    tokens = message.reply.split(".")
    if len(tokens) == _ACK_TOKENS:
        # $JS.ACK.STREAM.CONSUMER.DELIVERED.SEQUENCE.NUMBER.TIME.PENDING; asking for `metadata` makes four objects.
        return int(tokens[5]), int(tokens[6])
    found = message.metadata.sequence
    return found.stream, found.consumer
