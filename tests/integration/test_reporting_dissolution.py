"""Reporting: an organisation that ends with a successor takes nothing away and adds nothing."""

from typing import Any

from tests.conftest import Database
from tests.given import (
    admitted,
    balance,
    corrected,
    enrolled,
    event,
    identified,
    new_uuid,
    organisation,
    root,
    target,
)
from tests.integration.reporting_given import RunningReporting, empty_projections, running_reporting

ANA, BAO = new_uuid(), new_uuid()
END = event("OrganisationDissolved", "organisation/old", "2022-07-01", {"successor_id": "new"})


def beginning() -> list[dict[str, Any]]:
    return [
        root(),
        organisation("west", kind="intermediate_committee"),
        organisation("east", kind="intermediate_committee"),
        organisation("old", kind="grassroots_committee", parent="west"),
        organisation("new", kind="grassroots_committee", parent="east"),
        organisation("old-1", parent="old"),
        balance("old", "2022-01-01", 5),
        balance("old-1", "2022-01-01", 7),
        balance("new", "2022-01-01", 3),
        identified(ANA, "2022-02-01", "old-1"),
        identified(BAO, "2022-02-01", "old"),
    ]


async def test_members_before_and_after_are_equal_in_sum(reporting: RunningReporting) -> None:
    await reporting.project(END)

    for day in ("2022-06-30", "2022-07-01", "2022-12-31"):
        assert await reporting.members(f"root?as_of={day}") == 15
    assert await reporting.members("west?as_of=2022-06-30") == 12
    assert await reporting.members("west?as_of=2022-07-01") == 0
    assert await reporting.members("new?as_of=2022-07-01") == 15
    found = await reporting.get("new/totals?as_of=2022-07-01")
    assert found["candidates"]["open"] == 2
    assert found["organisations"]["cells_under_grassroots_committees"] == 1


async def test_the_tree_of_today_shows_the_successor_in_its_place(reporting: RunningReporting) -> None:
    await reporting.project(END)

    assert await reporting.members("east?as_of=2022-06-30&hierarchy=current") == 15
    assert await reporting.members("west?as_of=2022-06-30&hierarchy=current") == 0
    assert await reporting.members("old?as_of=2022-06-30&hierarchy=current") == 15
    assert await reporting.members("root?as_of=2022-06-30&hierarchy=current") == 15


async def test_on_the_tree_of_today_nothing_stands_under_a_successor_that_was_never_founded(
    reporting: RunningReporting,
) -> None:
    founding = organisation("later", kind="grassroots_committee", parent="east")
    taken_over = event("OrganisationDissolved", "organisation/old", "2022-07-01", {"successor_id": "later"})
    await reporting.project(founding, taken_over)
    period = "from=2022-01-01&to=2022-12-31&as_of=2022-12-31&hierarchy=current"

    async def identified_below(organisation_id: str) -> list[int]:
        funnel = await reporting.get(f"{organisation_id}/funnel?{period}")
        attainment = await reporting.get(f"{organisation_id}/attainment?{period}")
        evidence = await reporting.get(f"{organisation_id}/evidence?measure=funnel.conversion.identified&{period}")
        return [
            funnel["conversion"]["identified"],
            attainment["actuals"]["candidates_identified"],
            len(evidence["events"]),
        ]

    assert await identified_below("old") == await identified_below("root") == [2, 2, 2]

    await reporting.project(corrected(founding, None))

    assert await identified_below("old") == await identified_below("root") == [0, 0, 0]


async def test_flows_stay_where_they_were_unless_today_is_asked_for(reporting: RunningReporting) -> None:
    await reporting.project(admitted(ANA, "2022-05-01", "old-1"), END, admitted(BAO, "2022-09-01", "new"))

    async def admissions(path: str) -> int:
        body = await reporting.get(path)
        found: int = body["actuals"]["admissions"]
        return found

    year = "from=2022-01-01&to=2022-12-31&as_of=2022-12-31"
    assert await admissions(f"west/attainment?{year}") == 1
    assert await admissions(f"east/attainment?{year}") == 1
    assert await admissions(f"east/attainment?{year}&hierarchy=current") == 2
    assert await admissions(f"west/attainment?{year}&hierarchy=current") == 0


async def test_a_fact_that_names_the_ended_one_goes_to_the_successor(reporting: RunningReporting) -> None:
    await reporting.project(END)
    await reporting.project(enrolled(new_uuid(), "2022-08-01", "old"), enrolled(new_uuid(), "2022-03-01", "old"))

    assert await reporting.members("new?as_of=2022-08-01") == 17
    assert await reporting.members("old?as_of=2022-06-30") == 13
    assert await reporting.members("root?as_of=2022-06-30") == 16


async def test_it_is_the_same_in_one_batch_and_one_by_one(database: Database) -> None:
    history = [
        root(),
        *(organisation(name, kind="grassroots_committee") for name in ("a", "b", "c")),
        organisation("a-1", parent="a"),
        balance("a", "2022-01-01", 5),
        balance("a-1", "2022-01-01", 7),
        event("OrganisationDissolved", "organisation/a", "2022-03-01", {"successor_id": "b"}),
        event("OrganisationDissolved", "organisation/b", "2022-06-01", {"successor_id": "c"}),
        enrolled(ANA, "2022-02-01", "a"),
    ]
    async with running_reporting(database) as reporting:
        await reporting.project_one_by_one(*history)
        one_by_one = await database.fetch("SELECT * FROM reporting.delta ORDER BY 1, 2, 3, 4, 5, 6")
        versions = await database.fetch("SELECT * FROM reporting.organisation_version ORDER BY 1, 2, 4")
        holdings = await database.fetch("SELECT * FROM reporting.holding_version ORDER BY 1, 2, 4")
        assert await reporting.members("c?as_of=2022-06-01") == 13
        await empty_projections(database, reporting)
        await reporting.project(*history)
        assert await database.fetch("SELECT * FROM reporting.delta ORDER BY 1, 2, 3, 4, 5, 6") == one_by_one
        assert await database.fetch("SELECT * FROM reporting.organisation_version ORDER BY 1, 2, 4") == versions
        assert await database.fetch("SELECT * FROM reporting.holding_version ORDER BY 1, 2, 4") == holdings


async def test_targets_go_over_to_the_successor(reporting: RunningReporting) -> None:
    await reporting.project(target("old", value=10), END)

    async def targets(path: str) -> list[str]:
        body = await reporting.get(path)
        return [each["target_id"] for each in body["targets"]]

    assert await targets("old/attainment?as_of=2022-06-30") == ["target-old"]
    assert await targets("old/attainment?as_of=2022-07-01") == []
    assert await targets("new/attainment?as_of=2022-06-30") == []
    assert await targets("new/attainment?as_of=2022-07-01") == ["target-old"]
    assert await targets("new/attainment?as_of=2022-06-30&hierarchy=current") == ["target-old"]


async def test_without_a_successor_targets_end_with_it(reporting: RunningReporting) -> None:
    await reporting.project(
        organisation("short", parent="west"),
        target("short"),
        event("OrganisationDissolved", "organisation/short", "2022-07-01"),
    )

    assert (await reporting.get("short/attainment?as_of=2022-06-30"))["targets"] != []
    assert (await reporting.get("short/attainment?as_of=2022-07-01"))["targets"] == []


async def test_a_child_that_succeeds_its_parent_takes_its_place(reporting: RunningReporting) -> None:
    await reporting.project(
        event("OrganisationDissolved", "organisation/old", "2022-07-01", {"successor_id": "old-1"})
    )
    await reporting.project(target("old-1"))

    assert await reporting.members("west?as_of=2022-06-30") == 12
    assert await reporting.members("west?as_of=2022-07-01") == 12
    assert await reporting.members("old-1?as_of=2022-07-01") == 12
    assert [each["id"] for each in (await reporting.get("old-1"))["path"]] == ["root", "west"]


async def test_as_known_before_the_end_was_recorded_nothing_has_moved(reporting: RunningReporting) -> None:
    before = reporting.position
    await reporting.project(END)

    assert await reporting.members(f"west?as_of=2022-12-31&known_at={before}") == 12
    assert await reporting.members(f"new?as_of=2022-12-31&known_at={before}") == 3
