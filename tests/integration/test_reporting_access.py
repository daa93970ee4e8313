"""Reporting with keys: each sees its organisation's subtree, in every report and on every page, and no more."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from structlog.testing import capture_logs

from deploy.stack.access import revoke_keys
from services.reporting.api.routes import REPORTS
from services.reporting.app import create_app
from services.reporting.settings import ReportingSettings
from shared.runtime.http import ruled_routes
from tests.access_given import Keys, bearer
from tests.conftest import Database
from tests.given import admitted, event, identified, new_uuid, organisation, root, target
from tests.integration.issuer_given import AUDIENCE, ISSUER, KEYS, token
from tests.integration.reporting_given import RunningReporting, running_reporting

SERVICE_KEY = "s" * 43
PERSON = new_uuid()
CALLS = (
    "", *(f"/{report}" for report in REPORTS), "/totals?by=child", "/totals?hierarchy=current&as_of=2021-06-30",
    "/evidence?measure=actuals.admissions&as_of=2022-12-31", "/mentoring?list=mentors", "/timeliness?by=child",
    "/evidence?measure=timeliness.all.open",
)  # fmt: skip
"""All that can be asked about an organisation; new reports come along by themselves."""


@dataclass
class Locked:
    """Reporting over a province of two districts, and a file of keys."""

    reporting: RunningReporting
    keys: Keys

    async def get(self, path: str, headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
        return await self.reporting.http.get(path, headers=headers, **more)

    async def status(self, path: str, headers: dict[str, str] | None = None) -> int:
        return (await self.get(path, headers)).status_code


@pytest.fixture
async def locked(database: Database, tmp_path: Path) -> AsyncIterator[Locked]:
    keys = Keys(tmp_path)
    keys.new("first", "operator")
    async with running_reporting(database, keys_path=keys.path, service_key=SERVICE_KEY) as reporting:
        await reporting.project(
            root(),
            organisation("district", kind="intermediate_committee"),
            organisation("commune", kind="grassroots_committee", parent="district"),
            organisation("cell", parent="commune"),
            organisation("old", kind="grassroots_committee", parent="elsewhere-1"),
            organisation("elsewhere", kind="intermediate_committee"),
            organisation("elsewhere-1", kind="grassroots_committee", parent="elsewhere"),
            organisation("to-come", "2030-01-01", kind="grassroots_committee", parent="district"),
            identified(PERSON, "2022-01-05"),
            admitted(PERSON, "2022-05-01"),
            target("commune", issuer_id="district"),
            event("OrganisationDissolved", "organisation/old", "2023-01-01", {"successor_id": "commune"}),
        )
        yield Locked(reporting, keys)


OWN = ("district", "commune", "cell", "old", "to-come")
FOREIGN = ("root", "elsewhere", "elsewhere-1", "nobody", "a%20b", "%00", "DISTRICT")


@pytest.mark.parametrize("call", CALLS)
async def test_a_viewer_reads_its_subtree_and_what_it_took_over_and_nothing_else(
    locked: Locked, call: str
) -> None:
    viewer = locked.keys.viewer("district")

    for own in OWN:
        assert await locked.status(f"/v1/organisations/{own}{call}", viewer) == 200, own
    for foreign in FOREIGN:
        refused = await locked.get(f"/v1/organisations/{foreign}{call}", viewer)
        assert refused.status_code == 403, foreign
        assert refused.headers["content-type"].startswith("application/problem+json")


async def test_whether_a_foreign_organisation_exists_is_not_told(locked: Locked) -> None:
    viewer = locked.keys.viewer("district")

    there = (await locked.get("/v1/organisations/elsewhere/totals", viewer)).json()
    not_there = (await locked.get("/v1/organisations/nothere/totals", viewer)).json()

    assert {**there, "detail": there["detail"].replace("elsewhere", "x")} == {
        **not_there,
        "detail": not_there["detail"].replace("nothere", "x"),
    }


@pytest.mark.parametrize("call", CALLS)
async def test_without_a_key_or_with_a_bad_one_nothing_is_answered(locked: Locked, call: str) -> None:
    gone = locked.keys.new("gone", "operator")
    revoke_keys(locked.keys.layout, "gone")
    for headers in ({}, bearer("ketnap_aaaaaaaa_" + "a" * 43), bearer(gone), {"Authorization": "Basic eDp5"}):
        refused = await locked.get(f"/v1/organisations/district{call}", headers)
        assert refused.status_code == 401, headers
        assert refused.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("call", CALLS)
async def test_an_operator_reads_everything_and_a_source_what_is_under_its_root(locked: Locked, call: str) -> None:
    operator, source = locked.keys.operator(), locked.keys.source("lai-chau", "elsewhere")

    for known in ("root", "district", "elsewhere"):
        assert await locked.status(f"/v1/organisations/{known}{call}", operator) == 200
    assert await locked.status(f"/v1/organisations/elsewhere-1{call}", source) == 200
    assert await locked.status(f"/v1/organisations/old{call}", source) == 403  # handed over to the other district
    assert await locked.status(f"/v1/organisations/district{call}", source) == 403
    assert await locked.status(f"/v1/organisations/district{call}", bearer(SERVICE_KEY)) == 403


async def test_a_search_finds_only_what_is_ones_own(locked: Locked) -> None:
    async def found(query: str, headers: dict[str, str]) -> list[str]:
        body = (await locked.get(f"/v1/organisations?as_of=2022-12-31{query}", headers)).json()
        return [each["id"] for each in body["organisations"]]

    viewer, operator = locked.keys.viewer("district"), locked.keys.operator()

    assert await found("", viewer) == ["cell", "commune", "district", "old"]
    assert await found("&query=elsewhere", viewer) == []
    assert await found("&parent=elsewhere", viewer) == []
    assert await found("&parent=root", viewer) == ["district"]
    assert await found("&parent=root", operator) == ["district", "elsewhere"]
    assert await found("", locked.keys.viewer("nobody")) == []


async def test_pages_of_a_search_hold_together(locked: Locked) -> None:
    viewer = locked.keys.viewer("district")
    first = (await locked.get("/v1/organisations?limit=1&as_of=2022-12-31", viewer)).json()
    second = (await locked.get(f"/v1/organisations?limit=3&as_of=2022-12-31&after={first['next']}", viewer)).json()

    assert [each["id"] for each in second["organisations"]] == ["commune", "district", "old"]
    assert second["next"] is None


async def test_an_answer_kept_from_another_reader_is_not_taken_for_ones_own(locked: Locked) -> None:
    tag = (await locked.get("/v1/organisations", locked.keys.operator())).headers["etag"]

    again = await locked.get("/v1/organisations", locked.keys.viewer("district") | {"If-None-Match": tag})

    assert again.status_code == 200
    assert again.headers["cache-control"].startswith("private")


async def test_the_way_down_begins_at_ones_own_organisation(locked: Locked) -> None:
    async def path(headers: dict[str, str]) -> list[str]:
        found = (await locked.get("/v1/organisations/cell", headers)).json()["path"]
        return [each["id"] for each in found]

    assert await path(locked.keys.operator()) == ["root", "district", "commune"]
    assert await path(locked.keys.viewer("district")) == ["district", "commune"]
    assert await path(locked.keys.viewer("cell")) == []


async def test_who_sees_what_follows_the_tree_as_it_is_known_now(locked: Locked) -> None:
    district, elsewhere = locked.keys.viewer("district"), locked.keys.viewer("elsewhere")
    moved = event("OrganisationReparented", "organisation/commune", "2024-01-01", {"parent_id": "elsewhere"})
    assert await locked.status("/v1/organisations/cell/totals", elsewhere) == 403

    await locked.reporting.project(moved)

    for own in ("commune", "cell", "old"):
        assert await locked.status(f"/v1/organisations/{own}/totals", elsewhere) == 200
        assert await locked.status(f"/v1/organisations/{own}/totals", district) == 403
    # What was once part of one's own figures stays so: they would not add up otherwise.
    past = (await locked.get("/v1/organisations/district/totals?as_of=2022-12-31&by=child", district)).json()
    assert [child["organisation"]["id"] for child in past["children"]] == ["commune"]


async def test_what_was_merged_into_ones_own_is_ones_own_and_retracted_no_longer(locked: Locked) -> None:
    district, elsewhere = locked.keys.viewer("district"), locked.keys.viewer("elsewhere")
    merged = event(
        "OrganisationsMerged",
        "organisation/commune",
        "2024-01-01",
        {"sources": ["elsewhere-1"], "targets": "keep"},
    )

    async def status(headers: dict[str, str]) -> int:
        return await locked.status("/v1/organisations/elsewhere-1/totals?as_of=2023-06-30", headers)

    await locked.reporting.project(merged)
    assert (await status(district), await status(elsewhere)) == (200, 403)

    retracted = {"corrects": merged["id"], "replacement": None, "reason": "other"}
    await locked.reporting.project(event("FactCorrected", "organisation/commune", "2024-02-01", retracted))
    assert (await status(district), await status(elsewhere)) == (403, 200)


async def test_the_key_of_an_organisation_that_has_ended_opens_what_it_was_and_not_who_took_over(
    locked: Locked,
) -> None:
    ended, successor = locked.keys.viewer("old"), locked.keys.viewer("commune")

    for call in ("", *(f"/{report}" for report in REPORTS), "/evidence"):
        own = "&measure=members.total" if call == "/evidence" else ""
        as_it_was = f"/v1/organisations/old{call}?as_of=2022-12-31{own}"
        on_todays_tree = f"{as_it_was}&hierarchy=current"
        assert await locked.status(as_it_was, ended) == 200, call
        for form in ("", "&by=child", "&format=csv"):
            assert await locked.status(on_todays_tree + form, ended) == 403, call
        assert await locked.status(on_todays_tree, successor) == 200, call


async def test_who_took_over_is_not_told_where_it_is_another_or_was_known_to_be(locked: Locked) -> None:
    ended, cell = locked.keys.viewer("old"), locked.keys.viewer("cell")
    told = (await locked.get("/v1/organisations/old", ended)).json()
    assert (told["active"], told["parent_id"], told["successor_id"], told["path"]) == (False, None, None, [])
    page = await locked.get("/organisations/old?as_of=2024-06-30", ended)
    assert (page.status_code, "Tổ chức commune" in page.text) == (200, False)
    with capture_logs() as said:
        assert await locked.status("/organisations/old?hierarchy=current", ended) == 403
    assert [each["status"] for each in said if each["event"] == "a request was refused"] == [403]

    dissolved = event("OrganisationDissolved", "organisation/cell", "2024-01-01", {"successor_id": "elsewhere-1"})
    merged_at = await locked.reporting.project(dissolved)
    retracted = {"corrects": dissolved["id"], "replacement": None, "reason": "other"}
    await locked.reporting.project(event("FactCorrected", "organisation/cell", "2024-02-01", retracted))

    current = "/v1/organisations/cell/restatement?hierarchy=current"
    assert await locked.status(f"{current}&since={merged_at - 1}", cell) == 200
    assert await locked.status(f"{current}&since={merged_at}", cell) == 403
    assert (
        await locked.status(f"/v1/organisations/cell/totals?hierarchy=current&known_at={merged_at}", cell) == 403
    )


async def test_what_an_organisation_belongs_to_is_told_within_ones_own(locked: Locked) -> None:
    async def parents(headers: dict[str, str]) -> dict[str, str | None]:
        body = (await locked.get("/v1/organisations?as_of=2022-12-31", headers)).json()
        return {each["id"]: each["parent_id"] for each in body["organisations"]}

    viewer = locked.keys.viewer("district")
    assert await parents(viewer) == {"cell": "commune", "commune": "district", "district": None, "old": None}
    assert (await parents(locked.keys.operator()))["district"] == "root"
    for one, parent in (("cell", "commune"), ("district", None)):
        assert (await locked.get(f"/v1/organisations/{one}", viewer)).json()["parent_id"] == parent


async def test_whoever_reads_evidence_is_in_the_log(locked: Locked) -> None:
    viewer = locked.keys.viewer("district")

    with capture_logs() as said:
        await locked.get("/v1/organisations/district/evidence?measure=actuals.admissions&as_of=2022-12-31", viewer)

    (read,) = [each for each in said if each["event"] == "rows about persons were read"]
    assert read["key"] in viewer["Authorization"]
    assert len(read["key"]) == 8
    assert (read["organisation"], read["measure"], read["rows"]) == ("district", "actuals.admissions", 1)


async def test_whoever_is_refused_is_in_the_log_and_no_key_ever_is(locked: Locked) -> None:
    viewer, wrong = locked.keys.new("office", "viewer", organisation="district"), "ketnap_aaaaaaaa_" + "Z" * 43

    with capture_logs() as said:
        await locked.get("/v1/organisations/elsewhere/totals", bearer(viewer))
        await locked.get("/v1/organisations/district/totals", bearer(wrong))
        await locked.get("/v1/organisations/district/totals", bearer(wrong + "!"))
        await locked.reporting.http.post("/login", data={"key": wrong})

    assert [each["status"] for each in said if each["event"] == "a request was refused"] == [403, 401, 401]
    assert viewer[-43:] not in str(said)
    assert "Z" * 43 not in str(said)


async def test_only_health_and_the_way_in_answer_without_a_key(database: Database, locked: Locked) -> None:
    app = create_app(ReportingSettings(database_url=database.url(), keys_path=locked.keys.path), consume=False)
    answered = set()
    for path, method, rule in ruled_routes(app):
        assert rule is not None
        address = path.replace("{organisation_id:str}", "district").replace("{report:str}", "totals")
        address = address.replace("{name:path}", "dashboard.css")
        response = await locked.reporting.http.request(
            method, address, headers={"Host": "reporting.example", "X-Forwarded-For": "203.0.113.7"}
        )
        if response.status_code not in (401, 303) or path == "/login":
            answered.add((method, path))

    assert answered == {
        ("GET", "/health/live"), ("GET", "/health/ready"), ("GET", "/login"), ("POST", "/login"),
        ("HEAD", "/health/live"), ("HEAD", "/health/ready"),
        ("GET", "/static//{name:path}".replace("//", "/")),
    }  # fmt: skip


async def test_metrics_are_for_this_machine_for_watchers_and_for_operators(locked: Locked) -> None:
    remote = {"Host": "reporting.example"}
    proxied = {"X-Forwarded-For": "203.0.113.7"}

    assert await locked.status("/metrics") == 200
    assert await locked.status("/metrics", remote) == 401
    assert await locked.status("/metrics", proxied) == 401
    assert await locked.status("/metrics", remote | locked.keys.viewer("district")) == 403
    assert await locked.status("/metrics", remote | locked.keys.operator()) == 200
    watcher = locked.keys.watcher()
    assert await locked.status("/metrics", remote | watcher) == 200
    for path in ("/v1/organisations", "/v1/organisations/district/totals", "/v1/live", "/schema"):
        assert await locked.status(path, watcher) == 403, path


async def test_the_first_key_locks_a_running_service(database: Database, tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    async with running_reporting(database, keys_path=keys.path) as reporting:
        assert (await reporting.http.get("/v1/organisations")).status_code == 200
        misdirected = await reporting.http.get("/v1/organisations", headers={"Host": "evil.example"})
        assert misdirected.status_code == 421
        proxied = await reporting.http.get(
            "/v1/organisations", headers={"X-Forwarded-For": "127.0.0.1, 203.0.113.7"}
        )
        assert proxied.status_code == 401

        operator = keys.operator()

        assert (await reporting.http.get("/v1/organisations")).status_code == 401
        assert (await reporting.http.get("/v1/organisations", headers=operator)).status_code == 200
        named = await reporting.http.get("/v1/organisations", headers=operator | {"Host": "reporting.example"})
        assert named.status_code == 200


async def test_tokens_of_the_issuer_open_what_keys_do(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps(KEYS))
    issuer = {"oidc_issuer": ISSUER, "oidc_audience": AUDIENCE, "oidc_jwks": str(file)}
    async with running_reporting(database, **issuer) as reporting:
        await reporting.project(root(), organisation("district"), organisation("elsewhere"))

        async def status(organisation_id: str, headers: dict[str, str]) -> int:
            path = f"/v1/organisations/{organisation_id}/totals"
            return (await reporting.http.get(path, headers=headers)).status_code

        assert await status("district", {}) == 401
        assert await status("district", bearer(token())) == 200
        assert await status("elsewhere", bearer(token())) == 403
        assert await status("elsewhere", bearer(token(ketnap_role="operator"))) == 200
        assert await status("district", bearer(token(aud="other"))) == 401
        let_in = await reporting.http.post("/login", data={"key": token()})
        assert let_in.status_code == 303
        assert await status("district", {}) == 200  # the cookie


async def test_the_live_stream_asks_for_a_key_and_ends_with_it(locked: Locked) -> None:
    assert await locked.status("/v1/live") == 401

    app = cast(Any, locked.reporting.http)._transport.app
    sent: asyncio.Queue[Any] = asyncio.Queue()
    scope = {
        "type": "http", "method": "GET", "path": "/v1/live", "raw_path": b"/v1/live", "query_string": b"",
        "headers": [(b"authorization", locked.keys.viewer("district")["Authorization"].encode())],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2), "scheme": "http", "http_version": "1.1",
        "root_path": "", "state": {},
    }  # fmt: skip

    async def receive() -> Any:
        await asyncio.Event().wait()

    listening = asyncio.create_task(app(scope, receive, sent.put))
    assert (await asyncio.wait_for(sent.get(), 10))["status"] == 200
    assert b"position" in (await asyncio.wait_for(sent.get(), 10))["body"]

    await locked.reporting.project(organisation("new", parent="cell"))
    assert b"position" in (await asyncio.wait_for(sent.get(), 10))["body"]

    revoke_keys(locked.keys.layout, "viewer district")
    await locked.reporting.project(organisation("newer", parent="cell"))
    last = await asyncio.wait_for(sent.get(), 10)
    assert (last["body"], last["more_body"]) == (b"", False)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
