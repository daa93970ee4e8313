"""From events in any order, with repeats, to the totals that reporting shows: equal to an independent count."""

import random

import pytest

from services.registry.deliveries import Message
from shared.events.recorded import read_recorded
from tests.conftest import Database
from tests.given import encoded
from tests.integration.reporting_given import running_reporting
from tests.integration.test_registry_log import started
from tests.unit.registry.test_any_order import CELLS, history, recounted

DAYS = ("2021-12-31", "2022-05-01", "2023-06-20", "2023-12-31", "2024-01-01")


@pytest.mark.parametrize("seed", range(100, 108))
async def test_totals_are_those_of_an_independent_count(database: Database, seed: int) -> None:
    chosen = random.Random(seed)
    events = history(chosen)
    shuffled = [*events, *chosen.choices(events, k=6)]
    chosen.shuffle(shuffled)
    writer = await started(database)
    for sequence, one in enumerate(shuffled, start=1):
        await writer.write([Message("dien-bien", sequence, sequence - 1, "batch", encoded([one]))])
    rows = await database.fetch("SELECT event::text AS event FROM registry.log ORDER BY position")
    recorded = [event for row in rows for event in read_recorded(f"[{row['event']}]".encode())]
    assert len(recorded) == len(events)

    async with running_reporting(database) as reporting:
        while recorded:
            size = chosen.randint(1, 5)
            await reporting.service.projector.project(recorded[:size])
            recorded = recorded[size:]
        for day in DAYS:
            expected = recounted(events, day)
            found = {cell: await reporting.members(f"{cell}?as_of={day}") for cell in (*CELLS, "root")}
            # An ended organisation counts no members: what it had is its successor's.
            assert found == {**{cell: expected[cell] for cell in CELLS}, "root": expected.total()}
