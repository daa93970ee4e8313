"""Reporting's HTTP application."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date

from litestar import Litestar
from litestar.di import Provide

from services.reporting import dashboard
from services.reporting.api import reach
from services.reporting.api.described import describe
from services.reporting.api.live import live
from services.reporting.api.parameters import today_in_vietnam
from services.reporting.api.reads import read_log
from services.reporting.api.routes import EVIDENCE_PARAMETERS, ROUTES, SEARCH_PARAMETERS
from services.reporting.metrics import figures
from services.reporting.service import Reporting
from services.reporting.settings import ReportingSettings
from shared.law.rulepack import law
from shared.runtime.access.gate import Gate
from shared.runtime.collecting import collecting
from shared.runtime.http import create_api, serve
from shared.runtime.openapi import complete, words_of


def create_app(
    settings: ReportingSettings, *, consume: bool = True, today: Callable[[], date] = today_in_vietnam
) -> Litestar:
    """The application; its lifespan runs the whole service. `consume` and `today` are there for tests."""
    reporting: Reporting | None = None

    def provide() -> Reporting:
        assert reporting is not None
        return reporting

    async def holds(within: str, organisation: str) -> bool:
        async with provide().reader.connection() as connection:
            return await reach.holds(connection, within, organisation, today())

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        nonlocal reporting
        reporting = Reporting(settings, consume=consume)
        app.state.reporting = reporting
        app.state.at_exit = [reporting.watch.end]
        app.state.notices = {"vi": settings.notice, "en": settings.notice_en or settings.notice}
        async with reporting.running(), collecting(*figures(reporting, settings)):
            yield

    app = create_api(
        "reporting",
        [*ROUTES, live, read_log, *dashboard.HANDLERS],
        lifespan,
        lambda _: provide().checks(),
        Gate(settings, holds=holds, cookie=dashboard.COOKIE),
        astray=dashboard.no_such_page,
        dependencies={
            "reporting": Provide(provide, sync_to_thread=False),
            "today": Provide(today, sync_to_thread=False),
        },
    )
    describe(app.openapi_schema, SEARCH_PARAMETERS, EVIDENCE_PARAMETERS)
    complete(app.openapi_schema, words_of("services.reporting.api"))
    return app


def run(settings: ReportingSettings) -> None:
    """Serve until SIGTERM. Raises RulePackError before it begins."""
    law()
    serve(create_app(settings), settings.http_host, settings.http_port, settings.tls_dir)
