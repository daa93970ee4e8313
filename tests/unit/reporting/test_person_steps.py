"""Person steps: which facts count on persons' timelines, where they leave them, and since when that is known."""

from typing import Any
from uuid import UUID

import pytest

from services.reporting.projector.batch import STILL_KNOWN, Batch
from services.reporting.projector.person_steps import ADMITTED
from tests.given import (
    admitted,
    corrected,
    enrolled,
    event,
    identified,
    linked,
    new_uuid,
    organisation,
    root,
    split,
)
from tests.unit.reporting.test_batch import projected

ANA, BAO, MENTOR = new_uuid(), new_uuid(), new_uuid()
ORGANISATIONS = (root(), organisation("cell"), organisation("other"))


def known(batch: Batch, person: str) -> list[tuple[Any, ...]]:
    """(name, where, standing, stage before, stage) of what is known of a person at last."""
    steps = [each.step for each in batch.steps.known() if each.known_to == STILL_KNOWN]
    rows = sorted((each for each in steps if each.person == UUID(person)), key=lambda each: (each.day, each.time))
    return [(each.name, each.organisation_id, each.standing, each.stage_before, each.stage) for each in rows]


def test_each_fact_that_counts_says_where_it_leaves_the_person() -> None:
    mentor = {"mentor_id": MENTOR, "role": "mentor"}
    batch = projected(
        *ORGANISATIONS,
        identified(ANA, "2022-01-01"),
        event("MentorAssigned", f"person/{ANA}", "2022-02-01", mentor),
        admitted(ANA, "2022-12-01"),
        event("MembershipEnded", f"person/{ANA}", "2023-05-01", {"reason": "resigned"}),
    )

    assert known(batch, ANA) == [
        ("CandidateIdentified", "cell", "candidate", None, 0),
        ("MentorAssigned", "cell", "candidate", 0, 2),
        ("MemberAdmitted", "cell", "probationary", 2, ADMITTED),
        ("MembershipEnded", "cell", None, None, None),
    ]
    steps = [each.step for each in batch.steps.known()]
    assert [each.mentors for each in steps] == [0, 1, 1, 0]
    assert steps[1].mentor == UUID(MENTOR)
    assert steps[3].detail == '{"reason":"resigned","admitted_on":"2022-12-01"}'


def test_a_fact_that_does_not_fit_is_no_step_until_it_does() -> None:
    batch = projected(*ORGANISATIONS, admitted(ANA, "2022-12-01"), identified(ANA, "2022-01-01"))

    assert [row[0] for row in known(batch, ANA)] == ["CandidateIdentified", "MemberAdmitted"]
    assert {each.known_from for each in batch.steps.known()} == {5}


def test_a_late_fact_closes_what_it_changes_and_nothing_else() -> None:
    late = event("CandidateListed", f"person/{ANA}", "2022-02-01")
    closing = event("CandidateClosed", f"person/{ANA}", "2022-03-01", {"reason": "withdrew"})
    batch = projected(*ORGANISATIONS, identified(ANA, "2022-01-01"), closing, late)

    found = {(each.step.name, each.known_from, each.known_to) for each in batch.steps.known()}
    assert found == {
        ("CandidateIdentified", 4, STILL_KNOWN),
        ("CandidateClosed", 5, 6),
        ("CandidateListed", 6, STILL_KNOWN),
        ("CandidateClosed", 6, STILL_KNOWN),
    }


@pytest.mark.parametrize("replacement", [None, {"effectiveon": "2022-01-05"}])
def test_a_correction_closes_the_step_as_it_was(replacement: dict[str, Any] | None) -> None:
    first = identified(ANA, "2022-01-01")
    batch = projected(*ORGANISATIONS, first, corrected(first, replacement))

    rows = sorted((each.known_from, each.known_to, str(each.step.day)) for each in batch.steps.known())
    if replacement is None:
        assert rows == [(4, 5, "2022-01-01")]
    else:
        assert rows == [(4, 5, "2022-01-01"), (5, STILL_KNOWN, "2022-01-05")]


def test_a_split_is_a_step_of_each_whom_it_lists() -> None:
    batch = projected(
        *ORGANISATIONS,
        identified(ANA, "2022-01-01"),
        enrolled(BAO, "2022-01-01"),
        split("cell", "2022-06-01", other=[ANA]),
    )

    assert known(batch, ANA)[-1] == ("Reallocated", "other", "candidate", 0, 0)
    assert len(known(batch, BAO)) == 1


def test_what_is_said_of_a_second_id_is_the_first_ones() -> None:
    batch = projected(
        *ORGANISATIONS,
        identified(ANA, "2022-01-01"),
        enrolled(BAO, "2022-01-01"),
        linked(ANA, BAO, "2022-06-01"),
        event("CandidateListed", f"person/{BAO}", "2022-07-01"),
    )

    assert known(batch, BAO)[-1] == ("LinkedAway", "cell", None, None, None)
    assert known(batch, ANA)[-1] == ("CandidateListed", "cell", "candidate", 0, 1)
