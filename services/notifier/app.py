"""The notifier's HTTP application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar import Litestar
from litestar.di import Provide

from services.notifier.api import reach
from services.notifier.api.routes import ROUTES
from services.notifier.clock import Clock, day_of, system_clock
from services.notifier.metrics import figures
from services.notifier.service import Notifier, mail_channel
from services.notifier.settings import NotifierSettings
from shared.runtime.access.gate import Gate
from shared.runtime.collecting import collecting
from shared.runtime.http import create_api, serve, without_nul
from shared.runtime.openapi import complete, words_of


def create_app(settings: NotifierSettings, clock: Clock = system_clock) -> Litestar:
    """The application; its lifespan runs the whole notifier, which `app.state.notifier` then is.

    Raises SettingsError for settings that cannot work.
    """
    mail_channel(settings)

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        app.state.notifier = Notifier(settings, clock)
        async with app.state.notifier.running(), collecting(*figures(app.state.notifier)):
            yield

    def provide() -> Notifier:
        found: Notifier = app.state.notifier
        return found

    async def holds(within: str, organisation: str) -> bool:
        notifier = provide()
        async with notifier.engine.connect() as connection:
            return await reach.holds(connection, within, organisation, day_of(notifier.clock()))

    app = create_api(
        "notifier",
        ROUTES,
        lifespan,
        lambda app: app.state.notifier.checks(),
        Gate(settings, holds=holds),
        warnings=lambda app: app.state.notifier.warnings(),
        guards=[without_nul],
        dependencies={"notifier": Provide(provide, sync_to_thread=False)},
    )
    complete(app.openapi_schema, words_of("services.notifier.api"))
    return app


def run(settings: NotifierSettings) -> None:
    """Serve until SIGTERM."""
    serve(create_app(settings), settings.http_host, settings.http_port, settings.tls_dir)
