"""The dashboard with keys: a reader gets in with one, sees what is theirs, and gets out again."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path

import httpx
import pytest

from deploy.stack.access import revoke_keys
from services.reporting.dashboard.entry import COOKIE
from tests.access_given import Keys
from tests.conftest import Database
from tests.given import organisation, root
from tests.integration.issuer_given import AUDIENCE, ISSUER, token
from tests.integration.reporting_given import RunningReporting, running_reporting

SAME_ORIGIN = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}


@dataclass
class Locked:
    """Reporting with a dashboard that asks for a key."""

    reporting: RunningReporting
    keys: Keys

    @property
    def browser(self) -> httpx.AsyncClient:
        return self.reporting.http

    async def enter(self, key: str, following: str = "/", **headers: str) -> httpx.Response:
        form = {"key": key, "next": following}
        return await self.browser.post("/login?lang=en", data=form, headers=SAME_ORIGIN | headers)


@pytest.fixture
async def locked(database: Database, tmp_path: Path) -> AsyncIterator[Locked]:
    keys = Keys(tmp_path)
    keys.new("first", "operator")
    async with running_reporting(database, keys_path=keys.path) as reporting:
        await reporting.project(
            root(),
            organisation("district", kind="intermediate_committee"),
            organisation("cell", parent="district"),
            organisation("elsewhere", kind="intermediate_committee"),
        )
        yield Locked(reporting, keys)


async def test_whoever_has_no_key_is_asked_for_one_and_led_back(locked: Locked) -> None:
    turned = await locked.browser.get("/organisations/cell?as_of=2022-12-31&lang=en")
    assert turned.status_code == 303

    asked = await locked.browser.get(turned.headers["location"])
    assert asked.status_code == 200
    assert "Access key" in asked.text
    assert 'type="password"' in asked.text
    assert 'value="/organisations/cell?as_of=2022-12-31&amp;lang=en"' in asked.text
    assert asked.headers["cache-control"] == "no-store"

    let_in = await locked.enter(
        locked.keys.new("office", "viewer", organisation="district"),
        "/organisations/cell?as_of=2022-12-31&lang=en",
    )
    assert (let_in.status_code, let_in.headers["location"]) == (
        303,
        "/organisations/cell?as_of=2022-12-31&lang=en",
    )
    assert (await locked.browser.get(let_in.headers["location"])).status_code == 200


async def test_the_page_that_asks_speaks_vietnamese_and_english(locked: Locked) -> None:
    assert "Khóa truy cập" in (await locked.browser.get("/login")).text
    assert "Access key" in (await locked.browser.get("/login?lang=en")).text


async def test_the_cookie_is_closed_to_scripts_and_to_other_sites(locked: Locked) -> None:
    let_in = await locked.enter(locked.keys.new("office", "viewer", organisation="district"))

    cookie = let_in.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "max-age" not in cookie
    assert "expires" not in cookie
    assert "secure" not in cookie  # over http a browser would drop it

    client = httpx.AsyncClient(transport=locked.browser._transport, base_url="https://reporting.example")
    form = {"key": locked.keys.new("tls", "operator")}
    over_tls = await client.post("/login", data=form, headers={"Origin": "https://reporting.example"})
    assert "secure" in over_tls.headers["set-cookie"].lower()


async def test_a_reader_sees_and_finds_what_is_theirs(locked: Locked) -> None:
    await locked.enter(locked.keys.new("office", "viewer", organisation="district"))

    start = (await locked.browser.get("/?lang=en")).text
    assert "Tổ chức district" in start
    assert "Tổ chức root" not in start
    assert "Tổ chức elsewhere" not in start

    found = (await locked.browser.get("/?query=tổ chức&lang=en")).text
    assert "Tổ chức cell" in found
    assert "Tổ chức elsewhere" not in found
    assert "Tổ chức root" not in found  # nor as what the district is under

    page = (await locked.browser.get("/organisations/cell?lang=en")).text
    assert "Tổ chức district" in page
    assert "Tổ chức root" not in page

    for foreign in ("elsewhere", "root", "nobody"):
        refused = await locked.browser.get(f"/organisations/{foreign}?lang=en")
        assert refused.status_code == 403
        assert "Outside what you may see" in refused.text


async def test_figures_lead_to_their_events_with_the_same_cookie(locked: Locked) -> None:
    await locked.enter(locked.keys.new("office", "viewer", organisation="district"))

    evidence = "/v1/organisations/district/evidence?measure=members.total"

    assert (await locked.browser.get(evidence)).status_code == 200
    assert (await locked.browser.get(evidence.replace("district", "elsewhere"))).status_code == 403


async def test_a_wrong_key_lets_nobody_in_and_says_so(locked: Locked) -> None:
    for wrong in ("", "ketnap_aaaaaaaa_" + "a" * 43, "x" * 5000, "<script>alert(1)</script>"):
        refused = await locked.enter(wrong)
        assert refused.status_code == 401
        assert "cannot be used" in unescape(refused.text)
        assert "set-cookie" not in refused.headers
        assert "<script>alert" not in refused.text


@pytest.mark.parametrize(("language", "said"), [("vi", "không mở được số liệu"), ("en", "opens no figures")])
async def test_a_key_that_opens_no_figures_is_told_so_at_the_door_and_behind_it(
    locked: Locked, language: str, said: str
) -> None:
    watcher = locked.keys.new("prometheus", "watcher")

    form = {"key": watcher, "next": "/"}
    refused = await locked.browser.post(f"/login?lang={language}", data=form, headers=SAME_ORIGIN)
    assert (refused.status_code, said in refused.text) == (403, True)
    assert "set-cookie" not in refused.headers

    cookie = {"Cookie": f"{COOKIE}={watcher}"}  # as of an earlier version
    for path in ("/", "/organisations/cell"):
        page = await locked.browser.get(f"{path}?lang={language}", headers=cookie)
        assert (page.status_code, said in page.text) == (403, True)
        assert 'action="/logout' in page.text


async def test_an_issuer_that_is_away_is_not_told_as_a_wrong_key(database: Database) -> None:
    issuer = {"oidc_issuer": ISSUER, "oidc_audience": AUDIENCE, "oidc_jwks": "http://127.0.0.1:1/jwks"}
    async with running_reporting(database, **issuer) as reporting:
        for language, said in (
            ("vi", "nơi cấp khóa không trả lời"),
            ("en", "whoever issues them does not answer"),
        ):
            answer = await reporting.http.post(f"/login?lang={language}", data={"key": token()})
            assert (answer.status_code, said in answer.text) == (503, True)


@pytest.mark.parametrize("address", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x"])
async def test_the_way_in_leads_nowhere_else(locked: Locked, address: str) -> None:
    let_in = await locked.enter(locked.keys.new("office", "operator"), address)

    assert let_in.headers["location"] == "/"
    page = await locked.browser.get("/login", params={"next": address})
    assert '<input type="hidden" name="next" value="/">' in page.text
    for link in re.findall(r'(?:href|action)="([^"]*)"', page.text):
        assert re.match(r"/[^/\\]|/$|#", unescape(link)), link


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "http://evil.example"}],
)
async def test_other_sites_let_nobody_in_and_nobody_out(locked: Locked, headers: dict[str, str]) -> None:
    form = {"key": locked.keys.new("office", "operator")}

    forged = await locked.browser.post("/login", data=form, headers=headers)
    assert forged.status_code == 401
    assert "set-cookie" not in forged.headers

    await locked.enter(form["key"])
    forged = await locked.browser.post("/logout", headers=headers)
    assert "set-cookie" not in forged.headers
    assert (await locked.browser.get("/")).status_code == 200


async def test_whoever_signs_out_is_out(locked: Locked) -> None:
    await locked.enter(locked.keys.new("office", "viewer", organisation="district"))
    assert "Sign out" in (await locked.browser.get("/?lang=en")).text

    out = await locked.browser.post("/logout?lang=en", headers=SAME_ORIGIN)

    assert out.headers["location"] == "/login?lang=en"
    assert COOKIE not in locked.browser.cookies
    assert (await locked.browser.get("/")).status_code == 303


async def test_a_revoked_key_ends_what_its_cookie_could(locked: Locked) -> None:
    await locked.enter(locked.keys.new("office", "viewer", organisation="district"))
    revoke_keys(locked.keys.layout, "office")

    assert (await locked.browser.get("/")).status_code == 303
    assert (await locked.browser.get("/v1/organisations")).status_code == 401


async def test_without_any_key_nobody_is_asked(database: Database, tmp_path: Path) -> None:
    async with running_reporting(database, keys_path=Keys(tmp_path).path) as reporting:
        page = await reporting.http.get("/?lang=en")
        assert page.status_code == 200
        assert "Sign out" not in page.text
        led = await reporting.http.get("/login?next=/organisations/cell")
        assert (led.status_code, led.headers["location"]) == (303, "/organisations/cell")
