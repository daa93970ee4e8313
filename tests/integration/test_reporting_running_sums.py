"""Running sums say what all deltas say: on every day, in the midst of reorganisations and corrections."""

import random
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.projector import running_sums, standing_sums, waymarks
from services.reporting.projector.running_sums import RunningSums
from services.reporting.projector.standing_sums import StandingSums
from services.reporting.reports import reader, running, walks
from services.reporting.reports.additive import Bodies, movements_report, structure, totals
from services.reporting.reports.attainment import attainment
from services.reporting.reports.blocked import blocked
from services.reporting.reports.coverage import FLAGS, After, coverage, enterprise
from services.reporting.reports.evidence import evidence
from services.reporting.reports.mentoring import mentoring
from services.reporting.reports.organisations import always_children
from services.reporting.reports.question import WHOLE, Hierarchy
from services.reporting.reports.reading import Reading
from services.reporting.reports.restatement import RESTATED, restatement
from services.reporting.reports.restatement import Asked as Restated
from services.reporting.reports.running import Running
from services.reporting.reports.timeliness import timeliness
from services.reporting.reports.timeseries import timeseries
from services.reporting.reports.training import training
from tests.conftest import Database
from tests.given import corrected, event, merged, organisation, root
from tests.integration.reporting_given import TODAY, RunningReporting, empty_projections, running_reporting
from tests.unit.registry.test_any_order import CELLS, history

TREES: tuple[Hierarchy, ...] = ("as_was", "current")
DISTRICTS = ("north", "south", "east")
YEARLY = (
    "SELECT organisation_id, measure, year, amount FROM reporting.yearly_sum WHERE amount <> 0 ORDER BY 1, 2, 3"
)
EVIDENCE = (
    *("members.total", "actuals.admissions", "transferred_in", "reorganised_in", "founded.total"),
    *("coverage.counts.fewer_than_3", "blocked.counts.with_candidates", "enterprise.counts.with_organisation"),
    *("actuals.places_without_members", "timeliness.all.on_time", "timeliness.all.late", "timeliness.all.overdue"),
    *("timeliness.deadlines.mentor_assignment.due", "mentoring.reports.due", "mentoring.reports.in"),
    *("training.certificates.unused", "training.certificates.valid", "mentoring.load.mentors"),
)
PERIODS = (
    ("2021-03-05", "2021-12-31"),
    ("2022-01-01", "2022-05-31"),
    ("2022-04-10", "2022-04-20"),
    ("2021-07-15", "2023-06-20"),
    ("2023-12-31", "2024-02-01"),
)


def reorganised(chosen: random.Random) -> list[dict[str, Any]]:
    """A made-up history whose cells change their district, and whose districts change and end."""
    events = [organisation(each, kind="intermediate_committee") for each in DISTRICTS]
    for cell in CELLS:
        for day in ("2021-02-10", "2022-04-15", "2023-06-10", "2024-01-01"):
            if chosen.random() < 0.5:
                there = {"parent_id": chosen.choice((*DISTRICTS, "root"))}
                events.append(event("OrganisationReparented", f"organisation/{cell}", day, there))
    if chosen.random() < 0.5:
        under = {"parent_id": "south"}
        events.append(event("OrganisationReparented", "organisation/north", "2022-05-02", under))
    if chosen.random() < 0.5:
        events.append(merged("east", "2023-01-01", "south", targets="keep"))
    persons = [f"person/00000000-0000-4000-8000-{number:012d}" for number in range(4)]
    for subject in chosen.sample(persons, 3):
        day = chosen.choice(("2021-04-01", "2022-03-01"))
        certificate = {"certificate_ref": "C-1", "issued_on": chosen.choice(("2017-04-03", "2021-04-01"))}
        mentor = {"mentor_id": "00000000-0000-4000-8000-00000000fffe", "role": "mentor"}
        events += [
            event("CandidateListed", subject, day, {}),
            event("TrainingCompleted", subject, day, certificate),
            event("MentorAssigned", subject, chosen.choice(("2021-04-05", "2022-05-20")), mentor),
        ]
    events += placed(chosen)
    moves = [each for each in events if each["type"].startswith(("OrganisationRe", "PlaceC"))]
    for wrong in chosen.sample(moves, min(2, len(moves))):
        other = {"data": {"parent_id": "east"}} if wrong["type"].startswith("Org") else {"data": {"shared": True}}
        replacement = chosen.choice((None, {"effectiveon": "2022-03-03"}, other))
        events.append(corrected(wrong, replacement))
    # Founded before anything else is said, which in part comes late and out of order all the same.
    facts = [*history(chosen), *events]
    founded = [each for each in facts if each["type"].startswith("OrganisationEstablished")]
    others = [each for each in facts if each not in founded]
    chosen.shuffle(others)
    return [*founded, *others]


def placed(chosen: random.Random) -> list[dict[str, Any]]:
    """Places of districts and cells, whose covering changes and is shared."""
    events = []
    for number in range(chosen.randint(0, 4)):
        place = f"place/village-{number}"
        owner = chosen.choice((*DISTRICTS, *CELLS))
        said = {"name": "Village", "kind": "village", "organisation_id": owner, "tags": []}
        events.append(event("PlaceRegistered", place, chosen.choice(("2020-03-01", "2022-04-12")), said))
        for day in ("2022-04-13", "2022-06-01", "2023-09-02"):
            if chosen.random() < 0.6:
                covered = {"cell_id": chosen.choice((None, *CELLS)), "shared": chosen.random() < 0.3}
                events.append(event("PlaceCovered", place, day, covered))
    return events


@pytest.fixture(autouse=True)
def every_tree_is_vast(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that evidence is gone through in log order too, a few rows of a few blocks at a time."""
    monkeypatch.setattr(running, "VAST", 0)
    monkeypatch.setattr(waymarks, "BLOCK", 4)
    monkeypatch.setattr(walks, "AT_FIRST", 2)
    monkeypatch.setattr(walks, "STEPS_AT_FIRST", 2)


async def same_both_ways(
    reporting: RunningReporting,
    organisation_id: str,
    first: str,
    last: str,
    *,
    position: int | None = None,
    by_child: bool = False,
    hierarchy: Hierarchy = "as_was",
    summed: bool = True,
) -> None:
    """Every additive report of an organisation, which has sums, is the same with and without them."""
    asked = (organisation_id, first, last, position, by_child, hierarchy)
    async with reporting.service.reader.connection() as connection:
        quick = await bodies(connection, *asked, quick=True, summed=summed)
        general = await bodies(connection, *asked, quick=False)
    assert quick == general, asked


async def bodies(
    connection: AsyncConnection,
    organisation_id: str,
    first: str,
    last: str,
    position: int | None = None,
    by_child: bool = False,
    hierarchy: Hierarchy = "as_was",
    *,
    quick: bool,
    summed: bool = False,
) -> list[Any]:
    known = await reader.known_at(connection, position)
    question = await reader.question(
        connection,
        organisation_id,
        known,
        as_of=date.fromisoformat(last),
        hierarchy=hierarchy,
        from_=date.fromisoformat(first),
        to=date.fromisoformat(last),
        today=TODAY,
        by_child=by_child,
    )
    reading = Reading(connection, question, quick=quick)
    if summed:
        # Else it would be the slow way beside the slow way.
        assert await Running(connection, question).sums(["admissions"], TODAY, TODAY, own=False) is not None
    reports = (totals, attainment, movements_report, structure, timeliness, training)
    found = [await report(reading) for report in reports]
    found.append(await mentoring(reading, False, None, 1))
    # Another one each time, but the same both ways.
    measure = EVIDENCE[sum(map(ord, f"{organisation_id}{first}{last}{position}")) % len(EVIDENCE)]
    if not measure.startswith("blocked."):
        found.append(await timeseries(reading, measure, "week"))
    first_page = await evidence(reading, measure, 0, 3)
    found += [first_page, await evidence(reading, measure, first_page["next"] or 0, 100)]
    since = await reader.known_at(connection, max(1, known.position * (known.position % 4) // 4))
    which = sum(map(ord, f"{first}{organisation_id}{by_child}"))
    # A third of the reports each time: all of them take two thirds of the time of everything here.
    restated = RESTATED[(which + known.position) % 3 :: 3]
    found.append(await restatement(reading, Restated(since, restated, None, 0, 1 + known.position % 3)))
    found.append(await listed(reading, which))
    return [*found, *((part, body["counts"]) for part, body in (await coverage(reading, None, None, 1)).items())]


async def listed(reading: Reading, which: int) -> Any:
    """Two pages of one of the lists."""
    flag = (*FLAGS, None)[which % 5]
    lists: tuple[Callable[[After | None], Awaitable[Bodies]], ...] = (
        lambda after: coverage(reading, flag, after, 1 + which % 3),
        lambda after: enterprise(reading, after, 1 + which % 3),
        lambda after: blocked(reading, 1 + which % 2, after, 1 + which % 3),
        lambda after: mentoring(reading, True, after, 1 + which % 2),
    )
    page = lists[which % len(lists)]
    begin = await page(None)
    return begin, await page(begin[WHOLE]["next"])


@pytest.mark.parametrize(
    ("seeds", "least_large"), [(range(2), 1), (range(2, 3), 1), (range(3, 5), 8), (range(5, 6), 8)]
)
async def test_they_say_what_all_deltas_say(database: Database, seeds: range, least_large: int) -> None:
    async with running_reporting(database) as reporting:
        sums = RunningSums(reporting.service.engine, least_below=1, least_large=least_large)
        for seed in seeds:
            await empty_projections(database, reporting)
            chosen = random.Random(seed)
            waiting = reorganised(chosen)
            while waiting:
                size = chosen.choice((1, 4, 12))
                await reporting.project(*waiting[:size])
                waiting = waiting[size:]
                # Sometimes they are as far as the deltas, mostly a bit behind.
                if chosen.random() < 0.3:
                    await sums.catch_up()
                if chosen.random() < 0.2:
                    await StandingSums(reporting.service.engine).catch_up()
                if chosen.random() < 0.2:
                    await reporting.service.waymarks.catch_up()
                if chosen.random() < 0.2:
                    await same_both_ways(reporting, "root", *chosen.choice(PERIODS), summed=False)
            for far in (False, True):
                if far:
                    await sums.catch_up()
                rows = await database.fetch("SELECT organisation_id FROM reporting.summed WHERE is_summed")
                summed = {row[0] for row in rows}
                for organisation_id in ("root", *DISTRICTS, "heir"):
                    for period in chosen.sample(PERIODS, 2):
                        there = organisation_id in summed
                        await same_both_ways(reporting, organisation_id, *period, summed=there)
                        await same_both_ways(
                            reporting, organisation_id, *period, hierarchy="current", summed=False
                        )
                    tree = chosen.choice(TREES)
                    await same_both_ways(
                        reporting, organisation_id, *period, by_child=True, hierarchy=tree, summed=False
                    )
        summed = await database.fetch("SELECT organisation_id FROM reporting.summed WHERE is_summed")
        assert ("root",) in map(tuple, summed)


@pytest.mark.parametrize(("seeds", "least_large"), [(range(20, 22), 1), (range(22, 24), 8)])
async def test_they_say_it_as_known_at_any_position(
    database: Database, monkeypatch: pytest.MonkeyPatch, seeds: range, least_large: int
) -> None:
    monkeypatch.setattr(running_sums, "BLOCK", 8)
    monkeypatch.setattr(standing_sums, "MARK", 8)
    quick = 0
    async with running_reporting(database) as reporting:
        sums = RunningSums(reporting.service.engine, least_below=1, least_large=least_large)
        for seed in seeds:
            await empty_projections(database, reporting)
            chosen = random.Random(seed)
            await reporting.project(*reorganised(chosen))
            await sums.catch_up()
            await StandingSums(reporting.service.engine).catch_up()
            await reporting.service.waymarks.catch_up()
            marks = await database.fetch("SELECT DISTINCT position FROM reporting.standing_mark")
            assert len(marks) > 1, (marks, reporting.position)
            rows = await database.fetch("SELECT known_since FROM reporting.summed WHERE organisation_id = 'root'")
            for position in range(rows[0][0], reporting.position, 5):
                for by_child in (False, True):
                    period, tree = chosen.choice(PERIODS), chosen.choice(TREES)
                    await same_both_ways(
                        reporting, "root", *period, position=position, by_child=by_child, hierarchy=tree
                    )
                quick += 1
                district = chosen.choice(DISTRICTS)
                await same_both_ways(reporting, district, *chosen.choice(PERIODS), position=position, summed=False)
    assert quick > 5


async def test_what_came_since_is_added(database: Database) -> None:
    async with running_reporting(database) as reporting:
        sums = RunningSums(reporting.service.engine, least_below=1, least_large=1)
        events = history(random.Random(1))
        founded = [each for each in events if each["type"].startswith("OrganisationEstablished")]
        await reporting.project(*founded)
        await sums.catch_up()
        await reporting.project(*(each for each in events if each not in founded))

        async with reporting.service.reader.connection() as connection:
            known = await reader.known_at(connection, None)
            found = await bodies(connection, "root", "2021-01-01", "2022-12-31", quick=True)
            expected = await bodies(connection, "root", "2021-01-01", "2022-12-31", quick=False)
        assert found == expected
        assert found[0]["*"]["members"]["total"] > 0
        assert known.position == len(events)


async def test_who_is_a_child_throughout_a_period_need_not_have_been_founded_before_it(database: Database) -> None:
    async with running_reporting(database) as reporting:
        moved = event("OrganisationReparented", "organisation/south", "2022-05-02", {"parent_id": "root"})
        await reporting.project(
            root(),
            organisation("north", "2021-01-01"),
            organisation("east", "2021-01-01"),
            organisation("south", "2021-01-01", parent="east"),
            moved,
        )
        async with reporting.service.reader.connection() as connection:

            async def throughout(first: str, last: str) -> set[str]:
                days = date.fromisoformat(first), date.fromisoformat(last)
                asked = ["north", "east", "south"]
                return set(await always_children(connection, "root", asked, *days, reporting.position))

            assert await throughout("1990-01-01", "2022-12-31") == {"north", "east"}
            assert await throughout("2022-05-02", "2022-12-31") == {"north", "east", "south"}


async def test_projections_made_anew_begin_their_sums_anew(database: Database) -> None:
    async with running_reporting(database) as reporting:
        sums = RunningSums(reporting.service.engine, least_below=1, least_large=1)
        await reporting.project(*history(random.Random(2)))
        await sums.catch_up()
        await database.fetch("UPDATE reporting.checkpoint SET position = 0")

        assert await sums.advance() == 0

        assert await database.fetch("SELECT FROM reporting.running_sum") == []


async def test_sums_that_an_earlier_version_kept_on_are_begun_anew(database: Database) -> None:
    async with running_reporting(database) as reporting:
        sums = RunningSums(reporting.service.engine, least_below=1, least_large=1)
        await reporting.project(*history(random.Random(3)))
        await sums.catch_up()
        expected = await database.fetch(YEARLY)
        # It knows nothing of years, and says only of the rest that it is whole.
        await database.fetch("DELETE FROM reporting.yearly_sum WHERE measure = 'admissions'")
        await database.fetch("UPDATE reporting.running_sum_progress SET whole_years_position = position - 1")

        await sums.catch_up()

        assert await database.fetch(YEARLY) == expected
        assert expected
