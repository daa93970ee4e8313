"""Running sums say what all deltas say: on every day, in the midst of reorganisations and corrections."""

import random
from datetime import date
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.projector.running_sums import RunningSums
from services.reporting.reports import reader
from services.reporting.reports.additive import movements_report, structure, totals
from services.reporting.reports.attainment import attainment
from services.reporting.reports.mentoring import mentoring
from services.reporting.reports.reading import Reading
from services.reporting.reports.running import whole_months
from services.reporting.reports.timeliness import timeliness
from services.reporting.reports.training import training
from tests.conftest import Database
from tests.given import corrected, event, merged, organisation
from tests.integration.reporting_given import TODAY, RunningReporting, empty_projections, running_reporting
from tests.unit.registry.test_any_order import CELLS, history

DISTRICTS = ("north", "south", "east")
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
    moves = [each for each in events if each["type"].startswith("OrganisationRe")]
    for wrong in chosen.sample(moves, min(2, len(moves))):
        replacement = chosen.choice((None, {"effectiveon": "2022-03-03"}, {"data": {"parent_id": "east"}}))
        events.append(corrected(wrong, replacement))
    # Founded before anything else is said, which in part comes late and out of order all the same.
    facts = [*history(chosen), *events]
    founded = [each for each in facts if each["type"].startswith("OrganisationEstablished")]
    others = [each for each in facts if each not in founded]
    chosen.shuffle(others)
    return [*founded, *others]


async def same_both_ways(reporting: RunningReporting, organisation_id: str, first: str, last: str) -> None:
    """Every additive report of an organisation is the same with and without running sums."""
    async with reporting.service.reader.connection() as connection:
        quick = await bodies(connection, organisation_id, first, last, quick=True)
        general = await bodies(connection, organisation_id, first, last, quick=False)
    assert quick == general, (organisation_id, first, last)


async def bodies(
    connection: AsyncConnection, organisation_id: str, first: str, last: str, *, quick: bool
) -> list[Any]:
    known = await reader.known_at(connection, None)
    question = await reader.question(
        connection,
        organisation_id,
        known,
        as_of=date.fromisoformat(last),
        hierarchy="as_was",
        from_=date.fromisoformat(first),
        to=date.fromisoformat(last),
        today=TODAY,
        by_child=False,
    )
    reading = Reading(connection, question, quick=quick)
    reports = (totals, attainment, movements_report, structure, timeliness, training)
    found = [await report(reading) for report in reports]
    return [*found, await mentoring(reading, False, None, 1)]


@pytest.mark.parametrize("seeds", [range(4), range(4, 8)])
async def test_they_say_what_all_deltas_say(database: Database, seeds: range) -> None:
    async with running_reporting(database) as reporting:
        sums = RunningSums(reporting.service.engine, least_below=1)
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
                    await same_both_ways(reporting, "root", *chosen.choice(PERIODS))
            for far in (False, True):
                if far:
                    await sums.catch_up()
                for organisation_id in ("root", *DISTRICTS, *CELLS):
                    for period in chosen.sample(PERIODS, 2):
                        await same_both_ways(reporting, organisation_id, *period)
        summed = await database.fetch("SELECT organisation_id FROM reporting.summed WHERE is_summed")
        assert ("root",) in map(tuple, summed)


async def test_what_came_since_is_added(database: Database) -> None:
    async with running_reporting(database) as reporting:
        sums = RunningSums(reporting.service.engine, least_below=1)
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


async def test_projections_made_anew_begin_their_sums_anew(database: Database) -> None:
    async with running_reporting(database) as reporting:
        sums = RunningSums(reporting.service.engine, least_below=1)
        await reporting.project(*history(random.Random(2)))
        await sums.catch_up()
        await database.fetch("UPDATE reporting.checkpoint SET position = 0")

        assert await sums.advance() == 0

        assert await database.fetch("SELECT FROM reporting.running_sum") == []


@pytest.mark.parametrize(
    ("first", "last", "months_from", "months_to"),
    [
        ("2022-01-01", "2022-12-31", "2022-01-01", "2023-01-01"),
        ("2022-01-02", "2022-12-30", "2022-02-01", "2022-12-01"),
        ("2021-12-31", "2022-01-31", "2022-01-01", "2022-02-01"),
        ("2022-01-05", "2022-01-20", "2022-01-21", "2022-01-21"),
        ("2022-01-05", "2022-02-20", "2022-02-21", "2022-02-21"),
        ("0001-01-01", "2022-02-20", "0001-01-01", "2022-02-01"),
    ],
)
def test_whole_months_lie_within_the_days(first: str, last: str, months_from: str, months_to: str) -> None:
    found = whole_months(date.fromisoformat(first), date.fromisoformat(last))

    assert found == {
        "months_from": date.fromisoformat(months_from),
        "months_to": date.fromisoformat(months_to),
    }
