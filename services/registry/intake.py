"""The consumer: reads each source's stream from where it is settled, and hands turns to the writer.

The cursor lives in the same transaction as the outcomes, not in JetStream: what was read and not committed is read
again, in order, and a consumer that somebody deletes is made anew. So the streams need no acknowledgements.
"""

import asyncio
import contextlib
from dataclasses import dataclass, field
from itertools import groupby

import msgspec
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from services.registry.deliveries import Message
from services.registry.reading import read_message
from services.registry.store import Fenced
from services.registry.writer import Writer
from shared.events.subjects import ingest_stream
from shared.runtime.progress import Progress

log = structlog.get_logger(__name__)

PULL_MESSAGES = 256
PULL_BYTES = 5 * 1024 * 1024
"""More than the server's largest message (4 MiB), or one such message would never be delivered."""
PULL_EXPIRES = 30.0
HEARTBEAT = 2.0
TURN_BYTES = 2 * 1024 * 1024
IDLE_CONSUMER = 300.0
RETRY = 0.5
LOOK_AGAIN = 10.0
LOOK_FOR_SOURCES = 0.5


@dataclass(slots=True)
class Arrivals:
    """What has arrived from all sources and is not yet written; whole pulls, so that bytes stay bounded."""

    messages: list[Message] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    taken: asyncio.Condition = field(default_factory=asyncio.Condition)
    size: int = 0

    async def room(self) -> None:
        """Wait until there is room for another pull."""
        async with self.taken:
            await self.taken.wait_for(lambda: self.size < TURN_BYTES)

    def put(self, message: Message) -> None:
        """Add one message."""
        # Read now, while the writer waits for PostgreSQL. What goes wrong goes wrong again in its turn.
        with contextlib.suppress(Exception):
            read_message(message)
        self.messages.append(message)
        self.size += len(message.payload)
        self.changed.set()

    async def take(self) -> list[Message]:
        """Wait for messages and take all that have arrived."""
        await self.changed.wait()
        taken, self.messages, self.size = self.messages, [], 0
        self.changed.clear()
        async with self.taken:
            self.taken.notify_all()
        return taken


class Intake:
    """Reads all registered sources, those that are added later too."""

    def __init__(self, client: Client, writer: Writer, progress: Progress) -> None:
        self._client = client
        self._stream: JetStreamContext = client.jetstream()
        self._writer = writer
        self._progress = progress
        self._arrivals = Arrivals()
        self._restart: dict[str, asyncio.Event] = {}
        self._stuck: dict[str, str] = {}

    async def run(self) -> None:
        """Read and write until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._write())
            while True:
                try:
                    sources = await self._writer.refresh_sources()
                except Exception as error:
                    log.warning("cannot look for new sources; trying again", error=str(error))
                    sources = {}
                for source in sources.keys() - self._restart.keys():
                    self._restart[source] = asyncio.Event()
                    tasks.create_task(self._read_source(source))
                await asyncio.sleep(LOOK_FOR_SOURCES)

    def begin_anew(self) -> None:
        """Read every source again from what is settled: the server has forgotten our consumers."""
        for restart in self._restart.values():
            restart.set()

    async def _write(self) -> None:
        while True:
            messages = await self._arrivals.take()
            try:
                async with self._progress.working():
                    await self._writer.write(messages)
                    for source in {message.source for message in messages}:
                        self._stuck.pop(source, None)
            except Exception:
                log.exception("a turn failed; going on message by message")
                await self._write_one_by_one(messages)
            for source, problem in self._stuck.items():
                self._progress.failing(f"is stuck at {source}: {problem}")

    async def _write_one_by_one(self, messages: list[Message]) -> None:
        """What cannot be written holds up its own source and no other; it is read again and tried again."""
        await self._recover()
        for source, sent in groupby(sorted(messages, key=lambda each: each.source), lambda each: each.source):
            for message in sent:
                try:
                    await self._writer.write([message])
                except Exception as error:
                    log.exception("a message cannot be written", source=source, at=message.stream_sequence)
                    self._stuck[source] = f"{type(error).__name__} at stream sequence {message.stream_sequence}"
                    await self._recover()
                    self._restart[source].set()
                    break

    async def _recover(self) -> None:
        """Let the writer begin anew from the tables, as soon as PostgreSQL answers."""
        while True:
            try:
                await self._writer.recover()
            except Fenced:
                raise
            except Exception as error:
                self._progress.failing(f"waits for PostgreSQL: {error!r}"[:300])
                log.warning("PostgreSQL does not answer; trying again", error=repr(error))
                await asyncio.sleep(RETRY)
            else:
                return

    async def _read_source(self, source: str) -> None:
        while True:
            self._restart[source].clear()
            try:
                async with SourceReader(self._client, self._stream, source) as reader:
                    settled = self._writer.sources[source].settled
                    await reader.begin(settled + 1)
                    await self._pull(source, reader)
            except NotFoundError:
                log.info("the source has no stream yet; waiting for it", source=source)
            except StreamMadeAnew as error:
                log.error("the source cannot be read", source=source, error=str(error))
                self._stuck[source] = str(error)
                self._progress.failing(f"cannot read {source}: {error}")
                await asyncio.sleep(LOOK_AGAIN)
            except Exception as error:
                log.warning("reading was interrupted; beginning anew", source=source, error=repr(error))
            await asyncio.sleep(RETRY)

    async def _pull(self, source: str, reader: "SourceReader") -> None:
        restart = asyncio.create_task(self._restart[source].wait())
        pulled: asyncio.Task[None] | None = None
        try:
            while not restart.done():
                await self._arrivals.room()
                pulled = asyncio.create_task(reader.pull(self._arrivals))
                await asyncio.wait({pulled, restart}, return_when=asyncio.FIRST_COMPLETED)
                if pulled.done():
                    await pulled
        finally:
            for task in (restart, pulled):
                if task is not None:
                    task.cancel()
            await asyncio.gather(restart, *([pulled] if pulled else []), return_exceptions=True)


_FULL = ("Batch Completed", "Exceeds MaxBytes", "Exceeded MaxBytes")
_PULL = msgspec.json.encode(
    {
        "batch": PULL_MESSAGES,
        "max_bytes": PULL_BYTES,
        "expires": int(PULL_EXPIRES * 1e9),
        "idle_heartbeat": int(HEARTBEAT * 1e9),
    }
)


class StreamMadeAnew(Exception):
    """The numbers of a source's stream began again: nothing can be read from it safely."""


class SourceReader:
    """An ephemeral pull consumer on one source's stream, in stream order and without acknowledgements."""

    def __init__(self, client: Client, stream: JetStreamContext, source: str) -> None:
        self._client = client
        self._stream = stream
        self._source = source
        self._consumer = ""
        self._delivered = 0
        self._previous = 0

    async def __aenter__(self) -> "SourceReader":
        self._inbox = self._client.new_inbox()
        self._subscription = await self._client.subscribe(self._inbox)
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
        """One pull request: put what comes into `arrivals` until the server says that it is fulfilled."""
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{ingest_stream(self._source)}.{self._consumer}"
        await self._client.publish(subject, _PULL, self._inbox)
        received = 0
        while received < PULL_MESSAGES:
            message = await self._subscription.next_msg(timeout=2 * HEARTBEAT + 1)
            status = (message.headers or {}).get("Status") if not message.reply else None
            if status is None:
                arrivals.put(self._message(message))
                received += 1
            elif status != "100" and self._is_over(status, (message.headers or {}).get("Description", "")):
                return

    def _is_over(self, status: str, description: str) -> bool:
        # 404 and 408: nothing (more) for this request; 409 with one of these: it is full, the next one goes on.
        if status in ("404", "408") or (status == "409" and description.endswith(_FULL)):
            return True
        raise ConnectionError(f"the consumer answered {status} {description}")

    def _message(self, message: Msg) -> Message:
        metadata = message.metadata
        self._delivered += 1
        if metadata.sequence.consumer != self._delivered:
            raise ConnectionError("messages were lost on the way from the server")
        previous, self._previous = self._previous, metadata.sequence.stream
        event_name = message.subject.split(".", 2)[2]
        return Message(self._source, metadata.sequence.stream, previous, event_name, message.data)
