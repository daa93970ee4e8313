"""Reporting: movements reconcile, whatever crosses the boundary and on whichever tree."""

from typing import Any

import pytest

from services.reporting.projector.running_sums import RunningSums
from tests.given import admitted, balance, corrected, enrolled, event, identified, new_uuid, organisation, root
from tests.integration.reporting_given import RunningReporting

ANA, BAO, CHI = new_uuid(), new_uuid(), new_uuid()
YEAR = "from=2022-01-01&to=2022-12-31&as_of=2022-12-31"


def beginning() -> list[dict[str, Any]]:
    return [
        root(),
        organisation("north", kind="intermediate_committee"),
        organisation("south", kind="intermediate_committee"),
        *(organisation(f"{side}-{number}", parent=side) for side in ("north", "south") for number in (1, 2)),
        *(balance(f"{side}-1", "2021-01-01", 10) for side in ("north", "south")),
        enrolled(ANA, "2021-06-01", "north-1"),
        enrolled(BAO, "2021-06-01", "north-1"),
    ]


def transfer(person: str, day: str, origin: str, to: str) -> list[dict[str, Any]]:
    data = {"from": origin, "to": to, "kind": "official"}
    accepted = {"organisation_id": to, "presented_on": day}
    return [
        event("TransferInitiated", f"person/{person}", day, data, time=f"{day}T08:00:00+07:00"),
        event("TransferAccepted", f"person/{person}", day, accepted),
    ]


def moved(body: dict[str, Any]) -> dict[str, int]:
    """The movements that are not 0."""
    return {
        name: amount
        for name, amount in body.items()
        if isinstance(amount, int) and amount and name not in ("opening", "closing")
    }


async def test_each_reason_is_told(reporting: RunningReporting) -> None:
    await reporting.project(
        balance("north-2", "2022-01-01", 4),
        identified(CHI, "2022-01-05", "north-1"),
        admitted(CHI, "2022-02-01", "north-1"),
        enrolled(new_uuid(), "2022-03-01", "north-1"),
        event("MembershipEnded", f"person/{BAO}", "2022-04-01", {"reason": "deceased"}),
    )

    found = await reporting.get(f"north/movements?{YEAR}")

    assert (found["opening"], found["closing"]) == (12, 17)
    assert moved(found) == {"declared": 4, "admitted": 1, "enrolled": 1, "ended": 1}


async def test_a_transfer_counts_where_it_crosses_the_boundary(reporting: RunningReporting) -> None:
    await reporting.project(
        *transfer(ANA, "2022-05-01", "north-1", "north-2"), *transfer(BAO, "2022-05-01", "north-1", "south-2")
    )

    assert moved(await reporting.get(f"north/movements?{YEAR}")) == {"transferred_out": 1}
    assert moved(await reporting.get(f"south/movements?{YEAR}")) == {"transferred_in": 1}
    assert moved(await reporting.get(f"root/movements?{YEAR}")) == {}
    assert moved(await reporting.get(f"north-1/movements?{YEAR}")) == {"transferred_out": 2}
    assert moved(await reporting.get(f"north-2/movements?{YEAR}")) == {"transferred_in": 1}


async def test_leaving_for_elsewhere_is_a_transfer_and_no_end(reporting: RunningReporting) -> None:
    await reporting.project(event("MembershipEnded", f"person/{BAO}", "2022-04-01", {"reason": "transferred_out"}))

    assert moved(await reporting.get(f"root/movements?{YEAR}")) == {"transferred_out": 1}


async def test_a_period_that_has_not_begun_closes_as_it_opens(reporting: RunningReporting) -> None:
    found = await reporting.get("north/movements?from=2023-01-01&to=2023-12-31&as_of=2022-06-30")

    assert found["opening"] == found["closing"] == 12
    assert found["residual"] == 0


async def test_an_organisation_that_goes_over_takes_its_members_along(reporting: RunningReporting) -> None:
    await reporting.project(
        balance("north-2", "2022-01-01", 4),
        event("OrganisationDissolved", "organisation/north", "2022-07-01", {"successor_id": "south"}),
    )

    north = await reporting.get(f"north/movements?{YEAR}")
    south = await reporting.get(f"south/movements?{YEAR}")

    assert (north["opening"], north["closing"], moved(north)) == (12, 0, {"declared": 4, "reorganised_out": 16})
    assert (south["opening"], south["closing"], moved(south)) == (10, 26, {"reorganised_in": 16})
    whole = await reporting.get(f"root/movements?{YEAR}")
    assert (whole["opening"], whole["closing"], moved(whole)) == (22, 26, {"declared": 4})
    on_the_day = await reporting.get("south/movements?from=2022-07-01&to=2022-12-31&as_of=2022-12-31")
    assert (on_the_day["opening"], moved(on_the_day)) == (10, {"reorganised_in": 16})


async def test_on_the_tree_of_today_nothing_was_reorganised(reporting: RunningReporting) -> None:
    await reporting.project(
        balance("north", "2022-01-01", 4),
        event("OrganisationDissolved", "organisation/north", "2022-07-01", {"successor_id": "south"}),
    )

    found = await reporting.get(f"south/movements?{YEAR}&hierarchy=current")

    assert (found["opening"], found["closing"], moved(found)) == (22, 26, {"declared": 4})


async def test_children_reconcile_one_by_one(reporting: RunningReporting) -> None:
    await reporting.project(
        *transfer(ANA, "2022-05-01", "north-1", "south-2"),
        balance("root", "2022-03-01", 2),
        event("OrganisationDissolved", "organisation/south-2", "2022-08-01", {"successor_id": "north-2"}),
    )

    found = await reporting.get(f"root/movements?{YEAR}&by=child")

    parts = {child["organisation"]["id"]: child for child in found["children"]} | {"own": found["own"]}
    assert all(part["residual"] == 0 for part in parts.values())
    assert sum(part["closing"] for part in parts.values()) == found["closing"] == 24
    assert moved(parts["north"]) == {"transferred_out": 1, "reorganised_in": 1}
    assert moved(parts["south"]) == {"transferred_in": 1, "reorganised_out": 1}
    assert moved(parts["own"]) == {"declared": 2}


async def test_what_was_reorganised_has_its_events(reporting: RunningReporting) -> None:
    await reporting.project(
        event("OrganisationDissolved", "organisation/north", "2022-07-01", {"successor_id": "south"})
    )

    found = await reporting.get(f"south/evidence?measure=movements.reorganised_in&{YEAR}")

    assert found["value"] == 12
    assert sum(each["change"] for each in found["events"]) == 12


@pytest.mark.parametrize("summed", [False, True])
async def test_who_was_there_before_a_founding_that_is_corrected_comes_with_it(
    reporting: RunningReporting, summed: bool
) -> None:
    founded = organisation("north-3", "2022-02-01", parent="north")
    await reporting.project(founded, enrolled(CHI, "2022-03-01", "north-3"))
    if summed:
        await RunningSums(reporting.service.engine, least_below=0).catch_up()

    await reporting.project(corrected(founded, {"effectiveon": "2022-06-01"}))

    if summed:
        await RunningSums(reporting.service.engine, least_below=0).catch_up()
    for organisation_id in ("north-3", "north"):
        found = await reporting.get(f"{organisation_id}/movements?{YEAR}")
        assert moved(found) == {"reorganised_in": 1}
        found = await reporting.get(f"{organisation_id}/movements?{YEAR}&by=child")
        assert moved(found) == {"reorganised_in": 1}


async def test_who_is_left_where_an_organisation_has_ended_shows_as_residual(reporting: RunningReporting) -> None:
    await reporting.project(event("OrganisationDissolved", "organisation/north-2", "2022-06-01"))
    # It arrives late: on its day the organisation was there, and when it ended nobody was known to be left.
    await reporting.project(enrolled(CHI, "2022-03-01", "north-2"))

    found = await reporting.get(f"north-2/movements?{YEAR}")

    assert (found["opening"], found["closing"]) == (0, 0)
    assert moved(found) == {"enrolled": 1, "residual": -1}
