"""The notifier with keys: alerts, deliveries and subscriptions of one's own subtree, and no others."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from services.notifier.app import create_app
from services.notifier.service import Notifier
from services.notifier.settings import NotifierSettings
from shared.events.recorded import read_recorded
from tests.access_given import Keys, bearer
from tests.conftest import Database
from tests.given import admitted, event, identified, new_uuid, organisation, root, target
from tests.until import until

NOWHERE = "nats://127.0.0.1:1"
AUTUMN = datetime(2022, 10, 1, 2, tzinfo=UTC)


@dataclass
class Locked:
    """A notifier over a province of two districts, each with a target that is attained."""

    http: httpx.AsyncClient
    notifier: Notifier
    keys: Keys

    async def get(self, path: str, headers: dict[str, str]) -> Any:
        response = await self.http.get(path, headers=headers)
        assert response.status_code == 200, response.text
        return response.json()

    async def alerts(self, headers: dict[str, str]) -> dict[str, str]:
        """Target → id of the alert."""
        return {each["target_id"]: each["id"] for each in (await self.get("/v1/alerts", headers))["alerts"]}

    async def put(self, headers: dict[str, str], *subscriptions: dict[str, Any]) -> httpx.Response:
        return await self.http.put(
            "/v1/subscriptions", headers=headers, json={"subscriptions": list(subscriptions)}
        )

    async def subscribed(self, headers: dict[str, str]) -> dict[str, str]:
        """Address → organisation."""
        found = await self.get("/v1/subscriptions", headers)
        return {each["to"]: each["organisation"] for each in found["subscriptions"]}


def mail(organisation_id: str, to: str, **more: Any) -> dict[str, Any]:
    return {"organisation": organisation_id, "rules": ["A2"], "channel": "email", "to": to, **more}


@pytest.fixture
async def locked(database: Database, tmp_path: Path) -> AsyncIterator[Locked]:
    keys = Keys(tmp_path)
    operator = keys.operator()
    settings = NotifierSettings(
        database_url=database.url("ketnap_notifier"),
        nats_url=NOWHERE,
        registry_url="http://127.0.0.1:1",
        keys_path=keys.path,
    )
    app = create_app(settings, lambda: AUTUMN)
    began, ended = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        # In a task of its own: a lifespan must end in the task that began it, which fixtures do not promise.
        async with app.lifespan():
            began.set()
            await ended.wait()

    living = asyncio.create_task(live())
    await began.wait()
    transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        found = Locked(http, app.state.notifier, keys)
        put = await found.put(operator, mail("district", "d@example.vn"), mail("elsewhere", "e@example.vn"))
        assert put.status_code == 200, put.text
        # Whoever begins to lead ends the sessions of whoever applied events before.
        await until(lambda: leads(found.notifier))
        await found.notifier.projector.apply(history())
        yield found
    ended.set()
    await living


async def leads(notifier: Notifier) -> bool:
    return notifier.lead.leading


def history() -> Any:
    one, two = new_uuid(), new_uuid()
    events = [
        root(),
        organisation("district", kind="intermediate_committee"),
        organisation("cell", parent="district"),
        organisation("old", parent="elsewhere"),
        organisation("elsewhere", kind="intermediate_committee"),
        organisation("far", parent="elsewhere"),
        event("OrganisationDissolved", "organisation/old", "2021-01-01", {"successor_id": "cell"}),
        target("district", target_id="ours", value=1),
        target("elsewhere", target_id="theirs", value=1),
        identified(one, "2022-01-05"),
        admitted(one, "2022-05-01"),
        identified(two, "2022-01-05", "far"),
        admitted(two, "2022-05-01", "far"),
    ]
    recorded = [
        {**each, "position": position, "recordedat": "2022-10-01T02:00:00Z"}
        for position, each in enumerate(events, 1)
    ]
    return read_recorded(msgspec.json.encode(recorded))


async def test_a_key_sees_the_alerts_of_its_subtree(locked: Locked) -> None:
    operator = locked.keys.new("second", "operator")

    assert set(await locked.alerts({"Authorization": f"Bearer {operator}"})) == {"ours", "theirs"}
    assert set(await locked.alerts(locked.keys.viewer("district"))) == {"ours"}
    assert set(await locked.alerts(locked.keys.viewer("root"))) == {"ours", "theirs"}
    assert set(await locked.alerts(locked.keys.viewer("cell"))) == set()
    assert set(await locked.alerts(locked.keys.source("lai-chau", "elsewhere"))) == {"theirs"}


async def test_to_ask_for_the_alerts_of_others_is_refused(locked: Locked) -> None:
    viewer = locked.keys.viewer("district")

    for own in ("district", "cell", "old"):
        await locked.get(f"/v1/alerts?organisation={own}", viewer)
    for foreign in ("elsewhere", "far", "root", "nobody"):
        response = await locked.http.get(f"/v1/alerts?organisation={foreign}", headers=viewer)
        assert response.status_code == 403, foreign


@pytest.mark.parametrize(("call", "body"), [("acknowledge", None), ("mute", {"until": "2026-12-31"})])
async def test_only_ones_own_alerts_are_acknowledged_and_muted(
    locked: Locked, call: str, body: dict[str, str] | None
) -> None:
    viewer, theirs = locked.keys.viewer("district"), locked.keys.viewer("elsewhere")
    source = locked.keys.source("dien-bien", "district")
    ours, foreign = (await locked.alerts(viewer))["ours"], (await locked.alerts(theirs))["theirs"]

    async def status(alert: str, headers: dict[str, str]) -> int:
        return (await locked.http.post(f"/v1/alerts/{alert}/{call}", headers=headers, json=body)).status_code

    assert await status(ours, viewer) == 200
    assert await status(foreign, viewer) == 403
    assert await status(new_uuid(), viewer) == 403
    assert await status(ours, source) == 403  # a source reads
    assert await status(ours, {}) == 401


async def test_an_organisation_that_nobody_knows_yet_is_warned_of_and_not_refused(locked: Locked) -> None:
    operator = bearer(locked.keys.new("another", "operator"))

    put = (await locked.put(operator, mail("district", "d@example.vn"), mail("distrikt", "d@example.vn"))).json()

    assert [each["organisation"] for each in put["subscriptions"]] == ["district", "distrikt"]
    assert put["warnings"] == [
        "no organisation 'distrikt' is on record yet, so nothing is sent to its subscriptions; is it a slip?"
    ]
    got = await locked.get("/v1/subscriptions", operator)
    assert got["warnings"] == put["warnings"]
    again = await locked.http.put("/v1/subscriptions", headers=operator, json=got)
    assert again.status_code == 200, again.text
    right = (await locked.put(operator, mail("district", "d@example.vn"))).json()
    assert "warnings" not in right


async def test_deliveries_are_those_to_ones_own_subscriptions(locked: Locked) -> None:
    async def told(headers: dict[str, str]) -> set[str]:
        return {each["to"] for each in (await locked.get("/v1/deliveries", headers))["deliveries"]}

    assert await told(locked.keys.viewer("root")) == {"d@example.vn", "e@example.vn"}
    assert await told(locked.keys.viewer("district")) == {"d@example.vn"}
    assert await told(locked.keys.viewer("cell")) == set()


async def test_a_viewers_list_is_its_own_and_leaves_those_of_others_alone(locked: Locked) -> None:
    viewer, province = locked.keys.viewer("district"), locked.keys.viewer("root")
    assert await locked.subscribed(viewer) == {"d@example.vn": "district"}

    assert (await locked.put(viewer, mail("cell", "c@example.vn"))).status_code == 200

    assert await locked.subscribed(viewer) == {"c@example.vn": "cell"}
    assert await locked.subscribed(province) == {"c@example.vn": "cell", "e@example.vn": "elsewhere"}


async def test_nobody_subscribes_to_others_or_takes_their_subscription(locked: Locked) -> None:
    viewer, theirs = locked.keys.viewer("district"), locked.keys.viewer("elsewhere")
    (held,) = (await locked.get("/v1/subscriptions", theirs))["subscriptions"]

    assert (await locked.put(viewer, mail("elsewhere", "me@example.vn"))).status_code == 403
    assert (await locked.put(viewer, mail("district", "me@example.vn", id=held["id"]))).status_code == 400
    assert (await locked.put(locked.keys.source("dien-bien", "district"))).status_code == 403
    assert (await locked.put({}, mail("district", "me@example.vn"))).status_code == 401

    assert await locked.subscribed(theirs) == {"e@example.vn": "elsewhere"}
    assert await locked.subscribed(viewer) == {"d@example.vn": "district"}


async def test_a_cookie_is_no_key_here(locked: Locked) -> None:
    key = locked.keys.new("office", "viewer", organisation="district")

    response = await locked.http.get("/v1/alerts", headers={"Cookie": f"ketnap_key={key}"})

    assert response.status_code == 401
