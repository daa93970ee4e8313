"""Reporting over a test's own database: recorded events are projected, reports are read over HTTP."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

import httpx
import msgspec

from services.reporting.app import create_app
from services.reporting.service import Reporting
from services.reporting.settings import ReportingSettings
from shared.events.recorded import Recorded, read_recorded, write_batch, write_recorded
from tests.conftest import Database

FIRST_RECORDED = datetime(2022, 1, 1, tzinfo=UTC)
TODAY = date(2026, 1, 15)


@dataclass
class RunningReporting:
    """Reporting with a log that the test writes itself: position n is recorded n minutes after the first."""

    http: httpx.AsyncClient
    service: Reporting
    position: int = 0
    log: list[bytes] = field(default_factory=list)

    def record(self, *events: dict[str, Any]) -> list[Recorded]:
        """Give events their places in the log, without projecting them."""
        recorded = []
        for event in events:
            self.position += 1
            at = FIRST_RECORDED + timedelta(minutes=self.position)
            recorded.append(write_recorded(msgspec.json.encode(event), self.position, at))
        self.log.extend(recorded)
        return read_recorded(write_batch(recorded))

    async def project(self, *events: dict[str, Any]) -> int:
        """Record and project events as one batch; gives the last position."""
        await self.service.projector.project(self.record(*events))
        return self.position

    async def project_one_by_one(self, *events: dict[str, Any]) -> int:
        """The same with a transaction for each."""
        for event in events:
            await self.project(event)
        return self.position

    async def ask(self, path: str, status: int = 200, headers: dict[str, str] | None = None) -> Any:
        """The response to GET /v1/organisations/`path`."""
        response = await self.http.get(f"/v1/organisations/{path}", headers=headers)
        assert response.status_code == status, response.text
        return response

    async def get(self, path: str) -> Any:
        """The body of a report."""
        return (await self.ask(path)).json()

    async def members(self, path: str) -> int:
        """`members.total` of a totals report, `path` without its name."""
        organisation, _, query = path.partition("?")
        found: int = (await self.get(f"{organisation}/totals?{query}"))["members"]["total"]
        return found


@asynccontextmanager
async def running_reporting(
    database: Database, today: date | Callable[[], date] = TODAY, **settings_of_test: Any
) -> AsyncIterator[RunningReporting]:
    """Reporting that reads no events but those the test projects."""
    settings = ReportingSettings(database_url=database.url("ketnap_reporting"), **settings_of_test)
    app = create_app(settings, consume=False, today=today if callable(today) else lambda: today)
    started, over = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        # In a task of its own: a fixture ends in another task than it began in, which the lifespan does not bear.
        async with app.lifespan():
            started.set()
            await over.wait()

    living = asyncio.create_task(live())
    await started.wait()
    try:
        transport = httpx.ASGITransport(cast(Any, app))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            yield RunningReporting(http, app.state.reporting)
    finally:
        over.set()
        await living


async def empty_projections(database: Database, reporting: RunningReporting) -> None:
    """As before the first event; the schema stays."""
    tables = await database.fetch(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'reporting' "
        "AND tablename NOT IN ('checkpoint', 'alembic_version')"
    )
    await database.fetch(f"TRUNCATE {', '.join(f'reporting.{row[0]}' for row in tables)}")
    await database.fetch("UPDATE reporting.checkpoint SET position = 0, recordedat = NULL")
    reporting.position = 0
