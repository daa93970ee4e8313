"""Made-up histories in any order, wrong and put right: the same folds and figures, and those of the oracle.

`KETNAP_HISTORIES=5000 pytest …` tries as many.
"""

import os
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.histories import ROOTS, history
from tests.oracle import History
from tests.unit.registry.any_history import (
    held_by_registry,
    levels_of,
    levels_of_oracle,
    log,
    projected,
    states,
    without_zeros,
)
from tests.unit.registry.given import turn

HISTORIES = int(os.environ.get("KETNAP_HISTORIES", "60"))


@settings(max_examples=HISTORIES)
@given(chosen=st.randoms(use_true_random=False), order=st.integers(0, 2**32))
def test_a_history_that_is_valid_in_timeline_order_ends_the_same_in_any_order(
    chosen: random.Random, order: int
) -> None:
    # What a source says of somebody who comes from another one is rejected while their transfer is not on record:
    # between sources, the order is that of arrival.
    events = history(chosen, mistakes=False, between_sources=False)
    expected = turn(events, ROOTS)
    shuffled = [*events, *random.Random(order).choices(events, k=5)]
    random.Random(order).shuffle(shuffled)

    found = turn(shuffled, ROOTS)

    assert len(expected.outcomes.log) == len(events)
    assert len(found.outcomes.log) == len(events)
    assert states(found) == states(expected)


@settings(max_examples=HISTORIES)
@given(chosen=st.randoms(use_true_random=False), order=st.integers(0, 2**32))
def test_registry_and_reporting_count_as_the_oracle_does_at_every_position(
    chosen: random.Random, order: int
) -> None:
    events = history(chosen)
    random.Random(order).shuffle(events)
    after = turn(events, ROOTS)
    recorded = log(after)
    deltas = projected(recorded)

    for known_at in {len(recorded), *random.Random(order).choices(range(len(recorded) + 1), k=6)}:
        for day, world in History(recorded, known_at).evenings:
            assert levels_of(deltas, known_at, day, world) == levels_of_oracle(world)
    for day, world in History(recorded, len(recorded)).evenings[-2:]:
        assert without_zeros(held_by_registry(after, list(world.organisations), day)) == levels_of_oracle(world)
