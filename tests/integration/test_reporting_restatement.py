"""Reporting: a restatement explains why a figure is not the one reported before, event by event."""

from typing import Any

import pytest

from tests.given import (
    admitted,
    balance,
    corrected,
    enrolled,
    event,
    identified,
    merged,
    new_uuid,
    organisation,
    root,
    target,
)
from tests.integration.reporting_given import RunningReporting
from tests.integration.test_reporting_every_figure import covered, place

YEAR = "as_of=2022-12-31&from=2022-01-01&to=2022-12-31"
ANH, BINH, CHI = (new_uuid() for _ in range(3))
LATE = balance("cell", "2022-02-01", 4)


def beginning() -> list[dict[str, Any]]:
    return [
        root(),
        organisation("district", kind="intermediate_committee"),
        organisation("cell", parent="district"),
        organisation("other", kind="intermediate_committee"),
        organisation("moving", parent="other"),
        balance("cell", "2022-01-01", 5),
        balance("moving", "2022-01-01", 3),
        LATE,
        place("a", "district"),
        identified(ANH, "2022-01-10"),
    ]


def said(person: str, name: str, day: str, **data: Any) -> dict[str, Any]:
    return event(name, f"person/{person}", day, data)


async def restated(reporting: RunningReporting, path: str) -> dict[str, dict[str, Any]]:
    """Figure → its restatement, of those that changed, each checked against its events."""
    body = await reporting.get(path)
    found = {}
    for figure in body["figures"]:
        assert figure["difference"] == figure["now"] - figure["then"]
        assert figure["difference"] == sum(each["change"] for each in figure["events"]), figure
        if figure["difference"]:
            found[figure["measure"]] = figure
    return found


@pytest.mark.parametrize("hierarchy", ["as_was", "current"])
async def test_what_was_recorded_since_explains_every_difference(
    reporting: RunningReporting, hierarchy: str
) -> None:
    since = reporting.position
    events = [
        admitted(ANH, "2022-06-01"),
        corrected(LATE, None),
        enrolled(BINH, "2022-03-01"),
        covered("a", "cell", "2022-03-01"),
        event("OrganisationReparented", "organisation/moving", "2022-07-01", {"parent_id": "district"}),
        merged("cell", "2022-09-01", "moving"),
    ]
    await reporting.project_one_by_one(*events)

    found = await restated(reporting, f"district/restatement?{YEAR}&since={since}&hierarchy={hierarchy}")

    for report in ("totals", "attainment", "movements"):
        then = await reporting.get(f"district/{report}?{YEAR}&known_at={since}&hierarchy={hierarchy}")
        now = await reporting.get(f"district/{report}?{YEAR}&hierarchy={hierarchy}")
        for path, figure in found.items():
            name, *steps = path.split(".")
            if name == report:
                was, is_ = then, now
                for step in steps:
                    was, is_ = was[step], is_[step]
                assert (figure["then"], figure["now"]) == (was, is_), path
    members = found["totals.members.total"]
    assert (members["then"], members["now"]) == (9, 10)
    because = {(each["type"], each["change"], each["because"]) for each in members["events"]}
    assert because == {
        ("MemberAdmitted.v1", 1, "recorded"),
        ("FactCorrected.v1", -4, "recorded"),
        ("MemberEnrolled.v1", 1, "recorded"),
        ("OpeningBalanceDeclared.v1", 3, "moved"),
    }
    assert found["attainment.actuals.places_without_members"]["difference"] == -1
    body = await reporting.get(f"district/restatement?{YEAR}&since={since}&hierarchy={hierarchy}")
    assert [each["type"] for each in body["reorganisations"]] == [
        "OrganisationReparented.v1",
        "OrganisationsMerged.v1",
    ]


async def because(reporting: RunningReporting, measure: str, since: int) -> list[tuple[str, int, str]]:
    """What explains the difference of one figure: type of event, change, and why."""
    body = await reporting.get(f"district/restatement?{YEAR}&since={since}&measure={measure}")
    (figure,) = body["figures"]
    assert sum(each["change"] for each in figure["events"]) == figure["difference"]
    return [(each["type"].removesuffix(".v1"), each["change"], each["because"]) for each in figure["events"]]


async def test_a_persons_steps_are_explained_by_what_made_them_known_otherwise(
    reporting: RunningReporting,
) -> None:
    listed, wrong = said(ANH, "CandidateListed", "2022-01-20"), admitted(ANH, "2022-06-01")
    since = await reporting.project(listed, wrong)
    await reporting.project(corrected(wrong, None), corrected(listed, {"effectiveon": "2022-02-10"}))

    assert await because(reporting, "retention.admitted", since) == [("FactCorrected", -1, "recorded")]
    assert await because(reporting, "retention.cohorts.2022.still_members", since) == [
        ("FactCorrected", -1, "recorded")
    ]
    assert await because(reporting, "funnel.conversion.open", since) == [("FactCorrected", 1, "recorded")]
    assert await because(reporting, "profile.admitted", since) == [("FactCorrected", -1, "recorded")]
    body = await reporting.get(f"district/restatement?{YEAR}&since={since}&measure=funnel.days.identified.count")
    (event_,) = body["figures"][0]["events"]
    assert (event_["type"], event_["change"]) == ("FactCorrected.v1", 0)
    assert (event_["days_then"], event_["days"]) == (10, 31)


async def test_what_is_counted_one_by_one_is_explained_by_what_happened_to_it_last(
    reporting: RunningReporting,
) -> None:
    await reporting.project(
        organisation("tiny", parent="district"),
        place("b", "district"),
        covered("b", "tiny", "2022-01-01"),
        identified(CHI, "2022-01-10", "tiny"),
    )
    since = reporting.position
    await reporting.project(
        enrolled(BINH, "2022-03-01", "tiny"),
        said(ANH, "MentorAssigned", "2022-02-01", mentor_id=BINH, role="mentor"),
        admitted(ANH, "2022-06-01"),
        event("CandidateClosed", f"person/{CHI}", "2022-07-01", {"reason": "withdrew"}),
    )

    for measure, expected in {
        "coverage.counts.without_members": [("MemberEnrolled", -1, "recorded")],
        "attainment.actuals.places_without_members": [("MemberEnrolled", -1, "recorded")],
        "blocked.counts.blocked": [("MemberAdmitted", -1, "recorded"), ("CandidateClosed", -1, "recorded")],
        "mentoring.load.mentors": [("MentorAssigned", 1, "recorded")],
    }.items():
        assert await because(reporting, measure, since) == expected, measure


async def test_a_target_that_was_revised_or_is_attained_otherwise_is_told(reporting: RunningReporting) -> None:
    await reporting.project(
        target("district", target_id="t1", value=1),
        target("district", target_id="plan", basis="own", metric="confirmations", value=5),
    )
    since = reporting.position
    revised = event(
        "TargetRevised", "organisation/district", "2022-05-01", {"target_id": "t1", "value": 4, "reason": "raised"}
    )
    await reporting.project(revised, admitted(ANH, "2022-06-01"), target("district", target_id="new", basis="own"))

    body = await reporting.get(f"district/restatement?{YEAR}&since={since}&report=attainment")

    told = {each["target_id"]: each for each in body["targets"]}
    assert told.keys() == {"t1", "new"}
    first = told["t1"]
    assert (first["then"]["target"], first["then"]["actual"], first["then"]["attainment_percent"]) == (1, 0, 0.0)
    assert (first["now"]["target"], first["now"]["actual"], first["now"]["attainment_percent"]) == (4, 1, 25.0)
    assert [each["type"] for each in first["events"]] == ["TargetRevised.v1"]
    assert told["new"]["then"] is None
    assert [each["type"] for each in told["new"]["events"]] == ["TargetAssigned.v1"]
    page = await reporting.http.get(f"/organisations/district/restatement?{YEAR}&since={since}&lang=en")
    assert "1 / at least 4 · 25.0%" in page.text


async def test_figures_that_did_not_change_say_so(reporting: RunningReporting) -> None:
    since = reporting.position
    await reporting.project(
        event("OrganisationRenamed", "organisation/cell", "2022-02-01", {"name": "Chi bộ khác"})
    )

    body = await reporting.get(f"district/restatement?{YEAR}&since={since}&report=movements,structure")

    assert {figure["measure"].partition(".")[0] for figure in body["figures"]} == {"movements", "structure"}
    assert all(figure["difference"] == 0 and figure["events"] == [] for figure in body["figures"])


async def test_a_fact_in_a_closed_period_is_marked_with_it(reporting: RunningReporting) -> None:
    since = reporting.position
    closed = event("PeriodClosed", "organisation/root", "2022-04-01", {"from": "2022-01-01", "to": "2022-03-31"})
    taken_back = event(
        "PeriodClosed", "organisation/district", "2022-08-01", {"from": "2022-04-01", "to": "2022-07-31"}
    )
    await reporting.project(
        enrolled(CHI, "2022-02-02"),
        closed,
        taken_back,
        corrected(taken_back, None),
        enrolled(BINH, "2022-03-01"),
        admitted(ANH, "2022-06-01"),
    )

    body = await reporting.get(f"district/restatement?{YEAR}&since={since}&measure=totals.members.total")

    (figure,) = body["figures"]
    marked = {each["effectiveon"]: each["closed_period"] for each in figure["events"]}
    assert marked == {
        "2022-02-02": None,  # recorded before the period was closed
        "2022-03-01": {"closed_by": "above", "from": "2022-01-01", "to": "2022-03-31"},
        "2022-06-01": None,
    }
    assert [each["closed_by"] for each in body["closed_periods"]] == ["above"]
    own = await reporting.get(f"root/restatement?{YEAR}&since={since}&measure=totals.members.total")
    assert {each["closed_by"] for each in own["closed_periods"]} == {"own"}


async def test_a_correction_is_of_the_closed_period_that_its_fact_was_in_or_comes_to_be_in(
    reporting: RunningReporting,
) -> None:
    """Wherever its own day lies: that is ignored."""
    inside, outside = enrolled(CHI, "2022-02-02"), enrolled(BINH, "2022-06-02")
    await reporting.project(
        inside,
        outside,
        event("PeriodClosed", "organisation/root", "2022-04-01", {"from": "2022-01-01", "to": "2022-03-31"}),
    )
    out = await reporting.project(corrected(inside, {"effectiveon": "2022-05-01"}))
    stays_out = await reporting.project(corrected(inside, {"effectiveon": "2022-05-02"}))
    into = await reporting.project(corrected(outside, {"effectiveon": "2022-03-31"}))
    was_in = await reporting.project(corrected(outside, None))
    again_out = await reporting.project(corrected(outside, {"effectiveon": "2022-06-03"}))

    marked = {}
    for position, as_of in (
        (out, "2022-04-01"), (stays_out, "2022-05-01"), (into, "2022-04-01"), (was_in, "2022-04-01"),
        (again_out, "2022-12-31"),
    ):  # fmt: skip
        asked = f"as_of={as_of}&since={position - 1}&known_at={position}&measure=totals.members.total"
        (figure,) = (await reporting.get(f"district/restatement?{asked}"))["figures"]
        (found,) = figure["events"]
        assert found["position"] == position
        marked[position] = found["closed_period"]

    closed = {"closed_by": "above", "from": "2022-01-01", "to": "2022-03-31"}
    assert marked == {out: closed, stays_out: None, into: closed, was_in: closed, again_out: None}


async def test_the_events_of_a_figure_come_in_pages(reporting: RunningReporting) -> None:
    since = reporting.position
    await reporting.project(*(balance("cell", "2022-03-01", number) for number in range(1, 6)))
    query = f"{YEAR}&since={since}&measure=totals.members.official&limit=2"
    changes, after = [], 0
    while after is not None:
        (figure,) = (await reporting.get(f"district/restatement?{query}&after={after}"))["figures"]
        assert (figure["then"], figure["now"]) == (9, 24)
        changes += [each["change"] for each in figure["events"]]
        after = figure["next"]

    assert changes == [1, 2, 3, 4, 5]

    bare = query.replace("totals.", "")  # as evidence takes it, and the answer names the report
    assert (await reporting.get(f"district/restatement?{bare}"))["figures"][0][
        "measure"
    ] == "totals.members.official"


async def test_figures_alone_are_compared_without_their_events(reporting: RunningReporting) -> None:
    since = reporting.position
    await reporting.project_one_by_one(admitted(ANH, "2022-06-01"), corrected(LATE, None))

    whole = await reporting.get(f"district/restatement?{YEAR}&since={since}")
    alone = await reporting.get(f"district/restatement?{YEAR}&since={since}&limit=0")

    compared = ("measure", "then", "now", "difference")
    assert [[each[name] for name in compared] for each in alone["figures"]] == [
        [each[name] for name in compared] for each in whole["figures"]
    ]
    for figure in alone["figures"]:
        assert (figure["events"], figure["next"]) == ([], 0 if figure["difference"] else None)


async def test_the_children_have_their_own_differences(reporting: RunningReporting) -> None:
    since = reporting.position
    await reporting.project(enrolled(BINH, "2022-03-01"))

    body = await reporting.get(f"root/restatement?{YEAR}&since={since}&measure=totals.members.total&by=child")

    found = {each["organisation"]["id"]: each["figures"][0]["difference"] for each in body["children"]}
    assert found == {"district": 1, "other": 0}
    assert body["own"]["figures"][0]["difference"] == 0


async def test_an_organisation_that_was_not_known_then_had_nothing(reporting: RunningReporting) -> None:
    since = reporting.position
    await reporting.project(organisation("new", parent="district"), balance("new", "2022-01-01", 2))

    for hierarchy in ("as_was", "current"):
        found = await restated(reporting, f"new/restatement?{YEAR}&since={since}&hierarchy={hierarchy}")
        assert (found["totals.members.total"]["then"], found["totals.members.total"]["now"]) == (0, 2)


async def test_since_is_a_position_or_a_time_and_by_default_the_beginning_of_the_month(
    reporting: RunningReporting,
) -> None:
    before = await reporting.get(f"district/restatement?{YEAR}&since=2022-01-01T00:03:30Z")
    by_default = await reporting.get(f"district/restatement?{YEAR}")

    assert before["since"]["position"] == 3
    assert by_default["since"] == {"position": 0, "time": None}
    for query in ("since=99", "since=x", "since=5&known_at=4", "report=sums", "measure=members"):
        detail = (await reporting.ask(f"district/restatement?{query}", 400)).json()["detail"]
        assert "expected" in detail
