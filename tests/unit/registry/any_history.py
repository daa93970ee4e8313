"""What the pure parts of registry and reporting make of a history, beside what the oracle counts."""

import json
from collections import Counter
from datetime import date
from typing import Any

from services.registry.turn import Turn
from services.reporting.projector.batch import Batch
from shared.events.recorded import read_recorded
from shared.timeline.book import Unloaded
from shared.timeline.lineage import Lineage
from shared.timeline.measures import Change
from tests.oracle.world import World
from tests.unit.registry.given import in_the_hands_of

Levels = dict[str, Counter[str]]
"""Holder → measure → amount."""

MEASURED = ("members", "balance", "candidates")


def log(after: Turn) -> list[dict[str, Any]]:
    """The events that a turn recorded, as any reader of the log gets them."""
    found: list[dict[str, Any]] = [json.loads(row.event) for row in after.outcomes.log]
    return found


def held_by_registry(after: Turn, organisations: list[str], day: date) -> Levels:
    """Levels on an evening as the registry's head counts have them."""
    found = {each: Counter(in_the_hands_of(each, after, day.isoformat())) for each in organisations}
    return {each: counts for each, counts in found.items() if counts}


def projected(events: list[dict[str, Any]]) -> list[tuple[int, Change]]:
    """The signed changes that reporting makes of a log, each with its position."""
    batch = Batch(Lineage())
    for event in read_recorded(json.dumps(events).encode()):
        while True:
            try:
                batch.apply(event)
                break
            except Unloaded as missing:
                _nothing_stored(batch, missing)
    return batch.deltas


def _nothing_stored(batch: Batch, missing: Unloaded) -> None:
    for key in missing.keys:
        match missing.kind:
            case "subject":
                batch.book.put_folds({key: None})
            case "timeline":
                batch.book.put_facts(key, [])
            case "travellers":
                batch.book.put_travellers(key, [])
            case "dependents":
                batch.put_dependents(key, [])
            case _:
                raise missing


def levels_of(deltas: list[tuple[int, Change]], known_at: int, day: date, world: World) -> Levels:
    """Levels on an evening as sums of signed changes, in the hands that the oracle sees them in."""
    found: Levels = {}
    for position, change in deltas:
        if position <= known_at and change.day <= day and change.measure.split(".")[0] in MEASURED:
            holder = world.holder(change.organisation_id)
            found.setdefault(holder, Counter())[change.measure] += change.change
    return without_zeros(found)


def levels_of_oracle(world: World) -> Levels:
    """The same from the oracle's world."""
    found: Levels = {}
    for organisation, counts in world.balances.items():
        found.setdefault(world.holder(organisation), Counter()).update(
            {f"balance.{status}": amount for status, amount in counts.items()}
        )
    for person in world.persons.values():
        if person["member"] is not None:
            found.setdefault(person["member"]["at"], Counter())[f"members.{person['member']['status']}"] += 1
        elif person["candidate"] is not None:
            found.setdefault(person["candidate"]["at"], Counter())[
                f"candidates.{person['candidate']['stage']}"
            ] += 1
    return without_zeros(found)


def without_stages(levels: Levels) -> Levels:
    """The same with all open candidates together, as head counts have them; their stages are in the folds."""
    found: Levels = {each: Counter() for each in levels}
    for each, counts in levels.items():
        for measure, amount in counts.items():
            found[each]["candidates.open" if measure.startswith("candidates.") else measure] += amount
    return found


def without_zeros(levels: Levels) -> Levels:
    """Only what is there."""
    kept = {
        each: Counter({measure: amount for measure, amount in counts.items() if amount})
        for each, counts in levels.items()
    }
    return {each: counts for each, counts in kept.items() if counts}


def states(after: Turn) -> tuple[dict[str, Any], dict[Any, int]]:
    """The folds of all subjects, and the head counts."""
    folds = {subject: folded.state for subject, folded in after.situation.changed_folds().items()}
    return folds, {key: amount for key, amount in after.situation.headcount_changes.items() if amount}
