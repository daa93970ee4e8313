"""Spells: which edges a fact makes, what it costs to say them, and when reports are due."""

from datetime import date
from typing import Any

import pytest

from services.reporting.due_days import days_of_reports, due
from services.reporting.projector.batch import Batch
from tests.given import admitted, corrected, event, identified, linked, merged, new_uuid, organisation, root
from tests.unit.reporting.test_batch import projected

ANA, BAO, MENTOR = new_uuid(), new_uuid(), new_uuid()
ORGANISATIONS = (root(), organisation("cell"), organisation("other"))

Row = tuple[str, str, str, int]


def about(person: str, name: str, day: str, **data: Any) -> dict[str, Any]:
    return event(name, f"person/{person}", day, data)


def mentored(person: str, day: str) -> dict[str, Any]:
    return about(person, "MentorAssigned", day, mentor_id=MENTOR, role="mentor")


def rows(batch: Batch) -> list[Row]:
    """(kind, how, organisation, change) in the order in which they came."""
    return [(edge.kind, edge.how, edge.organisation_id, edge.change) for _, edge in batch.edges]


def test_a_kept_deadline_takes_two_edges() -> None:
    batch = projected(
        *ORGANISATIONS,
        identified(ANA, "2022-01-01"),
        about(ANA, "CandidateListed", "2022-06-01"),
        mentored(ANA, "2022-06-20"),
    )

    assert [row for row in rows(batch) if row[0] == "deadline.mentor_assignment"] == [
        ("deadline.mentor_assignment", "begins", "cell", 1),
        ("deadline.mentor_assignment", "kept", "cell", 1),
    ]
    [begins, kept] = [edge for _, edge in batch.edges if edge.kind == "deadline.mentor_assignment"]
    assert (begins.first, begins.last, kept.day) == (date(2022, 6, 1), date(2022, 7, 1), date(2022, 6, 20))


def test_who_moves_takes_spells_along() -> None:
    batch = projected(
        *ORGANISATIONS,
        identified(ANA, "2022-01-01"),
        about(ANA, "CandidateMoved", "2022-06-01", organisation_id="other"),
    )

    assert rows(batch) == [
        ("without_mentor.candidates", "begins", "cell", 1),
        ("without_mentor.candidates", "goes", "cell", 1),
        ("without_mentor.candidates", "comes", "other", 1),
    ]


def test_a_merger_makes_no_edges_for_facts_keep_their_names() -> None:
    batch = projected(*ORGANISATIONS, identified(ANA, "2022-01-01"), merged("other", "2022-06-01", "cell"))

    assert len(batch.edges) == 1


def test_a_retracted_fact_takes_its_edges_back() -> None:
    listed = about(ANA, "CandidateListed", "2022-06-01")
    batch = projected(*ORGANISATIONS, identified(ANA, "2022-01-01"), listed, corrected(listed, None))

    of_listing = [row for row in rows(batch) if row[0] == "deadline.mentor_assignment"]
    assert [row[3] for row in of_listing] == [1, -1]


def test_a_late_fact_takes_back_only_what_it_changes() -> None:
    batch = projected(
        *ORGANISATIONS,
        identified(ANA, "2022-01-01"),
        about(ANA, "CandidateListed", "2022-06-01"),
        mentored(ANA, "2022-07-20"),
        mentored(ANA, "2022-05-01"),
    )

    totals: dict[tuple[str, str], int] = {}
    for kind, how, _, change in rows(batch):
        totals[(kind, how)] = totals.get((kind, how), 0) + change
    assert totals[("deadline.mentor_assignment", "begins")] == 0
    assert totals[("charge", "begins")] == 1


def test_what_a_second_id_waits_for_ends_with_the_link() -> None:
    batch = projected(
        *ORGANISATIONS,
        identified(ANA, "2022-01-01"),
        identified(BAO, "2022-01-01"),
        linked(ANA, BAO, "2022-06-01"),
    )

    assert rows(batch)[-1] == ("without_mentor.candidates", "ends", "cell", 1)


@pytest.mark.parametrize(("in_favour", "begins"), [(6, 1), (5, 0)], ids=["exactly two thirds", "one less"])
def test_a_vote_begins_the_deadline_of_the_decision_where_two_thirds_are_in_favour(
    in_favour: int, begins: int
) -> None:
    vote = {"purpose": "admission", "level": "cell", "eligible": 9, "in_favour": in_favour, "round": 1}
    batch = projected(*ORGANISATIONS, identified(ANA, "2022-01-01"), about(ANA, "VoteHeld", "2022-06-01", **vote))

    assert [row[0] for row in rows(batch)].count("deadline.decision_admission") == begins


def test_facts_that_change_no_spell_make_no_edges() -> None:
    introduced = about(ANA, "IntroductionConfirmed", "2022-05-02", introducers=[{"id": "youth", "kind": "member"}])
    batch = projected(
        *ORGANISATIONS,
        identified(ANA, "2022-01-01"),
        mentored(ANA, "2022-02-01"),
        about(ANA, "ApplicationSubmitted", "2022-05-01"),
        introduced,
        about(ANA, "BackgroundVerified", "2022-05-03", outcome="cleared"),
        admitted(ANA, "2022-12-01"),
    )

    assert {edge.day.isoformat() for _, edge in batch.edges} == {"2022-01-01", "2022-02-01", "2022-12-01"}


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("2022-01-01", "2022-12-31", ["2022-01-07", "2022-04-07", "2022-07-07", "2022-10-07"]),
        ("2022-04-07", "2022-04-07", ["2022-04-07"]),
        ("2022-04-08", "2022-07-06", []),
        ("2022-12-31", "2022-01-01", []),
        ("1900-01-01", "2011-04-07", ["2011-04-07"]),
    ],
)
def test_reports_are_due_on_the_seventh_day_after_each_quarter(first: str, last: str, expected: list[str]) -> None:
    found = days_of_reports(date.fromisoformat(first), date.fromisoformat(last))

    assert [each.isoformat() for each in found] == expected


def test_before_any_rule_and_far_away_nothing_is_due() -> None:
    assert due("ceremony", date(2016, 7, 24)) is None
    assert due("ceremony", date(2016, 7, 25)) is not None
    assert due("certificate", date.max) is None
