"""A turn of the writer: events in their order, each decided, and after each what waited for it."""

import heapq
from collections.abc import Iterable, Set
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from services.registry.deliveries import Delivery, LogRow, Outcomes, RefusedRow, Waiting
from services.registry.profiles import (
    DROPPED,
    KeyReader,
    Profiles,
    YearsOfBirth,
    judged_by_age,
    profile_of,
    without_profile,
)
from services.registry.rules.decide import decide
from services.registry.rules.decision import Decision, Quarantine, Record, Reject
from services.registry.rules.ownership import elsewhere, until_come
from services.registry.rules.references import (
    READ_ALONE,
    event_key,
    organisation_key,
    subjects_to_read,
    targets_to_read,
)
from services.registry.sealing import Sealer
from services.registry.situation import LoadedSituation
from services.registry.waiting_room import Key, WaitingReader, WaitingRoom
from shared.events.catalogue import CATALOGUE, EventType
from shared.events.codec import Submitted
from shared.events.person import PersonErased
from shared.events.receipts import Reason, Receipt
from shared.events.recorded import write_recorded
from shared.timeline.book import Unloaded
from shared.timeline.fact import Fact, OrderKey
from shared.timeline.identity import may_erase, same_person

Held = tuple[bytes, int | None]
"""Content hash of an event whose id is held, and its position, if it is on the log."""


class Reader(KeyReader, WaitingReader, Protocol):
    """What a turn reads while it decides."""

    async def load(self, situation: LoadedSituation, missing: Unloaded) -> None:
        """Read what was asked for into the situation."""


class Turn:
    """Decides events one after the other and collects what is to be written, all or nothing."""

    HELD_ELSEWHERE = "waiting in quarantine"
    """Where an event is, in words, whose id is held and that has no position on the log."""

    def __init__(
        self,
        situation: LoadedSituation,
        reader: Reader,
        sealer: Sealer,
        roots: dict[str, str],
        position: int,
        at: datetime,
        *,
        anyone_waits: bool,
        waited_for: Set[str] | None = None,
        years: YearsOfBirth | None = None,
    ) -> None:
        """`position` is the last one on the log; `at` becomes the `recordedat` of what this turn records.

        `anyone_waits`: whether the quarantine may hold anything; `waited_for`: the keys that it may wait for,
        where they are known. `years` of birth that earlier turns were told; it is told those of this one.
        """
        self.outcomes = Outcomes()
        self.about: list[tuple[str, int]] = []
        """Subjects that recorded events are about besides their own, and the positions."""
        self.position = position
        self.situation = situation
        self._reader = reader
        self.profiles = Profiles(reader, sealer, years or YearsOfBirth())
        self._roots = roots
        self.at = at
        self._held: dict[tuple[str, int], Held] = {}
        """By source and event id; as a number, since that hashes in a fraction of the time of a UUID."""
        self._room = WaitingRoom(reader, anyone_waits=anyone_waits, waited_for=waited_for)

    def hold(self, source: str, event_id: UUID, content_hash: bytes, position: int | None) -> None:
        """Take in that an id is held by the log (at `position`) or by the quarantine."""
        self._held[(source, event_id.int)] = (content_hash, position)

    async def prepare(self, events: Iterable[Submitted]) -> list[Fact | None]:
        """Read in one go what decisions about these events are sure to ask for.

        Gives the fact that each states, for `submit`; None of those that cannot be read.
        """
        facts = [None if event.data is None else Fact.of_submitted(event) for event in events]
        await self._read_for([fact for fact in facts if fact is not None])
        return facts

    async def _read_for(self, facts: list[Fact]) -> None:
        """Read what decisions about these facts are sure to ask for."""
        subjects = {organisation_key(self._roots[source]): None for source in {fact.source for fact in facts}}
        targets: set[str] = set()
        for fact in facts:
            # Most are about their person only, and are not asked whom they name.
            subjects[fact.subject] = None
            if type(fact.data) not in READ_ALONE:
                subjects.update(dict.fromkeys(subjects_to_read(fact, self._roots[fact.source])))
                targets.update(targets_to_read(fact))
        missing = [subject for subject in subjects if not self.situation.has(subject)]
        if missing:
            await self._reader.load(self.situation, Unloaded("subject", *missing))
        unknown = [target_id for target_id in targets if not self.situation.knows_target(target_id)]
        if unknown:
            await self._reader.load(self.situation, Unloaded("target", *unknown))
        await self.profiles.prepare(facts)

    async def submit(
        self, delivery: Delivery, event: Submitted, content_hash: bytes, fact: Fact | None = None
    ) -> None:
        """Decide one delivered event, and what waited for it if it is recorded. `fact`: as `prepare` gave it."""
        envelope = event.envelope
        held = self._held.get((envelope.source, envelope.id.int))
        if held is not None:
            self._already_held(delivery, envelope.id, content_hash, held)
            return
        if event.fault is not None:
            self.refuse(delivery, envelope.id, event.fault)
            return
        if fact is None:
            fact = Fact.of_submitted(event)
        decision, dropped = await self._decide(fact, event.entry, envelope.source, stored=False)
        if isinstance(decision, Reject):
            self.refuse(delivery, envelope.id, decision.reason)
            return
        content = event.canonical
        if profile_of(fact) is not None:
            content = await self.profiles.stored(fact, event.content)
        if isinstance(decision, Quarantine):
            waiting = Waiting(
                delivery, fact, envelope.type, content_hash, content, decision.reason, decision.waits_for, self.at,
                stored=False,
            )  # fmt: skip
            self._held[(envelope.source, envelope.id.int)] = (content_hash, None)
            self._room.enter(waiting)
            self.outcomes.held[waiting.key] = waiting
            self._receipt(delivery, envelope.id, "quarantined", reason=decision.reason)
            return
        wakes = self._record(delivery, fact, envelope.type, content_hash, content, decision, dropped=dropped)
        if may_erase(fact):
            await self._erase(fact)
        if wakes:
            woken = await self._room.woken(wakes)
            if woken:
                await self._release(woken)

    def refuse(self, delivery: Delivery, event_id: UUID | None, reason: Reason) -> None:
        """Reject a delivery."""
        self.outcomes.refused.append(RefusedRow(delivery, event_id, "rejected", None, reason))
        self._receipt(delivery, event_id, "rejected", reason=reason)

    async def retry(self, *named: Waiting) -> None:
        """Decide waiting events again, in timeline order; what still waits then is told once more."""
        for waiting in named:
            self._room.enter(waiting)
        await self._release([waiting.key for waiting in named])
        for waiting in named:
            if waiting.key in self._room:
                self._receipt(waiting.delivery, waiting.fact.event_id, "quarantined", reason=waiting.reason)

    def discard(self, waiting: Waiting, reason: str) -> None:
        """Drop a waiting event for good; its id is free again."""
        said = Reason("discarded", reason)
        self._let_go(waiting)
        self.outcomes.refused.append(RefusedRow(waiting.delivery, waiting.fact.event_id, "discarded", None, said))
        self._receipt(waiting.delivery, waiting.fact.event_id, "discarded", reason=said)

    async def _decide(self, fact: Fact, entry: EventType, source: str, *, stored: bool) -> tuple[Decision, bool]:
        """The decision, and whether it was made without the profile, because the person is erased."""
        dropped = False
        brings_profile = profile_of(fact) is not None  # hardly ever
        if brings_profile:
            fact, dropped = await self.profiles.readable(fact, stored=stored)
        if judged_by_age(fact):
            self.situation.years_of_birth[fact.subject] = await self.profiles.year_of_birth(fact.subject)
        while True:
            try:
                decision = decide(fact, entry, self._roots[source], self.situation)
                break
            except Unloaded as missing:
                await self._reader.load(self.situation, missing)
        if brings_profile and isinstance(decision, Record):
            self.profiles.told(fact)
        if isinstance(decision, Reject) and elsewhere(fact, decision.reason):
            decision = await self._until_come(fact, decision)
        return decision, dropped

    async def _until_come(self, fact: Fact, rejected: Reject) -> Decision:
        """The decision about what is said of a person who is elsewhere, and may be on the way."""
        waiting = await self._room.about(fact.subject)
        while True:
            try:
                return until_come(fact, rejected, waiting, self.situation)
            except Unloaded as missing:
                await self._reader.load(self.situation, missing)

    def _record(
        self,
        delivery: Delivery,
        fact: Fact,
        type_: str,
        content_hash: bytes,
        content: bytes,
        decision: Record,
        *,
        dropped: bool,
    ) -> frozenset[str]:
        """Put an event on the log; gives the keys under which others may wait for it, none where nobody waits."""
        findings = decision.findings
        if dropped:
            fact, content = without_profile(fact, content)
            findings = (*findings, DROPPED)
        effect = decision.effect
        lineage = self.situation.lineage
        self.situation.record(fact, effect)
        self.position = position = self.position + 1
        if effect.about:
            self.about += [(subject, position) for subject in effect.about]
        self._held[(fact.source, fact.event_id.int)] = (content_hash, position)
        self.outcomes.log.append(
            LogRow(
                delivery,
                position,
                self.at,
                fact.event_id,
                type_,
                fact.subject,
                content_hash,
                findings,
                write_recorded(content, position, self.at),
            )
        )
        if self._room.empty:
            return _NOTHING
        wakes = self.situation.wakes(fact, effect, lineage, awaited=self._room.awaited)
        return wakes if self._room.may_wake(wakes) else _NOTHING  # nearly always nothing

    async def _erase(self, fact: Fact) -> None:
        """What a recorded fact erases: all ids of one who is erased, or of whom one turns out to be."""
        while True:
            try:
                ids = same_person(self.situation, fact.subject)
                break
            except Unloaded as missing:
                await self._reader.load(self.situation, missing)
        if isinstance(fact.data, PersonErased) or await self.profiles.anyone_gone(ids):
            for each in ids:
                self.profiles.erase(each)

    async def _release(self, woken: Iterable[Key]) -> None:
        """Decide waiting events again in timeline order, and what their release wakes, until nothing moves."""
        queue: list[tuple[OrderKey, Key]] = []
        await self._line_up(queue, woken)
        while queue:
            _, key = heapq.heappop(queue)
            waiting = self._room[key]
            entry, source = CATALOGUE[waiting.type], waiting.delivery.source
            decision, dropped = await self._decide(waiting.fact, entry, source, stored=waiting.stored)
            if isinstance(decision, Quarantine):
                self._wait_on(waiting, decision)
                continue
            self._let_go(waiting)
            if isinstance(decision, Reject):
                self._held.pop((source, waiting.fact.event_id.int), None)
                self.refuse(waiting.delivery, waiting.fact.event_id, decision.reason)
                continue
            wakes = self._record(
                waiting.delivery, waiting.fact, waiting.type, waiting.content_hash, waiting.content, decision,
                dropped=dropped,
            )  # fmt: skip
            if may_erase(waiting.fact):
                await self._erase(waiting.fact)
            await self._line_up(queue, await self._room.woken(wakes))

    async def _line_up(self, queue: list[tuple[OrderKey, Key]], woken: Iterable[Key]) -> None:
        """Put waiting events into the queue, where nothing wakes them again: thousands are looked at once each."""
        called = [self._room[key] for key in woken]
        for waiting in called:
            self._room.line_up(waiting)
            heapq.heappush(queue, (waiting.fact.key, waiting.key))
        if len(called) > 1:
            await self._read_for([waiting.fact for waiting in called])
            subjects = {waiting.fact.subject for waiting in called}
            await self._room.read(frozenset(subjects | {event_key(*waiting.key) for waiting in called}))

    def _wait_on(self, waiting: Waiting, decision: Quarantine) -> None:
        if (waiting.reason, waiting.waits_for) != (decision.reason, decision.waits_for):
            waiting.reason, waiting.waits_for = decision.reason, decision.waits_for
            self.outcomes.held[waiting.key] = waiting
        self._room.enter(waiting)

    def _let_go(self, waiting: Waiting) -> None:
        self._room.leave(waiting)
        self.outcomes.held.pop(waiting.key, None)
        if waiting.stored:
            self.outcomes.released.append(waiting)

    def _already_held(self, delivery: Delivery, event_id: UUID, content_hash: bytes, held: Held) -> None:
        held_hash, position = held
        if held_hash == content_hash:
            self.outcomes.refused.append(RefusedRow(delivery, event_id, "duplicate", position, None))
            self._receipt(delivery, event_id, "duplicate", position=position)
            return
        where = f"recorded at position {position}" if position else self.HELD_ELSEWHERE
        message = (
            f"expected a new id, found {event_id} {where} with other content; send what differs as a new event"
        )
        self.refuse(delivery, event_id, Reason("id-conflict", message, "$.id"))

    def _receipt(self, delivery: Delivery, event_id: UUID | None, outcome: Any, **more: Any) -> None:
        self.outcomes.told.append(
            Receipt(
                event_id,
                delivery.source,
                outcome,
                delivery.stream_sequence,
                delivery.batch_index,
                self.at,
                **{name: value for name, value in more.items() if value is not None},
            )
        )


_NOTHING: frozenset[str] = frozenset()
