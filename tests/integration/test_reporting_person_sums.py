"""Sums of persons' steps say what the steps say: in the midst of reorganisations, corrections and links."""

import random
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace
from sqlalchemy.event import listen
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.projector import person_sums, waymarks
from services.reporting.projector.person_sums import PersonSums
from services.reporting.projector.running_sums import RunningSums
from services.reporting.reports import changes, reader, running, walks
from services.reporting.reports.changes import changed
from services.reporting.reports.evidence import evidence, wanted
from services.reporting.reports.funnel import funnel
from services.reporting.reports.question import Hierarchy
from services.reporting.reports.reading import Reading
from services.reporting.reports.retention import retention
from tests import histories
from tests.conftest import Database
from tests.given import admitted, corrected, event, identified, new_uuid, organisation, root
from tests.integration.reporting_given import TODAY, RunningReporting, empty_projections, running_reporting
from tests.integration.test_reporting_running_sums import reorganised

PERIODS = (
    ("2022-01-01", "2022-12-31", "2023-06-15"),
    ("2022-01-01", "2022-12-31", "2022-05-10"),
    ("2021-03-01", "2023-03-31", "2024-01-01"),
    ("2021-03-05", "2023-03-20", "2024-01-01"),
    ("2022-02-01", "2022-02-20", "2022-04-01"),
    ("2022-02-01", "2022-02-20", "2022-02-20"),
)

EVIDENCE = (
    *("conversion.identified", "conversion.admitted", "conversion.open", "conversion.closed"),
    *("conversion.by_stage.listed.reached", "conversion.by_stage.applied.went_on", "days.identified.count"),
    *("days.listed.count", "days.trained.count", "retention.admitted", "retention.still_members"),
    *("retention.by_reason.linked", "retention.ended", "retention.cohorts.2022.still_members"),
)

KNOWN = """
SELECT DISTINCT organisation_id FROM reporting.organisation_version
WHERE known_to > (SELECT position FROM reporting.checkpoint) ORDER BY organisation_id
"""


THERE = "SELECT FROM reporting.organisation_version WHERE organisation_id = 'root' AND known_from <= $1"


@pytest.fixture(autouse=True)
def every_tree_is_vast(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that evidence is gone through in log order, a few steps of a few blocks at a time."""
    monkeypatch.setattr(running, "VAST", 0)
    monkeypatch.setattr(waymarks, "BLOCK", 4)
    monkeypatch.setattr(walks, "STEPS_AT_FIRST", 2)
    monkeypatch.setattr(changes, "SPAN_AT_FIRST", 2)


async def bodies(
    connection: AsyncConnection,
    asked: str,
    period: tuple[str, str, str],
    position: int | None,
    by_child: bool,
    hierarchy: Hierarchy,
    *,
    quick: bool,
) -> list[Any]:
    known = await reader.known_at(connection, position)
    first, last, as_of = map(date.fromisoformat, period)
    question = await reader.question(
        connection,
        asked,
        known,
        as_of=as_of,
        hierarchy=hierarchy,
        from_=first,
        to=last,
        today=TODAY,
        by_child=by_child,
    )
    reading = Reading(connection, question, quick=quick)
    # Another one each time, but the same both ways.
    measure = EVIDENCE[sum(map(ord, f"{asked}{period}{position}{hierarchy}")) % len(EVIDENCE)]
    first_page = await evidence(reading, measure, 0, 2)
    following = await evidence(reading, measure, first_page["next"] or 0, 100)
    found: list[Any] = [await funnel(reading), await retention(reading), first_page, following]
    if as_of.month > 1:
        then = replace(question, known=max(known.position - 5, 1))
        figures = {"one": wanted(measure, question), "other": wanted(EVIDENCE[0], question)}
        found += [
            (path, row.position, row.event_id, row.change, row.days, row.days_then)
            for path, rows in (await changed(reading, figures, then, 0, 100)).items()
            for row in rows
        ]
    return found


async def same_both_ways(
    reporting: RunningReporting,
    asked: str,
    period: tuple[str, str, str],
    position: int | None = None,
    by_child: bool = False,
    hierarchy: Hierarchy = "as_was",
) -> None:
    question = (asked, period, position, by_child, hierarchy)
    async with reporting.service.reader.connection() as connection:
        quick = await bodies(connection, *question, quick=True)
        general = await bodies(connection, *question, quick=False)
    assert quick == general, question


def made_up(seed: int) -> list[dict[str, Any]]:
    """Events of one of two kinds of histories, those that found organisations first."""
    chosen = random.Random(seed)
    if seed % 2:
        return reorganised(chosen)
    events = histories.history(chosen, days=14)
    founded = [each for each in events if each["type"].startswith("OrganisationEstablished")]
    others = [each for each in events if each not in founded]
    chosen.shuffle(others)
    return [*founded, *others]


@pytest.mark.parametrize("seeds", [range(6), range(6, 12)])
async def test_they_say_what_the_steps_say(
    database: Database, monkeypatch: pytest.MonkeyPatch, seeds: range
) -> None:
    monkeypatch.setattr(person_sums, "BLOCK", 8)
    async with running_reporting(database) as reporting:
        below = RunningSums(reporting.service.engine, least_below=1)
        sums = PersonSums(reporting.service.engine, least_below=1)
        sums.persons_at_a_time = 2
        kinds = set()
        for seed in seeds:
            await empty_projections(database, reporting)
            chosen, waiting = random.Random(seed), made_up(seed)
            while waiting:
                size = chosen.choice((1, 4, 12))
                await reporting.project(*waiting[:size])
                waiting = waiting[size:]
                if chosen.random() < 0.4:
                    await below.catch_up()
                    await sums.catch_up()
                if chosen.random() < 0.3:
                    await reporting.service.waymarks.catch_up()
                if chosen.random() < 0.2:
                    await same_both_ways(reporting, "root", chosen.choice(PERIODS))
            for far in (False, True):
                if far:
                    await below.catch_up()
                    await sums.catch_up()
                    await reporting.service.waymarks.catch_up()
                for (asked,) in await database.fetch(KNOWN):
                    for period in chosen.sample(PERIODS, 2):
                        await same_both_ways(reporting, asked, period)
            for position in range(1, reporting.position, 7):
                tree: Hierarchy = chosen.choice(("as_was", "current"))
                by_child = chosen.random() < 0.5
                if await database.fetch(THERE, position):
                    await same_both_ways(reporting, "root", chosen.choice(PERIODS), position, by_child, tree)
            kept = await database.fetch("SELECT kind FROM reporting.step_sum WHERE amount > 0")
            kinds |= {kind.partition(".")[0] for (kind,) in kept}
        assert kinds == {"cohort", "went_on", "retention"}


async def test_a_reform_that_is_about_everybody_is_taken_in_by_some_at_a_time(database: Database) -> None:
    async with running_reporting(database) as reporting:
        everybody = [new_uuid() for _ in range(20)]
        await reporting.project(
            root(),
            *(organisation(each, kind="intermediate_committee") for each in ("west", "east")),
            organisation("cell", parent="west"),
            *(identified(each, "2022-03-01") for each in everybody),
        )
        sums = PersonSums(reporting.service.engine, least_below=1)
        sums.persons_at_a_time = 3
        await RunningSums(reporting.service.engine, least_below=1).catch_up()
        await sums.catch_up()
        await reporting.project(
            event("OrganisationReparented", "organisation/cell", "2022-06-01", {"parent_id": "east"})
        )
        handed: list[int] = []

        def note(_: Any, __: Any, ___: str, parameters: Any, *____: Any) -> None:
            handed.extend(
                len(each) for each in parameters if isinstance(each, list) and each and isinstance(each[0], UUID)
            )

        listen(reporting.service.engine.sync_engine, "before_cursor_execute", note)
        await sums.catch_up()

        assert sum(handed) == 2 * len(everybody)  # taken out where they stood, put in where they stand
        assert max(handed) == 3
        await same_both_ways(reporting, "east", PERIODS[0])


async def test_what_came_since_is_added_and_what_is_asked_otherwise_is_read_from_the_steps(
    database: Database,
) -> None:
    async with running_reporting(database) as reporting:
        anh, binh = new_uuid(), new_uuid()
        late = admitted(binh, "2022-05-01")
        await reporting.project(root(), organisation("cell"), identified(anh, "2022-01-01"))
        await reporting.project(identified(binh, "2022-01-01"), late)
        await RunningSums(reporting.service.engine, least_below=1).catch_up()
        await PersonSums(reporting.service.engine, least_below=1).catch_up()
        await reporting.project(admitted(anh, "2022-03-01"), corrected(late, {"effectiveon": "2022-04-01"}))
        year = "as_of=2022-12-31"

        quick = await reporting.get(f"root/funnel?{year}")
        then = await reporting.get(f"root/funnel?{year}&known_at={reporting.position - 2}")
        by_child = await reporting.get(f"root/funnel?{year}&by=child")

        assert quick["days"]["identified"] == {"count": 2, "median": 59, "p90": 90}
        assert then["days"]["identified"] == {"count": 1, "median": 120, "p90": 120}
        assert by_child["days"] == quick["days"]


async def test_only_very_large_trees_have_them(database: Database) -> None:
    async with running_reporting(database) as reporting:
        await reporting.project(root(), organisation("cell"), identified(new_uuid(), "2022-01-01"))
        await reporting.service.sums.catch_up()
        await reporting.service.person_sums.catch_up()

        assert await database.fetch("SELECT FROM reporting.step_sum") == []
        position = await database.fetch("SELECT position FROM reporting.step_sum_progress")
        assert [row[0] for row in position] == [reporting.position]


async def test_projections_made_anew_begin_their_sums_anew(database: Database) -> None:
    async with running_reporting(database) as reporting:
        sums = PersonSums(reporting.service.engine, least_below=1)
        await reporting.project(root(), organisation("cell"), identified(new_uuid(), "2022-01-01"))
        await RunningSums(reporting.service.engine, least_below=1).catch_up()
        await sums.catch_up()
        assert await database.fetch("SELECT FROM reporting.step_sum") != []
        await database.fetch("TRUNCATE reporting.summed")
        await database.fetch("UPDATE reporting.checkpoint SET position = 0")

        assert await sums.advance() == 0

        assert await database.fetch("SELECT FROM reporting.step_sum") == []


async def test_the_quick_way_is_taken(database: Database) -> None:
    async with running_reporting(database) as reporting:
        await reporting.project(root(), organisation("cell"), identified(new_uuid(), "2022-01-01"))
        await RunningSums(reporting.service.engine, least_below=1).catch_up()
        await PersonSums(reporting.service.engine, least_below=1).catch_up()
        # Sums that say something else than the steps: whoever answers with it has read them.
        await database.fetch("UPDATE reporting.step_sum SET amount = 7")

        body = await reporting.get("root/funnel?as_of=2022-12-31")
        by_child = await reporting.get("root/funnel?as_of=2022-12-31&by=child")
        part = await reporting.get("root/funnel?as_of=2022-12-31&from=2022-01-01&to=2022-12-20")
        middle = await reporting.get("root/funnel?as_of=2022-12-31&from=2021-12-15")

    assert (body["conversion"]["identified"], part["conversion"]["identified"]) == (7, 1)
    assert middle["conversion"]["identified"] == 1
    assert by_child["conversion"]["identified"] == 7
