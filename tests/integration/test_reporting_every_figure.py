"""Reporting: every figure of every report is the sum of its events, or a short list says why not."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from services.reporting.api.offered import REPORTS
from services.reporting.projector import waymarks
from services.reporting.projector.running_sums import RunningSums
from services.reporting.reports import running, walks
from services.reporting.reports.made_of import FIGURES
from shared.timeline.person import STAGES
from tests.given import (
    admitted,
    balance,
    corrected,
    enrolled,
    event,
    identified,
    linked,
    merged,
    new_uuid,
    organisation,
    root,
    split,
    target,
)
from tests.integration.reporting_given import RunningReporting

NOT_ADDED_UP = {
    "residual": "what is left when all other figures of the movements are taken together",
    "attainment.targets": "an actual is a figure of its target's period: asked for with that period, see below",
    "cascade": "targets are said, not counted; the inputs are listed as children_targets",
    "ranking": "each value is a figure of a child, see below",
    "timeseries": "each point is a figure of its own days, see below",
    "restatement": "differences have events of their own, see test_reporting_restatement.py",
    "profile": "groups of sensitive attributes: evidence would tell who is in them",
    **{
        f"days.{stage}.{figure}": "made of the `days` that the events behind its count say"
        for stage in STAGES
        for figure in ("median", "p90")
    },
    "at_least": "what was asked for",
}
"""Reports and figures without evidence, each with its reason; what is not here must have it."""

NOT_OF_CHILDREN = NOT_ADDED_UP.keys() - {"residual"}
RECORDED = 43
"""How many of the facts are known at the moment that restatements compare with: about half."""

HEAD = ("organisation", "as_of", "known_at", "hierarchy", "next")
YEAR = "as_of=2022-11-30&from=2022-01-01&to=2022-12-31"
ANH, BINH, CHI, DUNG, EM, GIANG = (new_uuid() for _ in range(6))


def place(place_id: str, organisation_id: str = "commune", kind: str = "village") -> dict[str, Any]:
    data = {"name": f"Bản {place_id}", "kind": kind, "organisation_id": organisation_id}
    return event("PlaceRegistered", f"place/{place_id}", "2021-01-01", data)


def covered(place_id: str, cell: str | None, day: str = "2021-02-01", *, shared: bool = False) -> dict[str, Any]:
    return event("PlaceCovered", f"place/{place_id}", day, {"cell_id": cell, "shared": shared})


def watched() -> list[dict[str, Any]]:
    """Deadlines kept, missed and open, reports in and not, certificates used and not."""

    def said(person: str, name: str, day: str, **data: Any) -> dict[str, Any]:
        return event(name, f"person/{person}", day, data)

    def trained(person: str, day: str, issued_on: str) -> dict[str, Any]:
        return said(person, "TrainingCompleted", day, certificate_ref="C-1", issued_on=issued_on)

    vote = {"purpose": "admission", "level": "cell", "eligible": 9, "in_favour": 9, "round": 1}
    decision = {"purpose": "admission", "outcome": "approved", "decision_ref": "QD-1", "decided_on": "2022-03-01"}
    report = {"mentor_id": DUNG, "period_from": "2022-04-01", "rating": "good"}
    return [
        said(ANH, "CandidateListed", "2022-01-10"),
        said(ANH, "MentorAssigned", "2022-01-20", mentor_id=DUNG, role="mentor"),
        said(ANH, "VoteHeld", "2022-02-01", **vote),
        said(ANH, "DecisionIssued", "2022-03-01", **decision, received_on="2022-03-02"),
        said(ANH, "MentorReportSubmitted", "2022-07-01", **report, period_to="2022-06-30"),
        said(ANH, "MentorReportSubmitted", "2022-10-20", **report, period_to="2022-09-30"),
        said(BINH, "CandidateListed", "2022-02-01"),
        said(BINH, "MentorAssigned", "2022-03-15", mentor_id=DUNG, role="overseer"),
        said(BINH, "VoteHeld", "2022-04-01", **vote),
        trained(BINH, "2022-04-01", "2017-08-15"),
        trained(CHI, "2022-06-20", "2018-01-10"),
        said(CHI, "CandidateListed", "2022-11-15"),
        said(ANH, "TransferInitiated", "2022-09-20", **{"from": "cell-2", "to": "school", "kind": "temporary"}),
    ]


def history() -> list[dict[str, Any]]:
    """Made up: a merger, a split, a link, a correction, a move in the tree, places and an enterprise."""
    late = balance("cell-2", "2022-02-01", 4)
    return [
        root(),
        organisation("district", kind="intermediate_committee"),
        organisation("commune", kind="grassroots_committee", parent="district"),
        organisation("cell", parent="commune"),
        organisation("cell-2", parent="commune"),
        organisation("emptied", parent="commune"),
        organisation("elsewhere", kind="intermediate_committee"),
        organisation(
            "factory", "2022-03-01", kind="grassroots_cell", sector="private_enterprise", parent="district"
        ),
        organisation("school", kind="grassroots_cell", sector="education", parent="elsewhere"),
        balance("cell", "2022-01-01", 7, 2),
        late,
        balance("factory", "2022-04-01", 5),
        balance("school", "2021-01-01", 9),
        *(place(f"ban-{number}") for number in range(1, 6)),
        covered("ban-1", "cell"),
        covered("ban-2", "cell-2", shared=True),
        covered("ban-3", "cell-2", shared=True),
        covered("ban-4", "emptied"),
        place("mill", kind="private_enterprise"),
        covered("mill", "cell"),
        identified(ANH, "2022-01-05"),
        identified(BINH, "2022-01-05", "cell-2"),
        identified(CHI, "2022-06-01"),
        admitted(ANH, "2022-05-01"),
        enrolled(DUNG, "2022-02-01", "cell-2"),
        enrolled(GIANG, "2022-02-01", "cell-2"),
        *watched(),
        linked(DUNG, GIANG, "2022-08-01"),
        split("cell", "2022-09-01", **{"cell-2": [ANH]}),
        merged("cell", "2022-10-01", "emptied"),
        event("OrganisationReparented", "organisation/school", "2022-07-01", {"parent_id": "district"}),
        corrected(late, {"data": {"as_of": "2022-02-01", "official": 6, "probationary": 0}}),
        target("district", issuer_id="district"),
        target("commune", issuer_id="district", value=4),
    ]


def beginning() -> list[dict[str, Any]]:
    return history()


def figures(body: Any, path: str = "") -> Iterator[tuple[str, int]]:
    """Dotted path and figure, of all whole numbers of a body that are not in a list."""
    if isinstance(body, int) and not isinstance(body, bool):
        yield path, body
    elif isinstance(body, dict):
        for key, inner in body.items():
            yield from figures(inner, f"{path}.{key}" if path else key)


async def added_up(reporting: RunningReporting, organisation_id: str, query: str) -> tuple[int, int]:
    """The value that evidence says, and the sum over all pages of it."""
    changes, after, value = 0, 0, 0
    while after is not None:
        page = await reporting.get(f"{organisation_id}/evidence?{query}&limit=3&after={after}")
        value = page["value"]
        changes += sum(each["change"] for each in page["events"])
        after = page["next"]
    return value, changes


@pytest.mark.parametrize("hierarchy", ["as_was", "current"])
async def test_every_figure_is_the_sum_of_its_events(reporting: RunningReporting, hierarchy: str) -> None:
    for report in REPORTS:
        if report not in NOT_ADDED_UP:
            await figures_add_up(reporting, report, hierarchy)


@pytest.mark.parametrize("hierarchy", ["as_was", "current"])
async def test_events_that_are_walked_to_in_log_order_add_up_too(
    reporting: RunningReporting, hierarchy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "VAST", 0)
    monkeypatch.setattr(waymarks, "BLOCK", 4)
    monkeypatch.setattr(walks, "AT_FIRST", 2)
    monkeypatch.setattr(walks, "STEPS_AT_FIRST", 2)
    await RunningSums(reporting.service.engine, least_below=1, least_large=1).catch_up()
    await reporting.service.waymarks.catch_up()

    for report in ("timeliness", "mentoring", "training", "funnel", "retention"):
        await figures_add_up(reporting, report, hierarchy)


async def figures_add_up(reporting: RunningReporting, report: str, hierarchy: str) -> None:
    compared = 0
    for asked in ("district", "commune"):
        body = await reporting.get(f"{asked}/{report}?{YEAR}&hierarchy={hierarchy}")
        for path, figure in figures({key: inner for key, inner in body.items() if key not in HEAD}):
            if path in NOT_ADDED_UP:
                continue
            query = f"measure={report}.{path}&{YEAR}&hierarchy={hierarchy}"
            assert await added_up(reporting, asked, query) == (figure, figure), (asked, path)
            compared += figure != 0
    assert compared >= 2, report  # figures that are not 0, or the test would show nothing


def later() -> list[dict[str, Any]]:
    """Made up: what becomes known after all that, and says of the past that it was otherwise."""
    listed = event("CandidateListed", f"person/{EM}", "2022-03-10", {})
    return [
        identified(EM, "2022-02-10", "cell-2"),
        listed,
        admitted(EM, "2022-10-20", "cell-2"),
        event("MembershipEnded", f"person/{EM}", "2022-11-10", {"reason": "resigned"}),
        corrected(listed, {"effectiveon": "2022-04-10"}),
        event("MentorReleased", f"person/{BINH}", "2022-11-01", {"mentor_id": DUNG, "reason": "mentor_replaced"}),
        event("CandidateClosed", f"person/{CHI}", "2022-11-20", {"reason": "withdrew"}),
        balance("emptied", "2022-05-01", 3),
        place("ban-6"),
        covered("ban-5", "cell", "2022-03-01"),
        organisation(
            "workshop", "2022-06-01", kind="grassroots_cell", sector="private_enterprise", parent="district"
        ),
    ]


@pytest.mark.parametrize("hierarchy", ["as_was", "current"])
async def test_every_difference_of_every_figure_is_the_sum_of_its_events(
    reporting: RunningReporting, hierarchy: str
) -> None:
    whole = reporting.position
    await reporting.project(*later())

    for since in (RECORDED, whole):
        for report in FIGURES:
            await differences_add_up(reporting, report, f"{YEAR}&hierarchy={hierarchy}", since)


async def differences_add_up(reporting: RunningReporting, report: str, query: str, since: int) -> None:
    then = dict(figures(await reporting.get(f"district/{report}?{query}&known_at={since}")))
    now = dict(figures(await reporting.get(f"district/{report}?{query}")))
    body = await reporting.get(f"district/restatement?{query}&since={since}&report={report}&limit=1000")
    restated = {figure["measure"].removeprefix(f"{report}."): figure for figure in body["figures"]}
    for path in now:
        if path.partition(".")[0] in HEAD or path in NOT_ADDED_UP or (report == "profile" and path != "admitted"):
            continue
        figure = restated[path]
        assert (figure["then"], figure["now"]) == (then.get(path, 0), now[path]), (report, path)
        assert sum(each["change"] for each in figure["events"]) == now[path] - then.get(path, 0), (report, figure)
    assert any(figure["difference"] for figure in restated.values()), report  # or it would show nothing


@pytest.mark.parametrize("hierarchy", ["as_was", "current"])
async def test_a_targets_actual_is_the_sum_of_the_events_of_its_period(
    reporting: RunningReporting, hierarchy: str
) -> None:
    body = await reporting.get(f"district/attainment?{YEAR}&hierarchy={hierarchy}")

    for each in body["targets"]:
        query = f"measure=actuals.{each['metric']}&as_of=2022-11-30&from={each['from']}&to={each['to']}"
        expected = (each["actual"], each["actual"])
        assert await added_up(reporting, "district", f"{query}&hierarchy={hierarchy}") == expected
    assert [each["actual"] for each in body["targets"]] == [1]


SERIES = (
    "members.total", "candidates.open", "organisations.grassroots", "movements.closing", "by_sector.education",
    "actuals.admissions", "actuals.candidates_identified", "movements.reorganised_in", "movements.linked",
    "movements.declared", "founded.total", "actuals.members", "actuals.places_without_members",
    "coverage.counts.fewer_than_3", "coverage.counts.shared", "enterprise.counts.total",
    "timeliness.all.missed", "timeliness.all.open", "timeliness.deadlines.mentor_assignment.late",
    "mentoring.reports.due", "mentoring.reports.in", "mentoring.without_mentor.candidates",
    "mentoring.load.mentors", "training.certificates.valid", "training.completions",
)  # fmt: skip


@pytest.mark.parametrize("hierarchy", ["as_was", "current"])
async def test_every_point_of_a_series_is_the_sum_of_the_events_of_its_days(
    reporting: RunningReporting, hierarchy: str
) -> None:
    for measure in SERIES:
        await points_add_up(reporting, measure, hierarchy)


async def points_add_up(reporting: RunningReporting, measure: str, hierarchy: str) -> None:
    query = f"measure={measure}&from=2022-01-10&to=2022-12-31&as_of=2022-11-15&hierarchy={hierarchy}"
    series = (await reporting.get(f"district/timeseries?{query}"))["points"]

    assert len(series) == 11
    assert (series[0]["from"], series[-1]["to"]) == ("2022-01-10", "2022-11-15")
    for point in series:
        days = f"as_of={point['to']}&from={point['from']}&to={point['to']}"
        expected = (point["value"], point["value"])
        found = await added_up(reporting, "district", f"measure={measure}&{days}&hierarchy={hierarchy}")
        assert found == expected, point
    # On the tree of today the school was always there.
    assert any(point["value"] for point in series) or (measure, hierarchy) == (
        "movements.reorganised_in",
        "current",
    )


@pytest.mark.parametrize("hierarchy", ["as_was", "current"])
async def test_every_value_of_a_ranking_is_the_sum_of_the_childs_events(
    reporting: RunningReporting, hierarchy: str
) -> None:
    measures = ("members.total", "actuals.admissions", "coverage.counts.total", "timeliness.all.due")
    for asked, measure in itertools.product(("root", "district", "commune"), measures):
        rows = (await reporting.get(f"{asked}/ranking?measure={measure}&{YEAR}&hierarchy={hierarchy}"))["ranking"]
        assert len(rows) >= 2
        for row in rows:
            query = f"measure={measure}&{YEAR}&hierarchy={hierarchy}"
            found = await added_up(reporting, row["organisation"]["id"], query)
            assert found == (row["value"], row["value"]), row


@pytest.mark.parametrize("hierarchy", ["as_was", "current"])
async def test_children_and_the_rest_add_up_to_the_whole(reporting: RunningReporting, hierarchy: str) -> None:
    for report in (
        "coverage", "enterprise", "timeseries", "totals", "movements", "funnel", "blocked", "retention",
        "timeliness", "mentoring", "training",
    ):  # fmt: skip
        await children_add_up(reporting, report, hierarchy)


async def children_add_up(reporting: RunningReporting, report: str, hierarchy: str) -> None:
    body = await reporting.get(f"district/{report}?{YEAR}&hierarchy={hierarchy}&by=child")
    if report == "timeseries":
        parts = [body, *body["children"], body["own"]]
        whole, *rest = ([point["value"] for point in part["points"]] for part in parts)
        assert [sum(each) for each in zip(*rest, strict=True)] == whole
        return
    whole = {key: inner for key, inner in body.items() if key not in ("children", "own")}
    parts = [
        {path: figure for path, figure in figures(each) if path.partition(".")[0] not in HEAD}
        for each in (whole, *body["children"], body["own"])
    ]
    # What crosses only the border between two children is no movement of the whole.
    additive = [
        path
        for path in parts[0]
        # A mentor who has charges in two children is one.
        if not path.startswith(("reorganised", "transferred", "load.")) and path not in NOT_OF_CHILDREN
    ]
    assert len(additive) >= 4
    for path in additive:
        assert sum(part.get(path, 0) for part in parts[1:]) == parts[0][path], path
