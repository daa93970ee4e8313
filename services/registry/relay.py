"""The relay: publishes the log in order to `LOG`, and receipts to their sources. A crash repeats, never skips."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import structlog
from faststream.nats import NatsBroker
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError
from sqlalchemy.ext.asyncio import AsyncEngine

from services.registry.following import Following
from shared.events.receipts import Finding, Receipt
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

READ_EVENTS = 1000
READ_BYTES = 2 * 1024 * 1024
IN_FLIGHT = 500
"""Receipts on the way at once; the server drops what exceeds 10,000 in front of a stream."""
MESSAGE_BYTES = 900 * 1024
KEEP_SECONDS = 7 * 24 * 3600
KEEP_LOG_BYTES = 1024 * 1024 * 1024
KEEP_RECEIPTS_BYTES = 64 * 1024 * 1024
IDLE = 1.0
RETRY = 0.5

_RECEIPTS = msgspec.json.Decoder(list[Receipt])
_FINDINGS = msgspec.json.Decoder(tuple[Finding, ...])


async def ensure_streams(stream: JetStreamContext, replicas: int = 1) -> None:
    """Make `LOG` and `RECEIPTS` where they are missing, and lay them on `replicas` servers of a cluster.

    Both are pipes: what falls out is in PostgreSQL.
    """
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
            found = (await stream.stream_info(str(config.name))).config
        except NotFoundError:
            config.retention, config.discard = RetentionPolicy.LIMITS, DiscardPolicy.OLD
            await stream.add_stream(config, num_replicas=replicas)
        else:
            if found.num_replicas != replicas:
                await stream.update_stream(found, num_replicas=replicas)


class Relay:
    """Publishes what PostgreSQL says is not published yet, whenever the writer says that something may be."""

    def __init__(
        self,
        engine: AsyncEngine,
        broker: NatsBroker,
        recorded: asyncio.Event,
        progress: Progress,
        following: Following,
        replicas: int = 1,
    ) -> None:
        self._engine = engine
        self._broker = broker
        self._recorded = recorded
        self._progress = progress
        self._replicas = replicas
        self._following = following

    async def run(self) -> None:
        """Publish until cancelled."""
        streams_are_there = False
        while True:
            self._recorded.clear()
            try:
                async with self._progress.working():
                    if not streams_are_there:
                        await ensure_streams(self._broker.connection.jetstream(), self._replicas)
                        streams_are_there = True
                    while await self._publish():
                        pass
            except Exception as error:
                streams_are_there = False
                log.warning("publishing was interrupted; trying again", error=repr(error))
                await asyncio.sleep(RETRY)
                continue
            try:
                async with asyncio.timeout(IDLE):
                    await self._recorded.wait()
            except TimeoutError:
                # Nothing new; look all the same, another writer may have recorded, and a stream may be gone, which
                # nobody notices who publishes nothing.
                streams_are_there = False
                self._progress.fine()

    async def _publish(self) -> bool:
        """Publish a stretch of the log and all receipts that are due; whether there may be more."""
        async with self._engine.connect() as connection:
            page = {"limit": READ_EVENTS, "bytes": READ_BYTES}
            rows = (await connection.execute(SQL["to_relay"], page)).all()
            newest_posted = await connection.scalar(SQL["newest_posted"])
        await self._events([(row.position, row.event.encode()) for row in rows])
        self._following.relayed(rows)
        # That an event waits is said before that it is recorded, and its outbox was written no later.
        if newest_posted is not None:
            await self._posted(newest_posted)
        await self._receipts([_receipt(row) for row in rows])
        if rows:
            async with self._engine.begin() as connection:
                await connection.execute(SQL["relayed"], {"position": rows[-1].position})
        return bool(rows) or newest_posted is not None

    async def _events(self, events: Sequence[tuple[int, bytes]]) -> None:
        for group in _groups(events):
            await self._broker.publish(
                write_batch(event for _, event in group),
                LOG_SUBJECT,
                # With `stream` the server's acknowledgement is waited for.
                stream=LOG_STREAM,
                headers={
                    "content-type": "application/cloudevents-batch+json",
                    FIRST_HEADER: str(group[0][0]),
                    LAST_HEADER: str(group[-1][0]),
                    **self._following.relaying(group[0][0], group[-1][0]),
                },
                timeout=10,
            )

    async def _posted(self, until: int) -> None:
        """Publish the outbox up to a number: receipts of what is not recorded.

        No further: while a source sends again all that it ever sent, there are new ones as fast as they are told.
        """
        while True:
            async with self._engine.connect() as connection:
                rows = (await connection.execute(SQL["posted"], {"until": until})).all()
            if not rows:
                return
            for row in rows:
                await self._receipts(_RECEIPTS.decode(row.receipts))
            async with self._engine.begin() as connection:
                await connection.execute(SQL["delivered"], {"numbers": [row.number for row in rows]})

    async def _receipts(self, receipts: Sequence[Receipt]) -> None:
        """Publish these in order; returns when the stream has them."""
        client = self._broker.connection
        headers = {"content-type": "application/json"}
        for start in range(0, len(receipts), IN_FLIGHT):
            *others, last = receipts[start : start + IN_FLIGHT]
            # The server takes what a connection sends in order: the last one's acknowledgement is that of all.
            for receipt in others:
                subject = receipt_subject(receipt.source, receipt.outcome)
                await client.publish(subject, msgspec.json.encode(receipt), headers=headers)
            await self._broker.publish(
                msgspec.json.encode(last),
                receipt_subject(last.source, last.outcome),
                stream=RECEIPTS_STREAM,
                headers=headers,
                timeout=10,
            )


def _receipt(row: Any) -> Receipt:
    """The receipt of a row of the log."""
    findings = _FINDINGS.decode(row.findings) if row.findings else ()
    place = (row.stream_sequence, row.batch_index)
    return Receipt(row.event_id, row.source, "recorded", *place, row.recordedat, findings, row.position)


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
