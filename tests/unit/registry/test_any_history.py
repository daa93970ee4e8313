"""Made-up histories in any order, wrong and put right: the same folds and figures, and those of the oracle.

`KETNAP_HISTORIES=5000 pytest …` tries as many. What fails is told with as few events as show it.
"""

import os
import random

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.fewest import Event, fewest, told
from tests.histories import ROOTS, history
from tests.oracle import History
from tests.unit.registry.any_history import (
    Levels,
    held_by_registry,
    levels_of,
    levels_of_oracle,
    log,
    projected,
    states,
    without_stages,
    without_zeros,
)
from tests.unit.registry.given import turn

TRIED = settings(max_examples=int(os.environ.get("KETNAP_HISTORIES", "60")), phases=[Phase.reuse, Phase.generate])


@TRIED
@given(seed=st.integers(0, 2**32))
def test_a_history_that_is_valid_in_timeline_order_ends_the_same_in_any_order(seed: int) -> None:
    # What a source says of somebody who comes from another one is rejected while their transfer is not on record:
    # between sources, the order is that of arrival.
    events = history(random.Random(seed), mistakes=False, between_sources=False)
    expected = turn(events, ROOTS)
    chosen = random.Random(seed)
    shuffled = [*events, *chosen.choices(events, k=5)]
    chosen.shuffle(shuffled)

    found = turn(shuffled, ROOTS)

    assert len(expected.outcomes.log) == len(events)
    assert len(found.outcomes.log) == len(events)
    assert states(found) == states(expected)


@TRIED
@given(seed=st.integers(0, 2**32))
def test_registry_and_reporting_count_as_the_oracle_does_at_every_position(seed: int) -> None:
    events = history(random.Random(seed))
    random.Random(seed).shuffle(events)

    found = _differing(events, seed)

    assert found == [], told(fewest(events, lambda fewer: bool(_differing(fewer, seed))))


def _differing(events: list[Event], seed: int) -> list[tuple[str, Levels, Levels]]:
    """(where and when, what is counted there, what the oracle counts)."""
    after = turn(events, ROOTS)
    recorded = log(after)
    deltas = projected(recorded)
    last = len(recorded)
    found = []
    for known_at in {last, *random.Random(seed).choices(range(last + 1), k=6)}:
        for day, world in History(recorded, known_at).evenings:
            expected = levels_of_oracle(world)
            found.append((f"reporting, {day} at {known_at}", levels_of(deltas, known_at, day, world), expected))
    for day, world in History(recorded, last).evenings[-2:]:
        expected = levels_of_oracle(world)
        # Also in the hands of those whose founding was retracted: what was said of them stands.
        named = [*world.organisations, *(expected.keys() - world.organisations.keys())]
        registry = without_zeros(held_by_registry(after, named, day))
        found.append((f"registry, {day}", registry, without_stages(expected)))
    return [each for each in found if each[1] != each[2]]
