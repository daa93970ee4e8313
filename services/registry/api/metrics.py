"""The registry's metrics: the log, deliveries by outcome, quarantine by code and age, sources, streams."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from nats.js import JetStreamContext
from prometheus_client import Gauge

from services.registry.api.readings import Readings
from services.registry.api.waiting import WaitingReadings
from shared.events.subjects import ingest_stream
from shared.runtime.collecting import Reading, collecting

POSITION = Gauge("ketnap_registry_position", "Last position of the log")
RECORDED = Gauge(
    "ketnap_registry_recorded_timestamp_seconds", "When the last event was recorded; 0 where none is on the log"
)
RELAYED = Gauge("ketnap_registry_relayed_position", "Last position that is published to the stream LOG")
WRITER = Gauge("ketnap_registry_writer", "1 for the registry that writes the log, 0 for one that stands by")
BACKUP = Gauge("ketnap_registry_backup_timestamp_seconds", "When the last backup was taken; 0 where there is none")
BACKUP_POSITION = Gauge("ketnap_registry_backup_position", "Last position that the last backup holds")

DELIVERIES = Gauge("ketnap_registry_deliveries", "Deliveries by source and current outcome", ["source", "outcome"])
SETTLED = Gauge("ketnap_registry_settled", "Last settled stream sequence of a source", ["source"])
BEHIND = Gauge(
    "ketnap_registry_lag_messages",
    "Messages of a source that its stream holds and nobody has read yet",
    ["source"],
)
SEEN = Gauge(
    "ketnap_registry_last_seen_timestamp_seconds",
    "When something of a source was last read; sources that were removed, or never sent anything, are not here",
    ["source"],
)
GAPS = Gauge("ketnap_registry_sequence_gaps", "Holes in a source's own sequence", ["source"])
LOST = Gauge("ketnap_registry_lost_messages", "Messages of a source that left its stream unread", ["source"])
WAITING = Gauge(
    "ketnap_registry_quarantine_events",
    "Events in quarantine by source, code and how long they have waited (under_1h, under_1d, under_7d, over_7d)",
    ["source", "code", "age"],
)
AGE = Gauge(
    "ketnap_registry_quarantine_age_seconds",
    "Age of the oldest event in quarantine by source; 0 where nothing waits",
    ["source"],
)
STREAM_MESSAGES = Gauge("ketnap_registry_stream_messages", "Messages that a stream of NATS holds", ["stream"])
STREAM_BYTES = Gauge("ketnap_registry_stream_bytes", "Bytes that a stream of NATS holds", ["stream"])
STREAM_LIMIT = Gauge("ketnap_registry_stream_limit_bytes", "Bytes that a stream of NATS may hold", ["stream"])

_OF_SOURCES = (DELIVERIES, SETTLED, SEEN, GAPS, LOST)
_OF_STREAMS = (STREAM_MESSAGES, STREAM_BYTES, STREAM_LIMIT, BEHIND)
_PAGE = 256
"""Streams that the server tells at a time."""


class RegistryCollector:
    """Reads the figures from the tables and from NATS every few seconds, so that a scrape costs nothing."""

    def __init__(
        self,
        readings: Readings,
        waiting: WaitingReadings,
        streams: Callable[[], JetStreamContext | None] = lambda: None,
        writes: Callable[[], bool] = lambda: False,
    ) -> None:
        """`streams` gives JetStream, once NATS is connected; `writes` says whether this registry is the writer."""
        self._readings = readings
        self._waiting = waiting
        self._streams = streams
        self._writes = writes
        self._settled: dict[str, int] = {}

    @asynccontextmanager
    async def collecting(self, *others: Reading) -> AsyncIterator[None]:
        """Collect in the background while this lasts, and `others` beside it."""
        tables = Reading("the registry's tables", 10.0, self.collect)
        async with collecting(tables, Reading("streams", 10.0, self.collect_streams), *others):
            yield

    async def collect(self) -> None:
        """Set all figures to what the tables say now."""
        standing = await self._readings.standing()
        sources = await self._readings.sources()
        counts = await self._waiting.counts()
        # No other task runs from here on: nobody scrapes what is half cleared.
        POSITION.set(standing.position)
        RECORDED.set(_seconds(standing.recordedat))
        RELAYED.set(standing.relayed)
        WRITER.set(self._writes())
        BACKUP.set(_seconds(standing.backup_at))
        BACKUP_POSITION.set(standing.backup_position or 0)
        self._settled = {source["source"]: source["settled"] for source in sources}
        for gauge in _OF_SOURCES:
            gauge.clear()
        for source in sources:
            _tell(source)
        WAITING.clear()
        for row in counts:
            WAITING.labels(row.source, row.code, row.age).set(row.number)
        # A source whose quarantine is empty says 0, so that an alert on it ends.
        oldest = dict.fromkeys((source["source"] for source in sources), 0.0)
        for row in counts:
            oldest[row.source] = max(oldest.get(row.source, 0.0), row.seconds)
        AGE.clear()
        for name, seconds in oldest.items():
            AGE.labels(name).set(seconds)

    async def collect_streams(self) -> None:
        """Set the figures about streams to what NATS says now."""
        jetstream = self._streams()
        if jetstream is None:
            return
        found: list[Any] = []
        while len(found) % _PAGE == 0:
            page = await jetstream.streams_info(offset=len(found))
            if not page:
                break
            found += page
        last = {info.config.name: info.state.last_seq for info in found}
        for gauge in _OF_STREAMS:
            gauge.clear()
        for info in found:
            STREAM_MESSAGES.labels(info.config.name).set(info.state.messages)
            STREAM_BYTES.labels(info.config.name).set(info.state.bytes)
            if info.config.max_bytes and info.config.max_bytes > 0:
                STREAM_LIMIT.labels(info.config.name).set(info.config.max_bytes)
        for source, settled in self._settled.items():
            if ingest_stream(source) in last:
                BEHIND.labels(source).set(max(0, last[ingest_stream(source)] - settled))


def _tell(source: dict[str, Any]) -> None:
    name = source["source"]
    SETTLED.labels(name).set(source["settled"])
    GAPS.labels(name).set(len(source["gaps"]))
    LOST.labels(name).set(sum(last - first + 1 for first, last in source["lost"]))
    for outcome, number in source["outcomes"].items():
        DELIVERIES.labels(name, outcome).set(number)
    if source["last_seen"] is not None and source["removed_at"] is None:
        SEEN.labels(name).set(_seconds(source["last_seen"]))


def _seconds(moment: datetime | None) -> float:
    return 0.0 if moment is None else moment.timestamp()
