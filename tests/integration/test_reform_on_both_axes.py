"""The reform of 1 July 2025 as published, on both time axes and both trees; every figure here is counted by hand.

Two communes merge on the day on which the district tier ends, and what the district had comes under the province
or the new commune. An admission of May is recorded in August. Names and numbers are made up.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
import pytest

from deploy.stack.postgres import PostgresServer
from shared.events.recorded import read_recorded, write_batch, write_recorded
from tests.conftest import fresh_database
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
from tests.integration.reporting_given import RunningReporting, running_reporting

BEFORE, DAY = "2025-06-30", "2025-07-01"
JULY = "2025-07-20T00:00:00Z"
AUGUST = "2025-08-20T00:00:00Z"
AUTUMN = "2025-10-01T00:00:00Z"
YEAR = "from=2025-01-01&to=2025-12-31"
ANA, BAO = new_uuid(), new_uuid()
AIM = {"metric": "admissions", "basis": "assigned", "issuer_id": "root", "from_": "2025-01-01", "to": "2025-12-31"}

IN_SPRING = [
    root(),
    organisation("district", kind="intermediate_committee"),
    organisation("north", kind="grassroots_committee", parent="district"),
    organisation("south", kind="grassroots_committee", parent="district"),
    organisation("school", kind="grassroots_cell", sector="education", parent="district"),
    organisation("north-1", parent="north"),
    organisation("south-1", parent="south"),
    balance("north-1", "2024-01-01", 20, 2),
    balance("south-1", "2024-01-01", 30, 1),
    balance("south", "2024-01-01", 4),
    balance("school", "2024-01-01", 10),
    target("north", "2025-01-02", value=1, **AIM),
    target("south", "2025-01-02", value=1, **AIM),
    identified(ANA, "2025-02-01", "north-1"),
    identified(BAO, "2025-02-01", "south-1"),
    admitted(BAO, "2025-03-01", "south-1"),
]
MERGER = merged("commune", DAY, "north", "south", targets="sum")
ON_THE_DAY = [
    organisation("commune", DAY, kind="intermediate_committee", time=f"{DAY}T00:00:00+07:00"),
    MERGER,
    event("OrganisationReparented", "organisation/school", DAY, {"parent_id": "root"}),
    event("OrganisationDissolved", "organisation/district", DAY),
]
OF_MAY = admitted(ANA, "2025-05-10", "north-1")
"""The 69th member. Known in August, when the district that admitted her is no more."""


async def record(reporting: RunningReporting, at: str, events: Sequence[dict[str, Any]]) -> None:
    """Events recorded at a time."""
    moment = datetime.fromisoformat(at)
    rows = []
    for each in events:
        reporting.position += 1
        rows.append(write_recorded(msgspec.json.encode(each), reporting.position, moment))
    await reporting.service.projector.project(read_recorded(write_batch(rows)))


@pytest.fixture(scope="module")
async def reporting(postgres: PostgresServer) -> AsyncIterator[RunningReporting]:
    """Reporting in autumn, when all of it is known, and that the merger was one of north only."""
    async with fresh_database(postgres) as database, running_reporting(database) as running:
        await record(running, "2025-04-01T02:00:00Z", IN_SPRING)
        await record(running, "2025-07-03T02:00:00Z", ON_THE_DAY)
        await record(running, "2025-08-15T02:00:00Z", [OF_MAY])
        right = corrected(MERGER, {"data": {"sources": ["north"], "targets": "sum"}})
        await record(running, "2025-09-10T02:00:00Z", [right])
        yield running


@pytest.mark.parametrize(
    ("asked", "known_at", "hierarchy", "before", "after"),
    [
        # Of the province nothing gets lost on the way, and one comes to light.
        ("root", JULY, "as_was", 68, 68),
        ("root", AUGUST, "as_was", 69, 69),
        ("root", JULY, "current", 68, 68),
        ("root", AUGUST, "current", 69, 69),
        # The district had everybody until its last day. On today's tree it has nobody.
        ("district", JULY, "as_was", 68, 0),
        ("district", AUGUST, "as_was", 69, 0),
        ("district", AUGUST, "current", 0, 0),
        # The commune has both communes from its first day; on today's tree it always had.
        ("commune", JULY, "as_was", 0, 58),
        ("commune", AUGUST, "as_was", 0, 59),
        ("commune", JULY, "current", 58, 58),
        ("commune", AUGUST, "current", 59, 59),
        # Who asks for a commune of before on today's tree gets the one that took over.
        ("north", AUGUST, "as_was", 23, 0),
        ("north", AUGUST, "current", 59, 59),
        # A cell stays itself, under whomever.
        ("north-1", JULY, "as_was", 22, 22),
        ("north-1", AUGUST, "as_was", 23, 23),
        ("school", AUGUST, "as_was", 10, 10),
    ],
)
async def test_members_on_the_evening_before_and_on_the_day(
    reporting: RunningReporting, asked: str, known_at: str, hierarchy: str, before: int, after: int
) -> None:
    question = f"known_at={known_at}&hierarchy={hierarchy}"

    found = [await reporting.members(f"{asked}?as_of={day}&{question}") for day in (BEFORE, DAY)]

    assert found == [before, after]


@pytest.mark.parametrize(
    ("asked", "known_at", "hierarchy", "expected"),
    [
        # The admission of May is the district's and north's, on whose tree it was. The commune's are those since.
        ("district", JULY, "as_was", 1),
        ("district", AUGUST, "as_was", 2),
        ("commune", AUGUST, "as_was", 0),
        ("commune", JULY, "current", 1),
        ("commune", AUGUST, "current", 2),
        ("district", AUGUST, "current", 0),
        ("root", JULY, "as_was", 1),
        ("root", AUGUST, "as_was", 2),
    ],
)
async def test_admissions_of_the_year(
    reporting: RunningReporting, asked: str, known_at: str, hierarchy: str, expected: int
) -> None:
    question = f"{YEAR}&as_of=2025-12-31&known_at={known_at}&hierarchy={hierarchy}"

    body = await reporting.get(f"{asked}/attainment?{question}")
    behind = await reporting.get(f"{asked}/evidence?measure=actuals.admissions&{question}")

    assert body["actuals"]["admissions"] == expected
    assert behind["value"] == sum(each["change"] for each in behind["events"]) == expected


@pytest.mark.parametrize(
    ("known_at", "hierarchy", "target_", "actual"),
    # The sum of both communes' targets; its admissions are those on its own tree, or on that of today.
    [(JULY, "as_was", 2, 0), (AUGUST, "as_was", 2, 0), (JULY, "current", 2, 1), (AUGUST, "current", 2, 2)],
)
async def test_the_target_of_the_commune(
    reporting: RunningReporting, known_at: str, hierarchy: str, target_: int, actual: int
) -> None:
    question = f"{YEAR}&as_of=2025-12-31&known_at={known_at}&hierarchy={hierarchy}"

    [row] = (await reporting.get(f"commune/attainment?{question}"))["targets"]

    assert (row["target"], row["actual"]) == (target_, actual)
    assert row["status"] == ("attained" if actual == target_ else "missed")


async def test_the_commune_begins_with_who_came_on_its_day(reporting: RunningReporting) -> None:
    found = await reporting.get(f"commune/movements?{YEAR}&as_of=2025-12-31&known_at={AUGUST}")

    assert (found["opening"], found["reorganised_in"], found["closing"], found["residual"]) == (0, 59, 59, 0)
    found = await reporting.get(f"district/movements?{YEAR}&as_of=2025-12-31&known_at={AUGUST}")
    assert (found["opening"], found["admitted"], found["reorganised_out"]) == (67, 2, 69)
    assert (found["closing"], found["residual"]) == (0, 0)


async def test_a_merger_that_was_one_of_the_communes_only_is_put_right_from_then_on(
    reporting: RunningReporting,
) -> None:
    async def members(asked: str, known_at: str) -> int:
        return await reporting.members(f"{asked}?as_of={DAY}&known_at={known_at}")

    assert [await members(each, AUGUST) for each in ("commune", "south", "root")] == [59, 0, 69]
    # South hangs under a tier that has ended, and is the province's all the same.
    assert [await members(each, AUTUMN) for each in ("commune", "south", "root")] == [23, 36, 69]
