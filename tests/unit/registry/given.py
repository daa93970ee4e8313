"""A registry that has nothing stored yet: a turn over made-up events, without servers."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from services.registry.deliveries import Delivery, Waiting
from services.registry.rules.rulepack import RulePack
from services.registry.sealing import Sealer, Wrapped, content_hash
from services.registry.situation import LoadedSituation, OrganisationCache, Unloaded
from services.registry.turn import Turn
from shared.events.codec import read
from shared.events.receipts import Receipt
from shared.timeline.lineage import Lineage


class NothingStored:
    """A reader of empty tables."""

    async def load(self, situation: LoadedSituation, missing: Sequence[Unloaded]) -> None:
        for each in missing:
            if each.kind == "subject":
                situation.put_folds({each.key: None})
            elif each.kind == "timeline":
                situation.put_facts(each.key, [])
            elif each.kind == "target":
                situation.put_owner(each.key, None)
            else:
                situation.put_headcount(each.key, [])

    async def waiting_for(self, keys: Iterable[str]) -> list[Waiting]:
        return []

    async def person_keys(self, persons: Iterable[str]) -> dict[str, Wrapped | None]:
        return {}


def turn(events: Iterable[dict[str, Any]], roots: dict[str, str] | None = None) -> Turn:
    """The turn after these events, in this order."""
    situation = LoadedSituation(Lineage(), RulePack.shipped(), OrganisationCache())
    new = Turn(
        situation,
        NothingStored(),
        Sealer(b"m" * 32),
        roots or {"dien-bien": "root", "son-la": "son-la-root"},
        0,
        datetime(2026, 1, 1, tzinfo=UTC),
        anyone_waits=False,
    )

    async def submit_all() -> None:
        for index, event in enumerate(events):
            submitted = read(json.dumps(event).encode(), event["source"])
            digest = content_hash(submitted.canonical, b"k" * 32)
            await new.submit(Delivery(event["source"], 1, index), submitted, digest)

    asyncio.run(submit_all())
    return new


def outcomes(events: Sequence[dict[str, Any]], **more: Any) -> list[tuple[str, str | None]]:
    """The last outcome and code of each event, in the order given."""
    latest: dict[int, Receipt] = {each.batch_index: each for each in turn(events, **more).outcomes.receipts}
    return [(latest[index].outcome, getattr(latest[index].reason, "code", None)) for index in range(len(events))]


def last_reason(events: Sequence[dict[str, Any]]) -> str:
    """The message of the last event's reason."""
    receipt = turn(events).outcomes.receipts[-1]
    return str(getattr(receipt.reason, "message", ""))
