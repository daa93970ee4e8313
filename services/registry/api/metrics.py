"""The registry's metrics: deliveries by outcome, quarantine by code and age, how far sources are settled."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import structlog
from prometheus_client import Gauge

from services.registry.api.readings import Readings
from shared.runtime.tasks import ended

log = structlog.get_logger(__name__)

EVERY = 10.0

DELIVERIES = Gauge("ketnap_registry_deliveries", "Deliveries by source and current outcome", ["source", "outcome"])
SETTLED = Gauge("ketnap_registry_settled", "Last settled stream sequence of a source", ["source"])
GAPS = Gauge("ketnap_registry_sequence_gaps", "Holes in a source's own sequence", ["source"])
WAITING = Gauge("ketnap_registry_quarantine_events", "Events in quarantine by code", ["code"])
AGE = Gauge("ketnap_registry_quarantine_age_seconds", "Age of the oldest event in quarantine by code", ["code"])


class RegistryCollector:
    """Reads the figures from the tables every few seconds, so that a scrape costs nothing."""

    def __init__(self, readings: Readings) -> None:
        self._readings = readings

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
                await self._collect()
            except Exception as error:
                log.warning("metrics cannot be read; trying again", error=repr(error))
            await asyncio.sleep(EVERY)

    async def _collect(self) -> None:
        for source in await self._readings.sources():
            name = source["source"]
            SETTLED.labels(name).set(source["settled"])
            GAPS.labels(name).set(len(source["gaps"]))
            for outcome, number in source["outcomes"].items():
                DELIVERIES.labels(name, outcome).set(number)
        waiting = await self._readings.waiting()
        WAITING.clear()
        AGE.clear()
        for code, (number, since) in waiting.items():
            WAITING.labels(code).set(number)
            AGE.labels(code).set((datetime.now(UTC) - since).total_seconds())
