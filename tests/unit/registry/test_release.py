"""What waits is released in timeline order; thousands that wait for one thing cost no more than each its own."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from services.registry.deliveries import Delivery
from services.registry.situation import LoadedSituation, OrganisationCache
from services.registry.turn import Turn
from shared.events.codec import read
from shared.law.rulepack import RulePack
from shared.timeline.lineage import Lineage
from tests.given import encoded, identified, new_uuid, organisation, root
from tests.unit.registry.given import NothingStored, turn


def release_of(number: int) -> list[dict[str, Any]]:
    """So many candidacies, the latest first, and then the cell that they wait for."""
    days = [f"2022-{1 + index // 28 % 12:02}-{1 + index % 28:02}" for index in range(number)]
    waiting = [identified(new_uuid(), day, "new-cell") for day in sorted(days, reverse=True)]
    return [root(), *waiting, organisation("new-cell")]


def test_what_one_fact_releases_is_recorded_in_timeline_order() -> None:
    log = turn(release_of(50)).outcomes.log
    days = [row.event.partition(b'"effectiveon":"')[2][:10] for row in log[2:]]
    assert len(days) == 50
    assert days == sorted(days)


class Counted(NothingStored):
    """Empty tables that count how often they are asked."""

    asked = 0

    async def load(self, situation: LoadedSituation, missing: Any) -> None:
        self.asked += 1
        await super().load(situation, missing)

    async def waiting_for(self, keys: Iterable[str]) -> list[Any]:
        self.asked += 1
        return await super().waiting_for(keys)


def test_a_release_of_many_asks_the_tables_as_often_as_one_of_few() -> None:
    few, many = asked_for(10), asked_for(400)
    assert many == few


def asked_for(number: int) -> int:
    """How often a turn asks the tables for what the cell releases, the candidacies' own turn left out."""
    *before, cell = release_of(number)
    first = turn(before)
    reader = Counted()
    second = Turn(
        LoadedSituation(Lineage(), RulePack.shipped(), OrganisationCache()),
        reader,
        first.profiles._sealer,
        {"dien-bien": "root"},
        0,
        datetime(2026, 1, 1, tzinfo=UTC),
        anyone_waits=True,
    )
    for waiting in first.outcomes.held.values():
        second._room.enter(waiting)

    async def submit() -> None:
        for index, event in enumerate([before[0], cell]):
            await second.submit(Delivery("dien-bien", 2, index), read(encoded(event), "dien-bien"), bytes([index]))

    asyncio.run(submit())
    assert len(second.outcomes.log) == number + 2
    return reader.asked
