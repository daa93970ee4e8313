"""Reporting: certificates of the awareness class that wait unused or expire. All of it made up."""

from typing import Any

import pytest

from tests.given import admitted, corrected, enrolled, event, identified, new_uuid, organisation, root
from tests.integration.reporting_given import RunningReporting
from tests.integration.test_reporting_timeliness import about

ANA, BAO, CHI = (new_uuid() for _ in range(3))

Event = dict[str, Any]


def beginning() -> list[Event]:
    return [
        root(),
        organisation("district", kind="intermediate_committee"),
        organisation("cell", parent="district"),
        organisation("cell-2", parent="district"),
    ]


def trained(person: str, day: str, issued_on: str, expires_on: str | None = None) -> Event:
    expiry = {"expires_on": expires_on} if expires_on else {}
    return about(person, "TrainingCompleted", day, certificate_ref="C-1", issued_on=issued_on, **expiry)


async def certificates(reporting: RunningReporting, query: str, of: str = "district") -> dict[str, Any]:
    found: dict[str, Any] = (await reporting.get(f"{of}/training?{query}"))["certificates"]
    return found


async def test_a_certificate_is_valid_for_60_months_its_last_day_included(reporting: RunningReporting) -> None:
    await reporting.project(identified(ANA, "2022-01-05"), trained(ANA, "2022-03-01", "2017-05-20"))

    assert await certificates(reporting, "as_of=2022-05-20") == {
        "unused": 1, "valid": 1, "expired": 0, "in_use": 0, "by_expiry_month": {"2022-05": 1},
    }  # fmt: skip
    assert await certificates(reporting, "as_of=2022-05-21") == {
        "unused": 1, "valid": 0, "expired": 1, "in_use": 0, "by_expiry_month": {"2022-05": 1},
    }  # fmt: skip
    assert (await certificates(reporting, "as_of=2022-06-01"))["by_expiry_month"] == {}
    assert (await certificates(reporting, "as_of=2022-02-28"))["unused"] == 0


async def test_what_the_certificate_itself_says_goes_before_the_rule(reporting: RunningReporting) -> None:
    await reporting.project(
        identified(ANA, "2022-01-05"),
        trained(ANA, "2022-03-01", "2021-05-20", "2022-12-31"),
        identified(BAO, "2022-01-05"),
        trained(BAO, "2022-03-01", "2021-05-20", "2040-12-31"),
    )

    found = await certificates(reporting, "as_of=2022-12-31")

    assert (found["valid"], found["by_expiry_month"]) == (2, {"2022-12": 1})
    assert (await certificates(reporting, "as_of=2023-01-01"))["expired"] == 1


async def test_the_one_issued_last_counts_in_whatever_order_they_come(reporting: RunningReporting) -> None:
    await reporting.project(
        identified(ANA, "2022-01-05"),
        trained(ANA, "2022-03-01", "2021-05-20"),
        trained(ANA, "2022-04-01", "2017-01-20"),
    )

    assert (await certificates(reporting, "as_of=2022-12-31"))["by_expiry_month"] == {"2026-05": 1}


async def test_it_is_in_use_from_the_application_on_and_a_members_no_more(reporting: RunningReporting) -> None:
    await reporting.project(
        identified(ANA, "2022-01-05"),
        trained(ANA, "2022-03-01", "2022-03-01"),
        about(ANA, "ApplicationSubmitted", "2022-04-01"),
        admitted(ANA, "2022-06-01"),
    )

    async def used(as_of: str) -> tuple[int, int]:
        found = await certificates(reporting, f"as_of={as_of}")
        return found["unused"], found["in_use"]

    assert await used("2022-03-31") == (1, 0)
    assert await used("2022-04-01") == (0, 1)
    assert await used("2022-06-01") == (0, 0)


async def test_one_from_before_the_candidacy_counts_while_that_is_open(reporting: RunningReporting) -> None:
    await reporting.project(
        trained(ANA, "2021-03-01", "2021-03-01"),
        identified(ANA, "2022-01-05"),
        about(ANA, "CandidateMoved", "2022-05-01", organisation_id="cell-2"),
        about(ANA, "CandidateClosed", "2022-08-01", reason="moved_away"),
    )

    assert (await certificates(reporting, "as_of=2021-12-31"))["unused"] == 0
    assert (await certificates(reporting, "as_of=2022-04-30", "cell"))["valid"] == 1
    assert (await certificates(reporting, "as_of=2022-05-01", "cell"))["valid"] == 0
    assert (await certificates(reporting, "as_of=2022-05-01", "cell-2"))["valid"] == 1
    assert (await certificates(reporting, "as_of=2022-08-01"))["unused"] == 0


async def test_a_retracted_certificate_is_gone_from_its_position_on(reporting: RunningReporting) -> None:
    class_ = trained(ANA, "2022-03-01", "2022-03-01")
    position = await reporting.project(identified(ANA, "2022-01-05"), class_)
    await reporting.project(corrected(class_, None))

    assert (await certificates(reporting, "as_of=2022-12-31"))["unused"] == 0
    assert (await certificates(reporting, f"as_of=2022-12-31&known_at={position}"))["unused"] == 1


async def test_classes_of_candidates_and_members_are_completed_in_the_period(reporting: RunningReporting) -> None:
    await reporting.project(
        identified(ANA, "2022-01-05"),
        trained(ANA, "2022-03-01", "2022-03-01"),
        enrolled(BAO, "2022-01-05", "cell-2"),
        trained(BAO, "2022-05-01", "2022-05-01"),
        trained(CHI, "2022-06-01", "2022-06-01"),
    )

    body = await reporting.get("district/training?as_of=2022-12-31&from=2022-04-01")

    assert body["completions"] == 1
    assert [each["rule"] for each in body["rules"]] == ["certificate"]


@pytest.mark.parametrize("issued_on", ["0001-01-01", "1850-06-01", "9999-12-31"])
async def test_no_day_however_far_away_stops_projecting(reporting: RunningReporting, issued_on: str) -> None:
    await reporting.project(
        identified(ANA, "2022-01-05"),
        trained(ANA, "2022-03-01", issued_on),
        identified(BAO, "2022-01-05"),
        trained(BAO, "2022-03-01", "2021-01-01", issued_on),
        event("DecisionIssued", f"person/{BAO}", "2022-04-01",
              {"purpose": "admission", "outcome": "approved", "decision_ref": "QD-1", "decided_on": issued_on,
               "received_on": issued_on}),
    )  # fmt: skip

    found = await certificates(reporting, "as_of=2022-12-31")
    assert (found["unused"], found["in_use"]) == (1, 1)
