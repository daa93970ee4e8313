"""Reporting: is mentoring happening? A quarter's reports are due on the seventh day after it. All made up."""

from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.access_given import Keys
from tests.conftest import Database
from tests.given import admitted, event, identified, linked, merged, new_uuid, organisation, root
from tests.integration.reporting_given import RunningReporting, running_reporting
from tests.integration.test_reporting_timeliness import about, confirmed, decided, mentored

ANA, BAO, CHI, DUNG = (new_uuid() for _ in range(4))
FIRST, SECOND = sorted((new_uuid(), new_uuid()))

Event = dict[str, Any]


def beginning() -> list[Event]:
    return [
        root(),
        organisation("district", kind="intermediate_committee"),
        organisation("cell", parent="district"),
        organisation("cell-2", parent="district"),
    ]


def reported(person: str, day: str, until: str, mentor: str = FIRST) -> Event:
    period = {"period_from": "2022-01-01", "period_to": until}
    return about(person, "MentorReportSubmitted", day, mentor_id=mentor, rating="good", **period)


async def reports(reporting: RunningReporting, query: str, of: str = "district") -> tuple[int, int, int]:
    found = (await reporting.get(f"{of}/mentoring?{query}"))["reports"]
    return found["due"], found["in"], found["late"]


async def test_a_report_is_due_on_the_seventh_day_after_each_whole_quarter_of_the_charge(
    reporting: RunningReporting,
) -> None:
    await reporting.project(
        identified(ANA, "2022-01-05"),
        mentored(ANA, "2022-04-01", FIRST),
        identified(BAO, "2022-01-05"),
        mentored(BAO, "2022-04-02", FIRST),
    )

    assert await reports(reporting, "as_of=2022-07-06") == (0, 0, 0)
    assert await reports(reporting, "as_of=2022-07-07") == (1, 0, 0)
    assert await reports(reporting, "as_of=2022-12-31") == (3, 0, 0)  # two of July to September
    assert await reports(reporting, "as_of=2022-12-31&from=2022-07-08") == (2, 0, 0)
    assert (await reporting.get("district/mentoring?as_of=2022-06-30"))["reports"]["in_percent"] is None


async def test_a_report_is_in_until_that_evening_and_late_from_the_next_day_on(
    reporting: RunningReporting,
) -> None:
    await reporting.project(
        identified(ANA, "2022-01-05"),
        mentored(ANA, "2022-04-01", FIRST),
        reported(ANA, "2022-07-07", "2022-06-30"),
        reported(ANA, "2022-07-07", "2022-05-31"),  # of the same quarter
        reported(ANA, "2022-10-08", "2022-09-30"),
    )

    assert await reports(reporting, "as_of=2022-07-31") == (1, 1, 0)
    assert await reports(reporting, "as_of=2022-12-31") == (2, 1, 1)
    assert (await reporting.get("district/mentoring?as_of=2022-12-31"))["reports"]["in_percent"] == 50.0


@pytest.mark.parametrize(
    "ends",
    [
        about(ANA, "MentorReleased", "2022-07-05", mentor_id=FIRST, reason="mentor_replaced"),
        about(ANA, "CandidateClosed", "2022-07-05", reason="withdrew"),
        event("MemberEnrolled", f"person/{ANA}", "2022-07-05",
              {"organisation_id": "cell", "status": "official", "in_opening_balance": False}),
        linked(BAO, ANA, "2022-07-05"),
    ],
)  # fmt: skip
async def test_nothing_is_due_of_a_charge_that_has_ended_by_that_day(
    reporting: RunningReporting, ends: Event
) -> None:
    await reporting.project(
        identified(BAO, "2022-01-05"),
        identified(ANA, "2022-01-05"),
        mentored(ANA, "2022-04-01", FIRST),
        reported(ANA, "2022-07-01", "2022-06-30"),
        ends,
    )

    assert await reports(reporting, "as_of=2022-12-31") == (0, 0, 0)
    assert (await reporting.get("district/mentoring?as_of=2022-12-31"))["load"]["mentors"] == 0
    assert (await reporting.get("district/mentoring?as_of=2022-06-30"))["load"]["mentors"] == 1


async def test_a_charge_goes_on_through_the_admission_to_the_confirmation_and_with_the_person(
    reporting: RunningReporting,
) -> None:
    await reporting.project(
        identified(ANA, "2022-01-05"),
        mentored(ANA, "2022-02-01", FIRST),
        about(ANA, "CandidateMoved", "2022-05-01", organisation_id="cell-2"),
        decided(ANA, "2022-07-20"),
        admitted(ANA, "2022-08-01", "cell-2"),
        confirmed(ANA, "2023-08-01"),
    )

    assert await reports(reporting, "from=2022-01-01&as_of=2025-12-31&to=2025-12-31") == (5, 0, 0)
    assert await reports(reporting, "as_of=2022-12-31", "cell") == (0, 0, 0)
    assert await reports(reporting, "as_of=2022-12-31", "cell-2") == (2, 0, 0)


async def test_who_has_no_mentor_is_counted_as_candidate_and_as_probationary_member(
    reporting: RunningReporting,
) -> None:
    await reporting.project(
        identified(ANA, "2022-01-05"),
        identified(BAO, "2022-01-05"),
        mentored(BAO, "2022-02-01", FIRST),
        identified(CHI, "2022-01-05"),
        admitted(CHI, "2022-06-01"),
        merged("cell-2", "2022-09-01", "cell"),
    )

    async def without(query: str, of: str = "district") -> tuple[int, int]:
        found = (await reporting.get(f"{of}/mentoring?{query}"))["without_mentor"]
        return found["candidates"], found["probationary"]

    assert await without("as_of=2022-01-31") == (3, 0)
    assert await without("as_of=2022-02-01") == (2, 0)
    assert await without("as_of=2022-12-31", "cell-2") == (1, 1)
    assert await without("as_of=2022-06-30", "cell-2") == (0, 0)
    assert await without("as_of=2022-06-30&hierarchy=current", "cell-2") == (1, 1)


async def test_load_counts_the_scopes_persons_of_each_mentor(reporting: RunningReporting) -> None:
    persons = [new_uuid() for _ in range(5)]
    await reporting.project(
        *(identified(person, "2022-01-05") for person in persons[:3]),
        *(identified(person, "2022-01-05", "cell-2") for person in persons[3:]),
        *(mentored(person, "2022-02-01", FIRST) for person in persons),
        mentored(persons[4], "2022-02-02", SECOND),
    )

    body = await reporting.get("district/mentoring?as_of=2022-12-31&by=child")

    assert body["load"] == {
        "mentors": 2, "by_persons": {"1": 1, "2": 0, "3": 0, "4_or_more": 1}, "over_limit": 1,
    }  # fmt: skip
    here, there = (child["load"] for child in body["children"])
    assert (here["mentors"], here["by_persons"]["3"], here["over_limit"]) == (1, 1, 1)
    assert (there["mentors"], there["by_persons"]["1"], there["by_persons"]["2"]) == (2, 1, 1)
    assert "mentors" not in body
    evidence = "district/evidence?as_of=2022-12-31&measure=mentoring.load"
    everybody = await reporting.get(f"{evidence}.mentors")
    assert (everybody["value"], len(everybody["events"])) == (2, 2)
    over = await reporting.get(f"{evidence}.over_limit")
    assert [each["position"] for each in over["events"]] == [reporting.position - 1]  # the fifth charge


async def test_mentors_are_listed_in_pages_where_asked_for(reporting: RunningReporting) -> None:
    await reporting.project(
        identified(ANA, "2022-01-05"),
        identified(BAO, "2022-01-05"),
        mentored(ANA, "2022-02-01", FIRST),
        mentored(ANA, "2022-02-01", SECOND),
        mentored(BAO, "2022-02-01", CHI),
        mentored(ANA, "2022-02-01", CHI),
    )

    page = await reporting.get("district/mentoring?as_of=2022-12-31&list=mentors&limit=2")
    rest = await reporting.get(f"district/mentoring?as_of=2022-12-31&list=mentors&limit=2&after={page['next']}")

    assert page["mentors"] == [{"mentor_id": CHI, "persons": 2}, {"mentor_id": FIRST, "persons": 1}]
    assert (rest["mentors"], rest["next"]) == ([{"mentor_id": SECOND, "persons": 1}], None)


async def test_whoever_lists_mentors_is_in_the_log_and_reads_ones_own_subtree_only(
    database: Database, tmp_path: Path
) -> None:
    keys = Keys(tmp_path)
    async with running_reporting(database, keys_path=keys.path) as reporting:
        await reporting.project(*beginning(), identified(ANA, "2022-01-05"), mentored(ANA, "2022-02-01", FIRST))
        viewer, list_ = keys.viewer("cell"), "mentoring?as_of=2022-12-31&list=mentors"

        with capture_logs() as said:
            await reporting.ask(f"cell/{list_}", headers=viewer)
            await reporting.ask("cell/mentoring?as_of=2022-12-31", headers=viewer)
            await reporting.ask(f"district/{list_}", 403, headers=viewer)

        (read,) = [each for each in said if each["event"] == "rows about persons were read"]
        assert (read["organisation"], read["rows"]) == ("cell", 1)
        noted = (await reporting.http.get("/v1/reads", headers=keys.operator())).json()["reads"]
        assert [(each["report"], each["organisation"], each["rows"]) for each in noted] == [
            ("mentoring", "cell", 1)
        ]
