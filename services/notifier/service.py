"""The notifier as one process: its parts, how they start, and what they wait for."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from services.notifier.channels.channel import Channel
from services.notifier.channels.mail import MailChannel, SmtpServer
from services.notifier.channels.webhook import WebhookChannel
from services.notifier.channels.wording import Wording
from services.notifier.clock import Clock, system_clock
from services.notifier.intake import Intake
from services.notifier.outbox import SQL, Sender
from services.notifier.projector import Judge, Projector, Sweeper
from services.notifier.settings import NotifierSettings
from shared.runtime import checks
from shared.runtime.broker import create_broker
from shared.runtime.database import create_engine
from shared.runtime.health import Check
from shared.runtime.leading import Lead
from shared.runtime.progress import Progress
from shared.runtime.schemas import until_migrated
from shared.runtime.served_log import ServedLog
from shared.runtime.tasks import at_work, endable

log = structlog.get_logger(__name__)

WORKING = 6
"""Connections that are kept, for following, judging, sending and what the API is asked."""
OVERFLOW = 2
"""More of these, while so much is done at once."""


class Notifier:
    """All parts of a running notifier."""

    def __init__(self, settings: NotifierSettings, clock: Clock = system_clock) -> None:
        self.settings = settings
        self.clock = clock
        self.engine = create_engine(settings.database_url, "notifier", WORKING, overflow=OVERFLOW)
        self.broker = create_broker(settings.nats_url, settings.nats_seed, "notifier", ca=settings.ca)
        self.reading = Progress("the reader of the log", stalled_after=60.0)
        self.projector = Projector(self.engine, clock, self.wake)
        self.sweeper = Sweeper(self.projector, clock)
        self.judge = Judge(self.projector)
        self.log = ServedLog(settings.registry_url, settings.service_key, settings.ca)
        self.intake = Intake(self.broker, self.log, self.projector, self.judge, self.reading)
        self.lead = Lead(self.engine, "notifier.following", ["notifier.checkpoint"])
        self.following = asyncio.Event()
        """Set once the log is followed."""
        self.webhooks = WebhookChannel(clock, allow_private=settings.webhook_allow_private)
        self.senders = {each.name: Sender(self.engine, each, clock) for each in self._channels()}

    def _channels(self) -> list[Channel]:
        mail = mail_channel(self.settings)
        return [self.webhooks, mail] if mail else [self.webhooks]

    def wake(self) -> None:
        """Look now whether something is due."""
        for sender in self.senders.values():
            sender.wake()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow, judge and send in the background while this lasts."""
        try:
            async with at_work(self._work(), self.reading):
                yield
        finally:
            await self.broker.stop()
            await self.log.close()
            await self.webhooks.close()
            await self.engine.dispose()

    async def _work(self) -> None:
        await until_migrated(self.engine, "services.notifier", self.reading)
        async with asyncio.TaskGroup() as tasks:
            for sender in self.senders.values():
                tasks.create_task(endable(sender.run()))
            tasks.create_task(endable(self.lead.run(self._follow, self._stand_by)))

    async def _follow(self) -> None:
        self.following.clear()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(endable(self.intake.run(self.following.set)))
            tasks.create_task(endable(self.judge.run()))
            # What has not been read yet would be judged as if it had not happened.
            await self.following.wait()
            tasks.create_task(endable(self.sweeper.run()))

    async def _stand_by(self) -> None:
        """Another process reads and judges; this one sends what is due, and answers."""
        self.reading.fine()
        with contextlib.suppress(Exception):  # readiness asks NATS by itself
            await self.broker.connect()

    def checks(self) -> dict[str, Check]:
        """Readiness: the database, its schema, NATS, and whether work gets anywhere."""
        return {
            "database": checks.database(self.engine, "services.notifier"),
            "nats": checks.nats(self.broker),
            "reader": checks.progress(self.reading),
        }

    def warnings(self) -> dict[str, Check]:
        """What keeps messages from going out: the notifier itself works, and sends them as soon as it can."""
        found: dict[str, Check] = {MailChannel.name: self._check_mail}
        return found | {name: checks.progress(sender.progress) for name, sender in self.senders.items()}

    async def _check_mail(self) -> str | None:
        """Only where no server is set; the sender speaks for itself otherwise."""
        async with self.engine.connect() as connection:
            waiting = await connection.scalar(SQL["pending_count"], {"channel": MailChannel.name})
        return f"{waiting} e-mails wait for a server: set KETNAP_SMTP_URL" if waiting else None


def mail_channel(settings: NotifierSettings) -> MailChannel | None:
    """The way out for e-mail, where a server is set. Raises SettingsError."""
    if not settings.smtp_url:
        return None
    server = SmtpServer.of_url(settings.smtp_url)
    return MailChannel(server, settings.mail_from, Wording(settings.dashboard_url))
