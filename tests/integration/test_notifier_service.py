"""The whole notifier over real PostgreSQL and NATS, with a registry played by the test; and its HTTP API."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
import nats
import pytest

from deploy.stack.nats import NatsServer
from services.notifier import store
from services.notifier.app import create_app
from services.notifier.intake import DURABLE
from services.notifier.service import Notifier
from services.notifier.settings import NotifierSettings
from shared.events.subjects import LOG_STREAM, LOG_SUBJECT
from tests.conftest import Database
from tests.given import admitted, event, identified, new_uuid, organisation, root, target
from tests.until import PATIENCE, until


class Registry:
    """Says `GET /v1/events` of what it recorded, and relays to LOG what it is told to."""

    def __init__(self, client: Any) -> None:
        self.events: list[dict[str, Any]] = []
        self.stream = client.jetstream()
        self.url = ""
        self.asked = 0

    def record(self, *events: dict[str, Any]) -> list[dict[str, Any]]:
        """Append to the log."""
        first = len(self.events) + 1
        recorded = [
            {**each, "position": first + index, "recordedat": "2022-10-01T02:00:00Z"}
            for index, each in enumerate(events)
        ]
        self.events += recorded
        return recorded

    async def relay(self, recorded: list[dict[str, Any]]) -> None:
        """Publish to LOG."""
        await self.stream.publish(LOG_SUBJECT, json.dumps(recorded).encode())

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request a connection."""
        path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
        asked = parse_qs(urlsplit(path).query)
        self.asked += 1
        after, limit = int(asked["after"][0]), 3  # pages of three, whatever is asked
        page = self.events[after : after + limit]
        following = page[-1]["position"] if len(page) == limit else None
        body = json.dumps({"events": page, "next": following}).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()
        await writer.wait_closed()


@pytest.fixture
async def registry(nats_server: NatsServer) -> AsyncIterator[Registry]:
    """A registry with a province, and no stream yet."""
    client = await nats.connect(
        nats_server.url, nkeys_seed_str=nats_server.seed("registry"), inbox_prefix="_INBOX_registry"
    )
    registry = Registry(client)
    registry.record(
        root(), organisation("district", kind="intermediate_committee"), organisation("cell", parent="district")
    )
    server = await asyncio.start_server(registry.answer, "127.0.0.1", 0)
    registry.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield registry
    server.close()
    await server.wait_closed()
    await client.close()


@dataclass
class Http:
    """A running notifier and a client to its API, in the test's own loop."""

    notifier: Notifier
    client: httpx.AsyncClient

    async def get(self, path: str, **more: Any) -> httpx.Response:
        return await self.client.get(path, **more)

    async def put(self, path: str, **more: Any) -> httpx.Response:
        return await self.client.put(path, **more)

    async def post(self, path: str, **more: Any) -> httpx.Response:
        return await self.client.post(path, **more)


@pytest.fixture
async def http(database: Database, nats_server: NatsServer, registry: Registry) -> AsyncIterator[Http]:
    """A running notifier."""
    settings = NotifierSettings(
        database_url=database.url("ketnap_notifier"),
        nats_url=nats_server.url,
        nats_seed=nats_server.seed("notifier"),
        registry_url=registry.url,
    )
    app = create_app(settings)
    began, ended = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        # In a task of its own: a lifespan must end in the task that began it, which fixtures do not promise.
        async with app.lifespan():
            began.set()
            await ended.wait()

    living = asyncio.create_task(live())
    await asyncio.wait_for(began.wait(), PATIENCE)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield Http(app.state.notifier, client)
    ended.set()
    await living


async def reaches(http: Http, position: int) -> None:
    """Wait until the notifier has applied a position, and judged it."""

    async def reached() -> bool:
        async with http.notifier.engine.connect() as connection:
            return (await store.checkpoint(connection)).evaluated >= position

    await until(reached)


async def follow(http: Http, registry: Registry) -> None:
    """Make the stream, as the registry does, and wait until the notifier follows it."""
    await registry.stream.add_stream(name=LOG_STREAM, subjects=[LOG_SUBJECT])
    await asyncio.wait_for(http.notifier.following.wait(), PATIENCE)


def admission(day: str = "2022-03-01") -> list[dict[str, Any]]:
    person = new_uuid()
    return [identified(person, "2022-01-02"), admitted(person, day)]


async def alerts(http: Http, **asked: Any) -> list[dict[str, Any]]:
    """A page of alerts."""
    response = await http.get("/v1/alerts", params=asked)
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["alerts"]
    return found


async def test_it_waits_for_the_stream_catches_up_and_follows(http: Http, registry: Registry) -> None:
    await reaches(http, 3)

    async def waits_for_the_stream() -> bool:
        health = await http.get("/health/ready")
        return health.status_code == 503 and "waits for the stream LOG" in health.json()["checks"]["reader"]

    await until(waits_for_the_stream)
    await follow(http, registry)
    await registry.relay(registry.record(target("district", value=1), *admission()))
    await reaches(http, 6)
    [alert] = await alerts(http)
    assert (alert["status"], alert["target"], alert["actual"], alert["organisation"]["id"]) == (
        "attained", 1, 1, "district",
    )  # fmt: skip
    health = await http.get("/health/ready")
    assert health.json()["status"] == "ok", health.text


async def test_a_gap_is_filled_from_the_registry_and_repeats_are_passed_over(
    http: Http, registry: Registry
) -> None:
    await follow(http, registry)
    registry.record(target("district", value=1))  # never relayed
    recorded = registry.record(*admission())
    await registry.relay(recorded)
    await registry.relay(recorded)
    await reaches(http, 6)

    async def raised() -> bool:
        return [each["status"] for each in await alerts(http)] == ["attained"]

    await until(raised)

    async def acknowledged() -> bool:
        info = await http.notifier.broker.connection.jetstream().consumer_info(LOG_STREAM, DURABLE)
        return info.num_ack_pending == 0 and info.num_pending == 0 and info.delivered.consumer_seq >= 2

    await until(acknowledged)


async def test_what_arrives_in_quick_succession_is_applied_together(
    http: Http, registry: Registry, database: Database
) -> None:
    await follow(http, registry)
    messages = [registry.record(each) for _ in range(15) for each in admission()]

    for each in messages:
        await registry.relay(each)
    await reaches(http, len(registry.events))

    [found] = await database.fetch("SELECT count(DISTINCT xmin::text) AS transactions FROM notifier.fact")
    assert 1 < found["transactions"] < len(messages) / 2


async def test_an_event_of_a_later_version_stops_it_and_health_says_where(http: Http, registry: Registry) -> None:
    await follow(http, registry)
    new = registry.record(event("SomethingNew", "organisation/district", "2022-01-01"), *admission())
    await registry.relay(new)

    async def stopped() -> bool:
        health = await http.get("/health/ready")
        return "position 4" in health.json()["checks"]["reader"]

    await until(stopped)
    assert await http.notifier.projector.position() == 3


async def test_alerts_are_paged_filtered_acknowledged_and_muted(http: Http, registry: Registry) -> None:
    await follow(http, registry)
    goals = [
        target("district", target_id=f"t{n}", value=n, issuer_id="root", to=f"2022-12-{n:02}") for n in (1, 2, 3)
    ]
    await registry.relay(registry.record(*goals, *admission(), *admission()))
    await reaches(http, 10)
    assert {(each["target_id"], each["status"]) for each in await alerts(http)} == {
        ("t1", "exceeded"),
        ("t2", "attained"),
    }
    page = (await http.get("/v1/alerts", params={"limit": 1})).json()
    rest = (await http.get("/v1/alerts", params={"limit": 1, "after": page["next"]})).json()
    assert page["alerts"] != rest["alerts"]
    alert_id = page["alerts"][0]["id"]
    done = await http.post(f"/v1/alerts/{alert_id}/acknowledge")
    assert (done.status_code, done.json()["state"]) == (200, "acknowledged")
    assert [each["id"] for each in await alerts(http, state="acknowledged", rule="A2")] == [alert_id]
    assert await alerts(http, organisation="cell") == []
    muted = await http.post(f"/v1/alerts/{alert_id}/mute", json={"until": "2027-01-01"})
    assert muted.json()["muted_until"] == "2026-12-31T17:00:00Z"
    for moment in ("soon", "2027-01-01T09:00:00", "0001-01-01", "9999-12-31T23:00:00-05:00"):
        refused = await http.post(f"/v1/alerts/{alert_id}/mute", json={"until": moment})
        assert refused.status_code == 400, refused.text
        assert "expected `until`" in refused.json()["detail"]
    assert (await http.post(f"/v1/alerts/{new_uuid()}/acknowledge")).status_code == 404
    assert (await http.get("/v1/alerts", params={"state": "lost"})).status_code == 400


async def test_subscriptions_are_replaced_as_a_whole_and_secrets_shown_once(http: Http) -> None:
    hook = {"organisation": "district", "rules": ["A2"], "channel": "webhook", "to": "https://example.vn/hook"}
    mail = {"organisation": "root", "rules": ["A2"], "channel": "email", "to": "tinh@example.vn", "language": "en"}
    put = await http.put("/v1/subscriptions", json={"subscriptions": [hook, mail]})
    assert put.status_code == 200, put.text
    first, second = put.json()["subscriptions"]
    assert first["secret"].startswith("whsec_")
    assert first["secret"] != "whsec_***"
    assert (first["language"], second["language"]) == ("vi", "en")
    got = (await http.get("/v1/subscriptions")).json()
    assert {each.get("secret") for each in got["subscriptions"]} == {"whsec_***", None}
    again = (await http.put("/v1/subscriptions", json=got)).json()
    # What is warned of may have changed: the notifier may have read by now that an organisation was founded.
    assert msgspec.json.encode(again["subscriptions"]) == msgspec.json.encode(got["subscriptions"])
    async with http.notifier.engine.connect() as connection:
        kept = (
            await connection.exec_driver_sql("SELECT secret FROM notifier.subscription WHERE channel = 'webhook'")
        ).scalar()
    assert kept == first["secret"]
    assert (await http.put("/v1/subscriptions", json={"subscriptions": []})).json() == {"subscriptions": []}


@pytest.mark.parametrize(
    "wrong",
    [
        {"channel": "email", "to": "nobody"},
        {"channel": "email", "to": "a@b.vn\nBcc: x@y.vn"},
        {"channel": "email", "to": "a@b.vn", "secret": "whsec_x"},
        {"channel": "webhook", "to": "file:///etc/passwd"},
        {"channel": "webhook", "to": "https://example.vn", "secret": "short"},
        {"channel": "webhook", "to": "https://example.vn:65536/hook"},
        {"channel": "webhook", "to": "https://example.vn:0/hook"},
        {"channel": "webhook", "to": "https://exa mple.vn/hook"},
        {"channel": "webhook", "to": "https://example..vn/hook"},
        {"channel": "fax", "to": "123"},
        {"rules": ["A99"], "channel": "email", "to": "a@b.vn"},
    ],
)
async def test_a_subscription_that_cannot_be_is_refused(http: Http, wrong: dict[str, Any]) -> None:
    put = await http.put(
        "/v1/subscriptions", json={"subscriptions": [{"organisation": "root", "rules": ["A2"], **wrong}]}
    )
    assert put.status_code == 400, put.text
    assert put.headers["content-type"].startswith("application/problem+json")
    assert (await http.get("/v1/subscriptions")).json() == {"subscriptions": []}


async def test_two_subscriptions_that_are_one_are_refused(http: Http) -> None:
    one = {"organisation": "root", "rules": ["A2"], "channel": "email", "to": "a@example.vn", "id": new_uuid()}
    for second, said in (
        ({**one, "to": "b@example.vn"}, f"found {one['id']} twice"),
        ({**one, "id": new_uuid()}, "expected one subscription for root, email and a@example.vn, found two"),
    ):
        put = await http.put("/v1/subscriptions", json={"subscriptions": [one, second]})
        assert (put.status_code, said in put.text) == (400, True), put.text


async def test_deliveries_say_what_was_sent_to_whom(http: Http, registry: Registry) -> None:
    hook = {"organisation": "district", "rules": ["A2"], "channel": "webhook", "to": "http://127.0.0.1:9/hook"}
    mail = {"organisation": "root", "rules": ["A2"], "channel": "email", "to": "tinh@example.vn"}
    await http.put("/v1/subscriptions", json={"subscriptions": [hook, mail]})
    await follow(http, registry)
    await registry.relay(registry.record(target("district", value=1, issuer_id="root"), *admission()))

    async def failed() -> bool:
        return bool((await http.get("/v1/deliveries", params={"state": "failed"})).json()["deliveries"])

    await until(failed)
    [alert] = await alerts(http)
    found = (await http.get("/v1/deliveries", params={"alert": alert["id"]})).json()["deliveries"]
    assert {(each["channel"], each["state"]) for each in found} == {("webhook", "failed"), ("email", "pending")}
    health = await http.get("/health/ready")
    assert (health.status_code, health.json()["status"]) == (200, "ok")
    assert "KETNAP_SMTP_URL" in health.json()["warnings"]["email"]
    assert "/v1/alerts" in (await http.get("/schema/openapi.json")).json()["paths"]
    metrics = await http.get("/metrics")
    assert "ketnap_notifier_position" in metrics.text
    assert metrics.headers["content-type"].count("charset=") == 1
