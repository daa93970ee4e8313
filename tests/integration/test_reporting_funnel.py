"""`funnel`: where candidates stand, what became of those identified in a period, and how long steps took."""

from datetime import date, timedelta
from typing import Any

from tests.given import (
    admitted,
    corrected,
    enrolled,
    event,
    identified,
    linked,
    merged,
    new_uuid,
    organisation,
    root,
)
from tests.integration.reporting_given import RunningReporting

ANH, BINH, CHI, DUNG = (new_uuid() for _ in range(4))
YEAR = "as_of=2022-12-31&from=2022-01-01&to=2022-12-31"


def listed(person: str, day: str) -> dict[str, Any]:
    return event("CandidateListed", f"person/{person}", day, {})


def applied(person: str, day: str) -> dict[str, Any]:
    return event("ApplicationSubmitted", f"person/{person}", day, {})


def trained(person: str, day: str) -> dict[str, Any]:
    return event("TrainingCompleted", f"person/{person}", day, {"certificate_ref": "C-1", "issued_on": day})


def closed(person: str, day: str) -> dict[str, Any]:
    return event("CandidateClosed", f"person/{person}", day, {"reason": "withdrew"})


def moved(person: str, day: str, organisation_id: str) -> dict[str, Any]:
    return event("CandidateMoved", f"person/{person}", day, {"organisation_id": organisation_id})


def beginning() -> list[dict[str, Any]]:
    return [
        root(),
        organisation("commune", kind="grassroots_committee"),
        organisation("cell", parent="commune"),
        organisation("cell-2"),
        organisation("cell-3", parent="commune"),
    ]


async def funnel(reporting: RunningReporting, asked: str = "root", query: str = YEAR) -> Any:
    return await reporting.get(f"{asked}/funnel?{query}")


async def test_who_skips_a_milestone_has_passed_it(reporting: RunningReporting) -> None:
    await reporting.project(identified(ANH, "2022-01-01"), applied(ANH, "2022-02-01"), listed(ANH, "2022-03-01"))

    body = await funnel(reporting)

    stages = body["conversion"]["by_stage"]
    assert [stages[each]["reached"] for each in ("identified", "listed", "trained", "applied", "introduced")] == [
        1, 1, 1, 1, 0,
    ]  # fmt: skip
    assert stages["applied"] == {
        "reached": 1, "went_on": 0, "closed": 0, "otherwise": 0, "waiting": 1, "went_on_percent": 0.0,
    }  # fmt: skip
    assert body["candidates"]["by_stage"]["applied"] == 1
    # One step was taken: from identified, over those between.
    assert body["days"]["identified"] == {"count": 1, "median": 31, "p90": 31}
    assert body["days"]["listed"] == {"count": 0, "median": None, "p90": None}


async def test_a_cohort_is_those_who_began_in_the_period_followed_to_the_evening_of_as_of(
    reporting: RunningReporting,
) -> None:
    await reporting.project(
        identified(ANH, "2021-12-31"),
        identified(BINH, "2022-01-01"),
        identified(CHI, "2022-05-01"),
        identified(DUNG, "2022-06-30"),
        listed(BINH, "2022-03-01"),
        closed(CHI, "2022-08-01"),
        enrolled(DUNG, "2022-08-02", "cell-2"),
        admitted(BINH, "2022-10-01"),
    )
    half = "from=2022-01-01&to=2022-06-30"

    before = (await funnel(reporting, query=f"{half}&as_of=2022-07-31"))["conversion"]
    after = (await funnel(reporting, query=f"{half}&as_of=2022-12-31"))["conversion"]

    assert [before[each] for each in ("identified", "admitted", "closed", "otherwise", "open")] == [3, 0, 0, 0, 3]
    assert [after[each] for each in ("identified", "admitted", "closed", "otherwise", "open")] == [3, 1, 1, 1, 0]
    assert after["admitted_percent"] == 33.3
    assert after["by_stage"]["decided"]["went_on"] == 1
    assert after["by_stage"]["identified"]["closed"] == 1


async def test_a_person_who_begins_again_is_two_candidacies(reporting: RunningReporting) -> None:
    await reporting.project(
        identified(ANH, "2022-01-01"),
        listed(ANH, "2022-01-11"),
        closed(ANH, "2022-02-01"),
        identified(ANH, "2022-03-01", "cell-2"),
        listed(ANH, "2022-03-31"),
    )

    first, second = await funnel(reporting, "cell"), await funnel(reporting, "cell-2")

    assert (first["conversion"]["closed"], first["conversion"]["open"]) == (1, 0)
    reached = [each["reached"] for each in first["conversion"]["by_stage"].values()]
    assert reached == [1, 1, 0, 0, 0, 0, 0, 0, 0]
    assert (second["conversion"]["closed"], second["conversion"]["open"]) == (0, 1)
    assert (first["days"]["identified"]["median"], second["days"]["identified"]["median"]) == (10, 30)


async def test_half_and_nine_in_ten_of_the_steps_were_taken_within_days_that_somebody_waited(
    reporting: RunningReporting,
) -> None:
    for days in (2, 3, 5, 8, 13, 21, 34, 55, 89, 144):
        person, day = new_uuid(), date(2022, 1, 1) + timedelta(days=days)
        await reporting.project(identified(person, "2022-01-01"), listed(person, day.isoformat()))

    body = await funnel(reporting)

    assert body["days"]["identified"] == {"count": 10, "median": 13, "p90": 89}


async def test_the_days_behind_a_median_are_told_event_by_event(reporting: RunningReporting) -> None:
    last = await reporting.project(
        identified(ANH, "2022-01-01"), identified(BINH, "2022-01-01"), listed(ANH, "2022-01-06"),
        listed(BINH, "2022-02-01"),
    )  # fmt: skip

    evidence = await reporting.get(f"root/evidence?measure=funnel.days.identified.count&{YEAR}")

    assert evidence["value"] == 2
    assert [(each["position"], each["days"]) for each in evidence["events"]] == [(last - 1, 5), (last, 31)]


async def test_who_moves_keeps_the_days_waited_and_counts_where_the_step_was_taken(
    reporting: RunningReporting,
) -> None:
    await reporting.project(
        identified(ANH, "2022-01-01"), moved(ANH, "2022-01-21", "cell-2"), listed(ANH, "2022-01-31")
    )

    began, took = await funnel(reporting, "cell"), await funnel(reporting, "cell-2")

    assert began["conversion"]["by_stage"]["listed"]["waiting"] == 1
    assert began["days"]["identified"]["count"] == 0
    assert took["conversion"]["identified"] == 0
    assert took["days"]["identified"] == {"count": 1, "median": 30, "p90": 30}


async def test_a_late_milestone_shortens_a_wait_from_the_position_on_at_which_it_is_known(
    reporting: RunningReporting,
) -> None:
    before = await reporting.project(identified(ANH, "2022-01-01"), applied(ANH, "2022-04-01"))
    late = listed(ANH, "2022-02-01")
    between = await reporting.project(late)
    await reporting.project(corrected(late, {"effectiveon": "2022-03-01"}))

    found = []
    for known_at in (f"&known_at={before}", f"&known_at={between}", ""):
        days = (await funnel(reporting, query=YEAR + known_at))["days"]
        found.append((days["identified"]["median"], days["listed"]["median"]))

    assert found == [(90, None), (31, 59), (59, 31)]


async def test_a_second_id_is_a_candidacy_that_ended_otherwise(reporting: RunningReporting) -> None:
    await reporting.project(
        identified(ANH, "2022-01-01"), identified(BINH, "2022-01-01", "cell-2"), linked(ANH, BINH, "2022-05-01")
    )

    body = await funnel(reporting)

    assert (body["conversion"]["identified"], body["conversion"]["otherwise"], body["candidates"]["open"]) == (
        2,
        1,
        1,
    )


async def test_a_merger_takes_what_follows_to_the_survivor_and_on_todays_tree_all_of_it(
    reporting: RunningReporting,
) -> None:
    await reporting.project(
        identified(ANH, "2022-01-01", "cell-3"),
        merged("cell-2", "2022-06-01", "cell-3"),
        listed(ANH, "2022-07-01"),
    )

    was = {each: await funnel(reporting, each) for each in ("commune", "cell-2")}
    current = {each: await funnel(reporting, each, YEAR + "&hierarchy=current") for each in ("commune", "cell-2")}

    def said(body: Any) -> tuple[int, int, int]:
        cohort = body["conversion"]
        return cohort["identified"], cohort["by_stage"]["listed"]["reached"], body["days"]["identified"]["count"]

    assert {each: said(body) for each, body in was.items()} == {"commune": (1, 1, 0), "cell-2": (0, 0, 1)}
    assert {each: said(body) for each, body in current.items()} == {"commune": (0, 0, 0), "cell-2": (1, 1, 1)}


async def test_a_cohort_has_no_series(reporting: RunningReporting) -> None:
    await reporting.project(identified(ANH, "2022-01-01"), listed(ANH, "2022-02-01"))

    refused = await reporting.ask(f"root/timeseries?measure=funnel.conversion.admitted&{YEAR}", 400)
    series = await reporting.get(f"root/timeseries?measure=funnel.days.identified.count&{YEAR}")

    assert "a value of its own each day" in refused.json()["detail"]
    assert [point["value"] for point in series["points"]] == [0, 1, *[0] * 10]
