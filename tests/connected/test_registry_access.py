"""The registry with keys: a source reads and validates its own, viewers read no facts, operators all."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar.testing import AsyncTestClient
from msgspec.structs import replace
from structlog.testing import capture_logs

from deploy.stack.nats import NatsServer
from services.registry.app import create_app
from tests.access_given import Keys, bearer
from tests.conftest import Database
from tests.connected.conftest import RunningRegistry, registry_settings
from tests.given import admitted, identified, new_uuid, organisation, root

SERVICE_KEY = "s" * 43


@dataclass
class Locked:
    """A registry with two sources, each with a root, a candidate and an event in quarantine."""

    http: AsyncTestClient[Any]
    keys: Keys
    recorded: dict[str, str]
    waiting: dict[str, str]

    async def get(self, path: str, headers: dict[str, str], **more: str) -> httpx.Response:
        return await self.http.get(path, headers=headers | more)

    async def status(self, path: str, headers: dict[str, str], method: str = "GET", **more: Any) -> int:
        return (await self.http.request(method, path, headers=headers, **more)).status_code


@pytest.fixture
async def locked(database: Database, nats_server: NatsServer, tmp_path: Path) -> AsyncIterator[Locked]:
    keys = Keys(tmp_path)
    keys.new("first", "operator")
    settings = replace(registry_settings(database, nats_server), keys_path=keys.path, service_key=SERVICE_KEY)
    async with AsyncTestClient(create_app(settings), base_url="http://registry.example") as http:
        running = RunningRegistry(http, nats_server, database)
        try:
            found = Locked(http, keys, {}, {})
            for name in ("dien-bien", "lai-chau"):
                source = await running.source(name, f"{name}-root")
                candidate = identified(new_uuid(), "2022-01-05", f"{name}-cell", source=name)
                early = admitted(new_uuid(), "2022-06-01", f"{name}-cell", source=name)
                await source.publish(
                    root(f"{name}-root", source=name),
                    organisation(f"{name}-cell", parent=f"{name}-root", source=name),
                    candidate,
                    early,
                )
                found.recorded[name], found.waiting[name] = candidate["id"], early["id"]
            yield found
        finally:
            await running.close()


async def test_a_source_reads_its_own_and_nothing_of_others(locked: Locked) -> None:
    own = locked.keys.source("dien-bien", "dien-bien-root")

    events = (await locked.get("/v1/events", own)).json()["events"]
    assert [each["source"] for each in events] == ["dien-bien"] * 3
    lines = (await locked.get("/v1/events", own, Accept="application/x-ndjson")).text.splitlines()
    assert [json.loads(line)["source"] for line in lines] == ["dien-bien"] * 3
    rather = await locked.get("/v1/events", own, Accept="application/json, application/x-ndjson;q=0.5")
    assert rather.json()["events"] == events
    waiting = (await locked.get("/v1/quarantine", own)).json()["items"]
    assert [each["event_id"] for each in waiting] == [locked.waiting["dien-bien"]]
    assert [each["source"] for each in (await locked.get("/v1/sources", own)).json()] == ["dien-bien"]
    assert len((await locked.get("/v1/receipts?source=dien-bien", own)).json()["receipts"]) == 4
    for source, status in (("dien-bien", 200), ("lai-chau", 403), ("son-la", 403)):
        assert await locked.status(f"/v1/sources/{source}", own) == status
        assert await locked.status(f"/v1/events?source={source}", own) == status
        assert await locked.status(f"/v1/receipts?source={source}", own) == status
        assert await locked.status(f"/v1/quarantine?source={source}", own) == status
        event_id = locked.recorded.get(source, new_uuid())
        assert await locked.status(f"/v1/events/{source}/{event_id}", own) == status


async def test_a_source_validates_its_own_events_only(locked: Locked) -> None:
    own = locked.keys.source("dien-bien", "dien-bien-root")
    events = [
        identified(new_uuid(), "2022-01-05", f"{name}-cell", source=name) for name in ("dien-bien", "lai-chau")
    ]

    validated = await locked.http.post("/v1/validate", headers=own, json=events)

    first, second = validated.json()
    assert (first["outcome"], second["outcome"]) == ("recorded", "rejected")
    assert second["reason"]["code"] == "source-mismatch"
    assert second["reason"]["message"] == "expected an event of dien-bien, found 'lai-chau'"


@pytest.mark.parametrize("call", ["retry", "discard"])
async def test_to_decide_about_the_quarantine_is_the_operators(locked: Locked, call: str) -> None:
    path = f"/v1/quarantine/dien-bien/{locked.waiting['dien-bien']}/{call}"
    body = {"reason": "sent by mistake"} if call == "discard" else None

    for headers, status in (
        ({}, 401),
        (locked.keys.source("dien-bien", "dien-bien-root"), 403),
        (locked.keys.viewer("dien-bien-root"), 403),
        (bearer(SERVICE_KEY), 403),
        (locked.keys.operator(), 200),
    ):
        assert await locked.status(path, headers, "POST", json=body) == status


async def test_a_viewer_reads_no_facts_here_and_is_told_so(locked: Locked) -> None:
    viewer = locked.keys.viewer("dien-bien-root")

    for path in (
        "/v1/events",
        f"/v1/events/dien-bien/{locked.recorded['dien-bien']}",
        "/v1/receipts?source=dien-bien",
        "/v1/quarantine",
        "/v1/sources",
        "/v1/sources/dien-bien",
    ):
        refused = await locked.get(path, viewer)
        assert refused.status_code == 403, path
        assert "found that of viewer" in refused.json()["detail"]
    assert await locked.status("/v1/validate", viewer, "POST", json=[]) == 403
    for path in ("/v1/schemas", "/v1/schemas/MemberAdmitted.v1", "/asyncapi", "/schema/openapi.json"):
        assert await locked.status(path, viewer) == 200
        assert await locked.status(path, {}) == 401


async def test_services_read_the_log_and_nothing_else(locked: Locked) -> None:
    service = bearer(SERVICE_KEY)

    assert len((await locked.get("/v1/events", service)).json()["events"]) == 6
    assert await locked.status("/v1/quarantine", service) == 403
    assert await locked.status(f"/v1/events/dien-bien/{locked.recorded['dien-bien']}", service) == 403
    assert await locked.status("/v1/events", bearer("t" * 43)) == 401


async def test_an_operator_reads_everything(locked: Locked) -> None:
    operator = locked.keys.operator()

    assert len((await locked.get("/v1/events", operator)).json()["events"]) == 6
    assert len((await locked.get("/v1/quarantine", operator)).json()["items"]) == 2
    assert len((await locked.get("/v1/sources", operator)).json()) == 2
    for source in ("dien-bien", "lai-chau"):
        assert await locked.status(f"/v1/events/{source}/{locked.recorded[source]}", operator) == 200


async def test_whoever_reads_facts_is_in_the_log_but_not_our_own_services(locked: Locked) -> None:
    own = locked.keys.source("dien-bien", "dien-bien-root")

    with capture_logs() as said:
        await locked.get("/v1/events", bearer(SERVICE_KEY))
        await locked.get("/v1/events", own)
        await locked.get("/v1/quarantine", own)

    reads = [each for each in said if each["event"] == "rows about persons were read"]
    assert [(each["what"], each["rows"], each["source"]) for each in reads] == [
        ("events", 3, "dien-bien"),
        ("quarantine", 1, "dien-bien"),
    ]
