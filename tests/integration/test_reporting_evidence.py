"""Reporting: the demo's history gives the printed figures, and every figure has its events."""

import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from deploy.demo import organisations
from deploy.demo.figures import look_up
from deploy.demo.history import history, in_timeline_order
from deploy.demo.printed import FIGURES
from tests.conftest import Database
from tests.integration.reporting_given import RunningReporting, empty_projections, running_reporting

YEAR = "as_of=2022-11-30&from=2022-01-01&to=2022-12-31"
REPORTS = ("totals", "attainment", "movements", "structure")


async def project_in_batches(reporting: RunningReporting, events: list[dict[str, Any]], size: int) -> None:
    for start in range(0, len(events), size):
        await reporting.project(*events[start : start + size])


@pytest.fixture
async def reporting(database: Database) -> AsyncIterator[RunningReporting]:
    async with running_reporting(database) as running:
        await project_in_batches(running, sorted(history(), key=in_timeline_order), 700)
        yield running


def leaves(body: Any, path: str = "") -> dict[str, int]:
    """Dotted path → figure, of all figures in a report's body."""
    if isinstance(body, int) and not isinstance(body, bool):
        return {path: body}
    if not isinstance(body, dict):
        return {}
    return {
        name: figure
        for key, inner in body.items()
        if key not in ("organisation", "as_of", "known_at", "hierarchy", "targets", "residual")
        for name, figure in leaves(inner, f"{path}.{key}" if path else key).items()
    }


async def test_the_printed_figures_come_out(reporting: RunningReporting) -> None:
    for figure in FIGURES:
        response = await reporting.http.get(figure.call)
        assert look_up(response.json(), figure.at) == figure.value, figure


@pytest.mark.parametrize("hierarchy", ["as_was", "current"])
async def test_every_figure_is_the_sum_of_its_events(reporting: RunningReporting, hierarchy: str) -> None:
    district = organisations.DISTRICT
    for report in REPORTS:
        figures = leaves(await reporting.get(f"{district}/{report}?{YEAR}&hierarchy={hierarchy}"))
        assert len(figures) >= 8
        for path, figure in figures.items():
            query = f"measure={report}.{path}&{YEAR}&hierarchy={hierarchy}&limit=1000"
            changes, after = 0, 0
            while after is not None:
                page = await reporting.get(f"{district}/evidence?{query}&after={after}")
                assert page["value"] == figure, (report, path)
                changes += sum(each["change"] for each in page["events"])
                after = page["next"]
            assert changes == figure, (report, path)


async def test_evidence_names_the_events_and_is_paged(reporting: RunningReporting) -> None:
    first = await reporting.get(f"{organisations.DISTRICT}/evidence?measure=actuals.admissions&{YEAR}&limit=300")
    rest = await reporting.get(
        f"{organisations.DISTRICT}/evidence?measure=actuals.admissions&{YEAR}&after={first['next']}"
    )

    assert first["value"] == rest["value"] == 310
    assert (len(first["events"]), len(rest["events"]), rest["next"]) == (300, 10, None)
    events = {event["id"]: event for event in history()}
    assert {events[each["event_id"]]["type"] for each in first["events"]} == {"MemberAdmitted.v1"}
    assert {each["source"] for each in first["events"]} == {"dien-bien"}


async def test_an_unknown_measure_is_answered_with_those_known(reporting: RunningReporting) -> None:
    response = await reporting.ask(f"{organisations.DISTRICT}/evidence?measure=members.all", 400)

    assert "members.official" in response.json()["detail"]
    await reporting.ask(f"{organisations.DISTRICT}/evidence", 400)


async def test_a_path_of_several_reports_is_that_of_the_contracts_first(reporting: RunningReporting) -> None:
    district = organisations.DISTRICT
    # Members of the period, not of all cohorts; members who left, not organisations that ended.
    moved = await reporting.get(f"{district}/movements?{YEAR}")
    for path in ("admitted", "ended", "opening"):
        found = await reporting.get(f"{district}/evidence?measure={path}&{YEAR}")
        assert (found["measure"], found["value"]) == (path, moved[path])
        assert moved[path] > 0
    series = await reporting.get(f"{district}/timeseries?measure=ended&step=year&{YEAR}")
    assert [point["value"] for point in series["points"]] == [moved["ended"]]


async def test_in_whatever_order_it_is_recorded_the_figures_are_the_same(
    reporting: RunningReporting, database: Database
) -> None:
    async def figures() -> list[Any]:
        calls = [
            f"{organisation}/{report}?{YEAR}&by=child"
            for organisation in (organisations.PROVINCE, organisations.DISTRICT)
            for report in REPORTS
        ]
        return [{**(await reporting.get(call)), "known_at": None} for call in calls]

    in_order = await figures()
    await empty_projections(database, reporting)
    shuffled = history()
    random.Random(11).shuffle(shuffled)

    await project_in_batches(reporting, shuffled, 333)

    assert await figures() == in_order
