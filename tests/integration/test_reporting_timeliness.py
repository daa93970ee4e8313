"""Reporting: are legal deadlines kept? 30 working days after 1 June 2022 are over on 13 July, 60 on 24 August."""

from typing import Any

import pytest

from tests.given import (
    admitted,
    corrected,
    enrolled,
    event,
    identified,
    linked,
    merged,
    new_uuid,
    organisation,
    way_down,
)
from tests.integration.reporting_given import RunningReporting

ANA, BAO, CHI, MENTOR = new_uuid(), new_uuid(), new_uuid(), new_uuid()
BEGUN, HALF, FULL = "2022-06-01", "2022-07-13", "2022-08-24"
"""A Wednesday, and 30 and 60 working days later."""

Event = dict[str, Any]


def beginning() -> list[Event]:
    return [
        *way_down(),
        organisation("elsewhere", kind="intermediate_committee"),
        organisation("other", parent="elsewhere"),
    ]


def about(person: str, name: str, day: str, **data: Any) -> Event:
    return event(name, f"person/{person}", day, data)


def voted(person: str, day: str = BEGUN, purpose: str = "admission", in_favour: int = 8) -> Event:
    return about(person, "VoteHeld", day, purpose=purpose, level="cell", eligible=9, in_favour=in_favour, round=1)


def decided(person: str, day: str, purpose: str = "admission", **more: Any) -> Event:
    data = {"purpose": purpose, "outcome": "approved", "decision_ref": "QD-1", "decided_on": day}
    return about(person, "DecisionIssued", day, **(data | more))


def mentored(person: str, day: str, mentor: str = MENTOR) -> Event:
    return about(person, "MentorAssigned", day, mentor_id=mentor, role="mentor")


def accepted(person: str, day: str, to: str = "other") -> Event:
    return about(person, "TransferAccepted", day, organisation_id=to, presented_on=day)


def sent(person: str, day: str = BEGUN) -> Event:
    return about(person, "TransferInitiated", day, **{"from": "cell", "to": "other", "kind": "official"})


def confirmed(person: str, day: str) -> Event:
    return about(person, "MemberConfirmed", day, official_from=day)


def listed(person: str, day: str = BEGUN) -> Event:
    return about(person, "CandidateListed", day)


def candidate() -> list[Event]:
    return [identified(ANA, "2022-05-01")]


def member(status: str = "official", admitted_on: str | None = None) -> list[Event]:
    data = {"organisation_id": "cell", "status": status, "in_opening_balance": False}
    return [
        about(ANA, "MemberEnrolled", "2022-05-01", **data, **({"admitted_on": admitted_on} if admitted_on else {}))
    ]


CASES = {
    # deadline: what was before, what begins it, what keeps it, its last day, the day after
    "mentor_assignment": (candidate(), listed(ANA), mentored, "2022-07-01", "2022-07-02"),
    "decision_admission": (candidate(), voted(ANA), decided, FULL, "2022-08-25"),
    "ceremony": (candidate(), decided(ANA, "2022-06-02", received_on=BEGUN), admitted, HALF, "2022-07-14"),
    "confirmation": (member("probationary", "2021-06-01"), voted(ANA), confirmed, HALF, "2022-07-14"),
    "decision_confirmation": (
        member("probationary"),
        voted(ANA, purpose="confirmation"),
        lambda person, day: decided(person, day, "confirmation"),
        HALF,
        "2022-07-14",
    ),
    "transfer": (member(), sent(ANA), accepted, HALF, "2022-07-14"),
}


async def figures(reporting: RunningReporting, deadline: str, query: str, of: str = "district") -> dict[str, Any]:
    found: dict[str, Any] = (await reporting.get(f"{of}/timeliness?{query}"))["deadlines"][deadline]
    return found


@pytest.mark.parametrize("deadline", CASES)
async def test_a_deadline_is_kept_until_the_evening_of_its_last_day(
    reporting: RunningReporting, deadline: str
) -> None:
    before, begins, keeps, last, _ = CASES[deadline]
    await reporting.project(*before, begins, keeps(ANA, last))

    assert await figures(reporting, deadline, "as_of=2022-12-31") == {
        "due": 1, "on_time": 1, "missed": 0, "late": 0, "open": 0, "overdue": 0, "on_time_percent": 100.0,
    }  # fmt: skip


@pytest.mark.parametrize("deadline", CASES)
async def test_a_day_later_it_is_missed_and_then_kept_late(reporting: RunningReporting, deadline: str) -> None:
    before, begins, keeps, last, after = CASES[deadline]
    await reporting.project(*before, begins, keeps(ANA, after))

    on_its_last_day = await figures(reporting, deadline, f"as_of={last}")
    assert on_its_last_day == {
        "due": 1, "on_time": 0, "missed": 1, "late": 0, "open": 1, "overdue": 1, "on_time_percent": 0.0,
    }  # fmt: skip
    assert await figures(reporting, deadline, f"as_of={after}") == on_its_last_day | {
        "late": 1,
        "open": 0,
        "overdue": 0,
    }
    assert (await figures(reporting, deadline, f"as_of=2022-12-31&to={last}"))["late"] == 0


@pytest.mark.parametrize("deadline", CASES)
async def test_before_its_last_day_it_is_open_and_nothing_is_due(
    reporting: RunningReporting, deadline: str
) -> None:
    before, begins, _, _, _ = CASES[deadline]
    await reporting.project(*before, begins)

    assert await figures(reporting, deadline, "as_of=2022-06-30") == {
        "due": 0, "on_time": 0, "missed": 0, "late": 0, "open": 1, "overdue": 0, "on_time_percent": None,
    }  # fmt: skip
    assert (await figures(reporting, deadline, "as_of=2022-05-31"))["open"] == 0


@pytest.mark.parametrize(
    ("deadline", "ends"),
    [
        ("mentor_assignment", about(ANA, "CandidateClosed", "2022-06-20", reason="withdrew")),
        ("decision_admission", voted(ANA, "2022-06-20", in_favour=5)),
        ("ceremony", decided(ANA, "2022-06-20", outcome="refused", received_on="2022-06-20")),
        ("confirmation", about(ANA, "MembershipEnded", "2022-06-20", reason="deceased")),
        ("decision_confirmation", confirmed(ANA, "2022-06-20")),
        ("transfer", about(ANA, "TransferCancelled", "2022-06-20", reason="other")),
    ],
)
async def test_what_ends_before_its_last_day_without_being_kept_was_never_due(
    reporting: RunningReporting, deadline: str, ends: Event
) -> None:
    before, begins, _, _, _ = CASES[deadline]
    await reporting.project(*before, begins, ends)

    assert set((await figures(reporting, deadline, "as_of=2022-12-31")).values()) == {0, None}
    assert (await figures(reporting, deadline, "as_of=2022-06-19"))["open"] == 1


async def test_a_later_vote_begins_the_deadline_of_the_decision_anew(reporting: RunningReporting) -> None:
    await reporting.project(*candidate(), voted(ANA, "2022-05-10"), voted(ANA), decided(ANA, FULL))

    assert (await figures(reporting, "decision_admission", "as_of=2022-12-31"))["on_time"] == 1


async def test_nothing_is_due_where_its_first_day_is_not_known(reporting: RunningReporting) -> None:
    await reporting.project(*candidate(), decided(ANA, BEGUN))
    await reporting.project(enrolled(BAO, "2022-05-01", status="probationary"))

    body = await reporting.get("district/timeliness?as_of=2026-01-01&from=2022-01-01")

    assert set(body["all"].values()) == {0, None}


async def test_what_is_over_when_it_begins_is_due_on_that_day(reporting: RunningReporting) -> None:
    await reporting.project(*member("probationary", "2018-01-01"))

    found = await figures(reporting, "confirmation", "as_of=2022-12-31")

    assert (found["due"], found["missed"], found["overdue"]) == (1, 1, 1)
    assert (await figures(reporting, "confirmation", "as_of=2022-04-30"))["due"] == 0


async def test_a_deadline_goes_with_the_person_and_an_overdue_one_is_missed_where_it_was_due(
    reporting: RunningReporting,
) -> None:
    moved = about(ANA, "CandidateMoved", "2022-08-01", organisation_id="other")
    await reporting.project(*candidate(), listed(ANA), voted(ANA), moved)

    here = await reporting.get("district/timeliness?as_of=2022-12-31")
    there = await reporting.get("elsewhere/timeliness?as_of=2022-12-31")

    for body, mentor, decision in ((here, (1, 0), (0, 0)), (there, (0, 1), (1, 1))):
        by_deadline = body["deadlines"]
        assert (by_deadline["mentor_assignment"]["missed"], by_deadline["mentor_assignment"]["overdue"]) == mentor
        assert (
            by_deadline["decision_admission"]["missed"],
            by_deadline["decision_admission"]["overdue"],
        ) == decision


async def test_a_correction_changes_what_is_known_from_its_position_on(reporting: RunningReporting) -> None:
    ceremony = admitted(ANA, "2022-07-20")
    position = await reporting.project(*candidate(), decided(ANA, "2022-06-02", received_on=BEGUN), ceremony)
    replacement = {"data": ceremony["data"] | {"ceremony_on": HALF}, "effectiveon": HALF}
    await reporting.project(corrected(ceremony, replacement))

    now = await figures(reporting, "ceremony", "as_of=2022-12-31")
    then = await figures(reporting, "ceremony", f"as_of=2022-12-31&known_at={position}")

    assert (now["on_time"], now["late"]) == (1, 0)
    assert (then["on_time"], then["late"], then["missed"]) == (0, 1, 1)


async def test_a_late_vote_is_put_into_its_place(reporting: RunningReporting) -> None:
    position = await reporting.project(*candidate(), decided(ANA, FULL))
    await reporting.project(voted(ANA))

    assert (await figures(reporting, "decision_admission", "as_of=2022-12-31"))["on_time"] == 1
    before = await figures(reporting, "decision_admission", f"as_of=2022-12-31&known_at={position}")
    assert before["due"] == 0


async def test_what_an_organisation_had_is_its_successors_and_a_second_ids_deadlines_end(
    reporting: RunningReporting,
) -> None:
    await reporting.project(
        *candidate(),
        listed(ANA),
        identified(BAO, "2022-05-01"),
        listed(BAO),
        linked(ANA, BAO, "2022-06-10"),
        merged("other", "2022-06-20", "cell"),
    )

    was = await figures(reporting, "mentor_assignment", "as_of=2022-12-31", "elsewhere")
    assert (was["missed"], was["overdue"]) == (1, 1)
    assert (await figures(reporting, "mentor_assignment", "as_of=2022-06-05"))["open"] == 2
    today = await figures(reporting, "mentor_assignment", "as_of=2022-06-05&hierarchy=current", "elsewhere")
    assert today["open"] == 2


async def test_the_answer_names_the_regulations(reporting: RunningReporting) -> None:
    body = await reporting.get("district/timeliness?as_of=2022-12-31&by=child")

    rules = {each["rule"]: each for each in body["rules"]}
    assert rules["decision_admission"]["value"] == 60
    assert "294-QD/TW" in rules["ceremony"]["regulation"]
    assert "294-QĐ/TW" in rules["ceremony"]["regulation_vi"]
    assert "No regulation known" in rules["mentor_assignment"]["regulation"]
    assert "Chưa rõ văn bản" in rules["mentor_assignment"]["regulation_vi"]
    for language, said in (("vi", "Quy định số"), ("en", "Regulation 29")):
        file = (await reporting.ask(f"district/timeliness?format=csv&lang={language}")).text
        assert (said in file, "regulation_vi" in file, "QD/TW" in file) == (True, False, language == "en")
    assert "rules" not in body["own"]
