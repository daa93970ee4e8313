"""Reporting: every answer as CSV and XLSX, saying what it is, and never with a formula in it."""

import csv
import io
from typing import Any

import httpx
import pytest
from openpyxl import load_workbook

from services.reporting.api.export.headings import WORDS
from services.reporting.api.export.tables import tables
from services.reporting.api.offered import REPORTS
from tests.given import admitted, balance, identified, new_uuid, organisation, root, target
from tests.integration.reporting_given import RunningReporting
from tests.integration.test_reporting_every_figure import covered, place

ANH = new_uuid()
YEAR = "as_of=2022-11-30&from=2022-01-01&to=2022-12-31"
EVIDENCE = "evidence?measure=actuals.admissions&"
WORDED = (
    "totals", "attainment", "movements", "structure", "coverage", "cascade", "enterprise", "timeseries", "ranking",
    "restatement", "funnel", "blocked", "retention",
    "restatement", "timeliness", "mentoring", "training",
)  # fmt: skip
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def named(organisation_id: str, name: str, **more: Any) -> dict[str, Any]:
    founding = organisation(organisation_id, **more)
    founding["data"]["name"] = name
    return founding


def beginning() -> list[dict[str, Any]]:
    return [
        root(),
        named("commune", "=1+1 Đảng bộ", kind="grassroots_committee"),
        named("cell", '@SUM(A1), "chi bộ"', parent="commune"),
        balance("cell", "2022-01-01", 7, 2),
        place("a", "commune"),
        covered("a", "cell"),
        place("mill", "commune", kind="private_enterprise"),
        identified(ANH, "2022-01-05"),
        admitted(ANH, "2022-05-01"),
        target("root"),
        target("commune", issuer_id="root", value=4),
    ]


def rows_of(response: httpx.Response) -> list[list[str]]:
    assert response.content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(response.content.decode("utf-8-sig"))))


async def test_a_csv_says_what_was_asked_and_the_figures(reporting: RunningReporting) -> None:
    response = await reporting.ask(f"root/totals?{YEAR}&format=csv&lang=en")
    rows = rows_of(response)

    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.headers["content-disposition"] == 'attachment; filename="ketnap-totals-root-2022-11-30-11.csv"'
    assert response.headers["ketnap-position"] == "11"
    assert rows[:8] == [
        ["Report", "Totals"],
        ["Organisation", "Tổ chức root"],
        ["Id", "root"],
        ["Kind", "provincial committee"],
        ["As of", "2022-11-30"],
        ["Known at – Position", "11"],
        ["Known at – Time", "2022-01-01 07:11:00+07:00"],
        ["Hierarchy", "as it was"],
    ]
    assert ["Members – total", "10"] in rows
    assert ["From", "2022-01-01"] in rows


async def test_headings_are_vietnamese_unless_english_is_asked_for(reporting: RunningReporting) -> None:
    assert ["Đảng viên – tổng số", "10"] in rows_of(await reporting.ask(f"root/totals?{YEAR}&format=csv"))
    english = await reporting.ask(f"root/totals?{YEAR}&format=csv", headers={"Accept-Language": "en-GB, vi;q=0.5"})
    assert ["Members – total", "10"] in rows_of(english)
    assert "Accept-Language" in english.headers["vary"]
    await reporting.ask("root/totals?lang=fr", 400)


@pytest.mark.parametrize("format_", ["csv", "xlsx"])
async def test_no_text_is_ever_a_formula(reporting: RunningReporting, format_: str) -> None:
    calls = (
        "commune/totals",
        "root/totals",
        "root/ranking",
        "root/cascade",
        "commune/coverage",
        "commune/ranking",
    )
    for call in calls:
        response = await reporting.ask(f"{call}?{YEAR}&by=child&format={format_}")
        if format_ == "csv":
            texts = [
                cell
                for row in rows_of(response)
                for cell in row
                if not cell.lstrip("-").replace(".", "").isdecimal()
            ]
            assert not [cell for cell in texts if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
        else:
            cells = [
                cell for sheet in load_workbook(io.BytesIO(response.content)) for row in sheet for cell in row
            ]
            assert {cell.data_type for cell in cells} <= {"s", "n", "b"}
            texts = [cell.value for cell in cells if cell.data_type == "s"]
        assert any(text.endswith(("=1+1 Đảng bộ", '@SUM(A1), "chi bộ"')) for text in texts), call


async def test_accept_asks_for_a_form_as_format_does(reporting: RunningReporting) -> None:
    for accept, form in (
        ("text/csv", "text/csv; charset=utf-8"),
        (XLSX, XLSX),
        ("application/json", "application/json"),
    ):
        response = await reporting.ask("root/totals", headers={"Accept": accept})
        assert response.headers["content-type"] == form
    await reporting.ask("root/totals", 406, {"Accept": "application/json;q=0"})
    anything_else = await reporting.ask("root/totals", headers={"Accept": "*/*, application/json;q=0"})
    assert anything_else.headers["content-type"] == "text/csv; charset=utf-8"
    response = await reporting.ask("root/totals?format=json", headers={"Accept": "text/csv"})
    assert response.headers["content-type"] == "application/json"


async def test_each_form_and_language_has_a_tag_of_its_own(reporting: RunningReporting) -> None:
    calls = [
        f"root/totals?{YEAR}&format={form}&lang={lang}"
        for form in ("json", "csv", "xlsx")
        for lang in ("vi", "en")
    ]
    tags = [(await reporting.ask(call)).headers["etag"] for call in calls]

    assert len(set(tags)) == len(calls)
    again = await reporting.ask(calls[2], 304, {"If-None-Match": tags[2]})
    assert again.content == b""


@pytest.mark.parametrize("format_", ["csv", "xlsx"])
async def test_every_report_can_be_exported_with_all_its_figures(
    reporting: RunningReporting, format_: str
) -> None:
    for call in (*(f"{report}?" for report in REPORTS), EVIDENCE):
        for more in ("", "&by=child", "&hierarchy=current"):
            body = await reporting.get(
                f"commune/{call}{YEAR}{more}&limit=1000"
                if "limit" in _takes(call)
                else f"commune/{call}{YEAR}{more}"
            )
            response = await reporting.ask(f"commune/{call}{YEAR}{more}&format={format_}")
            if format_ == "csv":
                cells = [cell for row in rows_of(response) for cell in row]
                found = {float(cell) for cell in cells if cell.lstrip("-").replace(".", "", 1).isdecimal()}
            else:
                book = load_workbook(io.BytesIO(response.content))
                found = {cell.value for sheet in book for row in sheet for cell in row if cell.data_type == "n"}
            figures = {
                cell for table in tables(body) for row in table.rows for cell in row if type(cell) in (int, float)
            }
            assert figures <= found, (call, more)


def _takes(call: str) -> tuple[str, ...]:
    report = REPORTS.get(call.partition("?")[0])
    return ("limit",) if report is None else report.parameters


async def test_every_heading_has_words_in_both_languages(reporting: RunningReporting) -> None:
    missing = set()
    for call in (*(f"{report}?" for report in WORDED), EVIDENCE):
        for table in tables(await reporting.get(f"root/{call}{YEAR}")):
            paths = [str(row[0]) for row in table.rows] if table.columns[:1] == ["figure"] else table.columns
            missing |= {step for path in (*paths, table.name) for step in path.split(".")} - WORDS.keys()

    assert not missing


async def test_a_list_within_a_list_is_a_table_of_its_own(reporting: RunningReporting) -> None:
    rows = rows_of(await reporting.ask(f"root/cascade?{YEAR}&format=csv&lang=en"))

    start = rows.index(["Targets – Children's targets"])
    line = dict(zip(rows[start + 1], rows[start + 2], strict=True))
    assert line["Targets – Target id"] == "target-root"
    assert line["Targets – Children's targets – Target id"] == "target-commune"
    assert line["Targets – Children's targets – Organisation – Name"] == "'=1+1 Đảng bộ"


async def test_a_code_has_the_word_that_it_has_in_its_column(reporting: RunningReporting) -> None:
    await reporting.project(target("commune", target_id="of-its-own", basis="own"))
    for lang, word in (("vi", "tự đề ra"), ("en", "own")):
        rows = rows_of(await reporting.ask(f"commune/attainment?{YEAR}&by=child&format=csv&lang={lang}"))
        (line,) = [row for row in rows if "of-its-own" in row]
        assert line[5] == word
    assert ["cell", '\'@SUM(A1), "chi bộ"', "cell under a grassroots committee"] in [row[:3] for row in rows]
    assert ["", "Own, of no child", ""] in [row[:3] for row in rows]
    places = rows_of(await reporting.ask(f"commune/coverage?{YEAR}&format=csv"))
    assert "thôn, bản" in [cell for row in places for cell in row]  # one of the kinds of places that has words
    mill = rows_of(await reporting.ask(f"commune/enterprise?{YEAR}&format=csv"))[-1]
    assert mill[-2:] == ["FALSE", "FALSE"]


async def test_the_search_can_be_exported_too(reporting: RunningReporting) -> None:
    response = await reporting.http.get(f"/v1/organisations?{YEAR}&format=csv&lang=en")

    assert (
        response.headers["content-disposition"] == 'attachment; filename="ketnap-organisations-2022-11-30-11.csv"'
    )
    assert sum(row[:1] == ["cell"] for row in rows_of(response)) == 1
