"""Every figure of reporting over HTTP, and every alert of the notifier, is what the oracle recounts.

For made-up histories that arrive in any order, through the registry into PostgreSQL and from its log into both
projections; on days around which something happens, at positions and times in between, on both trees.
`make oracle` tries many more of them, and others each time.
"""

import asyncio
import os
import random
from collections.abc import Callable, Iterator
from datetime import date

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from deploy.stack.postgres import PostgresServer
from tests.fewest import Event, fewest, told
from tests.histories import history
from tests.integration.oracle_given import Differences, differing_alerts, differing_figures
from tests.integration.whole_way import WholeWay, whole_way

MANY = int(os.environ.get("KETNAP_HISTORIES", "500"))
PHASES = [Phase.reuse, Phase.generate]

Differing = Callable[[list[Event], int, int], Differences]
"""From events, a seed and how many questions, what differs."""


@pytest.fixture(scope="module")
def differing(postgres: PostgresServer) -> Iterator[Differing]:
    """Three services over one database, which one history after another goes through."""
    with asyncio.Runner() as runner:
        context = whole_way(postgres)
        way = runner.run(context.__aenter__())

        def found(events: list[Event], seed: int, questions: int) -> Differences:
            return runner.run(_differing(way, events, random.Random(seed), questions))

        yield found
        runner.run(context.__aexit__(None, None, None))


async def _differing(way: WholeWay, events: list[Event], chosen: random.Random, questions: int) -> Differences:
    way.today = date.fromisoformat(chosen.choice(events)["effectiveon"])
    await way.went(events, chosen)
    return [*await differing_alerts(way, chosen), *await differing_figures(way, chosen, questions)]


def equal(differing: Differing, seed: int, questions: int) -> None:
    """Send the history of a seed through, and compare."""
    events = history(random.Random(seed))
    random.Random(seed).shuffle(events)

    found = differing(events, seed, questions)

    def still(fewer: list[Event]) -> bool:
        return any(each[1] == found[0][1] for each in differing(fewer, seed, questions))

    assert found == [], f"the history of seed {seed}, shortened:\n{told(fewest(events, still))}"


@pytest.mark.timeout(
    300
)  # fourteen reports, each asked four ways, of twenty histories: a minute where something else runs
@settings(max_examples=20, phases=PHASES, derandomize=True, database=None)
@given(seed=st.integers(0, 2**32))
def test_every_figure_and_alert_is_the_oracles(differing: Differing, seed: int) -> None:
    equal(differing, seed, questions=2)


@pytest.mark.long("ORACLE")
@pytest.mark.timeout(7200)
@settings(max_examples=MANY, phases=PHASES)
@given(seed=st.integers(0, 2**32))
def test_every_figure_and_alert_of_many_more_is_the_oracles(differing: Differing, seed: int) -> None:
    equal(differing, seed, questions=4)
