"""Unsealing: reporting has profiles opened by the registry, with the token, and nobody else does."""

from typing import Any
from uuid import UUID

import httpx
import pytest
import structlog
from msgspec import UNSET

from services.registry.app import create_app
from services.reporting import unsealing
from services.reporting.unsealing import ProfilePlace, Unsealing, UnsealingRefused, UnsealingUnavailable
from shared.events.person import Profile
from tests.connected.conftest import UNSEAL_TOKEN, RunningRegistry, Source, registry_settings
from tests.given import admitted, event, identified, new_uuid, organisation, root

PROFILE = {"occupation": "zzq-occupation-2", "birth_year": 1999, "sex": "female"}


def with_profile(one: dict[str, Any], profile: dict[str, Any] = PROFILE) -> dict[str, Any]:
    return {**one, "data": {**one["data"], "profile": profile}}


def place(one: dict[str, Any]) -> ProfilePlace:
    return ProfilePlace(UUID(one["subject"].removeprefix("person/")), one["source"], UUID(one["id"]))


@pytest.fixture
async def source(registry: RunningRegistry) -> Source:
    """A source whose root and cell are on record."""
    source = await registry.source()
    await source.publish(root(), organisation("cell"))
    return source


@pytest.fixture
def client(registry: RunningRegistry) -> Unsealing:
    """Reporting's client, with the right token."""
    return Unsealing("", UNSEAL_TOKEN, registry.http)


async def test_reporting_gets_profiles_and_hears_who_is_erased(
    registry: RunningRegistry, source: Source, client: Unsealing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unsealing, "BATCH", 2)
    stays, goes = new_uuid(), new_uuid()
    first, second = with_profile(identified(stays, "2022-01-05")), with_profile(identified(goes, "2022-01-05"))
    plain = admitted(stays, "2022-06-01")
    erased = event("PersonErased", f"person/{goes}", "2023-01-01", {"request_ref": "YC-2"})
    await source.publish(first, second, plain)
    assert [each.state for each in await client.at([place(first), place(second)])] == ["unsealed", "unsealed"]

    await source.publish(erased)

    nowhere = ProfilePlace(UUID(stays), "dien-bien", UUID(new_uuid()))
    strangers = ProfilePlace(UUID(stays), "dien-bien", UUID(second["id"]))
    found = await client.at([place(first), place(second), place(plain), nowhere, strangers])
    assert [each.state for each in found] == ["unsealed", "erased", "absent", "absent", "absent"]
    assert found[0].profile == Profile(occupation="zzq-occupation-2", birth_year=1999, sex="female")
    assert found[1].profile is UNSET
    profiles, gone = await client.of([UUID(goes), UUID(stays), UUID(new_uuid())])
    assert [(each.event_id, each.state) for each in profiles if each.person == UUID(stays)] == [
        (UUID(first["id"]), "unsealed")
    ]
    assert all(each.profile is UNSET for each in profiles if each.person == UUID(goes))
    assert gone == [UUID(goes)]


@pytest.mark.parametrize("token", ["", "wrong", UNSEAL_TOKEN[:-1], "é"])
async def test_without_the_token_nothing_is_unsealed_also_not_on_this_machine(
    registry: RunningRegistry, source: Source, token: str
) -> None:
    one = with_profile(identified(new_uuid(), "2022-01-05"))
    await source.publish(one)
    headers = {"Ketnap-Unseal-Token": token.encode()} if token else {}
    wanted = {"persons": [one["subject"].removeprefix("person/")]}
    answer = await registry.http.post("/v1/profiles/unseal", json=wanted, headers=headers)
    assert answer.status_code == 401
    assert "zzq" not in answer.text
    if token == "wrong":
        with pytest.raises(UnsealingRefused, match="must be the same"):
            await Unsealing("", token, registry.http).at([place(one)])


async def test_a_registry_without_a_token_unseals_for_nobody(registry: RunningRegistry) -> None:
    settings = registry_settings(registry.database, registry.nats_server)
    settings.unseal_token = None
    app = create_app(settings)
    async with (
        app.lifespan(),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1") as http,
    ):
        for headers in ({}, {"Ketnap-Unseal-Token": ""}, {"Ketnap-Unseal-Token": UNSEAL_TOKEN}):
            answer = await http.post("/v1/profiles/unseal", json={}, headers=headers)
            assert answer.status_code == 403
            assert "KETNAP_UNSEAL_TOKEN_FILE" in answer.json()["detail"]


async def test_a_call_is_logged_with_counts_and_without_content(source: Source, client: Unsealing) -> None:
    one = with_profile(identified(new_uuid(), "2022-01-05"))
    await source.publish(one)
    with structlog.testing.capture_logs() as said:
        await client.at([place(one), place({**one, "id": new_uuid()})])
    (line,) = [each for each in said if each["event"] == "profiles were unsealed"]
    assert (line["events"], line["unsealed"], line["absent"]) == (2, 1, 1)
    assert "zzq" not in str(said)
    assert one["subject"].removeprefix("person/") not in str(said)


async def test_what_is_no_question_is_refused_with_what_was_expected(registry: RunningRegistry) -> None:
    headers = {"Ketnap-Unseal-Token": UNSEAL_TOKEN}
    for body in (b"[", b'{"persons": ["a"]}', b'{"person": []}', b'{"events": [{"person": 1}]}'):
        answer = await registry.http.post("/v1/profiles/unseal", content=body, headers=headers)
        assert answer.status_code == 400
        assert "expected" in answer.json()["detail"]


async def test_a_registry_that_is_away_is_said_to_be_so() -> None:
    client = Unsealing("http://127.0.0.1:1", UNSEAL_TOKEN)
    with pytest.raises(UnsealingUnavailable, match="does not answer"):
        await client.of([UUID(new_uuid())])
    await client.close()
