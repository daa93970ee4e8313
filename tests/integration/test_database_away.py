"""While PostgreSQL is away every route says so with 503, and when it may be asked again, and then it answers."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx
import pytest
from litestar import Litestar
from sqlalchemy import text

from services.notifier.app import create_app as create_notifier
from services.notifier.settings import NotifierSettings
from services.registry.app import create_app as create_registry
from services.registry.settings import RegistrySettings
from services.reporting.app import create_app as create_reporting
from services.reporting.settings import ReportingSettings
from shared.runtime import database as runtime_database
from shared.runtime.http import ruled_routes
from tests.conftest import Database
from tests.faults.proxy import Proxy
from tests.given import new_uuid, organisation, root

NATS = "nats://127.0.0.1:1"
ASKS_NO_DATABASE = {
    "/health/live",
    "/health/ready",
    "/metrics",
    "/asyncapi",
    "/v1/schemas",
    "/v1/schemas/{event_type:str}",
    "/v1/live",
    "/v1/profiles/unseal",  # asks for a token of its own first
    "/login",
    "/logout",
    "/static/{name:path}",
}
ASKED: dict[str, dict[str, Any]] = {
    "/v1/receipts": {"params": {"source": "a"}},
    "/v1/validate": {"json": [root(), organisation("cell")]},
    "/v1/quarantine/retry": {"json": {"source": "a"}},
    "/v1/quarantine/{source:str}/{event_id:uuid}/discard": {"json": {"reason": "made up"}},
    "/v1/alerts/{alert_id:uuid}/mute": {"json": {"until": None}},
    "/v1/subscriptions": {"json": {"subscriptions": []}},
    "/v1/organisations/{organisation_id:str}/evidence": {"params": {"measure": "members.total"}},
}


def application(service: str, url: str) -> Litestar:
    if service == "registry":
        return create_registry(
            RegistrySettings(database_url=url, nats_url=NATS, content_key="c0" * 32, master_key="5e" * 32)
        )
    if service == "reporting":
        return create_reporting(ReportingSettings(database_url=url, nats_url=NATS), consume=False)
    return create_notifier(NotifierSettings(database_url=url, nats_url=NATS, registry_url="http://127.0.0.1:1"))


async def answers(app: Litestar) -> dict[str, httpx.Response]:
    """What each route that asks the database answers, asked as well as it can be."""
    found = {}
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        for path, method, _ in ruled_routes(app):
            if path in ASKS_NO_DATABASE or path.startswith("/schema"):
                continue
            url = re.sub(r"\{\w+:uuid\}", str(new_uuid()), path)
            url = re.sub(r"\{(report|page):str\}", "movements", url)
            url = re.sub(r"\{\w+:str\}", "root", url)
            found[f"{method} {path}"] = await http.request(method, url, **ASKED.get(path, {}))
        lines = {"Accept": "application/x-ndjson"}
        if any(path == "/v1/events" for path, _, _ in ruled_routes(app)):
            found["lines"] = await http.get("/v1/events", headers=lines)
    return found


@pytest.mark.parametrize(("service", "routes"), [("registry", 11), ("reporting", 8), ("notifier", 6)])
async def test_a_database_that_is_away_is_503_on_every_route_and_asked_again_once_it_is_back(
    database: Database, service: str, routes: int
) -> None:
    async with Proxy("127.0.0.1", database.server.port).running() as proxy:
        url = re.sub(r"@[^/]+/", f"@{proxy.address}/", database.url(f"ketnap_{service}"))
        app = application(service, url)
        async with app.lifespan():
            present = await answers(app)
            proxy.refuse()
            await proxy.cut()
            away = await answers(app)
            proxy.behave()
            back = await answers(app)

    assert len(away) >= routes
    assert {route: each.status_code for route, each in present.items() if each.status_code >= 500} == {}
    assert {route: each.text for route, each in away.items() if each.status_code != 503} == {}
    for route, each in away.items():
        assert each.headers["Retry-After"] == "5", route
        assert "ask again in a few seconds" in each.text, route
        assert ("look before you repeat it" in each.text) == route.startswith(("POST", "PUT")), route
    for route, each in back.items():
        assert each.status_code == present[route].status_code, route


@pytest.mark.parametrize("service", ["registry", "reporting", "notifier"])
async def test_a_database_that_says_nothing_is_503_long_before_a_statement_is_too_late(
    database: Database, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime_database, "ANSWERS_WITHIN", 0.3)
    monkeypatch.setattr(runtime_database, "CONNECTS_WITHIN", 0.3)
    async with behind_a_proxy(database, service) as (proxy, http):
        path = {"registry": "/v1/events", "reporting": "/v1/organisations", "notifier": "/v1/alerts"}[service]
        assert (await http.get(path)).status_code == 200
        proxy.silence()
        async with asyncio.timeout(10):  # a statement may take 30 s in the registry, 60 s in the others
            silent = await asyncio.gather(*(http.get(path) for _ in range(3)))
        proxy.behave()
        back = await http.get(path)

    assert [(each.status_code, each.headers["Retry-After"]) for each in silent] == [(503, "5")] * 3
    assert back.status_code == 200


async def test_connections_that_were_cut_silently_are_replaced_before_anybody_notices(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime_database, "ANSWERS_WITHIN", 0.3)
    async with behind_a_proxy(database, "reporting") as (proxy, http):
        assert (await http.get("/v1/organisations")).status_code == 200
        proxy.strand()
        async with asyncio.timeout(10):
            answer = await http.get("/v1/organisations")

    assert answer.status_code == 200


async def test_whoever_is_done_with_a_connection_learns_soon_that_the_server_has_fallen_silent(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime_database, "ANSWERS_WITHIN", 0.3)
    async with Proxy("127.0.0.1", database.server.port).running() as proxy:
        url = re.sub(r"@[^/]+/", f"@{proxy.address}/", database.url())
        engine = runtime_database.create_engine(url, "done", command_timeout=60)
        async with asyncio.timeout(10):
            connection = await engine.connect()
            assert await connection.scalar(text("SELECT 1")) == 1
            proxy.strand()
            with pytest.raises(TimeoutError):
                await connection.close()

            async with engine.connect() as connection:
                assert await connection.scalar(text("SELECT 1")) == 1
            await engine.dispose()


@asynccontextmanager
async def behind_a_proxy(database: Database, service: str) -> AsyncIterator[tuple[Proxy, httpx.AsyncClient]]:
    """A service whose way to the database a proxy may break, and a client of its API."""
    async with Proxy("127.0.0.1", database.server.port).running() as proxy:
        app = application(service, re.sub(r"@[^/]+/", f"@{proxy.address}/", database.url(f"ketnap_{service}")))
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
        async with app.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            yield proxy, http


async def test_a_server_that_is_stopped_amid_a_statement_is_away_too(database: Database) -> None:
    app = application("notifier", database.url("ketnap_notifier"))
    stopped = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'ketnap-notifier' AND wait_event_type = 'Lock' AND query LIKE '%subscription%'"
    )
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
    connection = await asyncpg.connect(database.url())
    try:
        async with (
            app.lifespan(),
            connection.transaction(),
            httpx.AsyncClient(transport=transport, base_url="http://localhost") as http,
        ):
            await connection.execute("LOCK TABLE notifier.subscription")
            asked = asyncio.create_task(http.get("/v1/subscriptions"))
            async with asyncio.timeout(20):
                while not await database.fetch(stopped, role="postgres"):
                    assert not asked.done()
                    await asyncio.sleep(0.02)

            answer = await asked
    finally:
        await connection.close()

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


async def test_a_registry_without_the_master_key_it_needs_says_so_to_whoever_wants_a_retry(
    database: Database,
) -> None:
    await database.fetch("INSERT INTO registry.master_key (id) VALUES ('another')")
    await database.fetch(
        "INSERT INTO registry.person_key (person, master, wrapped) VALUES ($1, 'another', '')", new_uuid()
    )
    app = application("registry", database.url("ketnap_registry"))
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
    async with app.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        answer = await http.post(f"/v1/quarantine/a/{new_uuid()}/retry")

    assert answer.status_code == 503
    assert "expected master key another" in answer.json()["detail"]
