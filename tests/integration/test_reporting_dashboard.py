"""The dashboard: pages rendered from a real database, in both languages."""

import re
from html import unescape
from typing import Any

import httpx
import pytest

from services.reporting.dashboard.views import why
from tests.conftest import Database
from tests.given import admitted, balance, event, identified, new_uuid, organisation, target, way_down
from tests.integration.reporting_given import RunningReporting, running_reporting

PEOPLE = [new_uuid() for _ in range(31)]
HOSTILE = """<script>alert("1")</script><img src=x onerror='alert(2)'> & "quoted\""""
END_OF_YEAR = "as_of=2022-12-31"


def beginning() -> list[dict[str, Any]]:
    return [
        *way_down(),
        organisation("bare", kind="grassroots_cell", parent="district"),
        balance("cell", "2022-01-01", 6000),
        target("district", value=20),
        target("district", target_id="plan", basis="assigned", issuer_id="root", value=31),
        target("commune", value=40),
        *(identified(person, "2022-02-01") for person in PEOPLE),
        *(admitted(person, "2022-05-01") for person in PEOPLE),
        identified(new_uuid(), "2022-06-01", "bare"),
    ]


async def page(reporting: RunningReporting, address: str, status: int = 200, **headers: str) -> httpx.Response:
    """The page at an address."""
    response = await reporting.http.get(address, headers=headers)
    assert response.status_code == status, response.text
    assert response.headers["content-type"].startswith("text/html")
    return response


def words(response: httpx.Response) -> str:
    """What is read on a page, in a row."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", response.text)).replace("\u00a0", " ").split())


async def test_figures_are_written_as_vietnamese_writes_them(reporting: RunningReporting) -> None:
    shown = await page(reporting, f"/organisations/district?{END_OF_YEAR}")

    assert '<html lang="vi">' in shown.text
    assert shown.headers["content-language"] == "vi"
    assert "155,0\u00a0%" in shown.text
    text = words(shown)
    assert "Đảng viên 6.031 6.000 chính thức · 31 dự bị" in text
    assert "01/01/2022 – 31/12/2022 ít nhất 20 31 155,0 % +55,0 % 20,0 100,0 % 0 ▲ Vượt" in text
    assert (
        "trên giao · Tổ chức root giao · 01/01/2022 – 31/12/2022 ít nhất 31 31 100,0 % 0,0 % 31,0 100,0 % 0 ✓ Đạt"
        in text
    )


async def test_figures_are_written_as_english_writes_them(reporting: RunningReporting) -> None:
    shown = await page(reporting, f"/organisations/district?{END_OF_YEAR}&lang=en")

    assert '<html lang="en">' in shown.text
    text = words(shown)
    assert "Members 6,031 6,000 official · 31 probationary" in text
    assert "1 Jan 2022 – 31 Dec 2022 at least 20 31 155.0% +55.0% 20.0 100.0% 0 ▲ Exceeded" in text


async def test_the_browsers_language_counts_where_the_address_names_none(reporting: RunningReporting) -> None:
    english = {"Accept-Language": "en-GB,en;q=0.9"}

    assert (await page(reporting, "/", **english)).headers["content-language"] == "en"
    assert (await page(reporting, "/?lang=vi", **english)).headers["content-language"] == "vi"
    assert "Accept-Language" in (await page(reporting, "/")).headers["vary"]


async def test_the_chart_has_the_figures_of_the_table(reporting: RunningReporting) -> None:
    shown = await page(reporting, f"/organisations/district?{END_OF_YEAR}&lang=en")

    bars = unescape(re.findall(r'data-chart="([^"]*)"', shown.text)[0])
    assert '"figures":"31 / at least 20 · 155.0%","status":"exceeded","said":"▲ Exceeded","share":155.0' in bars


async def test_the_next_page_of_a_list_is_of_the_same_moment(
    reporting: RunningReporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(why, "SHOWN", 20)
    behind = f"/organisations/district/evidence?measure=actuals.admissions&{END_OF_YEAR}&lang=en"
    shown = await page(reporting, behind)
    late = new_uuid()
    await reporting.project(identified(late, "2022-02-01"), admitted(late, "2022-06-01"))

    (link,) = re.findall(r'href="([^"]*after=[^"]*)"', shown.text)
    following = await page(reporting, unescape(link))

    text = words(following)
    assert text.count("Member admitted") == 11
    assert f"position {reporting.position - 2}" in text


async def test_movements_reconcile(reporting: RunningReporting) -> None:
    text = words(await page(reporting, f"/organisations/district?{END_OF_YEAR}"))

    assert "Số đầu kỳ 0 Kê khai số ban đầu + 6.000 Kết nạp + 31" in text
    assert "Chênh lệch chưa giải thích + 0 Số cuối kỳ = 6.031" in text


async def test_children_are_listed_with_their_targets_and_add_up(reporting: RunningReporting) -> None:
    shown = await page(reporting, f"/organisations/district?{END_OF_YEAR}&lang=en")

    assert f'<a href="/organisations/commune?{END_OF_YEAR}&amp;lang=en">Tổ chức commune</a>' in shown.text
    text = words(shown)
    assert "Tổ chức bare Grassroots cell 0 0 1 none known" in text
    assert (
        "Tổ chức commune Grassroots committee 6,031 31 0 "
        "Members admitted · resolution: 31 / at least 40, 77.5% ✕ Missed" in text
    )
    assert "Sum 6,031 31 1" in text


async def test_without_a_target_it_says_so_and_draws_nothing(reporting: RunningReporting) -> None:
    for language, said in (("vi", "Không có chỉ tiêu nào được ghi nhận"), ("en", "There is no known target")):
        shown = await page(reporting, f"/organisations/bare?{END_OF_YEAR}&lang={language}")
        assert said in words(shown)
        assert '"kind":"targets"' not in unescape(shown.text)


@pytest.mark.parametrize("name", ["", "/attainment", "/cascade"])
@pytest.mark.parametrize(
    "years", ["as_of=2024-05-01", "as_of=2021-05-01", "as_of=2030-05-01&from=2025-01-01&to=2026-12-31"]
)
async def test_where_there_is_no_target_the_nearest_are_one_step_away(
    reporting: RunningReporting, name: str, years: str
) -> None:
    shown = await page(reporting, f"/organisations/district{name}?{years}&lang=en")

    assert "See the nearest targets: 1 Jan 2022 – 31 Dec 2022" in words(shown)
    (link,) = re.findall(r'<a href="([^"]+)">See the nearest', shown.text)
    found = words(await page(reporting, unescape(link)))
    assert "at least 31" in found
    assert "no known target" not in found


async def test_an_overview_begins_with_its_targets_if_it_has_any(reporting: RunningReporting) -> None:
    for organisation_id, first in (("district", "targets"), ("bare", "totals")):
        shown = await page(reporting, f"/organisations/{organisation_id}?{END_OF_YEAR}")
        assert re.findall(r'<h2 id="(\w+)"', shown.text)[0] == first


async def test_what_says_nothing_is_left_out_of_an_overview(reporting: RunningReporting) -> None:
    cell = words(await page(reporting, f"/organisations/cell?{END_OF_YEAR}&lang=en"))
    commune = words(await page(reporting, f"/organisations/commune?{END_OF_YEAR}&lang=en"))

    assert "Grassroots organisations" not in cell
    assert "Organisations directly under it" not in cell
    assert "Members 6,031" in cell
    # All are of one kind and without a target: that is said once.
    assert (
        "Organisations: 1 (Cell under a grassroots committee); each row includes all below it. None of" in commune
    )
    assert "Organisation Members Admitted in the period Open candidates Tổ chức cell 6,031 31 0" in commune


async def test_the_way_up_the_tree_keeps_the_view(reporting: RunningReporting) -> None:
    view = f"{END_OF_YEAR}&from=2022-01-01&to=2022-06-30&hierarchy=current&lang=en"
    shown = await page(reporting, f"/organisations/cell?{view}")

    for above in ("root", "district", "commune"):
        assert f"/organisations/{above}?{view}" in unescape(shown.text)
    assert "on the tree of today" in words(shown)


async def test_usual_periods_are_one_click_away(reporting: RunningReporting) -> None:
    shown = await page(reporting, "/organisations/cell/movements?as_of=2022-05-20&lang=en")
    found = re.findall(r'href="([^"]+)" aria-describedby="quick"[^>]*>([^<]+)', shown.text)
    links = {said: unescape(link) for link, said in found}

    assert list(links) == ["May 2022", "Q2 2022", "2022", "all of 2021", "today"]
    for name, told in (
        ("May 2022", "as of 20 May 2022 · period 1 May 2022 – 31 May 2022"),
        ("Q2 2022", "as of 20 May 2022 · period 1 Apr 2022 – 30 Jun 2022"),
        ("2022", "as of 20 May 2022 · period 1 Jan 2022 – 31 Dec 2022"),
        ("all of 2021", "as of 31 Dec 2021 · period 1 Jan 2021 – 31 Dec 2021"),
        ("today", "as of 15 Jan 2026 · period 1 Jan 2026 – 31 Dec 2026"),
    ):
        assert told in words(await page(reporting, links[name])), name


async def test_an_empty_field_of_the_form_is_as_good_as_none(reporting: RunningReporting) -> None:
    shown = await page(reporting, "/organisations/cell?as_of=2022-12-31&from=&to=&lang=en")

    assert "period 1 Jan 2022 – 31 Dec 2022" in words(shown)


async def test_the_first_page_shows_where_the_tree_begins(reporting: RunningReporting) -> None:
    await reporting.project(organisation("orphan", parent="of-another-source", kind="intermediate_committee"))

    text = words(await page(reporting, "/"))

    assert "Tổ chức root Đảng bộ tỉnh" in text
    assert "Tổ chức orphan" in text
    assert "Tổ chức district" not in text


async def test_names_are_found_without_accents(reporting: RunningReporting) -> None:
    text = words(await page(reporting, "/?query=TO+CHUC+com&lang=en"))

    assert "Tổ chức commune Grassroots committee · under Tổ chức district" in text
    assert "Tổ chức bare" not in text
    assert "No organisation has all these words" in words(await page(reporting, "/?query=elsewhere&lang=en"))


async def test_before_any_event_the_first_page_says_what_is_awaited(database: Database) -> None:
    async with running_reporting(database) as empty:
        assert "Chưa có tổ chức nào được ghi nhận" in words(await page(empty, "/"))


async def test_a_hostile_name_stays_text(reporting: RunningReporting) -> None:
    founded = event(
        "OrganisationEstablished",
        "organisation/hostile",
        "2022-01-01",
        {"name": HOSTILE, "kind": "cell", "sector": "other", "parent_id": "commune", "tags": []},
    )
    await reporting.project(founded, target("hostile"))

    for address in ("/organisations/hostile", "/organisations/commune", "/?query=script"):
        shown = await page(reporting, f"{address}{'&' if '?' in address else '?'}{END_OF_YEAR}")
        assert HOSTILE in words(shown)
        assert "<script>alert" not in shown.text
        assert "<img" not in shown.text
    assert "<b>" not in (await page(reporting, "/?query=%3Ci%3Ehi")).text.partition("<main")[2]


@pytest.mark.parametrize(
    ("address", "status", "vietnamese", "english"),
    [
        ("/organisations/nobody?", 404, "Không tìm thấy", "Not found"),
        ("/organisations/%00?", 404, "Không tìm thấy", "Not found"),
        ("/organisations/cell?as_of=2022-02-30&", 400, "Không đọc được", "This address cannot be read"),
        ("/organisations/cell?from=2022-02-03&to=2022-02-02&", 400, "Không đọc được", "cannot be read"),
        ("/organisations/cell?known_at=99999&", 400, "Không đọc được", "cannot be read"),
        ("/organisations/cell?asof=2022-02-01&", 400, "Không đọc được", "cannot be read"),
        ("/?query=%00&", 400, "Không đọc được", "cannot be read"),
    ],
)
async def test_what_cannot_be_shown_is_a_page_that_says_what_to_do(
    reporting: RunningReporting, address: str, status: int, vietnamese: str, english: str
) -> None:
    assert vietnamese in words(await page(reporting, f"{address}lang=vi", status))
    shown = await page(reporting, f"{address}lang=en", status)
    assert english in words(shown)
    assert "Back to the list of organisations" in words(shown)
    assert shown.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("address", "said", "leads_to"),
    [
        (
            "/organisations/cell?as_of=30/11/2022&from=2022-01-01",
            "“As of” in the address cannot be “30/11/2022”",
            "from=",
        ),
        (
            "/organisations/cell?from=2022-02-03&to=2022-02-02",
            "“To” in the address cannot be “2022-02-02”",
            "from=",
        ),
        (
            "/organisations/cell?as_of=2022-02-01&asof=2022-02-01",
            "“asof” in the address cannot be",
            "as_of=2022-02-01",
        ),
        (
            "/organisations/cell/timeseries?measure=members.all",
            "“Measure” in the address cannot be “members.all”",
            "",
        ),
        ("/organisations/cell?known_at=99999", "“Known at” in the address cannot be “99999”", ""),
        (
            "/organisations/cell/timeseries?step=day&from=1990-01-01&to=2020-01-01&as_of=2020-01-01",
            "The period is too long for this step",
            "from=1990-01-01",
        ),
    ],
)
async def test_what_is_wrong_with_an_address_is_named_and_can_be_left_out(
    reporting: RunningReporting, address: str, said: str, leads_to: str
) -> None:
    shown = await page(reporting, f"{address}&lang=en", 400)

    assert said in words(shown)
    assert len(words(shown).partition("Details for whoever helps:")[2]) < 500
    (link,) = re.findall(r'<a href="([^"]+)">See this page without', shown.text)
    assert leads_to in link
    assert (await page(reporting, unescape(link))).status_code == 200


async def test_an_organisation_that_was_not_known_then_is_shown_as_known_now(reporting: RunningReporting) -> None:
    shown = await page(reporting, "/organisations/cell?known_at=1&as_of=2022-12-31&lang=en", 404)

    assert "Not known at that time" in words(shown)
    (link,) = re.findall(r'<a href="(/organisations/[^"]+)">', shown.text)
    assert "as_of=2022-12-31" in link
    assert "Tổ chức cell" in words(await page(reporting, unescape(link)))


async def test_an_address_that_leads_nowhere_is_a_page_for_a_browser_and_a_problem_for_a_program(
    reporting: RunningReporting,
) -> None:
    html = {"Accept": "text/html,*/*;q=0.8"}

    assert "Not found" in words(await page(reporting, "/nowhere/at/all?lang=en", 404, **html))
    for path, headers in (("/nowhere/at/all", {}), ("/v1/nowhere", html)):
        answer = await reporting.http.get(path, headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


async def test_an_unknown_language_is_refused_in_the_browsers(reporting: RunningReporting) -> None:
    shown = await page(reporting, "/?lang=fr", 400, **{"Accept-Language": "en"})

    assert "cannot be read" in words(shown)


async def test_a_failure_is_a_page_too(reporting: RunningReporting, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: Any) -> None:
        raise ConnectionRefusedError("secret detail")

    monkeypatch.setattr("services.reporting.dashboard.findings.roots", fail)

    shown = await page(reporting, "/?lang=en", 500)

    assert "The service failed" in words(shown)
    assert "secret" not in shown.text


async def test_pages_load_nothing_from_elsewhere_and_nothing_inline(reporting: RunningReporting) -> None:
    for address in ("/", "/?query=cell", "/organisations/district?as_of=2022-12-31"):
        shown = await page(reporting, address)
        policy = shown.headers["content-security-policy"]
        assert policy.startswith("default-src 'self';")
        assert "unsafe" not in policy
        assert "//" not in shown.text
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|<script(?![^>]*\ssrc=)", shown.text)
        for file in re.findall(r'(?:src|href)="(/static/[^"]+)"', shown.text):
            served = await reporting.http.get(file)
            assert served.status_code == 200
            assert "immutable" in served.headers["cache-control"]
    assert (await page(reporting, "/organisations/nobody", 404)).headers["content-security-policy"] == policy


@pytest.mark.parametrize("name", ["nothing.js", "../pages.py", "..%2Fpages.py", "%2e%2e/pages.py", "vendor"])
async def test_only_files_meant_for_the_browser_are_served(reporting: RunningReporting, name: str) -> None:
    assert (await reporting.http.get(f"/static/{name}")).status_code == 404


async def test_the_vendored_library_comes_with_its_licence(reporting: RunningReporting) -> None:
    for name, said in (("LICENSE", "Apache License"), ("NOTICE", "Apache ECharts"), ("LICENSE-d3", "Bostock")):
        assert said in (await reporting.http.get(f"/static/vendor/echarts.{name}")).text


async def test_a_page_that_the_browser_has_is_not_sent_again(reporting: RunningReporting) -> None:
    address = f"/organisations/district?{END_OF_YEAR}"
    first = await page(reporting, address)
    tag = {"If-None-Match": first.headers["etag"]}

    again = await reporting.http.get(address, headers=tag)
    assert (again.status_code, again.content) == (304, b"")
    await page(reporting, address, 200, **tag, **{"Accept-Language": "en"})
    await reporting.project(balance("cell", "2022-03-01", 1))
    assert "6.032" in words(await page(reporting, address, 200, **tag))


async def test_a_page_at_a_past_position_stays_there(reporting: RunningReporting) -> None:
    address = f"/organisations/district?{END_OF_YEAR}&lang=en"
    live = await page(reporting, address)
    assert "data-follows" in live.text
    assert f"up to position {reporting.position}" in words(live)

    past = await page(reporting, f"{address}&known_at=6")
    assert "data-follows" not in past.text
    assert "Members 6,000" in words(past)
    assert "does not update itself" in words(past)
    assert "known_at=6" in past.text


async def test_an_organisation_that_has_ended_names_its_successor(reporting: RunningReporting) -> None:
    ended = event("OrganisationDissolved", "organisation/cell", "2022-07-01", {"successor_id": "bare"})
    await reporting.project(ended)

    shown = await page(reporting, f"/organisations/cell?{END_OF_YEAR}&lang=en")
    assert "not active on 31 Dec 2022. Succeeded by: Tổ chức bare" in words(shown)
    current = await page(reporting, f"/organisations/cell?{END_OF_YEAR}&hierarchy=current&lang=en")
    assert "its figures belong to: Tổ chức bare" in words(current)


async def test_a_notice_stands_on_every_page(database: Database) -> None:
    async with running_reporting(database, notice="Số liệu minh hoạ", notice_en="Made up") as reporting:
        for path, notice in (
            ("/?lang=vi", "Số liệu minh hoạ"),
            ("/?lang=en", "Made up"),
            ("/organisations/x", "Số"),
        ):
            assert f'role="note">{notice}' in (await reporting.http.get(path)).text
