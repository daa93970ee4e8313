"""The whole way of a history through real PostgreSQL: the registry's writer, the log, reporting and the notifier.

Only what carries between them is left out: the test hands over what the streams would bring, in turns and batches
of all sizes. One database serves history after history.
"""

import json
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, time
from itertools import groupby
from typing import Any, TypeVar

from deploy.stack.postgres import PostgresServer
from services.notifier.projector import Projector as Notifier
from services.registry.deliveries import Message
from services.registry.sealing import Sealer
from services.registry.writer import Writer
from services.reporting.position import Watch
from services.reporting.projector.projector import Projector as Reporting
from services.reporting.projector.running_sums import RunningSums
from shared.events.recorded import Recorded, read_recorded
from shared.runtime.database import create_engine
from tests.conftest import Database, fresh_database
from tests.given import encoded
from tests.histories import ROOTS
from tests.integration.emptied import empty, keep_pristine
from tests.integration.reporting_given import RunningReporting, running_reporting

Event = dict[str, Any]
Each = TypeVar("Each")

SCHEMAS = ("registry", "reporting", "reporting_person", "notifier")
NOON = time(5, tzinfo=UTC)
"""In Vietnam, of the same day."""


class WholeWay:
    """Three services over one database; `recorded` is the log of the history that went through last."""

    def __init__(self, database: Database, reporting: RunningReporting) -> None:
        self.database = database
        self.today = date(2026, 1, 15)
        self.recorded: list[Event] = []
        self.http = reporting
        self._registry = create_engine(database.url("ketnap_registry"), "test")
        self._reporting = reporting.service.engine
        self._notifier = create_engine(database.url("ketnap_notifier"), "test")
        self.notifier = Notifier(self._notifier, self._now, lambda: None)

    def _now(self) -> datetime:
        return datetime.combine(self.today, NOON)

    async def close(self) -> None:
        """Close what this opened."""
        await self._registry.dispose()
        await self._notifier.dispose()

    async def went(self, events: Sequence[Event], chosen: random.Random) -> None:
        """Empty everything, then send these events on their way, in this order; `chosen` cuts them into turns."""
        await empty(self.database, SCHEMAS)
        writer = Writer(self._registry, Sealer(b"m" * 32), b"k" * 32)
        await writer.start()
        sequences = dict.fromkeys(ROOTS, 0)
        for turn in _cut(events, chosen):
            messages = []
            for source, said in groupby(turn, key=lambda each: str(each["source"])):
                sequences[source] += 1
                last = sequences[source]
                messages.append(Message(source, last, last - 1, "batch", encoded(list(said))))
            await writer.write(messages)
        await writer.step_down()
        rows = await self.database.fetch("SELECT event::text AS event FROM registry.log ORDER BY position")
        self.recorded = [json.loads(row["event"]) for row in rows]
        await self._project(chosen)

    async def _project(self, chosen: random.Random) -> None:
        log: list[Recorded] = read_recorded(json.dumps(self.recorded).encode())
        projector = Reporting(self._reporting, Watch())
        # Of even the smallest trees, so that sums are asked as deltas are.
        least_below, least_large = chosen.choice(((1, 1), (1, 100), (100, 100)))
        sums = RunningSums(self._reporting, least_below=least_below, least_large=least_large)
        for batch in _cut(log, chosen):
            await projector.project(batch)
            if chosen.random() < 0.3:
                await sums.catch_up()
        self.notifier = Notifier(self._notifier, self._now, lambda: None)
        for batch in _cut(log, chosen):
            await self.notifier.apply(batch, more=chosen.random() < 0.3)
        await self.notifier.apply([])


def _cut(whole: Sequence[Each], chosen: random.Random) -> Iterator[Sequence[Each]]:
    """Parts of all sizes."""
    start = 0
    while start < len(whole):
        size = chosen.choice((1, 3, 10, 40))
        yield whole[start : start + size]
        start += size


@asynccontextmanager
async def whole_way(postgres: PostgresServer) -> AsyncIterator[WholeWay]:
    """Three services over a database of their own, for as many histories as a module tries."""
    async with fresh_database(postgres) as database:
        for source, root in ROOTS.items():
            await database.fetch(
                "INSERT INTO registry.source (source, root, public_key) VALUES ($1, $2, '')", source, root
            )
        await keep_pristine(database, SCHEMAS)
        found: WholeWay | None = None

        def today() -> date:
            assert found is not None
            return found.today

        async with running_reporting(database, today) as reporting:
            found = WholeWay(database, reporting)
            try:
                yield found
            finally:
                await found.close()
