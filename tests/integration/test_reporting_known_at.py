"""Reporting: figures as they were known at a position or a time, whatever was recorded later."""

from typing import Any

from tests.given import admitted, balance, enrolled, event, identified, new_uuid, organisation, root
from tests.integration.reporting_given import FIRST_RECORDED, RunningReporting

ANA = new_uuid()


def beginning() -> list[dict[str, Any]]:
    return [
        root(),
        organisation("cell"),
        balance("cell", "2022-01-01", 5),
    ]


async def test_a_late_fact_changes_what_is_known_and_not_what_was_known(reporting: RunningReporting) -> None:
    before = await reporting.project(enrolled(ANA, "2022-03-01"))
    await reporting.project(balance("cell", "2022-02-01", 4))

    assert await reporting.members("root?as_of=2022-02-28") == 9
    assert await reporting.members(f"root?as_of=2022-02-28&known_at={before}") == 5
    found = await reporting.get(f"root/totals?known_at={before}")
    assert found["known_at"] == {"position": 4, "time": "2022-01-01T00:04:00Z"}


async def test_a_late_fact_that_unseats_another_takes_back_what_that_one_changed(
    reporting: RunningReporting,
) -> None:
    first = await reporting.project(
        identified(ANA, "2022-02-01"),
        admitted(ANA, "2022-06-01"),
        event("MemberConfirmed", f"person/{ANA}", "2023-06-01", {"official_from": "2023-06-01"}),
    )
    second = await reporting.project(
        event("CandidateClosed", f"person/{ANA}", "2022-04-01", {"reason": "withdrew"})
    )

    async def admissions(known_at: int) -> tuple[int, int]:
        body = await reporting.get(
            f"root/attainment?as_of=2023-12-31&from=2022-01-01&to=2023-12-31&known_at={known_at}"
        )
        return body["actuals"]["admissions"], body["actuals"]["confirmations"]

    assert await admissions(first) == (1, 1)
    assert await admissions(second) == (0, 0)
    assert await reporting.members("root?as_of=2023-12-31") == 5
    body = await reporting.get("root/movements?from=2022-01-01&to=2023-12-31&as_of=2023-12-31")
    assert body["residual"] == 0


async def test_a_time_means_the_last_position_recorded_by_then(reporting: RunningReporting) -> None:
    found = await reporting.get("root/totals?known_at=2022-01-01T00:02:30Z")
    exactly = await reporting.get("root/totals?known_at=2022-01-01T07:02:00%2B07:00")
    with_a_bare_plus = await reporting.get("root/totals?known_at=2022-01-01T07:02:00+07:00")

    assert found["known_at"]["position"] == exactly["known_at"]["position"] == 2
    assert with_a_bare_plus["known_at"]["position"] == 2
    assert found["members"]["total"] == 0
    assert (await reporting.get("root/totals?known_at=2030-01-01T00:00:00Z"))["known_at"]["position"] == 3


async def test_an_organisation_is_unknown_before_it_was_recorded(reporting: RunningReporting) -> None:
    await reporting.ask("cell/totals?known_at=2", 200)
    await reporting.ask("cell/totals?known_at=1", 404)
    early = FIRST_RECORDED.isoformat().replace("+00:00", "Z")
    await reporting.ask(f"root/totals?known_at={early}", 404)


async def test_a_position_ahead_of_the_log_is_refused_with_a_hint(reporting: RunningReporting) -> None:
    response = await reporting.ask("root/totals?known_at=4", 400)

    assert "up to 3" in response.json()["detail"]
    assert "min_position=4" in response.json()["detail"]


async def test_the_tree_is_the_one_that_was_known(reporting: RunningReporting) -> None:
    before = reporting.position
    await reporting.project(organisation("late", "2021-01-01"), balance("late", "2022-01-01", 2))

    now = await reporting.get("root/totals?as_of=2022-06-30&by=child")
    then = await reporting.get(f"root/totals?as_of=2022-06-30&by=child&known_at={before}")

    assert [child["organisation"]["id"] for child in now["children"]] == ["cell", "late"]
    assert [child["organisation"]["id"] for child in then["children"]] == ["cell"]
