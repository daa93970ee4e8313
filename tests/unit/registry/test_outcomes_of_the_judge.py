"""Outcomes of made-up histories, with wrong events in them or not, against a judge that knows the rules only.

`KETNAP_HISTORIES=5000 pytest …` tries as many. What differs is told with as few events as show it.
"""

import os
import random
from collections import Counter

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from shared.events.catalogue import CATALOGUE
from tests.fewest import Event, fewest, told
from tests.histories import ROOTS, history
from tests.invented import KIND_OF
from tests.oracle.judge import Judge
from tests.oracle.judge.shapes import SHAPES
from tests.spoiled import spoiled
from tests.unit.registry.judged import disagreements, moot
from tests.unit.registry.test_any_stream import Stream

HISTORIES = os.environ.get("KETNAP_HISTORIES")
TRIED = settings(
    max_examples=int(HISTORIES or 120), derandomize=not HISTORIES, database=None, phases=[Phase.generate]
)


# Each has more to decide about.
SOME = settings(TRIED, max_examples=TRIED.max_examples // 6)


def made(seed: int) -> list[Event]:
    """A history in the order of its timeline or in any other, with what is wrong in it."""
    chosen = random.Random(seed)
    events = history(chosen, mistakes=chosen.random() < 0.5)
    if chosen.random() < 0.5:
        chosen.shuffle(events)
    return spoiled(chosen, events)


def agree(events: list[Event], seed: int) -> None:
    """Fails with the fewest events about which registry and judge differ."""
    if disagreements(events):
        fewer = fewest(events, lambda some: bool(disagreements(some)))
        raise AssertionError("\n".join([f"seed {seed}, shortened:", told(fewer), *disagreements(fewer)]))


@TRIED
@given(seed=st.integers(0, 2**32))
def test_the_registry_decides_as_the_judge_does_after_each_arrival(seed: int) -> None:
    agree(made(seed), seed)


@SOME
@given(seed=st.integers(0, 2**32))
def test_they_agree_about_nonsense_too_about_few_subjects_on_few_days(seed: int) -> None:
    agree(Stream(seed).events(80), seed)


def test_the_judge_knows_every_type_of_event() -> None:
    assert set(SHAPES) == set(CATALOGUE)
    assert {f"{name}.v1" for name in KIND_OF} | {"TrainingCompleted.v2"} == set(CATALOGUE)


def test_what_is_judged_breaks_rules_of_every_kind() -> None:
    outcomes: Counter[str | None] = Counter()
    open_questions = 0
    for seed in range(150):
        judge = Judge(ROOTS)
        for event in made(seed):
            judge.hear(event)
        open_questions += moot(judge)
        for verdict in judge.verdicts:
            outcomes.update([verdict.code or verdict.outcome, *verdict.findings])

    seldom = [each for each in EVERYTHING if outcomes[each] == 0]
    assert seldom == []
    assert open_questions < 15


EVERYTHING = (
    *("recorded", "duplicate", "id-conflict", "unknown-type", "unknown-version", "invalid-data"),
    *("unknown-subject", "unknown-organisation", "unknown-target", "foreign-organisation"),
    *("wrong-stage", "rule-violated", "unseats", "reseats", "unlisted-code"),
    *("no-vote", "no-decision", "below-threshold", "ceremony-late", "probation-too-short"),
    *("mentor-not-official", "not-a-current-mentor", "second-report", "too-few-introducers"),
    *("no-certificate", "certificate-expired", "age-out-of-range", "profile-dropped"),
)
"""Outcomes that are told without a code, codes, and codes of findings."""
