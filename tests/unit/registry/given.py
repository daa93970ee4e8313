"""A registry that has nothing stored yet: a turn over made-up events, without servers."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from services.registry.deliveries import Delivery, Waiting
from services.registry.sealing import Sealer, Wrapped, content_hash
from services.registry.situation import LoadedSituation, OrganisationCache
from services.registry.turn import Turn
from shared.events.codec import read
from shared.events.receipts import Receipt
from shared.law.rulepack import RulePack
from shared.timeline.book import Unloaded
from shared.timeline.lineage import Lineage


class NothingStored:
    """A reader of empty tables."""

    async def load(self, situation: LoadedSituation, missing: Unloaded) -> None:
        for key in missing.keys:
            match missing.kind:
                case "subject":
                    situation.put_folds({key: None})
                case "timeline":
                    situation.put_facts(key, [])
                case "event":
                    source, _, event_id = key.partition("/")
                    situation.put_event(source, UUID(event_id), None)
                case "travellers":
                    situation.put_travellers(key, [])
                case "target":
                    situation.put_owner(key, None)
                case "headcount":
                    situation.put_headcount(key, [])

    async def waiting_for(self, keys: Iterable[str]) -> list[Waiting]:
        return []

    async def person_keys(self, persons: Iterable[str]) -> dict[str, Wrapped | None]:
        return {}

    async def sealed_profiles(self, persons: Iterable[str]) -> list[tuple[str, UUID, str]]:
        return []


def turn(events: Iterable[dict[str, Any]], roots: dict[str, str] | None = None, **more: Any) -> Turn:
    """The turn after these events, in this order; of a class or by a rule pack of the test's own, if it wants."""
    return asyncio.run(turned(events, roots, **more))


async def turned(
    events: Iterable[dict[str, Any]],
    roots: dict[str, str] | None = None,
    *,
    of: type[Turn] = Turn,
    rulepack: RulePack | None = None,
    after_each: Callable[[Turn], None] | None = None,
) -> Turn:
    """The same within a running loop. `after_each` is shown the turn after each arrival."""
    situation = LoadedSituation(Lineage(), rulepack or RulePack.shipped(), OrganisationCache())
    new = of(
        situation,
        NothingStored(),
        Sealer(b"m" * 32),
        roots or {"dien-bien": "root", "son-la": "son-la-root"},
        0,
        datetime(2026, 1, 1, tzinfo=UTC),
        anyone_waits=False,
    )

    for index, event in enumerate(events):
        submitted = read(json.dumps(event).encode(), event["source"])
        digest = content_hash(submitted.canonical, b"k" * 32)
        await new.submit(Delivery(event["source"], 1, index), submitted, digest)
        if after_each is not None:
            after_each(new)
    return new


def outcomes(events: Sequence[dict[str, Any]], **more: Any) -> list[tuple[str, str | None]]:
    """The last outcome and code of each event, in the order given."""
    latest: dict[int, Receipt] = {each.batch_index: each for each in turn(events, **more).outcomes.receipts}
    return [(latest[index].outcome, getattr(latest[index].reason, "code", None)) for index in range(len(events))]


def last_reason(events: Sequence[dict[str, Any]]) -> str:
    """The message of the last event's reason."""
    receipt = turn(events).outcomes.receipts[-1]
    return str(getattr(receipt.reason, "message", ""))


def in_the_hands_of(organisation_id: str, after: Turn, on: str = "2999-12-31") -> dict[str, int]:
    """Members, balances and candidates that an organisation holds on the evening of a day, by measure."""
    situation = after.situation
    for name in {organisation_id, *situation.lineage.before(organisation_id)}:
        situation.put_headcount(name, [])
    found: Counter[str] = Counter()
    for change in situation.headcount(organisation_id):
        if change.day.isoformat() <= on:
            found[change.measure] += change.change
    return {measure: amount for measure, amount in found.items() if amount}
