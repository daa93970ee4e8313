"""Reporting as one process: its parts, how they start, and what readiness asks of them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from faststream.nats import NatsBroker
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.reporting.position import Watch
from services.reporting.projector.consumer import Consumer
from services.reporting.projector.log import Log
from services.reporting.projector.projector import Projector
from services.reporting.reports.reader import Reader
from services.reporting.settings import ReportingSettings
from shared.runtime.broker import create_broker
from shared.runtime.database import create_engine
from shared.runtime.http import Check
from shared.runtime.migrations import is_current
from shared.runtime.progress import Progress


class Reporting:
    """All parts of a running reporting service."""

    def __init__(self, settings: ReportingSettings, *, consume: bool = True) -> None:
        """Without `consume` it answers from what is projected, and reads no events."""
        self.engine: AsyncEngine = create_engine(settings.database_url, "reporting")
        self.watch = Watch()
        self.projector = Projector(self.engine, self.watch)
        self.reader = Reader(self.engine)
        self.projecting = Progress("the projector")
        self._consume = consume
        self._broker: NatsBroker = create_broker(settings.nats_url, settings.nats_seed, "reporting")
        self._log = Log(settings.registry_url)
        self._consumer = Consumer(self._broker, self._log, self.projector, self.projecting)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Consume and project in the background while this lasts."""
        work = asyncio.create_task(self._consumer.run()) if self._consume else None
        try:
            yield
        finally:
            if work is not None:
                work.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await work
            await self._broker.stop()
            await self._log.close()
            await self.engine.dispose()

    def checks(self) -> dict[str, Check]:
        """Readiness: the database, its schema, NATS, and whether projecting gets anywhere."""
        return {"database": self._check_database, "nats": self._check_nats, "projector": self._check_projector}

    async def _check_database(self) -> str | None:
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
        if not await is_current(self.engine, "services.reporting"):
            return "the schema is not at this version; run the migrations (`ketnap up` does)"
        return None

    async def _check_nats(self) -> str | None:
        if await self._broker.ping(timeout=2):
            return None
        return "NATS does not answer; check that it runs at KETNAP_NATS_URL"

    async def _check_projector(self) -> str | None:
        problem = self.projecting.problem()
        return None if problem is None else f"{problem}; it stands at position {self.watch.checkpoint.position}"
