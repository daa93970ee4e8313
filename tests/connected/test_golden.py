"""The main job end to end: the printed figures of Điện Biên, over HTTP, after a trip through NATS."""

from collections.abc import Iterator
from typing import Any

import pytest

from deploy.demo import figures, history
from deploy.demo.organisations import ASSIGNED_2022, COMMUNE, DISTRICT, OWN_2023, PROVINCE, RESOLUTION_2022
from deploy.demo.printed import FIGURES, Figure
from deploy.publishing import Publication, publish
from tests.faults.system import System, eventually

IN_2022 = {"from": "2022-01-01", "to": "2022-12-31", "as_of": "2022-11-30"}
TELLING = ("actuals", "members", "candidates", "organisations", "opening", "declared", "admitted",
           "enrolled", "transferred_in", "reorganised_in", "transferred_out", "ended", "reorganised_out", "linked",
           "closing", "residual", "by_kind", "by_sector", "founded")  # fmt: skip
"""The figures of a report that add up; the rest of an answer says what was asked."""


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """`ketnap up` on an empty directory."""
    system = System(tmp_path_factory.mktemp("golden"))
    system.start()
    try:
        yield system
    finally:
        system.stop()


@pytest.fixture(scope="module")
def seed(system: System) -> str:
    """The credentials that `ketnap source add` gave the province."""
    return system.add_source(history.SOURCE, history.ROOT)


async def _publish(system: System, seed: str) -> Publication:
    nats_url, registry_url = system.addresses.nats_url, system.addresses.registry_url
    return await publish(nats_url, history.SOURCE, seed, history.encoded(), registry_url=registry_url)


@pytest.fixture(scope="module")
async def published(system: System, seed: str) -> Publication:
    """The made-up history behind the figures, through NATS, with the source's own credentials."""
    return await _publish(system, seed)


async def _answers(system: System, published: Publication) -> dict[str, Any]:
    """Every call that the figures need → its answer."""
    calls = dict.fromkeys(figure.call for figure in FIGURES)
    position = published.last_position
    return {call: await system.get("reporting", f"{call}&min_position={position}") for call in calls}


@pytest.fixture(scope="module")
async def answers(system: System, published: Publication) -> dict[str, Any]:
    """What reporting says once it has projected the whole history."""
    return await _answers(system, published)


async def _alerts(system: System) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await system.get("notifier", "/v1/alerts", rule="A2", limit=1000))["alerts"]
    return found


async def test_every_event_is_recorded_those_before_their_cause_by_way_of_quarantine(
    system: System, published: Publication
) -> None:
    events = history.history()
    assert published.outcomes == {"recorded": len(events)}
    assert (published.unanswered, published.problems) == (0, ())
    assert published.released > 0
    log = await system.log()
    assert [event["position"] for event in log] == list(range(1, len(events) + 1))
    assert {event["id"] for event in log} == {event["id"] for event in events}
    source = await system.get("registry", f"/v1/sources/{history.SOURCE}")
    assert (source["outcomes"]["recorded"], source["lag"], source["gaps"]) == (len(events), 0, [])


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: f"{figure.en} of {figure.call.split('/')[3]}")
def test_the_printed_figure_is_computed(answers: dict[str, Any], figure: Figure) -> None:
    assert figures.look_up(answers[figure.call], figure.at) == figure.value


async def test_the_golden_file_in_the_contracts_own_shape(system: System, answers: dict[str, Any]) -> None:
    """Written from golden/dien-bien.json and CONTRACT.md once more, so that no demo can define itself right."""
    totals = await system.get("reporting", f"/v1/organisations/{DISTRICT}/totals", as_of="2022-11-30")
    assert totals["members"]["total"] == 6101
    assert totals["members"]["official"] + totals["members"]["probationary"] == 6101
    assert totals["organisations"] == {
        "grassroots": 64, "grassroots_committees": 38, "grassroots_cells": 26,
        "cells_under_grassroots_committees": 404, "private_enterprise": 2,
    }  # fmt: skip

    attainment = await system.get("reporting", f"/v1/organisations/{DISTRICT}/attainment", **IN_2022)
    assert {target.pop("target_id"): target for target in attainment["targets"]} == {
        RESOLUTION_2022: {
            "metric": "admissions", "basis": "resolution", "issuer_id": DISTRICT, "from": "2022-01-01",
            "to": "2022-12-31", "comparison": "at_least", "target": 200, "actual": 310,
            "attainment_percent": 155.0, "excess_percent": 55.0, "expected_to_date": 183.0, "remaining": 0,
            "status": "exceeded",
        },
        ASSIGNED_2022: {
            "metric": "admissions", "basis": "assigned", "issuer_id": PROVINCE, "from": "2022-01-01",
            "to": "2022-12-31", "comparison": "at_least", "target": 310, "actual": 310,
            "attainment_percent": 100.0, "excess_percent": 0.0, "expected_to_date": 283.7, "remaining": 0,
            "status": "attained",
        },
    }  # fmt: skip
    assert attainment["actuals"]["private_enterprise_organisations_founded"] == 2

    whole_year = {"from": "2022-01-01", "to": "2022-12-31", "as_of": "2022-12-31"}
    commune = await system.get("reporting", f"/v1/organisations/{COMMUNE}/attainment", **whole_year)
    assert (commune["targets"], commune["actuals"]["admissions"], commune["actuals"]["members"]) == ([], 13, 216)


@pytest.mark.parametrize(
    ("as_of", "status", "expected"), [("2023-01-01", "on_track", 0.8), ("2023-12-31", "missed", 310.0)]
)
async def test_the_status_of_an_own_target_is_computed_on_any_day(
    system: System, answers: dict[str, Any], as_of: str, status: str, expected: float
) -> None:
    period = {"from": "2023-01-01", "to": "2023-12-31", "as_of": as_of}
    answer = await system.get("reporting", f"/v1/organisations/{DISTRICT}/attainment", **period)
    (own,) = (target for target in answer["targets"] if target["target_id"] == OWN_2023)
    assert (own["status"], own["expected_to_date"], own["actual"]) == (status, expected, 0)


@pytest.mark.parametrize("report", ["totals", "attainment", "movements", "structure"])
@pytest.mark.parametrize("organisation", [PROVINCE, DISTRICT, COMMUNE])
async def test_children_and_what_belongs_to_none_sum_to_the_total(
    system: System, answers: dict[str, Any], organisation: str, report: str
) -> None:
    answer = await system.get("reporting", f"/v1/organisations/{organisation}/{report}", by="child", **IN_2022)
    parts = [_flat(part) for part in (*answer["children"], answer["own"])]
    assert answer["children"]
    assert _flat(answer)
    for path, value in _flat(answer).items():
        assert sum(part.get(path, 0) for part in parts) == value, path
    assert {path for part in parts for path, value in part.items() if value} <= set(_flat(answer))


def _flat(body: dict[str, Any]) -> dict[str, int]:
    """Dotted path → additive figure of a report.

    A transfer counts where it crosses the asked subtree's boundary, so that only the balance of both ways adds up.
    """
    figures_ = _counted({name: body[name] for name in TELLING if name in body})
    for both_ways in ("transferred", "reorganised"):
        if f"{both_ways}_in" in figures_:
            figures_[both_ways] = figures_.pop(f"{both_ways}_in") - figures_.pop(f"{both_ways}_out")
    return figures_


def _counted(body: dict[str, Any], prefix: str = "") -> dict[str, int]:
    found: dict[str, int] = {}
    for name, value in body.items():
        if isinstance(value, dict):
            found |= _counted(value, f"{prefix}{name}.")
        elif isinstance(value, int):
            found[f"{prefix}{name}"] = value
    return found


async def test_the_evidence_of_the_admissions_is_310_published_events(
    system: System, answers: dict[str, Any]
) -> None:
    path, asked = f"/v1/organisations/{DISTRICT}/evidence", {"measure": "actuals.admissions", **IN_2022}
    page = await system.get("reporting", path, limit=1000, **asked)
    admissions = {event["id"] for event in history.history() if event["type"] == "MemberAdmitted.v1"}
    assert page["next"] is None
    assert page["value"] == sum(event["change"] for event in page["events"]) == 310
    assert len({event["event_id"] for event in page["events"]} & admissions) == 310


async def test_the_notifier_says_once_that_each_target_of_2022_is_reached(
    system: System, published: Publication
) -> None:
    async def both() -> list[dict[str, Any]] | None:
        alerts = [alert for alert in await _alerts(system) if alert["state"] != "resolved"]
        return alerts if {alert["target_id"] for alert in alerts} == {RESOLUTION_2022, ASSIGNED_2022} else None

    alerts = await eventually(both, "an alert for each target of 2022")
    said = [(alert["target_id"], alert["status"]) for alert in await _alerts(system)]
    assert len(said) == len(set(said))
    final = {alert["target_id"]: alert for alert in alerts}
    assert final[RESOLUTION_2022]["attainment_percent"] >= 100
    assert final[ASSIGNED_2022]["organisation"]["id"] == DISTRICT


async def test_the_same_history_again_is_all_duplicates_and_changes_nothing(
    system: System, seed: str, published: Publication, answers: dict[str, Any]
) -> None:
    alerts = await _alerts(system)

    again = await _publish(system, seed)

    assert again.outcomes == {"duplicate": len(history.history())}
    assert again.last_position == published.last_position
    assert len(await system.log()) == published.last_position
    assert await _answers(system, again) == answers
    assert await _alerts(system) == alerts
