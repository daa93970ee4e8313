"""Whether every event of every message that a source's stream still holds has its outcome, under its own id."""

from collections.abc import AsyncIterator, Callable
from uuid import UUID

import msgspec
from nats.aio.client import Client
from nats.aio.subscription import Subscription
from nats.errors import TimeoutError as NatsTimeout
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.registry.deliveries import Message
from services.registry.reading import read_message
from services.registry.sealing import content_hash
from services.registry.verification.check import Check, attempted
from services.registry.verification.outcomes import SQL
from shared.events.codec import Submitted
from shared.events.subjects import ingest_stream

PULL_MESSAGES = 256
PULL_BYTES = 5 * 1024 * 1024
PATIENCE = 10.0
IDLE_CONSUMER = 60.0
"""Seconds."""

_PULL = msgspec.json.encode({"batch": PULL_MESSAGES, "max_bytes": PULL_BYTES, "no_wait": True})


class Streams:
    """Compares what streams hold with what the tables say of it."""

    def __init__(self, client: Client, content_key: bytes) -> None:
        self.check = Check(
            "streams", "each event of each settled message that a stream holds has its outcome, hash and id",
            "the message is still in the stream: restore from a backup, and let the registry read it again",
            unit="events in streams",
        )  # fmt: skip
        self._client = client
        self._stream = client.jetstream(timeout=PATIENCE)
        self._content_key = content_key

    async def go(self, connection: AsyncConnection, advance: Callable[[int], None]) -> None:
        """Read all streams; `advance` is told how many events were done since it was told last."""
        for row in (await connection.execute(SQL["sources"])).all():
            with attempted(self.check):
                async with connection.begin_nested():
                    await self._source(connection, row.source, row.settled, advance)

    async def _source(
        self, connection: AsyncConnection, source: str, settled: int, advance: Callable[[int], None]
    ) -> None:
        name = ingest_stream(source)
        try:
            state = (await self._stream.stream_info(name)).state
        except NotFoundError:
            if settled:
                self.check.note(f"{source} has no stream any more")
            return
        if state.last_seq < settled:
            self.check.fault(
                f"{source}: its stream ends at {state.last_seq:,}, but {settled:,} is settled: it was made anew"
            )
            return
        if state.first_seq > 1:
            self.check.note(f"{source}: messages up to {state.first_seq - 1:,} have left the stream")
        async for messages in self._messages(source, state.messages):
            settled_ones = [each for each in messages if each.stream_sequence <= settled]
            await self._compare(connection, settled_ones, advance)
            if len(settled_ones) < len(messages):
                return

    async def _messages(self, source: str, pending: int) -> AsyncIterator[list[Message]]:
        """What the stream holds, in its order, some at a time."""
        name = ingest_stream(source)
        inbox = self._client.new_inbox()
        subscription = await self._client.subscribe(inbox)
        config = ConsumerConfig(
            deliver_policy=DeliverPolicy.ALL,
            ack_policy=AckPolicy.NONE,
            inactive_threshold=IDLE_CONSUMER,
            mem_storage=True,
        )
        consumer = (await self._stream.add_consumer(name, config)).name
        previous = 0
        try:
            while pending:
                await self._client.publish(f"$JS.API.CONSUMER.MSG.NEXT.{name}.{consumer}", _PULL, inbox)
                messages, pending = await self._pulled(source, subscription, previous)
                if not messages:
                    return
                previous = messages[-1].stream_sequence
                yield messages
        finally:
            await subscription.unsubscribe()
            await self._stream.delete_consumer(name, consumer)

    async def _pulled(self, source: str, subscription: Subscription, previous: int) -> tuple[list[Message], int]:
        """What one pull request brings, and how many messages are left after it."""
        messages: list[Message] = []
        pending = 0
        while len(messages) < PULL_MESSAGES:
            try:
                each = await subscription.next_msg(timeout=PATIENCE)
            except NatsTimeout:
                raise ConnectionError(f"JetStream said nothing for {PATIENCE:.0f} s") from None
            if not each.reply:
                break  # a status: nothing more, or no more bytes, for this request
            sequence, pending = each.metadata.sequence.stream, each.metadata.num_pending
            event_name = each.subject.split(".", 2)[2]
            messages.append(Message(source, sequence, previous, event_name, each.data))
            previous = sequence
            if not pending:
                break
        return messages, pending

    async def _compare(
        self, connection: AsyncConnection, messages: list[Message], advance: Callable[[int], None]
    ) -> None:
        if not messages:
            return
        source = messages[0].source
        wanted = {"source": source, "first": messages[0].stream_sequence, "last": messages[-1].stream_sequence}
        found: dict[int, dict[int, tuple[UUID | None, bytes | None, str]]] = {}
        for row in await connection.execute(SQL["outcomes_of"], wanted):
            of_message = found.setdefault(row.stream_sequence, {})
            of_message[row.batch_index] = (row.event_id, row.content_hash, row.outcome)
        for message in messages:
            reads = read_message(message)
            where = f"{source} message {message.stream_sequence}"
            outcomes = found.get(message.stream_sequence, {})
            if len(outcomes) != len(reads):
                self.check.fault(f"{where} holds {len(reads):,} events, {len(outcomes):,} have an outcome")
            for delivery, event in reads:
                if delivery.batch_index in outcomes:
                    self._event(f"{where} event {delivery.batch_index}", event, *outcomes[delivery.batch_index])
            self.check.looked_at += len(reads)
            advance(len(reads))

    def _event(self, where: str, event: object, event_id: UUID | None, digest: bytes | None, outcome: str) -> None:
        delivered = event.envelope.id if isinstance(event, Submitted) else getattr(event, "event_id", None)
        if delivered != event_id:
            self.check.fault(f"{where} has the id {delivered}, its outcome ({outcome}) is of {event_id}")
        elif digest is not None and (
            not isinstance(event, Submitted) or content_hash(event.canonical, self._content_key) != digest
        ):
            self.check.fault(f"{where} is {outcome} with other content than the stream holds")
