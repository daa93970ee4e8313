"""The registry as one process: its parts, how they start, and what they wait for."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import structlog
from faststream.exceptions import IncorrectState
from faststream.nats import NatsBroker
from nats.js import JetStreamContext
from sqlalchemy.ext.asyncio import AsyncEngine

from services.registry.api.readings import Readings
from services.registry.api.waiting import WaitingReadings
from services.registry.intake import Intake
from services.registry.keyring import Keyring, WrongMasterKey
from services.registry.lease import Fenced
from services.registry.relay import Relay
from services.registry.sealing import Sealer
from services.registry.settings import RegistrySettings
from services.registry.unsealing import Unsealing
from services.registry.writer import Writer
from shared.runtime import checks
from shared.runtime.broker import create_broker
from shared.runtime.causes import in_public
from shared.runtime.database import create_engine
from shared.runtime.duration import span
from shared.runtime.health import Check
from shared.runtime.progress import Progress
from shared.runtime.schemas import until_migrated
from shared.runtime.tasks import at_work, endable

log = structlog.get_logger(__name__)

RETRY = 0.5
WRONG_KEY_RETRY = 3.0
WORKING = 6
"""Connections that are kept for writing, the lease and the relay."""
ANSWERING = 4
"""Connections that are kept for what the API is asked."""
OVERFLOW = 2
"""More of the former, while so much is done at once."""
COMMAND_TIMEOUT = 30.0
"""Seconds: more than the largest turn takes, and as long as a connection that was cut silently is waited for."""


class Registry:
    """All parts of a running registry."""

    def __init__(self, settings: RegistrySettings) -> None:
        self.engine: AsyncEngine = create_engine(
            settings.database_url, "registry", WORKING, overflow=OVERFLOW, command_timeout=COMMAND_TIMEOUT
        )
        # Questions, however slow and however many, leave the writer its connections, and the lease too.
        self.answering = create_engine(
            settings.database_url, "registry-answers", ANSWERING, command_timeout=COMMAND_TIMEOUT
        )
        self._intake: Intake | None = None
        self.broker: NatsBroker = create_broker(
            settings.nats_url, settings.nats_seed, "registry", self._begin_anew, ca=settings.ca
        )
        file = Path(settings.master_key_file) if settings.master_key_file else None
        sealer = Sealer(Keyring(settings.master_key, file))
        self.writer = Writer(self.engine, sealer, bytes.fromhex(settings.content_key), self.answering)
        self.readings = Readings(self.answering)
        self.unsealing = Unsealing(self.answering, sealer)
        self.unseal_token = settings.unseal_token
        self.waiting = WaitingReadings(self.answering)
        self._warn_after = settings.quarantine_warn_after
        self.writing = Progress("the writer")
        self.relaying = Progress("the relay")
        self.relay = Relay(
            self.engine,
            self.broker,
            self.writer.recorded,
            self.relaying,
            self.writer.following,
            settings.stream_replicas,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Consume, decide and relay in the background while this lasts."""
        try:
            async with at_work(self._work(), self.writing):
                yield
        finally:
            with contextlib.suppress(Exception):
                await self.writer.step_down()
            await self.broker.stop()
            await self.engine.dispose()
            await self.answering.dispose()

    async def _work(self) -> None:
        await until_migrated(self.engine, "services.registry", self.writing)
        while True:
            await self._until_writer()
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(endable(self._lead()))
                    tasks.create_task(endable(self.relay.run()))
                    self._intake = Intake(self.broker.connection, self.writer, self.writing)
                    tasks.create_task(endable(self._intake.run()))
            except* Fenced:
                log.warning("another registry has become the writer; this one stands by")
            finally:
                self._intake = None

    async def _lead(self) -> None:
        """Renew the lease; while PostgreSQL is away, nobody else can take it either."""
        while True:
            try:
                await self.writer.lead()
            except Fenced:
                raise
            except Exception as error:
                log.warning("the lease cannot be renewed; trying again", error=repr(error))
                await asyncio.sleep(RETRY)

    def _begin_anew(self) -> None:
        if self._intake is not None:
            self._intake.begin_anew()

    async def _until_writer(self) -> None:
        """Wait for PostgreSQL and NATS, and while another registry is the writer."""
        while True:
            try:
                await self.broker.connect()
                await self.writer.start()
            except Fenced:
                # Standing by is what it is there for: it reads and answers, and is ready.
                self.writing.fine()
                self.relaying.fine()
                await asyncio.sleep(RETRY)
            except WrongMasterKey as error:
                # It reads the file again each time: mending that is enough.
                self.writing.failing(str(error))
                log.error("nothing is written without the right master key", error=str(error))
                await asyncio.sleep(WRONG_KEY_RETRY)
            except Exception as error:
                self.writing.failing(f"waits for PostgreSQL and NATS: {in_public(error)}")
                log.warning("PostgreSQL or NATS is not reachable yet; trying again", error=repr(error))
                await asyncio.sleep(RETRY)
            else:
                self.writing.fine()
                return

    def jetstream(self) -> JetStreamContext | None:
        """JetStream, once NATS has been reached."""
        try:
            return self.broker.connection.jetstream()
        except IncorrectState:
            return None

    def checks(self) -> dict[str, Check]:
        """Readiness: the database, its schema, NATS, and whether work gets anywhere."""
        return {
            "database": checks.database(self.engine, "services.registry"),
            "nats": checks.nats(self.broker),
            "writer": checks.progress(self.writing),
            "relay": checks.progress(self.relaying),
        }

    def warnings(self) -> dict[str, Check]:
        """What somebody should look after, though the registry does its work: long waits, and what was lost.

        No restart brings back what was lost; the source has to publish it again.
        """
        return {"quarantine": self._overdue, "sources": self._check_lost}

    async def _overdue(self) -> str | None:
        rows = await self.waiting.overdue(span(self._warn_after))
        if not rows:
            return None
        counts = ", ".join(f"{row.number:,} of {row.source}" for row in rows)
        return (
            f"events have waited in quarantine for more than {self._warn_after}: {counts}, the oldest since "
            f"{rows[0].since:%Y-%m-%d %H:%M} UTC; look at them with "
            f"`ketnap quarantine list --older-than {self._warn_after}`"
        )

    async def _check_lost(self) -> str | None:
        said = [
            f"stream sequences {first} to {last} of {source} left its stream unread: publish again what they "
            "held, and look why the registry was behind, or who purged the stream"
            for source, (first, last) in sorted(self.writer.noticed.items())
        ]
        return "; ".join(said) or None
