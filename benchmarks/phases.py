"""Where the registry's processor time goes, step by step and without servers: `python -m benchmarks.phases`.

No goal is measured here. Turns of the size that `append` has are read, decided and encoded over tables that are
dictionaries; what asking and telling PostgreSQL costs is not in it. Of several rounds, the least of each step.
"""

import asyncio
import gc
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from uuid import UUID

from benchmarks.province import Province, batches
from services.registry.deliveries import Message, Waiting
from services.registry.log_copy import ROWS_A_PIECE, piece
from services.registry.reading import read_message
from services.registry.sealing import ContentHash, Sealer, Wrapped
from services.registry.situation import LoadedSituation, OrganisationCache
from services.registry.turn import Turn
from shared.events.codec import Submitted
from shared.law.rulepack import RulePack
from shared.runtime.collector import calm_the_collector
from shared.timeline import fold
from shared.timeline.book import Unloaded
from shared.timeline.lineage import Lineage

EVENTS = 30_000
ROUNDS = 5
BATCH = 500
MESSAGES_A_TURN = 8


class Tables:
    """What a turn reads and writes, in dictionaries; a `Reader`."""

    def __init__(self) -> None:
        self.folds: dict[str, bytes] = {}
        self.owners: dict[str, str] = {}
        self.keys: dict[str, Wrapped] = {}

    async def load(self, situation: LoadedSituation, missing: Unloaded) -> None:
        if missing.kind == "subject":
            found = {
                subject: fold.decode(fold.kind_of(subject), self.folds[subject]) if subject in self.folds else None
                for subject in missing.keys
            }
            situation.put_folds(found)
        elif missing.kind == "target":
            for target_id in missing.keys:
                situation.put_owner(target_id, self.owners.get(target_id))
        else:
            raise missing

    async def waiting_for(self, keys: Iterable[str]) -> list[Waiting]:
        return []

    async def person_keys(self, persons: Iterable[str]) -> dict[str, Wrapped | None]:
        return {person: self.keys[person] for person in persons if person in self.keys}

    async def sealed_profiles(self, persons: Iterable[str]) -> list[tuple[str, UUID, str]]:
        return []


class Steps:
    """Processor time by step."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        begin = time.thread_time()
        yield
        self.seconds[name] += time.thread_time() - begin


async def once(province: Province, payloads: Iterable[bytes]) -> dict[str, float]:
    """One round over these messages; gives seconds by step."""
    steps, tables, cache = Steps(), Tables(), OrganisationCache()
    content_hash, sealer, rulepack = ContentHash(b"c" * 32), Sealer(b"m" * 32), RulePack.shipped()
    lineage, position = Lineage(), 0
    numbered = enumerate(payloads, start=1)
    while messages := [
        Message(province.source, number, number - 1, "batch", payload)
        for number, payload in islice(numbered, MESSAGES_A_TURN)
    ]:
        with steps.step("reading"):
            reads = [each for message in messages for each in read_message(message)]
        turn = Turn(
            LoadedSituation(lineage, rulepack, cache), tables, sealer, {province.source: province.root}, position,
            datetime.now(UTC), anyone_waits=False,
        )  # fmt: skip
        events = [event for _, event in reads if isinstance(event, Submitted)]
        with steps.step("looking up what is asked"):
            facts = await turn.prepare(events)
        with steps.step("content hash"):
            hashes = [content_hash(event.canonical) for event in events]
        with steps.step("deciding and recording"):
            for (delivery, _), event, digest, fact in zip(reads, events, hashes, facts, strict=True):
                await turn.submit(delivery, event, digest, fact)
        rows = turn.outcomes.log
        with steps.step("rows for COPY"):
            for first in range(0, len(rows), ROWS_A_PIECE):
                piece(rows[first : first + ROWS_A_PIECE])
        with steps.step("folds and numbers"):
            tables.folds |= {
                subject: fold.encode(each) for subject, each in turn.situation.changed_folds().items()
            }
            turn.outcomes.numbers()
        tables.owners |= turn.situation.new_targets
        tables.keys |= turn.profiles.new_keys
        turn.situation.keep()
        position, lineage = turn.position, turn.situation.lineage
    assert position == EVENTS, f"expected all of {EVENTS:,} events on the log, found {position:,}"
    return dict(steps.seconds)


def main() -> None:
    """Print microseconds an event."""
    calm_the_collector()
    province = Province("made-up", seed=1, late=0.0)
    payloads = list(batches(province.events(EVENTS), BATCH))
    rounds = []
    for _ in range(ROUNDS):
        gc.collect()
        rounds.append(asyncio.run(once(province, payloads)))
    least = {step: min(each[step] for each in rounds) for step in rounds[0]}
    for step, seconds in least.items():
        sys.stdout.write(f"{seconds / EVENTS * 1e6:6.1f} µs  {step}\n")
    sys.stdout.write(f"{sum(least.values()) / EVENTS * 1e6:6.1f} µs  together\n")


if __name__ == "__main__":
    main()
