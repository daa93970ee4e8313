"""Reporting: what every answer carries, and how a bad question is answered."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest
from sqlalchemy import text

from services.reporting.api.offered import REPORTS
from services.reporting.service import ANSWERING
from shared.runtime.openapi import words_of
from tests.conftest import Database
from tests.given import balance, organisation, root
from tests.integration.reporting_given import RunningReporting, running_reporting

EXAMPLES = words_of("services.reporting.api").operations


def beginning() -> list[dict[str, Any]]:
    return [
        root(),
        organisation("cell"),
    ]


async def test_an_answer_says_at_which_position_it_stands(reporting: RunningReporting) -> None:
    response = await reporting.ask("root/totals")

    assert response.headers["ketnap-position"] == "2"
    assert response.json()["known_at"]["position"] == 2
    assert response.json()["hierarchy"] == "as_was"


async def test_an_answer_that_the_client_has_is_not_sent_again(reporting: RunningReporting) -> None:
    tag = (await reporting.ask("root/totals")).headers["etag"]

    again = await reporting.ask("root/totals", 304, {"If-None-Match": f'"other", {tag}'})
    assert again.content == b""
    assert again.headers["etag"] == tag
    await reporting.ask("root/totals?as_of=2022-01-01", 200, {"If-None-Match": tag})
    await reporting.ask("cell/totals", 200, {"If-None-Match": tag})
    await reporting.project(balance("cell", "2022-01-01", 1))
    await reporting.ask("root/totals", 200, {"If-None-Match": tag})


async def test_an_answer_at_a_past_position_keeps_its_tag(reporting: RunningReporting) -> None:
    tag = (await reporting.ask("root/totals?known_at=2")).headers["etag"]
    await reporting.project(balance("cell", "2022-01-01", 1))

    await reporting.ask("root/totals?known_at=2", 304, {"If-None-Match": tag})


async def test_min_position_waits_until_it_is_projected(reporting: RunningReporting) -> None:
    asked = asyncio.create_task(reporting.get("root/totals?as_of=2022-12-31&min_position=3"))
    await asyncio.sleep(0.1)
    assert not asked.done()

    await reporting.project(balance("cell", "2022-01-01", 7))

    assert (await asked)["members"]["total"] == 7


async def test_min_position_that_does_not_come_ends_with_503(
    reporting: RunningReporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.reporting.api.routes.PATIENCE", 0.05)

    response = await reporting.ask("root/totals?min_position=9", 503)

    assert response.headers["retry-after"] == "1"
    assert "found 2" in response.json()["detail"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("as_of=2022-02-30", "a date such as"),
        ("as_of=20220230", "a date such as"),
        ("as_of=2022-W48-3", "a date such as"),
        ("from=2022-06-01&to=2022-05-31", "on or after `from`"),
        ("known_at=yesterday", "a position, or a time"),
        ("known_at=2022-01-01T00:00:00", "with its offset"),
        ("hierarchy=was", "as_was or current"),
        ("by=parent", "child"),
        ("min_position=-1", "a whole number"),
        ("asof=2022-01-01", "parameters among"),
        ("as_of=2022-01-01&as_of=2022-01-02", "one value"),
        ("format=pdf", "json, csv or xlsx"),
    ],
)
async def test_a_bad_parameter_is_a_problem_that_says_what_was_expected(
    reporting: RunningReporting, query: str, expected: str
) -> None:
    response = await reporting.ask(f"root/totals?{query}", 400)

    assert response.headers["content-type"].startswith("application/problem+json")
    problem = response.json()
    assert problem["status"] == 400
    assert problem["title"] == "Bad Request"
    assert expected in problem["detail"]


async def test_a_form_that_is_not_offered_is_refused_with_those_that_are(reporting: RunningReporting) -> None:
    for accept in ("text/html", "image/png, application/json;q=0"):
        response = await reporting.ask("root/totals", 406, {"Accept": accept})
        assert "text/csv" in response.json()["detail"]
    await reporting.ask("root/totals", 200, {"Accept": "text/html, */*;q=0.1"})


async def test_a_report_that_is_none_is_answered_with_those_that_are(reporting: RunningReporting) -> None:
    detail = (await reporting.ask("root/sums", 404)).json()["detail"]
    assert "'sums'" in detail
    assert "totals, attainment" in detail


async def test_without_any_event_every_organisation_is_unknown(database: Database) -> None:
    async with running_reporting(database) as reporting:
        await reporting.ask("root/totals", 404)
        found = (await reporting.http.get("/v1/organisations")).json()
        assert (found["organisations"], found["known_at"]) == ([], {"position": 0, "time": None})


async def test_the_openapi_document_is_served(reporting: RunningReporting) -> None:
    response = await reporting.http.get("/schema/openapi.json")

    of_one = "/v1/organisations/{organisation_id}"
    paths = response.json()["paths"]
    assert {of_one, f"{of_one}/evidence", *(f"{of_one}/{report}" for report in REPORTS)} <= paths.keys()
    coverage = {each["name"] for each in paths[f"{of_one}/coverage"]["get"]["parameters"]}
    assert {"organisation_id", "as_of", "flag"} <= coverage


async def test_the_examples_of_answers_have_the_members_of_real_ones(reporting: RunningReporting) -> None:
    asked = {
        "evidence": "?measure=members.total",
        "mentoring": "?list=mentors",
        "restatement": "?report=totals,attainment",
    }

    for report in (*REPORTS, "evidence"):
        found = await reporting.get(f"root/{report}{asked.get(report, '')}")

        said = EXAMPLES[f"GET /v1/organisations/{{organisation_id}}/{report}"].example
        assert members(said) == members(found), report


def members(body: Any) -> Any:
    """Names of members, two levels deep, but where these are what is counted by."""
    return {
        name: sorted(inner) if isinstance(inner, dict) and not name.startswith("by_") else None
        for name, inner in body.items()
    }


@pytest.mark.parametrize(
    "query", ["query=%00", "parent=a%00", "after=x", "after=WyJhIiwiYlx1MDAwMCJd", "kind=club", "limit=0"]
)
async def test_a_search_that_makes_no_sense_is_a_problem(reporting: RunningReporting, query: str) -> None:
    response = await reporting.http.get(f"/v1/organisations?{query}")

    assert response.status_code == 400, response.text


async def test_what_can_be_no_id_is_an_unknown_organisation(reporting: RunningReporting) -> None:
    await reporting.ask("%00/totals", 404)
    await reporting.ask("a%20b", 404)


async def test_however_many_answers_take_long_events_are_projected(reporting: RunningReporting) -> None:
    async with AsyncExitStack() as answers:
        for _ in range(ANSWERING):
            await answers.enter_async_context(reporting.service.reader.connection())
        await reporting.project(balance("cell", "2022-01-01", 5))

    assert await reporting.members("root?as_of=2022-06-30") == 5


async def test_answers_are_planned_for_what_is_asked_each_time(reporting: RunningReporting) -> None:
    for _ in range(20):  # PostgreSQL thinks about a plan for all after five
        await reporting.ask("root/totals?by=child")

    async with reporting.service.reader.connection() as connection:
        plans = (
            "SELECT sum(generic_plans), sum(custom_plans) FROM pg_prepared_statements "
            "WHERE cardinality(parameter_types) > 0"
        )
        for_all, for_each = (await connection.execute(text(plans))).one()
    assert for_all == 0
    assert for_each > 20


async def test_an_answer_for_which_the_database_takes_too_long_says_so(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.reporting.service.ANSWERED_WITHIN", 0.3)
    async with running_reporting(database) as reporting:
        await reporting.project(*beginning())
        async with reporting.service.engine.connect() as connection:
            await connection.execute(text("LOCK TABLE reporting.organisation_version"))

            late = await reporting.ask("root/totals", 503)
            page = await reporting.http.get("/organisations/root?lang=en", headers={"Accept": "text/html"})

    assert "expected the database to answer in time" in late.json()["detail"]
    assert (page.status_code, "The service failed" in page.text) == (503, True)
    assert "expected the database to answer in time" in page.text
