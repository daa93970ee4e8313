"""The dashboard's pages about an organisation: a page for each report, whose every figure leads to its events."""

import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.stack.postgres import PostgresServer
from services.reporting.api.offered import REPORTS
from services.reporting.dashboard.contents import PAGES
from services.reporting.reports.made_of import FIGURES
from tests.access_given import Keys, bearer
from tests.conftest import Database, fresh_database
from tests.given import (
    admitted,
    balance,
    corrected,
    event,
    identified,
    merged,
    new_uuid,
    organisation,
    root,
    target,
)
from tests.integration.profiles_given import Registry
from tests.integration.reporting_given import RunningReporting, running_reporting

VIEW = "as_of=2022-12-31&lang=en"
PEOPLE = [new_uuid() for _ in range(12)]
LISTED = [page.name for page in PAGES.values() if page.listed]
COUNTED, MADE = "The events behind this figure", "What this is made of"
"""What links of figures say: those that events add up to, and ratios and medians."""
SEXES = ["female"] * 9 + ["male"] * 3


def place(place_id: str, organisation_id: str, cell: str | None = None) -> list[dict[str, Any]]:
    data = {"name": f"Bản {place_id}", "kind": "village", "organisation_id": organisation_id, "tags": []}
    found = [event("PlaceRegistered", f"place/{place_id}", "2022-01-01", data)]
    if cell is not None:
        covered = {"cell_id": cell, "shared": False}
        found.append(event("PlaceCovered", f"place/{place_id}", "2022-01-02", covered))
    return found


ADMISSIONS = [
    admitted(person, f"2022-0{3 + number % 4}-01", "cell" if number % 3 else "bare")
    for number, person in enumerate(PEOPLE)
]


async def tell(running: RunningReporting) -> None:
    """A district with a commune, cells, places, targets on two levels, admissions and a merger."""
    registry = Registry()
    registry.attach(running)
    for admission, sex in zip(ADMISSIONS, SEXES, strict=True):
        registry.seal(admission, sex=sex)
    await running.project(
        root(),
        organisation("district", kind="intermediate_committee"),
        organisation("elsewhere", kind="intermediate_committee"),
        organisation("commune", kind="grassroots_committee", parent="district"),
        organisation("cell", parent="commune"),
        organisation("small", parent="commune"),
        organisation("bare", kind="grassroots_cell", parent="district", sector="private_enterprise"),
        balance("cell", "2022-01-01", 40),
        balance("small", "2022-01-01", 2),
        target("district", value=10),
        target("district", target_id="plan", basis="assigned", issuer_id="root", value=20),
        target("commune", target_id="share", issuer_id="district", value=8),
        *place("b1", "commune", "cell"),
        *place("b2", "commune", "small"),
        *place("b3", "commune"),
        *(
            identified(person, "2022-02-01", "cell" if number % 3 else "bare")
            for number, person in enumerate(PEOPLE)
        ),
        *ADMISSIONS,
        identified(new_uuid(), "2022-06-01", "small"),
        merged("cell", "2022-09-01", "small"),
    )
    await running.service.filling.fill()


@pytest.fixture(scope="module")
async def told(postgres: PostgresServer) -> AsyncIterator[RunningReporting]:
    """For tests that only look."""
    async with fresh_database(postgres) as database, running_reporting(database) as running:
        await tell(running)
        yield running


@pytest.fixture
async def reporting(database: Database) -> AsyncIterator[RunningReporting]:
    async with running_reporting(database) as running:
        await tell(running)
        yield running


def address(page: str, organisation_id: str = "district", view: str = VIEW) -> str:
    return f"/organisations/{organisation_id}{'/' + page if page else ''}?{view}"


async def page(http: httpx.AsyncClient, at: str, status: int = 200, **headers: str) -> str:
    response = await http.get(at, headers=headers)
    assert response.status_code == status, response.text
    return response.text


def words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).replace("\u00a0", " ").split())


def test_every_report_has_a_page() -> None:
    assert set(REPORTS) <= {each.report for each in PAGES.values()}


@pytest.mark.parametrize("name", LISTED)
async def test_a_page_stands_in_the_contents_keeps_the_view_and_gives_its_files(
    told: RunningReporting, name: str
) -> None:
    view = "as_of=2022-12-31&from=2022-01-01&to=2022-12-31&hierarchy=current"

    shown = unescape(await page(told.http, address(name, view=f"{view}&lang=vi")))

    assert len(re.findall(r'<li><a href="[^"]*" aria-current="page"', shown)) == 1 + (not name)
    for other in LISTED:
        assert f'href="{address(other, view=f"{view}&lang=vi")}"' in shown
    for form in ("csv", "xlsx"):
        (link,) = re.findall(rf'href="(/v1/[^"]*format={form}[^"]*)"', shown)
        assert f"known_at={told.position}" in link
        assert (await told.http.get(link)).status_code == 200
    assert await page(told.http, address(name, view=f"{view}&lang=en")) != shown


@pytest.mark.parametrize("organisation_id", ["district", "bare"])
@pytest.mark.parametrize("name", LISTED)
async def test_every_figure_leads_to_events_that_add_up_to_it(
    told: RunningReporting, name: str, organisation_id: str
) -> None:
    own = {"restatement": "since=5&report=totals&"}.get(name, "")
    shown = await page(told.http, address(name, organisation_id, own + VIEW))

    figures = re.findall(r'<a class="figure" href="([^"]+)" title="([^"]+)">([^<]+)</a>', shown)
    assert figures or (name, organisation_id) in (("cascade", "bare"), ("ranking", "bare"))
    for link, figure in {(unescape(link), figure) for link, title, figure in figures if title == COUNTED}:
        opened = await page(told.http, link)
        (value,) = re.findall(r"<strong>\s*([0-9,]+)", opened.partition('id="figure"')[2])
        assert value == figure, link
        assert sum(changes(opened)) == int(value.replace(",", "")), link
    for link, figure in {(unescape(link), figure) for link, title, figure in figures if title == MADE}:
        opened = await page(told.http, link)
        assert "target=" not in link or figure in words(opened), link


def changes(told: str) -> list[int]:
    """What the events of a page of evidence change, one by one."""
    rows = told.partition('id="figure"')[2].partition("<tbody>")[2].partition("</tbody>")[0].split("</tr>")[:-1]
    found = [unescape(re.findall(r'class="amount">\s*([^<\s]+)', row)[0]) for row in rows]
    return [int(each.replace("−", "-").replace(",", "")) for each in found]


async def test_a_ratio_leads_to_what_it_is_made_of(reporting: RunningReporting) -> None:
    revised = event(
        "TargetRevised", "organisation/district", "2022-06-01", {"target_id": "plan", "value": 24, "reason": "r"}
    )
    await reporting.project(revised)

    shown = await page(reporting.http, address("attainment"))
    (link,) = re.findall(r'href="([^"]+target=plan[^"]*)"[^>]*>50\.0%', shown)
    told = words(await page(reporting.http, unescape(link)))

    assert "50.0% = 12 ÷ 24" in told
    assert "Target assigned 1 Jan 2022 20" in told
    assert "Target revised 1 Jun 2022 24" in told
    assert "Member admitted 1 Mar 2022 Tổ chức bare +1" in told


async def test_what_changed_since_a_day_is_told_with_its_events(reporting: RunningReporting) -> None:
    wrong = ADMISSIONS[1]
    before = reporting.position
    await reporting.project(corrected(wrong, None))

    found = await page(reporting.http, address("restatement", view=f"since={before}&{VIEW}"))

    text = words(found)
    assert "Actuals – admissions 12 11 −1" in text[text.index("Attainment Figure Then Now Difference") :]
    (link,) = re.findall(r'href="([^"]+measure=attainment.actuals.admissions[^"]*)"[^>]*>−1<', found)
    assert "Fact corrected" in words(await page(reporting.http, unescape(link)))
    (was,) = re.findall(
        rf'href="([^"]+known_at={before}[^"]*admissions[^"]*|[^"]+admissions[^"]*known_at={before}[^"]*)"[^>]*>12<',
        found,
    )
    assert "12 12 events on this page" in words(await page(reporting.http, unescape(was)))


async def test_a_day_is_a_moment_to_know_things_at(told: RunningReporting) -> None:
    # All of the history was recorded on 1 January 2022.
    text = words(await page(told.http, address("", view=f"known_at=2021-12-31&{VIEW}"), 404))
    assert "Not known at that time" in text

    shown = await page(told.http, address("", view=f"known_at=2022-01-01&{VIEW}"))
    assert 'name="known_at" type="date" min="1900-01-01" max="2200-12-31" value="2022-01-01"' in shown
    assert "Members 54" in words(shown)


async def test_a_permanent_address_shows_the_same_whatever_is_recorded_later(reporting: RunningReporting) -> None:
    shown = await page(reporting.http, "/organisations/district/movements?lang=en")
    (permanent,) = re.findall(r'<a href="([^"]+)">Permanent address', shown)
    permanent = unescape(permanent)
    assert all(f"{name}=" in permanent for name in ("as_of", "from", "to", "known_at", "lang"))
    before = words(await page(reporting.http, permanent)).partition("Movements of members")[2]

    await reporting.project(balance("cell", "2022-01-05", 100))

    assert words(await page(reporting.http, permanent)).partition("Movements of members")[2] == before
    assert "154" in words(await page(reporting.http, "/organisations/district/movements?lang=en"))


async def test_what_is_withheld_of_small_groups_is_on_no_page(told: RunningReporting) -> None:
    shown = await page(told.http, address("profile"))

    by_sex = words(shown.partition('id="by_sex"')[2].partition("</section>")[0])
    assert by_sex.count("withheld") == 2
    assert "Withheld groups together 12" in by_sex
    assert "Shares of the 12 of whom it is stated" in by_sex
    by_category = words(shown.partition('id="by_category"')[2].partition("</section>")[0])
    assert "Shares of the 12 admitted" in by_category
    assert not re.search(r"\b(3|9)\b", by_sex)
    assert "measure=profile.by_sex" not in shown
    refused = address("evidence", view=f"measure=profile.by_sex.male&{VIEW}")
    assert "cannot be read" in words(await page(told.http, refused, 400))


async def test_places_are_listed_by_what_is_the_matter_with_them(told: RunningReporting) -> None:
    text = words(await page(told.http, address("coverage", view=f"flag=uncovered&{VIEW}")))

    assert "Bản b3 village Tổ chức commune ✕ no cell 0 no members" in text
    assert "Bản b1" not in text


async def test_a_long_list_goes_on_on_the_next_page(reporting: RunningReporting) -> None:
    await reporting.project(*(identified(new_uuid(), "2022-07-01", "bare") for _ in range(120)))
    at = address("evidence", view=f"measure=totals.candidates.open&{VIEW}")

    first = await page(reporting.http, at)
    (following,) = re.findall(r'href="([^"]+)">Next page', first)
    second = await page(reporting.http, unescape(following))

    assert len(changes(first)) == 100
    assert sum(changes(first) + changes(second)) == 121
    assert "First page" in words(second)


@pytest.mark.parametrize(
    ("at", "status", "said"),
    [
        (address("nothing"), 404, "Not found"),
        (address("funnels"), 404, "Not found"),
        (address("evidence"), 400, "cannot be read"),
        (address("evidence", view=f"measure=members.secret&{VIEW}"), 400, "cannot be read"),
        (address("evidence", view=f"measure=attainment.actuals.admissions&target=none&{VIEW}"), 404, "Not found"),
        (address("coverage", view=f"flag=red&{VIEW}"), 400, "cannot be read"),
        (address("coverage", view=f"after=x&{VIEW}"), 400, "cannot be read"),
        (address("timeseries", view=f"step=day&from=1990-01-01&{VIEW}"), 400, "cannot be read"),
        (address("totals"), 404, "Not found"),
        (address("movements", view=f"known_at=2022-02-30&{VIEW}"), 400, "cannot be read"),
        (address("restatement", view=f"since=2200-12-31&known_at=5&{VIEW}"), 400, "cannot be read"),
    ],
)
async def test_what_cannot_be_shown_says_so(told: RunningReporting, at: str, status: int, said: str) -> None:
    assert said in words(await page(told.http, at, status))


@pytest.mark.parametrize("query", ["BỘ MƯỜNG", "dang bo  muong", "Đảng bộ mường", "pon dang bo"])
async def test_search_needs_no_accents_no_stroke_of_d_and_no_order_of_words(
    reporting: RunningReporting, query: str
) -> None:
    data = {
        "name": "Đảng bộ Mường Pồn",
        "kind": "grassroots_committee",
        "sector": "territorial",
        "parent_id": "district",
    }
    await reporting.project(
        event("OrganisationEstablished", "organisation/mp", "2022-01-01", {**data, "tags": []})
    )

    assert "Đảng bộ Mường Pồn" in words(await page(reporting.http, f"/?query={query}&lang=en"))
    assert "Đảng bộ Mường Pồn" not in words(await page(reporting.http, f"/?query={query}+district&lang=en"))


async def test_search_finds_what_has_ended_or_is_to_come_and_opens_it_on_a_day_when_it_was(
    told: RunningReporting,
) -> None:
    for day, nearest, said in (
        ("2022-12-31", "2022-08-31", "31 Aug 2022"),
        ("2019-01-01", "2020-01-01", "1 Jan 2020"),
    ):
        found = await page(told.http, f"/?query=small&as_of={day}&lang=en")

        assert f"not active under this name on the day shown; opens as of {said}" in words(found)
        (link,) = re.findall(r'<a href="(/organisations/small[^"]*)"', found)
        assert f"as_of={nearest}" in link
        assert "was not active" not in words(await page(told.http, unescape(link)))
    on_the_day = words(await page(told.http, "/?query=small&as_of=2022-02-01&lang=en"))
    assert "Tổ chức small" in on_the_day
    assert "opens as of" not in on_the_day


async def test_a_viewer_sees_its_subtree_on_every_page_and_nothing_above_it(
    database: Database, tmp_path: Path
) -> None:
    keys = Keys(tmp_path)
    viewer = keys.viewer("commune")
    async with running_reporting(database, keys_path=keys.path) as running:
        await tell(running)
        for name in LISTED:
            shown = words(await page(running.http, address(name, "commune"), **viewer))
            assert "Tổ chức commune" in shown
            assert not re.search("Tổ chức (district|root|elsewhere|bare)", shown), name
            for foreign in ("district", "elsewhere", "nobody"):
                assert "Outside" in words(await page(running.http, address(name, foreign), 403, **viewer))
        evidence = address("evidence", "district", f"measure=totals.members.total&{VIEW}")
        await page(running.http, evidence, 403, **viewer)


async def test_an_event_is_told_with_its_organisations_as_far_as_they_are_the_askers(
    database: Database, tmp_path: Path
) -> None:
    keys = Keys(tmp_path)
    viewer, operator = keys.viewer("commune"), keys.operator()
    person = f"person/{PEOPLE[1]}"
    transfer = {"from": "cell", "to": "bare", "kind": "official"}
    accepted = {"organisation_id": "bare", "presented_on": "2022-10-02"}
    async with running_reporting(database, keys_path=keys.path) as running:
        await tell(running)
        await running.project(
            event("TransferInitiated", person, "2022-10-01", transfer),
            event("TransferAccepted", person, "2022-10-02", accepted),
        )
        gone = address("evidence", "commune", f"measure=movements.transferred_out&{VIEW}")

        whole = words(await page(running.http, gone, **operator))
        own = words(await page(running.http, gone, **viewer))

    assert "Transfer accepted 2 Oct 2022 Tổ chức bare Tổ chức cell +1" in whole
    assert "Transfer accepted 2 Oct 2022 Tổ chức cell +1" in own
    assert "bare" not in own


async def test_whoever_looks_at_rows_about_persons_is_on_record(database: Database, tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    operator, viewer = keys.operator(), bearer(keys.new("office", "viewer", organisation="district"))
    async with running_reporting(database, keys_path=keys.path) as running:
        await tell(running)
        looked_at = {
            "evidence": "measure=totals.members.total&",
            "profile": "",
            "restatement": "since=5&measure=totals.members.total&",
        }
        for name, own in looked_at.items():
            await page(running.http, address(name, view=own + VIEW), **viewer)
        await page(running.http, address("movements"), **viewer)

        reads = (await running.http.get("/v1/reads", headers=operator)).json()["reads"]

    assert [(read["role"], read["report"]) for read in reads] == [("viewer", name) for name in looked_at]


ENGLISH = frozenset(
    ["the", "of", "and", "is", "are", "was", "by", "with", "from", "which", "for", "known", "until"]
)
"""Words of English sentences that are none of Vietnamese, however it is written."""
VIETNAMESE = re.compile("[ăâđêôơưĂÂĐÊÔƠƯàáèéìíòóùúýãõĩũ\u1ea0-\u1ef9]")
NAMES = re.compile(r"Tổ chức [\w-]+|Bản \w+|Tiếng Việt")
"""What has one name in both languages."""


def readable(html: str) -> str:
    """The words of a page, and of what screen readers, charts and empty fields say."""
    # Of an error, what is there for support says itself in which language it is.
    html = re.sub(r'<span lang="en">[^<]*</span>', "", html)
    attributes = re.findall(r' (?:title|aria-label|placeholder|data-(?:chart|lost|live|name))="([^"]*)"', html)
    return NAMES.sub("", f"{words(html)} {unescape(' '.join(attributes))}")


@pytest.mark.parametrize("name", ["start", "search", "missing", "evidence", *LISTED])
async def test_a_page_speaks_one_language(told: RunningReporting, name: str) -> None:
    own = {
        "evidence": "measure=totals.members.total&",
        "restatement": f"since=5&report={','.join(FIGURES)}&",
    }.get(name, "")
    view = f"{own}as_of=2022-12-31&from=2022-01-01&to=2022-12-31"
    at = {"start": "/?", "search": "/?query=ban&", "missing": "/organisations/nobody?"}.get(
        name, address(name, view=view) + "&"
    )
    status = 404 if name == "missing" else 200

    vietnamese = readable(await page(told.http, f"{at}lang=vi", status))
    english = readable(await page(told.http, f"{at}lang=en", status))

    assert not ENGLISH & set(re.findall(r"\w+", vietnamese.casefold())), vietnamese
    assert not VIETNAMESE.search(english), VIETNAMESE.findall(english)
