"""The registry's HTTP application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar import Litestar
from litestar.di import Provide

from services.registry.api.metrics import RegistryCollector
from services.registry.api.routes import ROUTES
from services.registry.api.unsealing import unseal
from services.registry.service import Registry
from services.registry.settings import RegistrySettings
from shared.law.rulepack import law
from shared.runtime.access.gate import Gate
from shared.runtime.collecting import disk, health, sizes
from shared.runtime.http import create_api, serve, without_nul
from shared.runtime.openapi import complete, words_of

MAX_BODY = 8 * 1024 * 1024


def create_app(settings: RegistrySettings) -> Litestar:
    """The application; its lifespan runs the whole registry."""
    registry: Registry | None = None

    def provide() -> Registry:
        assert registry is not None
        return registry

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        nonlocal registry
        registry = running = Registry(settings)
        collector = RegistryCollector(
            running.readings,
            running.waiting,
            streams=running.jetstream,
            writes=lambda: running.writer.leads,
        )
        others = (health(running.checks), sizes(running.engine, ["registry"]), disk(settings.data_dir))
        async with running.running(), collector.collecting(*others):
            yield

    app = create_api(
        "registry",
        [*ROUTES, unseal],
        lifespan,
        lambda _: provide().checks(),
        Gate(settings),
        warnings=lambda _: provide().warnings(),
        max_body=MAX_BODY,
        guards=[without_nul],
        dependencies={"registry": Provide(provide, sync_to_thread=False)},
    )
    complete(app.openapi_schema, words_of("services.registry.api"))
    return app


def run(settings: RegistrySettings) -> None:
    """Serve until SIGTERM. Raises RulePackError before it begins."""
    law()
    serve(create_app(settings), settings.http_host, settings.http_port, settings.tls_dir)
