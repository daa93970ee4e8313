"""Reporting: targets, how far they are, and the actual figures beside them."""

from typing import Any

import pytest

from tests.given import admitted, balance, event, identified, new_uuid, organisation, target, way_down
from tests.integration.reporting_given import RunningReporting


def beginning() -> list[dict[str, Any]]:
    return way_down()


def admissions(number: int, day: str = "2022-05-01") -> list[dict[str, Any]]:
    persons = [new_uuid() for _ in range(number)]
    return [
        *(identified(person, "2022-01-05") for person in persons),
        *(admitted(person, day) for person in persons),
    ]


async def rows(reporting: RunningReporting, query: str, organisation_id: str = "district") -> dict[str, Any]:
    body = await reporting.get(f"{organisation_id}/attainment?{query}")
    return {row["target_id"]: row for row in body["targets"]}


async def test_says_how_far_each_target_is(reporting: RunningReporting) -> None:
    await reporting.project(target("district", value=4), *admissions(3))

    found = (await rows(reporting, "as_of=2022-06-30"))["target-district"]

    assert found == {
        "target_id": "target-district",
        "metric": "admissions",
        "basis": "resolution",
        "issuer_id": "district",
        "from": "2022-01-01",
        "to": "2022-12-31",
        "comparison": "at_least",
        "target": 4,
        "actual": 3,
        "attainment_percent": 75.0,
        "excess_percent": -25.0,
        "expected_to_date": 2.0,
        "remaining": 1,
        "status": "on_track",
    }


@pytest.mark.parametrize(
    ("admitted_", "as_of", "status"),
    [
        (0, "2022-06-30", "behind"),
        (3, "2022-06-30", "on_track"),
        (4, "2022-06-30", "attained"),
        (5, "2022-06-30", "exceeded"),
        (3, "2022-12-31", "missed"),
        (3, "2023-06-30", "missed"),
    ],
)
async def test_a_status_follows_from_the_actual_and_the_day(
    reporting: RunningReporting, admitted_: int, as_of: str, status: str
) -> None:
    await reporting.project(target("district", value=4), *admissions(admitted_))

    found = await rows(reporting, f"as_of={as_of}&from=2022-01-01&to=2022-12-31")

    assert found["target-district"]["status"] == status


async def test_a_flow_counts_its_own_period_up_to_as_of(reporting: RunningReporting) -> None:
    await reporting.project(
        target("district", value=4, from_="2022-04-01", to="2022-06-30"),
        *admissions(1, "2022-03-31"),
        *admissions(2, "2022-06-30"),
        *admissions(4, "2022-07-01"),
    )

    body = await reporting.get("district/attainment?as_of=2022-12-31")

    assert body["targets"][0]["actual"] == 2
    assert body["actuals"]["admissions"] == 7
    early = await reporting.get("district/attainment?as_of=2022-06-29")
    assert (early["targets"][0]["actual"], early["actuals"]["admissions"]) == (0, 1)


async def test_a_level_is_read_at_the_earlier_of_as_of_and_the_end(reporting: RunningReporting) -> None:
    await reporting.project(
        target("district", metric="members", value=10, to="2022-06-30"),
        balance("cell", "2022-01-01", 8),
        balance("cell", "2022-08-01", 5),
    )

    found = await rows(reporting, "as_of=2022-12-31")

    assert (found["target-district"]["actual"], found["target-district"]["status"]) == (8, "missed")


async def test_a_target_is_listed_from_its_day_and_while_its_period_overlaps(reporting: RunningReporting) -> None:
    await reporting.project(target("district", "2022-03-01"))

    assert await rows(reporting, "as_of=2022-02-28") == {}
    assert "target-district" in await rows(reporting, "as_of=2022-03-01")
    assert await rows(reporting, "as_of=2023-03-01") == {}
    assert "target-district" in await rows(reporting, "as_of=2023-03-01&from=2022-12-31&to=2023-12-31")
    assert await rows(reporting, "as_of=2022-12-31", "commune") == {}


async def test_actuals_stand_without_any_target(reporting: RunningReporting) -> None:
    await reporting.project(*admissions(2))

    body = await reporting.get("commune/attainment?as_of=2022-12-31")

    assert body["targets"] == []
    assert body["actuals"] == {
        "admissions": 2,
        "confirmations": 0,
        "candidates_identified": 2,
        "training_completions": 0,
        "organisations_founded": 0,
        "private_enterprise_organisations_founded": 0,
        "members": 2,
        "places_without_members": 0,
    }


async def test_places_count_whose_cell_has_no_members(reporting: RunningReporting) -> None:
    def place(name: str) -> dict[str, Any]:
        data = {"name": name, "kind": "village", "organisation_id": "commune", "tags": []}
        return event("PlaceRegistered", f"place/{name}", "2022-01-01", data)

    def covered(name: str, day: str, cell: str | None) -> dict[str, Any]:
        return event("PlaceCovered", f"place/{name}", day, {"cell_id": cell, "shared": False})

    await reporting.project(
        organisation("empty", parent="commune"),
        *(place(name) for name in ("uncovered", "covered", "by-nobody", "left")),
        covered("covered", "2022-01-02", "cell"),
        covered("by-nobody", "2022-01-02", "empty"),
        covered("left", "2022-01-02", "cell"),
        covered("left", "2022-06-01", None),
        balance("cell", "2022-02-01", 3),
    )

    async def without(day: str) -> int:
        body = await reporting.get(f"district/attainment?as_of={day}")
        found: int = body["actuals"]["places_without_members"]
        return found

    assert await without("2021-12-31") == 0
    assert await without("2022-01-31") == 4
    assert await without("2022-02-01") == 2
    assert await without("2022-06-01") == 3


async def test_children_have_their_own_targets(reporting: RunningReporting) -> None:
    await reporting.project(
        target("district", value=4),
        target("commune", value=2),
        *admissions(3),
        balance("district", "2022-01-01", 1),
    )

    body = await reporting.get("district/attainment?as_of=2022-12-31&by=child")

    assert [row["target_id"] for row in body["targets"]] == ["target-district"]
    (child,) = body["children"]
    assert [(row["target_id"], row["actual"]) for row in child["targets"]] == [("target-commune", 3)]
    assert body["own"]["targets"] == []
    assert body["own"]["actuals"]["members"] + child["actuals"]["members"] == body["actuals"]["members"] == 4
