"""Reporting: coverage of places, private enterprises, the cascade of targets, series and rankings."""

from typing import Any

import pytest

from tests.given import balance, corrected, event, organisation, root, target
from tests.integration.reporting_given import RunningReporting
from tests.integration.test_reporting_every_figure import covered, place

DAY = "as_of=2022-06-30"


def beginning() -> list[dict[str, Any]]:
    return [
        root(),
        organisation("commune", kind="grassroots_committee"),
        organisation("cell", parent="commune"),
        organisation("small", parent="commune"),
        organisation("empty", parent="commune"),
    ]


async def flags(reporting: RunningReporting, query: str) -> dict[str, tuple[int, list[str]]]:
    rows = (await reporting.get(f"root/coverage?{query}"))["places"]
    return {row["place"]["id"]: (row["members"], row["flags"]) for row in rows}


async def test_each_place_has_the_members_of_its_cell_balance_included(reporting: RunningReporting) -> None:
    await reporting.project(
        balance("cell", "2022-01-01", 5), balance("small", "2022-02-01", 1, 1),
        *(place(each) for each in ("a", "b", "c", "d", "e")),
        covered("a", "cell", shared=True), covered("b", "cell", shared=True), covered("c", "small"),
        covered("d", "empty"),
    )  # fmt: skip

    assert await flags(reporting, DAY) == {
        "d": (0, ["without_members", "fewer_than_3"]),
        "e": (0, ["uncovered", "without_members", "fewer_than_3"]),
        "c": (2, ["fewer_than_3"]),
        "a": (5, ["shared"]),
        "b": (5, ["shared"]),
    }
    body = await reporting.get(f"root/coverage?{DAY}")
    assert body["counts"] == {
        "total": 5, "uncovered": 1, "without_members": 2, "fewer_than_3": 3, "shared": 2,
    }  # fmt: skip
    actuals = (await reporting.get(f"root/attainment?{DAY}"))["actuals"]
    assert actuals["places_without_members"] == body["counts"]["without_members"]
    assert list(await flags(reporting, DAY + "&flag=shared")) == ["a", "b"]
    assert (await flags(reporting, "as_of=2022-01-31"))["c"] == (0, ["without_members", "fewer_than_3"])
    assert await flags(reporting, "as_of=2020-12-31") == {}


async def test_a_place_without_a_covering_cell_any_more_has_none(reporting: RunningReporting) -> None:
    await reporting.project(balance("cell", "2022-01-01", 5), place("a"), covered("a", "cell"))
    then = await reporting.project(balance("cell", "2022-01-01", 1))
    await reporting.project(covered("a", None, "2022-06-01", shared=True))

    # Whatever its source says of a cell that is none: it shares it with no other place.
    assert await flags(reporting, DAY) == {"a": (0, ["uncovered", "without_members", "fewer_than_3"])}
    assert (await reporting.get(f"root/coverage?{DAY}"))["counts"]["shared"] == 0
    assert (await flags(reporting, "as_of=2022-05-31"))["a"][0] == 6
    assert (await flags(reporting, f"{DAY}&known_at={then}"))["a"][0] == 6
    assert (await flags(reporting, f"{DAY}&known_at={then - 1}"))["a"][0] == 5


async def test_a_cell_that_has_ended_covers_no_place(reporting: RunningReporting) -> None:
    ends = event("OrganisationDissolved", "organisation/empty", "2022-06-01")
    before = await reporting.project(
        place("a"), place("b"), covered("a", "empty", shared=True), covered("b", "empty"),
    )  # fmt: skip
    dissolved = await reporting.project(ends)

    alone = (0, ["uncovered", "without_members", "fewer_than_3"])
    shared = (0, ["without_members", "fewer_than_3", "shared"])
    assert await flags(reporting, "as_of=2022-05-31") == {"a": shared, "b": shared}
    assert await flags(reporting, DAY) == {"a": alone, "b": alone}
    assert await flags(reporting, f"{DAY}&known_at={before}") == {"a": shared, "b": shared}
    opened = await reporting.get(f"root/evidence?measure=coverage.counts.uncovered&{DAY}")
    assert (opened["value"], {each["position"] for each in opened["events"]}) == (2, {dissolved})

    await reporting.project(corrected(ends, {"effectiveon": "2020-03-01"}))
    assert await flags(reporting, "as_of=2022-05-31") == {"a": alone, "b": alone}

    await reporting.project(corrected(ends, None))
    assert await flags(reporting, DAY) == {"a": shared, "b": shared}


async def test_cells_that_become_one_share_their_places(reporting: RunningReporting) -> None:
    await reporting.project(
        balance("cell", "2022-01-01", 5), balance("small", "2022-01-01", 2), place("a"), place("b"),
        covered("a", "cell"), covered("b", "small"),
        event("OrganisationsMerged", "organisation/cell", "2022-06-01", {"sources": ["small"], "targets": "keep"}),
    )  # fmt: skip

    assert await flags(reporting, DAY) == {"a": (7, ["shared"]), "b": (7, ["shared"])}
    assert await flags(reporting, "as_of=2022-05-31") == {"a": (5, []), "b": (2, ["fewer_than_3"])}


@pytest.mark.parametrize("by", ["", "&by=child"])
@pytest.mark.parametrize("report", ["coverage", "enterprise"])
async def test_lists_come_in_pages_that_hold_together(reporting: RunningReporting, report: str, by: str) -> None:
    kind = "private_enterprise" if report == "enterprise" else "village"
    lie_in = ("cell", "root", "beside", "small")
    await reporting.project(
        organisation("beside", "2021-01-01", kind="grassroots_cell"),
        *(place(f"{number:02}", lie_in[number % 4], kind=kind) for number in range(7)),
    )
    found, after = [], ""
    while after is not None:
        page = await reporting.get(f"root/{report}?{DAY}&limit=3{by}" + (f"&after={after}" if after else ""))
        rows = page["places" if report == "coverage" else "enterprises"]
        found += [row["place"]["id"] if report == "coverage" else row["id"] for row in rows]
        assert page["counts"]["total"] == 7
        after = page["next"]

    assert found == [f"{number:02}" for number in range(7)]


@pytest.mark.parametrize("after", ["x", "WyJhIiwiYiJd", "WzEsIiJd", "%00", "WzFlOTksImEiXQ=="])
async def test_a_cursor_that_is_none_is_a_problem(reporting: RunningReporting, after: str) -> None:
    assert "`next`" in (await reporting.ask(f"root/coverage?after={after}", 400)).json()["detail"]


async def test_an_organisation_could_be_founded_where_an_enterprise_has_three_members_and_none_yet(
    reporting: RunningReporting,
) -> None:
    await reporting.project(
        organisation("mill", kind="grassroots_cell", sector="private_enterprise", parent="root"),
        organisation("shop", kind="grassroots_cell", sector="private_enterprise", parent="root"),
        balance("mill", "2022-01-01", 4), balance("shop", "2022-01-01", 2), balance("cell", "2022-01-01", 3),
        *(place(each, kind="private_enterprise") for each in ("brickyard", "brewery", "quarry")),
        covered("brickyard", "cell"), covered("brewery", "small"), covered("quarry", "mill"),
    )  # fmt: skip

    body = await reporting.get(f"root/enterprise?{DAY}")

    assert body["counts"] == {"total": 5, "with_organisation": 3, "with_3_members": 3, "could_be_founded": 1}
    rows = [(row["id"], row["members"], row["has_organisation"], row["could_be_founded"])
            for row in body["enterprises"]]  # fmt: skip
    assert rows == [
        ("brickyard", 3, False, True), ("brewery", 0, False, False),
        ("mill", 4, True, False), ("quarry", 4, True, False), ("shop", 2, True, False),
    ]  # fmt: skip


async def cascaded(reporting: RunningReporting, path: str) -> list[tuple[Any, ...]]:
    rows = (await reporting.get(path))["targets"]
    names = ("basis", "target", "children_total", "difference", "children_without_target")
    return [tuple(row[name] for name in names) for row in rows]


async def test_the_cascade_compares_a_target_with_those_of_the_children(reporting: RunningReporting) -> None:
    before = await reporting.project(
        organisation("other", kind="grassroots_committee"),
        organisation("third", kind="grassroots_committee"),
        target("root", value=10),
        target("commune", issuer_id="root", value=6),
        target("other", issuer_id="root", value=7),
        target("other", target_id="own-idea", value=99),
        target("third", metric="confirmations", issuer_id="root"),
        target("root", target_id="self-set", basis="own", value=3),
    )
    revised = {"target_id": "target-other", "value": 2, "reason": "other"}
    after = await reporting.project(event("TargetRevised", "organisation/other", "2022-05-01", revised))

    query = "from=2022-01-01&to=2022-12-31&as_of="
    assert await cascaded(reporting, f"root/cascade?{query}2022-06-30") == [
        ("own", 3, 0, -3, 3),
        ("resolution", 10, 8, -2, 1),
    ]
    assert (await cascaded(reporting, f"root/cascade?{query}2022-04-30"))[1] == ("resolution", 10, 13, 3, 1)
    for known, total in ((before, 13), (after, 8)):
        found = await cascaded(reporting, f"root/cascade?{query}2022-06-30&known_at={known}")
        assert found[1][2] == total
    by_child = await reporting.get(f"root/cascade?{query}2022-06-30&by=child")
    of_commune = next(each for each in by_child["children"] if each["organisation"]["id"] == "commune")
    assert [(row["target"], row["children_without_target"]) for row in of_commune["targets"]] == [(6, 3)]


async def test_a_target_is_a_part_of_the_one_that_it_names_and_of_no_other(reporting: RunningReporting) -> None:
    halves = {"from_": "2022-01-01", "to": "2022-06-30"}
    next_year = {"from_": "2023-01-01", "to": "2023-12-31"}
    await reporting.project(
        organisation("other", kind="grassroots_committee"),
        organisation("third", kind="grassroots_committee"),
        target("root", target_id="resolved", value=10),
        target("root", target_id="given", basis="assigned", value=12),
        target("commune", target_id="a", basis="assigned", issuer_id="root", value=6, parent_target_id="resolved"),
        target("root", target_id="next", basis="assigned", value=1, **next_year),
        target("commune", target_id="e", basis="assigned", issuer_id="other", value=100, parent_target_id="next"),
        target("other", target_id="b", basis="assigned", issuer_id="root", value=3, parent_target_id="given"),
        target("third", target_id="c", basis="assigned", issuer_id="root", value=2, parent_target_id="unknown"),
        target("third", target_id="d", basis="own", value=50, parent_target_id="resolved", **halves),
    )

    query = "from=2022-01-01&to=2022-12-31&as_of=2022-12-31"
    assert await cascaded(reporting, f"root/cascade?{query}") == [
        ("assigned", 12, 5, -7, 1),
        ("resolution", 10, 6, -4, 2),
    ]

    withdrawn = {"target_id": "resolved", "reason": "other"}
    await reporting.project(event("TargetWithdrawn", "organisation/root", "2022-03-01", withdrawn))
    assert await cascaded(reporting, f"root/cascade?{query}") == [("assigned", 12, 11, -1, 0)]


async def test_on_the_tree_of_today_the_cascade_takes_what_was_taken_over(reporting: RunningReporting) -> None:
    await reporting.project(
        organisation("other", kind="grassroots_committee"),
        target("root", value=10),
        target("commune", issuer_id="root", value=6),
        target("other", issuer_id="root", value=7),
        event("OrganisationsMerged", "organisation/commune", "2023-01-01",
              {"sources": ["other"], "targets": "keep"}),
    )  # fmt: skip

    query = "from=2022-01-01&to=2022-12-31&as_of=2022-06-30"
    for hierarchy, children in (("as_was", {"commune", "other"}), ("current", {"commune"})):
        (row,) = (await reporting.get(f"root/cascade?{query}&hierarchy={hierarchy}"))["targets"]
        assert row["children_total"] == 13
        assert {each["organisation"]["id"] for each in row["children_targets"]} == children


async def test_children_are_ranked_and_equal_ones_share_a_rank(reporting: RunningReporting) -> None:
    await reporting.project(
        balance("cell", "2022-01-01", 5), balance("small", "2022-01-01", 5),
        organisation("big", parent="commune"), balance("big", "2022-01-01", 10),
    )  # fmt: skip

    rows = (await reporting.get(f"commune/ranking?{DAY}"))["ranking"]
    assert [(row["rank"], row["organisation"]["id"], row["value"], row["share_percent"]) for row in rows] == [
        (1, "big", 10, 50.0), (2, "cell", 5, 25.0), (2, "small", 5, 25.0), (4, "empty", 0, 0.0),
    ]  # fmt: skip
    rows = (await reporting.get(f"commune/ranking?{DAY}&order=asc"))["ranking"]
    assert [(row["rank"], row["organisation"]["id"]) for row in rows] == [
        (1, "empty"), (2, "cell"), (2, "small"), (4, "big"),
    ]  # fmt: skip


async def test_children_are_ranked_by_how_far_their_target_is(reporting: RunningReporting) -> None:
    await reporting.project(
        balance("cell", "2022-01-01", 6), balance("small", "2022-01-01", 4),
        target("cell", metric="members", value=12, issuer_id="commune"),
        target("cell", target_id="second", metric="members", value=1),
        target("small", metric="members", value=4, issuer_id="commune"),
        target("empty", metric="members", value=4, basis="own"),
    )  # fmt: skip

    query = f"measure=attainment_percent&metric=members&basis=resolution&{DAY}"
    rows = (await reporting.get(f"commune/ranking?{query}"))["ranking"]

    assert [(row["rank"], row["organisation"]["id"], row["value"]) for row in rows] == [
        (1, "small", 100.0), (2, "cell", 50.0), (None, "empty", None),
    ]  # fmt: skip
    rows = (await reporting.get(f"commune/ranking?{query}&issuer=cell"))["ranking"]
    assert (rows[0]["organisation"]["id"], rows[0]["value"]) == ("cell", 600.0)
    assert "attainment_percent" in (await reporting.ask("commune/ranking?metric=members", 400)).json()["detail"]


async def test_a_series_has_its_steps_by_the_calendar(reporting: RunningReporting) -> None:
    await reporting.project(balance("cell", "2022-01-01", 5), balance("cell", "2022-02-15", 1))

    async def points(query: str) -> list[tuple[str, str, int]]:
        found = (await reporting.get(f"root/timeseries?{query}"))["points"]
        return [(each["from"], each["to"], each["value"]) for each in found]

    period = "from=2022-01-20&to=2022-03-10&as_of=2022-12-31"
    assert await points(period) == [
        ("2022-01-20", "2022-01-31", 5), ("2022-02-01", "2022-02-28", 6), ("2022-03-01", "2022-03-10", 6),
    ]  # fmt: skip
    assert await points(period + "&step=year") == [("2022-01-20", "2022-03-10", 6)]
    assert len(await points(period + "&step=day")) == 50
    assert (await points(period + "&step=week"))[1] == ("2022-01-24", "2022-01-30", 5)
    assert await points("from=2023-01-01&to=2023-12-31&as_of=2022-12-31") == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("measure=members.all", "members.official"),
        ("measure=opening", "closing"),
        ("step=hour", "day or week"),
        ("step=day&from=2000-01-01", "at most 1000 points"),
        ("points=3", "parameters among"),
    ],
)
async def test_a_series_that_makes_no_sense_is_a_problem(
    reporting: RunningReporting, query: str, expected: str
) -> None:
    assert expected in (await reporting.ask(f"root/timeseries?{query}", 400)).json()["detail"]
