"""A turn that is never committed: it decides as the writer would, and says what reorganisations move."""

from collections.abc import Iterable
from typing import Any, Protocol
from uuid import UUID

from msgspec import UNSET
from msgspec.structs import replace

from services.registry.deliveries import Delivery
from services.registry.rules import moving
from services.registry.rules.decision import Decision, Record
from services.registry.situation import LoadedSituation
from services.registry.turn import Reader, Turn
from shared.events.catalogue import EventType
from shared.events.receipts import Receipt
from shared.timeline.book import Unloaded
from shared.timeline.fact import Fact


class DryRunReader(Reader, Protocol):
    """What a dry run reads besides what a turn does."""

    async def attached(self, organisations: Iterable[str]) -> list[str]:
        """Subjects of active organisations and of places that belong to these directly."""


class DryRun(Turn):
    """Receipts of reorganisations that would be recorded carry the finding `moves`, which no recorded one has.

    What would be recorded has no position, so what repeats it has none either.
    """

    HELD_ELSEWHERE = "waiting in quarantine, or among these events,"

    def __init__(self, situation: LoadedSituation, reader: DryRunReader, *arguments: Any, **more: Any) -> None:
        super().__init__(situation, reader, *arguments, **more)
        self._attaching = reader
        self._before: dict[tuple[str, UUID], moving.Before] = {}

    async def _decide(self, fact: Fact, entry: EventType, source: str, *, stored: bool) -> tuple[Decision, bool]:
        decision, dropped = await super()._decide(fact, entry, source, stored=stored)
        move = moving.move_of(fact)
        if move is not None and isinstance(decision, Record):
            self._before[(source, fact.event_id)] = await self._look(move)
        return decision, dropped

    def _record(self, delivery: Delivery, fact: Fact, *arguments: Any, **more: Any) -> frozenset[str]:
        wakes = super()._record(delivery, fact, *arguments, **more)
        key = (fact.source, fact.event_id.int)
        self._held[key] = (self._held[key][0], None)
        before = self._before.get((fact.source, fact.event_id))
        if before is not None:
            row = self.outcomes.log[-1]
            found = moving.finding(before, moving.held(before.move, self.situation))
            self.outcomes.log[-1] = replace(row, findings=(*row.findings, found))
        return wakes

    def at_last(self, receipt: Receipt) -> Receipt:
        """The receipt as it stands at the end: what waits may wait for something else by then.

        What would be recorded has no position yet, nor has what repeats it.
        """
        if receipt.outcome == "recorded":
            return replace(receipt, position=UNSET)
        if receipt.outcome != "quarantined" or receipt.event_id is None:
            return receipt
        return replace(receipt, reason=self.outcomes.held[(receipt.source, receipt.event_id)].reason)

    async def _look(self, move: moving.Move) -> moving.Before:
        """What is there before the move."""
        while True:
            try:
                people, targets = moving.held(move, self.situation), moving.targets_of(move, self.situation)
                break
            except Unloaded as missing:
                await self._reader.load(self.situation, missing)
        names = {name for giver in move.givers for name in (giver, *self.situation.lineage.before(giver))}
        changed = self.situation.changed_folds()
        attached = [subject for subject in await self._attaching.attached(names) if subject not in changed]
        attached += [subject for subject, folded in changed.items() if moving.belongs(folded.state, names)]
        children = sum(subject.startswith("organisation/") for subject in attached)
        return moving.Before(move, people, children, len(attached) - children, len(targets))
