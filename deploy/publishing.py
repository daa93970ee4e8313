"""Publishing as a source does it: batches into the source's own stream, then what became of each event."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import nats.errors
import nats.js.errors
import nkeys
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import PubAck

from deploy.receipts import Problem, Tally, fetch_receipts, read_receipts
from deploy.stack.errors import said
from shared.events.codec import MAX_BATCH, MAX_MESSAGE
from shared.events.subjects import ingest_stream, ingest_subject, receipt_subject
from shared.runtime import tracing
from shared.runtime.connection import Connection, secured

_ACKNOWLEDGED_WITHIN = 5.0
# A quarantined event may be released by one recorded a moment later: that receipt is on its way.
_RELEASED_WITHIN = 1.0
_ASK_REGISTRY_AFTER = 2.0


class PublishError(Exception):
    """Publishing cannot go on; the message says what to do. What was acknowledged before stays published."""


@dataclass(frozen=True)
class Progress:
    """How many events the stream holds (`acknowledged`) and how many have an outcome (`settled`)."""

    acknowledged: int
    settled: int


@dataclass(frozen=True)
class Publication:
    """What became of the events."""

    events: int
    outcomes: dict[str, int]
    """Current outcome → number of events; outcomes that did not occur are left out."""
    unanswered: int
    """Events that the stream holds and the registry has not answered in time."""
    last_position: int
    """Highest position of a receipt, duplicates included; 0 where there is none."""
    findings: Counter[str]
    """By code, how many recorded events carry such a finding."""
    released: int
    """How many events waited in quarantine first, as far as their receipts were heard."""
    problems: tuple[Problem, ...]
    """Events that are not recorded, in the order of publishing; at most `Tally.KEPT`."""


@dataclass(frozen=True)
class _Batch:
    payload: bytes
    first: int
    count: int


def batches(events: Iterable[bytes]) -> Iterator[tuple[bytes, int]]:
    """Pack events (JSON each) into batch messages: (payload, how many), in order.

    At most 1,000 events and less than 1 MiB each. An event that is too large by itself travels alone, so
    that it gets its own outcome.
    """
    packed: list[bytes] = []
    size = 2
    for event in events:
        if packed and (len(packed) == MAX_BATCH or size + len(event) + 1 >= MAX_MESSAGE):
            yield b"[%s]" % b",".join(packed), len(packed)
            packed, size = [], 2
        packed.append(event)
        size += len(event) + 1
    if packed:
        yield b"[%s]" % b",".join(packed), len(packed)


async def publish(
    nats_url: str,
    source: str,
    seed: str,
    events: Iterable[bytes],
    *,
    registry_url: str | None = None,
    key: str = "",
    ca: str = "",
    on_progress: Callable[[Progress], None] | None = None,
    in_flight: int = 8,
    patience: float = 60.0,
) -> Publication:
    """Publish `events` (one JSON text each) with the credentials of `source`, and wait for their outcomes.

    Keeps `in_flight` messages on the way, each acknowledged by JetStream; one that is not acknowledged goes
    again under the same message id, so that the stream holds it once. Receipts that the subscription missed
    are asked of the registry, if `registry_url` is given and answers, with the `key` to it. `ca` certifies the
    servers of `tls://` and `https://` addresses (PEM). Gives up waiting when nothing has moved for `patience`
    seconds. Raises PublishError.
    """
    publisher = _Publisher(source, in_flight, patience, on_progress, ca)
    await publisher.connect(nats_url, seed)
    try:
        await publisher.send(events)
        await publisher.settle(registry_url, key)
    finally:
        await publisher.close()
    return publisher.result()


class _Publisher:
    def __init__(
        self,
        source: str,
        in_flight: int,
        patience: float,
        on_progress: Callable[[Progress], None] | None,
        ca: str,
    ) -> None:
        self._source = source
        self._in_flight = in_flight
        self._patience = patience
        self._on_progress = on_progress
        self._ca = ca
        self._client = Connection()
        self._tally = Tally()
        self._acknowledged = 0
        self._connecting = False
        self._refused: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def connect(self, nats_url: str, seed: str) -> None:
        """Connect and subscribe to the source's receipts. Raises PublishError where that is not possible."""
        try:
            nkeys.from_seed(bytearray(seed.encode()))
        except Exception:
            # The library raises whatever its parsing stumbles over.
            raise PublishError(
                "the credentials are no nkey seed (58 characters, SU…): `ketnap source add` writes one"
            ) from None
        self._connecting = True
        servers = nats_url.split(",")
        try:
            await self._client.connect(
                servers,
                **secured(servers, self._ca),
                name=f"ketnap publish {self._source}",
                nkeys_seed_str=seed,
                inbox_prefix=f"_INBOX_{self._source}",
                error_cb=self._on_error,
                max_reconnect_attempts=-1,
                reconnect_time_wait=1,
            )
        except (nats.errors.Error, OSError, TimeoutError) as error:
            await self.close()
            if "authorization" in str(error).lower():
                raise PublishError(
                    f"NATS at {nats_url} refuses these credentials: is source {self._source} registered there? "
                    "`ketnap source list` shows it"
                ) from None
            if isinstance(error, ConnectionResetError | nats.errors.UnexpectedEOF):
                # The reason that a server gives may get lost when it ends the connection right after it.
                raise PublishError(
                    f"NATS at {nats_url} broke off when credentials were shown: it refuses these credentials, "
                    f"or is just being stopped. Is source {self._source} registered there? "
                    "`ketnap source list` shows it"
                ) from None
            raise PublishError(f"NATS at {nats_url} does not answer: is the system up? ({said(error)})") from None
        self._connecting = False
        try:
            await self._client.subscribe(receipt_subject(self._source, ">"), cb=self._on_receipts)
            await self._client.flush()
            # A refusal comes before the flush's answer; this lets its callback run.
            await asyncio.sleep(0)
            self._raise_if_refused()
        except BaseException:
            await self.close()
            raise

    async def send(self, events: Iterable[bytes]) -> None:
        """Publish all events; returns when the stream holds them."""
        stream = self._client.jetstream(timeout=_ACKNOWLEDGED_WITHIN)
        places = asyncio.Semaphore(self._in_flight)
        try:
            async with asyncio.TaskGroup() as group:
                first = 0
                for payload, count in batches(events):
                    if len(payload) > self._client.max_payload:
                        most = self._client.max_payload
                        raise PublishError(f"event {first + 1} has {len(payload):,} bytes, NATS takes {most:,}")
                    await places.acquire()
                    task = group.create_task(self._send(stream, _Batch(payload, first, count)))
                    task.add_done_callback(lambda _: places.release())
                    first += count
        except ExceptionGroup as group_:
            # All of them say the same; whoever catches wants the one.
            first_error = group_.exceptions[0]
            if isinstance(first_error, PublishError):
                raise first_error from None
            raise
        self._tally.expect_no_more()

    async def settle(self, registry_url: str | None, key: str) -> None:
        """Wait until every event has an outcome and quarantined ones had a chance to be released."""
        moved_at = asyncio.get_running_loop().time()
        while self._tally.open:
            if await self._moves(_ASK_REGISTRY_AFTER) or await self._catch_up(registry_url, key):
                moved_at = asyncio.get_running_loop().time()
            elif asyncio.get_running_loop().time() - moved_at > self._patience:
                return
        while self._tally.waiting and await self._moves(_RELEASED_WITHIN):
            pass
        if self._tally.waiting:
            await self._catch_up(registry_url, key)

    def result(self) -> Publication:
        """What is known now."""
        tally = self._tally
        return Publication(
            self._acknowledged,
            tally.outcomes(),
            tally.open,
            tally.last_position,
            tally.findings,
            tally.released,
            tally.problems(),
        )

    async def close(self) -> None:
        """Leave NATS; never fails."""
        self._connecting = False
        with contextlib.suppress(nats.errors.Error, OSError, TimeoutError):
            await self._client.close()

    async def _send(self, stream: JetStreamContext, batch: _Batch) -> None:
        with tracing.span("publish", None, source=self._source, events=batch.count) as traceparent:
            await self._send_traced(stream, batch, {tracing.TRACEPARENT: traceparent} if traceparent else {})

    async def _send_traced(self, stream: JetStreamContext, batch: _Batch, trace: dict[str, str]) -> None:
        headers = {"Nats-Msg-Id": uuid4().hex} | trace
        deadline = asyncio.get_running_loop().time() + self._patience
        while True:
            try:
                answer = await self._unless_refused(
                    stream.publish(ingest_subject(self._source), batch.payload, headers=headers)
                )
                break
            except nats.js.errors.NoStreamResponseError:
                reason = f"no stream {ingest_stream(self._source)} answers"
            except nats.js.errors.APIError as error:
                raise PublishError(f"the stream refused a message: {error.description}") from None
            except (nats.errors.Error, OSError, TimeoutError) as error:
                reason = f"NATS does not acknowledge ({error})"
            if asyncio.get_running_loop().time() > deadline:
                raise PublishError(f"{reason}: is the system up, and source {self._source} registered?")
            await asyncio.sleep(0.5)
        self._acknowledged += batch.count
        self._tally.expect(answer.seq, batch.first, batch.count)
        self._report()

    async def _unless_refused(self, publishing: Coroutine[Any, Any, PubAck]) -> PubAck:
        """Await `publishing`, but no longer once the server has said that it is not allowed."""
        task = asyncio.create_task(publishing)
        try:
            either: set[asyncio.Future[Any]] = {task, self._refused}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            self._raise_if_refused()
            return await task
        finally:
            task.cancel()

    def _raise_if_refused(self) -> None:
        if self._refused.done():
            raise PublishError(
                f"these credentials may not publish for source {self._source}: give those that "
                f"`ketnap source add {self._source}` wrote ({self._refused.result()})"
            )

    async def _on_error(self, error: Exception) -> None:
        if self._connecting:
            # Raised through connect(): without it the client would try again for minutes.
            raise error
        if "permissions violation" in str(error).lower() and not self._refused.done():
            self._refused.set_result(str(error))

    async def _on_receipts(self, message: Msg) -> None:
        for receipt in read_receipts(message.data):
            self._tally.hear(receipt)
        self._report()

    async def _moves(self, within: float) -> bool:
        """Whether a receipt of ours comes within so many seconds."""
        self._tally.moved.clear()
        try:
            await asyncio.wait_for(self._tally.moved.wait(), within)
        except TimeoutError:
            return False
        return True

    async def _catch_up(self, registry_url: str | None, key: str) -> bool:
        """Ask the registry for what the subscription may have missed; whether that settled anything."""
        if registry_url is None:
            return False
        before = self._tally.open, self._tally.waiting
        async for receipt in fetch_receipts(
            registry_url, self._source, self._tally.first_unsettled() - 1, key, self._ca
        ):
            self._tally.hear(receipt)
        self._report()
        return (self._tally.open, self._tally.waiting) != before

    def _report(self) -> None:
        if self._on_progress is not None:
            self._on_progress(Progress(self._acknowledged, self._acknowledged - self._tally.open))
