"""`blocked`: cells that have candidates and admitted nobody in twelve months, and where their candidates wait."""

from typing import Any

import pytest

from tests.given import admitted, event, identified, merged, new_uuid, organisation, root
from tests.integration.reporting_given import RunningReporting
from tests.integration.test_reporting_funnel import listed, moved

DAY = "as_of=2022-11-30"


def beginning() -> list[dict[str, Any]]:
    return [
        root(),
        organisation("commune", kind="grassroots_committee"),
        organisation("cell", parent="commune"),
        organisation("cell-2", parent="commune"),
        organisation("alone", kind="grassroots_cell"),
    ]


async def blocked(reporting: RunningReporting, query: str = DAY, asked: str = "root") -> Any:
    return await reporting.get(f"{asked}/blocked?{query}")


async def waiting(reporting: RunningReporting, number: int, day: str, organisation_id: str = "cell") -> list[str]:
    persons = [new_uuid() for _ in range(number)]
    await reporting.project(*(identified(person, day, organisation_id) for person in persons))
    return persons


async def test_a_cell_is_blocked_until_it_admits_and_again_twelve_months_later(
    reporting: RunningReporting,
) -> None:
    first, *_ = await waiting(reporting, 2, "2020-01-01")
    await reporting.project(admitted(first, "2021-11-30"))

    admitting = await blocked(reporting, "as_of=2022-11-29")
    found = await blocked(reporting, DAY)

    assert (admitting["no_admission_since"], admitting["counts"]["blocked"]) == ("2021-11-30", 0)
    assert found["no_admission_since"] == "2021-12-01"
    assert found["counts"] == {"cells": 3, "with_candidates": 1, "blocked": 1, "candidates": 1}
    assert [(each["organisation"]["id"], each["last_admission"]) for each in found["cells"]] == [
        ("cell", "2021-11-30")
    ]


async def test_the_stage_at_which_most_wait_is_told_with_their_days(reporting: RunningReporting) -> None:
    persons = await waiting(reporting, 5, "2022-01-01")
    await reporting.project(
        *(
            listed(person, day)
            for person, day in zip(persons, ("2022-11-01", "2022-11-20", "2022-06-01"), strict=False)
        )
    )

    (cell,) = (await blocked(reporting))["cells"]

    assert (cell["stage"], cell["at_stage"], cell["open"]) == ("listed", 3, 5)
    assert (cell["median_days"], cell["longest_days"]) == (29, 182)
    assert (cell["by_stage"]["identified"], cell["by_stage"]["listed"]) == (2, 3)
    assert cell["parent"] == {"id": "commune", "name": "Tổ chức commune"}


async def test_who_came_from_elsewhere_waits_since_the_milestone_and_not_since_the_move(
    reporting: RunningReporting,
) -> None:
    (person,) = await waiting(reporting, 1, "2022-11-01", "cell-2")
    await reporting.project(moved(person, "2022-11-20", "cell"))

    (cell,) = (await blocked(reporting))["cells"]

    assert (cell["organisation"]["id"], cell["longest_days"]) == ("cell", 29)


async def test_only_cells_with_enough_candidates_are_listed_and_counted(reporting: RunningReporting) -> None:
    await waiting(reporting, 1, "2022-01-01")
    await waiting(reporting, 3, "2022-01-01", "alone")

    found = await blocked(reporting, f"{DAY}&at_least=3")

    assert found["at_least"] == 3
    assert found["counts"] == {"cells": 3, "with_candidates": 1, "blocked": 1, "candidates": 3}
    evidence = await reporting.get(f"root/evidence?measure=blocked.counts.candidates&at_least=3&{DAY}")
    assert (evidence["value"], sum(each["change"] for each in evidence["events"])) == (3, 3)
    for wrong in ("0", "1001", "x", "-1"):
        await reporting.ask(f"root/blocked?at_least={wrong}", 400)


@pytest.mark.parametrize("by", ["", "&by=child"])
async def test_pages_list_each_cell_once_the_most_candidates_first(reporting: RunningReporting, by: str) -> None:
    for number, at in enumerate(("cell-2", "alone", "cell"), 1):
        await waiting(reporting, number % 3 + 1, "2022-01-01", at)

    found, after = [], ""
    while after is not None:
        page = await blocked(reporting, f"{DAY}&limit=1{by}" + (f"&after={after}" if after else ""))
        assert page["counts"]["blocked"] == 3
        found += [(each["organisation"]["id"], each["open"]) for each in page["cells"]]
        after = page["next"]

    assert found == [("alone", 3), ("cell-2", 2), ("cell", 1)]


async def test_a_survivor_has_the_candidates_at_once_and_admissions_from_then_on(
    reporting: RunningReporting,
) -> None:
    (person,) = await waiting(reporting, 1, "2022-01-01", "cell-2")
    candidate, _ = await waiting(reporting, 2, "2022-01-01")
    await reporting.project(admitted(candidate, "2022-05-01"), merged("alone", "2022-06-01", "cell", "cell-2"))
    merging = await blocked(reporting)
    await reporting.project(admitted(person, "2022-07-01", "alone"))

    after = await blocked(reporting)

    assert [(each["organisation"]["id"], each["open"]) for each in merging["cells"]] == [("alone", 2)]
    assert merging["counts"]["cells"] == 1
    assert after["cells"] == []


async def test_children_have_lists_of_their_own(reporting: RunningReporting) -> None:
    await waiting(reporting, 2, "2022-01-01")
    await waiting(reporting, 1, "2022-01-01", "alone")

    body = await blocked(reporting, f"{DAY}&by=child")

    listed_in = {
        child["organisation"]["id"]: [each["organisation"]["id"] for each in child["cells"]]
        for child in body["children"]
    }
    assert listed_in == {"commune": ["cell"], "alone": ["alone"]}
    assert [each["organisation"]["id"] for each in body["cells"]] == ["cell", "alone"]


async def test_who_is_above_the_asked_organisation_is_not_told(reporting: RunningReporting) -> None:
    await waiting(reporting, 1, "2022-01-01")
    elsewhere = {"parent_id": "root"}
    await reporting.project(event("OrganisationReparented", "organisation/cell", "2022-12-01", elsewhere))

    own = (await blocked(reporting, asked="cell"))["cells"]
    of_commune = (await blocked(reporting, asked="commune"))["cells"]

    assert [each["parent"] for each in own] == [None]
    assert [each["parent"]["id"] for each in of_commune] == ["commune"]
