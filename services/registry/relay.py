"""The relay: publishes the log in order to `LOG`, and receipts to their sources. A crash repeats, never skips."""

import asyncio
from collections.abc import Sequence

import msgspec
import structlog
from faststream.nats import NatsBroker
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.events.receipts import Receipt
from shared.events.recorded import write_batch
from shared.events.subjects import (
    FIRST_HEADER,
    LAST_HEADER,
    LOG_STREAM,
    LOG_SUBJECT,
    RECEIPTS_STREAM,
    RECEIPTS_SUBJECT,
    receipt_subject,
)
from shared.runtime.progress import Progress
from shared.runtime.sql import Statements

log = structlog.get_logger(__name__)

SQL = Statements("services.registry.sql", "relay.sql")

READ_EVENTS = 500
IN_FLIGHT = 500
MESSAGE_BYTES = 900 * 1024
KEEP_SECONDS = 7 * 24 * 3600
KEEP_LOG_BYTES = 1024 * 1024 * 1024
KEEP_RECEIPTS_BYTES = 64 * 1024 * 1024
IDLE = 1.0
RETRY = 0.5

_RECEIPTS = msgspec.json.Decoder(list[Receipt])


async def ensure_streams(stream: JetStreamContext) -> None:
    """Make `LOG` and `RECEIPTS` where they are missing. Both are pipes: what falls out is in PostgreSQL."""
    log_config = StreamConfig(
        name=LOG_STREAM,
        subjects=[LOG_SUBJECT],
        storage=StorageType.FILE,
        max_age=KEEP_SECONDS,
        max_bytes=KEEP_LOG_BYTES,
    )
    # In memory: with every message synced to disk, one receipt an event would be the slowest part of the way, and
    # a receipt that a restart of NATS loses is still at GET /v1/receipts.
    receipts_config = StreamConfig(
        name=RECEIPTS_STREAM,
        subjects=[RECEIPTS_SUBJECT],
        storage=StorageType.MEMORY,
        max_bytes=KEEP_RECEIPTS_BYTES,
    )
    for config in (log_config, receipts_config):
        try:
            await stream.stream_info(str(config.name))
        except NotFoundError:
            config.retention, config.discard = RetentionPolicy.LIMITS, DiscardPolicy.OLD
            await stream.add_stream(config)


class Relay:
    """Publishes what PostgreSQL says is not published yet, whenever the writer says that something may be."""

    def __init__(
        self, engine: AsyncEngine, broker: NatsBroker, recorded: asyncio.Event, progress: Progress
    ) -> None:
        self._engine = engine
        self._broker = broker
        self._recorded = recorded
        self._progress = progress

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            self._recorded.clear()
            try:
                async with self._progress.working():
                    await ensure_streams(self._broker.connection.jetstream())
                    while await self._events() | await self._receipts():
                        pass
            except Exception as error:
                log.warning("publishing was interrupted; trying again", error=repr(error))
                await asyncio.sleep(RETRY)
                continue
            try:
                async with asyncio.timeout(IDLE):
                    await self._recorded.wait()
            except TimeoutError:
                # Nothing new; look all the same, another writer may have recorded.
                self._progress.fine()

    async def _events(self) -> bool:
        async with self._engine.connect() as connection:
            rows = (await connection.execute(SQL["to_relay"], {"limit": READ_EVENTS})).all()
        for group in _groups([(row.position, row.event.encode()) for row in rows]):
            first, last = group[0][0], group[-1][0]
            await self._broker.publish(
                write_batch(event for _, event in group),
                LOG_SUBJECT,
                # With `stream` the server's acknowledgement is waited for.
                stream=LOG_STREAM,
                headers={
                    "content-type": "application/cloudevents-batch+json",
                    FIRST_HEADER: str(first),
                    LAST_HEADER: str(last),
                },
                timeout=10,
            )
            async with self._engine.begin() as connection:
                await connection.execute(SQL["relayed"], {"position": last})
        return len(rows) == READ_EVENTS

    async def _receipts(self) -> bool:
        async with self._engine.connect() as connection:
            rows = (await connection.execute(SQL["posted"])).all()
        for row in rows:
            receipts = _RECEIPTS.decode(row.receipts)
            for start in range(0, len(receipts), IN_FLIGHT):
                chunk = receipts[start : start + IN_FLIGHT]
                await asyncio.gather(*(self._receipt(receipt) for receipt in chunk))
        if rows:
            async with self._engine.begin() as connection:
                await connection.execute(SQL["delivered"], {"numbers": [row.number for row in rows]})
        return bool(rows)

    async def _receipt(self, receipt: Receipt) -> None:
        await self._broker.publish(
            msgspec.json.encode(receipt),
            receipt_subject(receipt.source, receipt.outcome),
            stream=RECEIPTS_STREAM,
            headers={"content-type": "application/json"},
            timeout=10,
        )


def _groups(events: Sequence[tuple[int, bytes]]) -> list[list[tuple[int, bytes]]]:
    """Consecutive events in messages that stay under the limit of 1 MiB."""
    groups: list[list[tuple[int, bytes]]] = []
    size = MESSAGE_BYTES
    for event in events:
        if size + len(event[1]) > MESSAGE_BYTES:
            groups.append([])
            size = 0
        groups[-1].append(event)
        size += len(event[1]) + 1
    return groups
