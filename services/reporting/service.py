"""Reporting as one process: its parts, how they start, and what readiness asks of them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from faststream.nats import NatsBroker
from sqlalchemy.ext.asyncio import AsyncEngine

from services.reporting.persons.filling import Filling
from services.reporting.position import Watch
from services.reporting.projector.consumer import Consumer
from services.reporting.projector.person_sums import PersonSums
from services.reporting.projector.projector import Projector
from services.reporting.projector.running_sums import RunningSums
from services.reporting.projector.standing_sums import StandingSums
from services.reporting.projector.waymarks import Waymarks
from services.reporting.reports.reader import Reader
from services.reporting.settings import ReportingSettings
from services.reporting.unsealing import Unsealing
from shared.runtime import checks
from shared.runtime.broker import create_broker
from shared.runtime.database import create_engine
from shared.runtime.health import Check
from shared.runtime.leading import Lead
from shared.runtime.progress import Progress
from shared.runtime.schemas import until_migrated
from shared.runtime.served_log import ServedLog
from shared.runtime.tasks import at_work, endable

WORKING = 6
"""Connections that are kept for what is done beside answering."""
OVERFLOW = 2
"""More of these, while so much is done at once."""
ANSWERING = 8
"""Connections for answers; who asks for more at once waits for one of them."""
GUARDS = (
    "reporting.checkpoint",
    "reporting.running_sum_progress",
    "reporting.step_sum_progress",
    "reporting.standing_progress",
    "reporting.waymark_progress",
    "reporting_person.progress",
    "reporting_person",
)
"""What projecting, the sums and filling hold while they are at it: see `Lead`."""
ANSWERED_WITHIN = 60.0
"""Seconds that one statement of an answer may take."""


class Reporting:
    """All parts of a running reporting service."""

    def __init__(self, settings: ReportingSettings, *, consume: bool = True) -> None:
        """Without `consume` it answers from what is projected, and reads no events."""
        self.engine: AsyncEngine = create_engine(settings.database_url, "reporting", WORKING, overflow=OVERFLOW)
        # Slow answers, however many, leave the projector its connections.
        self._answering = create_engine(
            settings.database_url,
            "reporting-answers",
            ANSWERING,
            overflow=0,
            command_timeout=ANSWERED_WITHIN,
            plan_for_all=False,
        )
        self.watch = Watch()
        self.projector = Projector(self.engine, self.watch)
        self.reader = Reader(self._answering)
        self.sums = RunningSums(self.engine)
        self.person_sums = PersonSums(self.engine)
        self.standing_sums = StandingSums(self.engine)
        self.waymarks = Waymarks(self.engine)
        self.projecting = Progress("the projector")
        self._unsealing = (
            Unsealing(settings.registry_url, settings.unseal_token, ca=settings.ca)
            if settings.unseal_token
            else None
        )
        self.filling = Filling(self.engine, self.watch, self._unsealing)
        self._consume = consume
        self._broker: NatsBroker = create_broker(
            settings.nats_url, settings.nats_seed, "reporting", ca=settings.ca
        )
        self.log = ServedLog(settings.registry_url, settings.service_key, settings.ca)
        self._consumer = Consumer(self._broker, self.log, self.projector, self.projecting)
        self.lead = Lead(self.engine, "reporting.projecting", GUARDS)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Consume and project in the background while this lasts."""
        try:
            async with at_work(self._work(), self.projecting) if self._consume else contextlib.nullcontext():
                yield
        finally:
            await self._broker.stop()
            await self.log.close()
            if self._unsealing is not None:
                await self._unsealing.close()
            await self.engine.dispose()
            await self._answering.dispose()

    async def _work(self) -> None:
        await until_migrated(self.engine, "services.reporting", self.projecting)
        await self.lead.run(self._project, self._stand_by)

    async def _project(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(endable(self._consumer.run()))
            group.create_task(endable(self.sums.follow(self.watch)))
            group.create_task(endable(self.person_sums.follow(self.watch)))
            group.create_task(endable(self.standing_sums.follow(self.watch)))
            group.create_task(endable(self.waymarks.follow(self.watch)))
            group.create_task(endable(self.filling.run()))

    async def _stand_by(self) -> None:
        """Another process projects: follow how far it is, for readers who wait for a position here."""
        with contextlib.suppress(Exception):  # readiness asks both by itself
            await self.projector.checkpoint()
            await self._broker.connect()
            self.projecting.fine()

    def checks(self) -> dict[str, Check]:
        """Readiness: the database, its schema, NATS, and whether projecting gets anywhere."""
        return {
            "database": checks.database(self.engine, "services.reporting"),
            "nats": checks.nats(self._broker),
            "projector": self._check_projector,
        }

    async def _check_projector(self) -> str | None:
        problem = self.projecting.problem()
        return None if problem is None else f"{problem}; it stands at position {self.watch.checkpoint.position}"
