"""Reporting: totals, structure and the parts of an answer."""

from typing import Any

from tests.given import admitted, balance, enrolled, event, identified, new_uuid, organisation, way_down
from tests.integration.reporting_given import RunningReporting

ANA, BAO, CHI = new_uuid(), new_uuid(), new_uuid()


def beginning() -> list[dict[str, Any]]:
    return [
        *way_down(),
        organisation("firm", "2022-06-01", kind="grassroots_cell", sector="private_enterprise", parent="district"),
    ]


async def test_counts_members_candidates_and_organisations_of_the_subtree(reporting: RunningReporting) -> None:
    await reporting.project(
        balance("cell", "2022-01-01", 40, 2),
        balance("firm", "2022-06-02", 3),
        identified(ANA, "2022-02-01"),
        identified(BAO, "2022-02-01"),
        event("CandidateListed", f"person/{BAO}", "2022-03-01"),
        identified(CHI, "2022-02-01"),
        admitted(CHI, "2022-05-01"),
    )

    found = await reporting.get("district/totals?as_of=2022-12-31")

    assert found["organisation"] == {
        "id": "district",
        "name": "Tổ chức district",
        "kind": "intermediate_committee",
    }
    assert found["members"] == {"total": 46, "official": 43, "probationary": 3}
    assert found["candidates"]["open"] == 2
    assert found["candidates"]["by_stage"]["identified"] == 1
    assert found["candidates"]["by_stage"]["listed"] == 1
    assert found["organisations"] == {
        "grassroots": 2,
        "grassroots_committees": 1,
        "grassroots_cells": 1,
        "cells_under_grassroots_committees": 1,
        "private_enterprise": 1,
    }


async def test_as_of_is_the_end_of_that_day(reporting: RunningReporting) -> None:
    await reporting.project(balance("cell", "2022-01-01", 40), enrolled(ANA, "2022-03-01"))

    assert await reporting.members("district?as_of=2021-12-31") == 0
    assert await reporting.members("district?as_of=2022-01-01") == 40
    assert await reporting.members("district?as_of=2022-02-28") == 40
    assert await reporting.members("district?as_of=2022-03-01") == 41


async def test_without_as_of_it_is_today(reporting: RunningReporting) -> None:
    await reporting.project(balance("cell", "2026-01-15", 1), balance("cell", "2026-01-16", 2))

    found = await reporting.get("district/totals")

    assert found["as_of"] == "2026-01-15"
    assert found["members"]["total"] == 1


async def test_children_and_own_sum_to_the_total(reporting: RunningReporting) -> None:
    await reporting.project(
        balance("cell", "2022-01-01", 40), balance("firm", "2022-06-02", 3), balance("district", "2022-01-01", 5)
    )

    found = await reporting.get("district/totals?as_of=2022-12-31&by=child")

    children = {child["organisation"]["id"]: child["members"]["total"] for child in found["children"]}
    assert children == {"commune": 40, "firm": 3}
    assert found["own"]["members"]["total"] == 5
    assert found["members"]["total"] == 48
    before = await reporting.get("district/totals?as_of=2022-05-31&by=child")
    assert [child["organisation"]["id"] for child in before["children"]] == ["commune"]


async def test_structure_counts_kinds_sectors_and_those_founded(reporting: RunningReporting) -> None:
    await reporting.project(event("OrganisationDissolved", "organisation/firm", "2022-11-01"))

    found = await reporting.get("district/structure?as_of=2022-10-31")
    after = await reporting.get("district/structure?as_of=2022-12-31")

    assert found["by_kind"] == {
        "provincial_committee": 0,
        "intermediate_committee": 1,
        "grassroots_committee": 1,
        "grassroots_cell": 1,
        "cell": 1,
    }
    assert found["by_sector"]["private_enterprise"] == 1
    assert found["founded"]["total"] == 1
    assert found["founded"]["by_sector"]["private_enterprise"] == 1
    assert found["ended"] == 0
    assert (after["by_kind"]["grassroots_cell"], after["founded"]["total"], after["ended"]) == (0, 1, 1)


async def test_an_organisation_that_is_not_active_yet_is_answered_with_nothing(
    reporting: RunningReporting,
) -> None:
    found = await reporting.get("firm/totals?as_of=2022-05-31")

    assert found["organisation"]["id"] == "firm"
    assert found["organisations"]["private_enterprise"] == 0


async def test_an_unknown_organisation_is_a_problem(reporting: RunningReporting) -> None:
    response = await reporting.ask("nowhere/totals", 404)

    assert response.headers["content-type"].startswith("application/problem+json")
    assert "nowhere" in response.json()["detail"]


async def test_search_finds_names_without_accents(reporting: RunningReporting) -> None:
    await reporting.project(
        event(
            "OrganisationEstablished",
            "organisation/x1",
            "2022-01-01",
            {
                "name": "Đảng bộ xã Mường Pồn",
                "kind": "grassroots_committee",
                "sector": "territorial",
                "parent_id": "district",
            },
        )
    )

    async def search(query: str) -> list[str]:
        response = await reporting.http.get(f"/v1/organisations?{query}")
        return [each["id"] for each in response.json()["organisations"]]

    assert await search("query=dang bo xa muong") == ["x1"]
    assert await search("query=MƯỜNG pồn") == ["x1"]
    assert await search("query=100%25") == []
    assert await search("parent=district") == ["x1", "commune", "firm"]
    assert await search("kind=cell") == ["cell"]
    assert await search("kind=cell&as_of=2019-12-31") == []


async def test_search_is_paged(reporting: RunningReporting) -> None:
    first = (await reporting.http.get("/v1/organisations?limit=3")).json()
    rest = (await reporting.http.get(f"/v1/organisations?limit=3&after={first['next']}")).json()

    found = [each["id"] for page in (first, rest) for each in page["organisations"]]
    assert sorted(found) == ["cell", "commune", "district", "firm", "root"]
    assert rest["next"] is None


async def test_organisations_stand_in_the_order_in_which_vietnamese_sorts_their_names(
    reporting: RunningReporting,
) -> None:
    in_order = ["Xã 2", "Xã 10", "Xã An", "Xã\u00a0ăn", "Xã Ân", "Xã Dũng", "Xã Đông"]
    for number, name in enumerate(reversed(in_order)):
        founding = organisation(f"named-{number}", parent="commune")
        founding["data"]["name"] = name
        await reporting.project(founding)

    found, after = [], ""
    while after is not None:
        page = (await reporting.http.get(f"/v1/organisations?query=xa&limit=2{after and '&after='}{after}")).json()
        found += [each["name"] for each in page["organisations"]]
        after = page["next"]
    assert found == in_order
    by_child = (await reporting.get("commune/totals?by=child"))["children"]
    children = [each["organisation"]["name"] for each in by_child]
    assert [name for name in children if name in in_order] == in_order


async def test_an_organisation_says_the_way_down_to_it(reporting: RunningReporting) -> None:
    found = await reporting.get("cell")

    assert [each["id"] for each in found["path"]] == ["root", "district", "commune"]
    assert found["active"] is True
    assert found["parent_id"] == "commune"
