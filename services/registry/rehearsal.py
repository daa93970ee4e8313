"""A rehearsal: what a retry or a discard of a waiting event would do, in a turn that is never committed."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.registry.deliveries import Delivery, Waiting
from services.registry.rules import supposed
from services.registry.rules.decision import Record
from services.registry.sealing import Sealer
from services.registry.situation import LoadedSituation, OrganisationCache
from services.registry.store_reader import StoreReader, read_lineage, read_waiting
from services.registry.turn import Turn
from services.registry.waiting_room import Key
from shared.events.codec import read
from shared.events.receipts import Finding, Outcome, Reason, Receipt
from shared.law.rulepack import RulePack
from shared.runtime.sql import Statements
from shared.timeline.fact import Fact

SQL = Statements("services.registry.sql", "quarantine.sql")

MOST = 2000
"""Waiting events that a rehearsal looks at for one cause: it runs beside the writer, and must not hold it up."""
ROUNDS = 6
"""How many causes of causes are supposed before a rehearsal gives up."""


@dataclass(frozen=True, slots=True)
class Released:
    """Another event that would leave the quarantine, and how."""

    source: str
    event_id: UUID
    type: str
    subject: str
    effectiveon: date
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Figure:
    """`change` to a measure of one organisation from `day` on (a level) or on it (a flow)."""

    organisation: str
    measure: str
    day: date
    change: int


@dataclass(frozen=True, slots=True)
class Course:
    """What would become of the event, which others would be released with it, and what that adds to figures."""

    outcome: Outcome
    reason: Reason | None = None
    findings: tuple[Finding, ...] = ()
    releases: list[Released] = field(default_factory=list)
    changes: list[Figure] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Discarded:
    """What a discard would leave: events that go on waiting, and figures that will not come, for want of it."""

    strands: list[Released]
    changes: list[Figure]


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """All that can be said about a waiting event before anybody touches it."""

    now: Course
    """A retry as things stand."""
    supposed: list[dict[str, Any]]
    """Made-up events after which it would fit; none where it fits already, or where none is known."""
    if_it_came: Course | None
    """What the supposed events would set going."""
    if_discarded: Discarded
    complete: bool
    """False: more waits for the same than a rehearsal looks at, so lists and figures are a part only."""


async def rehearse(
    engine: AsyncEngine, sealer: Sealer, rulepack: RulePack, roots: dict[str, str], key: Key
) -> Rehearsed | None:
    """Rehearse for one waiting event; None if it does not wait. Nothing is written."""
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        lineage = await read_lineage(connection)
        reader = _BoundedReader(connection)
        kept, dropped = (
            _Rehearsal(
                LoadedSituation(lineage, rulepack, OrganisationCache()),
                reader,
                sealer,
                roots,
                0,
                datetime.now(UTC),
                anyone_waits=True,
            )
            for _ in range(2)
        )
        if not (found := await reader.waiting_ones([key])):
            return None
        await kept.retry(*found)
        now = kept.course(key)
        events = await kept.suppose(found[0]) if now.outcome == "quarantined" else []
        then = kept.course(key)
        for again in await reader.waiting_ones([key]):  # turns change what they are given
            dropped.discard(again, "rehearsed")
        for event in events:
            await dropped.submit_supposed(key[0], event)
        await connection.rollback()
    helped = now.outcome == "quarantined" and then.outcome != "quarantined"
    return Rehearsed(
        now,
        [msgspec.json.decode(event) for event in events] if helped else [],
        then if helped else None,
        _lost(then, dropped.course(key)) if then.outcome == "recorded" else Discarded([], []),
        complete=not reader.bounded,
    )


class _BoundedReader(StoreReader):
    """A reader that hands out no more than MOST waiting events for one question."""

    def __init__(self, connection: AsyncConnection) -> None:
        super().__init__(connection)
        self.bounded = False

    async def waiting_for(self, keys: Iterable[str]) -> list[Waiting]:
        rows = (await self._connection.execute(SQL["rehearsed"], {"keys": list(keys), "limit": MOST + 1})).all()
        self.bounded |= len(rows) > MOST
        return [read_waiting(row) for row in rows[:MOST]]


class _Rehearsal(Turn):
    """A turn that keeps account of the figures, and takes events that nobody sent."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._changes: Counter[tuple[str, str, date]] = Counter()
        self._supposed: set[Key] = set()

    def _record(
        self,
        delivery: Delivery,
        fact: Fact,
        type_: str,
        content_hash: bytes,
        content: bytes,
        decision: Record,
        **more: Any,
    ) -> frozenset[str]:
        wakes = super()._record(delivery, fact, type_, content_hash, content, decision, **more)
        if (fact.source, fact.event_id) not in self._supposed:
            for change in decision.effect.changes:
                holder = self.situation.lineage.resolve(change.organisation_id, change.day)
                self._changes[(holder, change.measure, change.day)] += change.change
        return wakes

    async def submit_supposed(self, source: str, event: bytes) -> None:
        """Submit an event that nobody sent."""
        submitted = read(event, source)
        self._supposed.add((source, submitted.envelope.id))
        # Stream sequences begin at 1: these are no deliveries of the stream.
        await self.submit(Delivery(source, 0, len(self._supposed)), submitted, b"")

    async def suppose(self, waiting: Waiting) -> list[bytes]:
        """Suppose cause after cause until `waiting` waits no more, or nothing more helps; gives the causes."""
        source, root = waiting.delivery.source, self._roots[waiting.delivery.source]
        events: list[bytes] = []
        said: set[tuple[str, str]] = set()
        for _ in range(ROUNDS):
            pending = [each for each in self._room if each.key in self._supposed or each is waiting]
            wanted = [
                (each, cause, left)
                for each in pending
                for left, cause in _counted(supposed.causes(each.fact, each.reason.code, each.waits_for, root))
                if cause[:2] not in said
            ]
            if waiting.key not in self._room or not wanted:
                break
            for each, cause, left in wanted:
                if cause[:2] in said:
                    continue
                said.add(cause[:2])
                since = await self._since(each, cause[1])
                events.append(supposed.event(cause, each.fact, source, since, left))
                await self.submit_supposed(source, events[-1])
        return events

    async def _since(self, waiting: Waiting, subject: str) -> tuple[date, datetime]:
        """The first place in the timeline at which anything waits for the subject."""
        keys = await self._room.woken(frozenset({subject})) - self._supposed
        facts = [self._room[key].fact for key in keys] + [waiting.fact]
        return min((fact.effectiveon, fact.time) for fact in facts)

    def course(self, key: Key) -> Course:
        """What has become of the event so far, and of others."""
        said: dict[Key, Receipt] = {
            (each.source, each.event_id): each for each in self.outcomes.receipts if each.event_id is not None
        }
        own = said[key]
        releases = [
            Released(*each.key, each.type, each.fact.subject, each.fact.effectiveon, said[each.key].outcome)
            for each in self.outcomes.released
            if each.key != key
        ]
        changes = [Figure(*where, change) for where, change in sorted(self._changes.items()) if change]
        reason = own.reason if isinstance(own.reason, Reason) else None
        return Course(own.outcome, reason, own.findings, releases, changes)


def _counted(causes: list[supposed.Cause]) -> Iterator[tuple[int, supposed.Cause]]:
    """Each cause, with how many come after it."""
    return zip(range(len(causes) - 1, -1, -1), causes, strict=True)


def _lost(kept: Course, dropped: Course) -> Discarded:
    """What happens in the one course and not in the other."""
    still = {(each.source, each.event_id) for each in dropped.releases if each.outcome == "recorded"}
    strands = [
        each for each in kept.releases if each.outcome == "recorded" and (each.source, each.event_id) not in still
    ]
    amounts = Counter({(each.organisation, each.measure, each.day): each.change for each in kept.changes})
    amounts.subtract({(each.organisation, each.measure, each.day): each.change for each in dropped.changes})
    return Discarded(strands, [Figure(*where, amount) for where, amount in sorted(amounts.items()) if amount])
