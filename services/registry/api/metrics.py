"""The registry's metrics: deliveries by outcome, quarantine by code and age, how far sources are settled."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from prometheus_client import Gauge

from services.registry.api.readings import Readings
from services.registry.api.waiting import WaitingReadings
from shared.runtime.tasks import ended

log = structlog.get_logger(__name__)

EVERY = 10.0

DELIVERIES = Gauge("ketnap_registry_deliveries", "Deliveries by source and current outcome", ["source", "outcome"])
SETTLED = Gauge("ketnap_registry_settled", "Last settled stream sequence of a source", ["source"])
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


class RegistryCollector:
    """Reads the figures from the tables every few seconds, so that a scrape costs nothing."""

    def __init__(self, readings: Readings, waiting: WaitingReadings) -> None:
        self._readings = readings
        self._waiting = waiting

    @asynccontextmanager
    async def collecting(self) -> AsyncIterator[None]:
        """Collect in the background while this lasts."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            await ended(task)

    async def _run(self) -> None:
        while True:
            try:
                await self.collect()
            except Exception as error:
                log.warning("metrics cannot be read; trying again", error=repr(error))
            await asyncio.sleep(EVERY)

    async def collect(self) -> None:
        """Set all figures to what the tables say now."""
        sources = await self._readings.sources()
        counts = await self._waiting.counts()
        for source in sources:
            name = source["source"]
            SETTLED.labels(name).set(source["settled"])
            GAPS.labels(name).set(len(source["gaps"]))
            LOST.labels(name).set(sum(last - first + 1 for first, last in source["lost"]))
            for outcome, number in source["outcomes"].items():
                DELIVERIES.labels(name, outcome).set(number)
        WAITING.clear()
        for row in counts:
            WAITING.labels(row.source, row.code, row.age).set(row.number)
        # A source whose quarantine is empty says 0, so that an alert on it ends.
        oldest = dict.fromkeys((source["source"] for source in sources), 0.0)
        for row in counts:
            oldest[row.source] = max(oldest.get(row.source, 0.0), row.seconds)
        for name, seconds in oldest.items():
            AGE.labels(name).set(seconds)
