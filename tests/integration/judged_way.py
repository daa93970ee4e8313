"""The registry's writer on a real PostgreSQL beside the judge of outcomes, through whatever befalls it.

A course (tests/courses.py) is gone through item by item; after each turn what stands in the tables is held against
what the judge says. One database serves course after course, emptied in between.
"""

import asyncio
import json
import os
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from deploy import master_keys
from deploy.stack.keys import new_key
from deploy.stack.postgres import PostgresServer
from services.registry.api.readings import Readings
from services.registry.api.waiting import WaitingReadings
from services.registry.deliveries import Delivery, Message
from services.registry.lease import Fenced
from services.registry.reading import read_message
from services.registry.sealing import Sealer
from services.registry.verification.verify import verify
from services.registry.writer import NotWaiting, Writer
from shared.events.receipts import Reason, Receipt
from shared.law import calendar
from shared.law.rulepack import ADDED, law
from shared.runtime.database import create_engine
from tests.conftest import Database, fresh_database
from tests.courses import LATE, Item
from tests.given import encoded
from tests.histories import ROOTS
from tests.integration.befalling import killed, unanswered
from tests.integration.emptied import empty, keep_pristine
from tests.integration.judged_tables import (
    differing_heads,
    differing_outcomes,
    differing_quarantine,
    moot,
)
from tests.oracle.judge import Judge
from tests.oracle.judge.law import Law

CONTENT_KEY = b"k" * 32
ATTEMPTS = 4
"""A turn is repeated after what befell it, and nothing befalls the repeat twice."""


class Moot(Exception):
    """From here on the documents leave it open what comes of it."""


class Unlike(Exception):
    """Registry and judge say different things; the message says which."""


class Course:
    """One course through one database; two writers, of which one leads at a time."""

    def __init__(
        self, database: Database, asking: asyncpg.Connection, engines: list[AsyncEngine], masters: Path
    ) -> None:
        """`asking` is a connection that nothing befalls."""
        self._database = database
        self._asking = asking
        self._engines = engines
        self._masters = masters
        self.judge = Judge(dict(ROOTS))
        self.places: list[tuple[str, int, int]] = []
        """Of each arrival: publisher, stream sequence, index in its batch."""
        self.befell: Counter[str] = Counter()
        self._sent: dict[str, list[Message]] = {source: [] for source in ROOTS}
        self._again = 0
        self._validates = False
        self._pending: list[list[Item]] = []
        self._broken: list[Item] = []
        """What is to befall the next turn."""
        self._writers: list[Writer] = []
        self._leads = 0

    async def go(self, items: list[Item]) -> None:
        """Raises Unlike, or Moot."""
        self._decree([])
        self._writers = [self._new_writer(which) for which in range(len(self._engines))]
        await self._led(self._writer.start)
        for item in items:
            if "event" in item:
                if item["by"] in self._sent:  # who is not registered has no stream
                    self._take(item)
                continue
            self.befell[item["then"]] += 1
            if item["then"] == "message":
                self._pending.append([])
            elif item["then"] in ("killed", "unanswered"):
                self._broken.append(item)
            elif item["then"] == "again":
                self._again = item["last"]
            elif item["then"] == "validated":
                self._validates = True
            else:
                await self._turn()
                await getattr(self, f"_{item['then']}")(item)
                if item["then"] in ("retried", "rehearsed", "discarded"):
                    await self.compare(page=100)
        await self._turn()
        await self.compare(page=4)
        await self._compare_at_last()

    @property
    def _writer(self) -> Writer:
        return self._writers[self._leads]

    def _new_writer(self, which: int) -> Writer:
        return Writer(self._engines[which], Sealer(master_keys.read_ring(self._masters)), CONTENT_KEY)

    def _decree(self, added: list[dict[str, Any]]) -> None:
        """This is what operators add to the rule pack, for every writer that begins from now on."""
        os.environ[ADDED] = json.dumps(added)
        law.cache_clear()
        calendar.is_working_day.cache_clear()
        calendar._working_days.cache_clear()
        self.judge.law = Law(added)

    def _take(self, item: Item) -> None:
        last = self._pending[-1] if self._pending else []
        joins = last and last[0]["by"] == item["by"] and not item["single"] and not last[0]["single"]
        if joins:
            last.append(item)
        else:
            self._pending.append([item])

    async def _turn(self, _: Item | None = None) -> None:
        """Write what is pending, and have the judge hear it."""
        messages = [message for sent in self._sent.values() for message in sent[len(sent) - self._again :]]
        if self._again == 0:
            messages = []
        for items in self._pending:
            if not items:
                continue
            by, sent = items[0]["by"], self._sent[items[0]["by"]]
            payload = [each["event"] for each in items]
            single = items[0]["single"]
            name = items[0]["name"] if single else "batch"
            body = encoded(payload[0] if single else payload)
            message = Message(by, len(sent) + 1, len(sent), name, body)
            sent.append(message)
            messages.append(message)
            for index, item in enumerate(items):
                self.places.append((by, message.stream_sequence, index))
                self.judge.hear(item["event"], by, item["name"] if single else None)
        foretold = await self._validated(messages) if self._validates and not self._again else {}
        self._pending, self._again, self._validates = [], 0, False
        if messages:
            # As they come from JetStream: nothing of an earlier attempt sticks to them.
            await self._led(lambda: self._writer.write([_unread(each) for each in messages]))
            await self.compare()
        found = await self._outcomes() if foretold else {}
        wrong = [place for place in foretold if found[place] != foretold[place]]
        if wrong:
            raise Unlike("\n".join(f"{each}: {found[each]}, validated as {foretold[each]}" for each in wrong))

    async def _validated(self, messages: list[Message]) -> dict[tuple[str, int, int], tuple[str, str | None]]:
        """Outcome and code that a dry run gives each event of these messages."""
        reads = [each for message in messages for each in read_message(_unread(message))]
        # Numbered as the API does: the array that it is given comes from no stream.
        asked = [(Delivery(where.source, 0, index), event) for index, (where, event) in enumerate(reads)]
        receipts = await self._writer.validate(asked)
        places = [(where.source, where.stream_sequence, where.batch_index) for where, _ in reads]
        return {place: _told(receipt) for place, receipt in zip(places, receipts, strict=True)}

    async def _outcomes(self) -> dict[tuple[str, int, int], tuple[str, str | None]]:
        rows = await self._asking.fetch(
            "SELECT source, stream_sequence, batch_index, outcome, code FROM registry.delivery"
        )
        return {tuple(row)[:3]: tuple(row)[3:] for row in rows}

    async def _led(self, work: Callable[[], Awaitable[object]]) -> None:
        """Do it, and again after what befalls it."""
        broken, self._broken = self._broken, []
        for attempt in range(ATTEMPTS):
            try:
                with self._befalling(broken[attempt : attempt + 1]):
                    await work()
                return
            except Fenced:
                raise
            except Exception:
                if attempt == ATTEMPTS - 1:
                    raise
                self.befell["failed"] += 1
            await self._begun(self._writer.recover)
        raise AssertionError("unreachable")

    async def _begun(self, begin: Callable[[], Awaitable[None]]) -> None:
        """Take over; sessions that PostgreSQL has ended are found out about one by one."""
        for _ in range(ATTEMPTS):
            try:
                await begin()
                return
            except Fenced:
                raise
            except Exception:
                self.befell["begun again"] += 1
        await begin()

    def _befalling(self, items: list[Item]) -> AbstractContextManager[None]:
        for item in items:
            if item["then"] == "killed":
                return killed(self._engines[self._leads], item["statement"], self._end_sessions)
            return unanswered()
        return nullcontext()

    async def _end_sessions(self) -> None:
        await self._asking.fetch(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE usename = 'ketnap_registry' AND datname = $1",
            self._database.name,
        )

    async def _anew(self, _: Item) -> None:
        await self._expire()
        self._writers[self._leads] = self._new_writer(self._leads)
        await self._begun(self._writer.start)

    async def _expire(self) -> None:
        """As if the writer had said nothing for longer than its lease."""
        await self._asking.fetch("UPDATE registry.lease SET until = '-infinity'")

    async def _other(self, item: Item) -> None:
        before = self._writer
        await (self._expire() if item["silent"] else before.step_down())
        self._leads = (self._leads + 1) % len(self._writers)
        await self._begun(self._writer.start)
        if item["silent"] and before.leads:
            source, sent = next(iter(self._sent.items()))
            nothing = Message(source, len(sent) + 1, len(sent), "batch", encoded([{"not": "an event"}]))
            try:
                await before.write([nothing])
            except Fenced:
                return
            raise Unlike(f"expected the writer before to be fenced, found it wrote {nothing}")

    async def _retried(self, item: Item) -> None:
        waiting = list(self.judge.waiting)
        asked = waiting[: max(1, round(len(waiting) * item["share"]))] if waiting else []
        keys = [self._key(each) for each in asked]
        await self._led(lambda: self._writer.retry(keys))
        self.judge.retry(asked)

    async def _rehearsed(self, item: Item) -> None:
        """What a rehearsal foretells of a retry is what the retry does."""
        if not self.judge.waiting:
            return
        arrival = self.judge.waiting[int(item["place"] * len(self.judge.waiting))]
        key = self._key(arrival)
        foretold = (await self._writer.rehearse(*key)).now
        told = {(each.source, each.event_id): each for each in await self._writer.retry([key])}
        own = told.pop(key)
        reason = own.reason if isinstance(own.reason, Reason) else None
        found = (own.outcome, reason, own.findings, {key: each.outcome for key, each in told.items()})
        released = {(each.source, each.event_id): each.outcome for each in foretold.releases}
        expected = (foretold.outcome, foretold.reason, foretold.findings, released)
        if found != expected:
            raise Unlike(f"{key} rehearsed as {expected}, retried as {found}")
        self.judge.retry([arrival])

    async def _discarded(self, item: Item) -> None:
        if not self.judge.waiting:
            return
        arrival = self.judge.waiting[int(item["place"] * len(self.judge.waiting))]
        source, event_id = self._key(arrival)

        async def discard() -> None:
            try:
                await self._writer.discard(source, event_id, "not ours")
            except NotWaiting:
                # Only if it was discarded by an attempt of which nothing was heard.
                self.befell["discarded unheard"] += 1

        await self._led(discard)
        self.judge.discard(arrival)

    def _key(self, arrival: int) -> tuple[str, UUID]:
        event = self.judge.arrived[arrival]
        return event["source"], UUID(event["id"])

    async def _rotated(self, item: Item) -> None:
        old = master_keys.read_ring(self._masters).current.id
        new, _ = await master_keys.rotate(self._database.url(), self._masters)
        # No writer here looks each second which key is the newest. What one has wrapped by the key before looks to
        # the next rotation like one that was interrupted, and it goes on with that.
        if item["dropped"] and new != old:
            await master_keys.drop(self._database.url(), self._masters, old)

    async def _decreed(self, item: Item) -> None:
        self._decree(item["added"])
        await self._expire()
        self._writers = [self._new_writer(which) for which in range(len(self._engines))]
        await self._begun(self._writer.start)

    async def _registered(self, item: Item) -> None:
        await self._asking.fetch(
            "INSERT INTO registry.source (source, root, public_key) VALUES ($1, $2, '')", LATE, item["root"]
        )
        await self._writer.refresh_sources()
        self.judge.roots[LATE] = item["root"]
        self._sent[LATE] = []

    async def compare(self, page: int | None = None) -> None:
        """Hold every outcome so far against the judge, and the quarantine in pages of so many rows if asked to.

        Raises Unlike, or Moot.
        """
        differing, conceded = await differing_outcomes(self.judge, self.places, self._asking)
        if not differing and page is not None:
            differing = await differing_quarantine(self.judge, WaitingReadings(self._engines[self._leads]), page)
        if differing:
            if conceded or moot(self.judge):  # what was rejected in the middle of this turn freed its id there
                raise Moot
            raise Unlike("\n".join(differing))

    def _gaps(self, source: str) -> list[tuple[int, int]]:
        """What is missing in a source's own count, whatever became of its events."""
        arrived = zip(self.places, self.judge.arrived, strict=True)
        own = (event for place, event in arrived if place[0] == source == event["source"])
        seen = sorted({int(event["sequence"]) for event in own if "sequence" in event})
        return [(before + 1, after - 1) for before, after in pairwise(seen) if after > before + 1]

    async def _compare_at_last(self) -> None:
        differing = await differing_heads(self.judge, self._asking)
        counts: dict[str, Counter[str]] = {source: Counter() for source in self.judge.roots}
        for place, verdict in zip(self.places, self.judge.verdicts, strict=True):
            counts[place[0]][verdict.outcome] += 1
        engine = self._engines[self._leads]
        for source in await Readings(engine).sources():
            kept = +Counter(source["outcomes"])
            if kept != counts[source["source"]] or source["settled"] != len(self._sent[source["source"]]):
                differing.append(f"{source}, expected {counts[source['source']]}")
            if source["gaps"] != (gaps := self._gaps(source["source"])):
                differing.append(f"{source}, expected gaps {gaps}")
        sealer = Sealer(master_keys.read_ring(self._masters))
        account = await verify(engine, CONTENT_KEY, sealer)
        differing += [f"{check.name}: {check.found}" for check in account.checks if not check.ok]
        if differing:
            raise Unlike("\n".join(differing))


def _told(receipt: Receipt) -> tuple[str, str | None]:
    return receipt.outcome, receipt.reason.code if isinstance(receipt.reason, Reason) else None


def _unread(message: Message) -> Message:
    return Message(message.source, message.stream_sequence, message.previous, message.event_name, message.payload)


class JudgedWay:
    """A database and two registries' connections, for course after course."""

    def __init__(self, database: Database, asking: asyncpg.Connection, masters: Path) -> None:
        self.database = database
        self._asking = asking
        self._masters = masters
        self._engines = [create_engine(database.url("ketnap_registry"), f"test-{each}") for each in "ab"]
        self.befell: Counter[str] = Counter()
        """Of all courses so far."""

    async def close(self) -> None:
        """Close what this opened."""
        for engine in self._engines:
            await engine.dispose()
        await self._asking.close()

    async def differing(self, items: list[Item]) -> str:
        """What differs between registry and judge on this course; empty: nothing does."""
        await empty(self.database, ("registry",))
        self._masters.write_text(f"{new_key()}\n", encoding="ascii")
        course = Course(self.database, self._asking, self._engines, self._masters)
        try:
            await course.go(items)
        except Unlike as unlike:
            return str(unlike)
        except Moot:
            self.befell["moot"] += 1
        except asyncio.CancelledError:
            raise
        finally:
            self.befell += course.befell
            self.befell.update(each.outcome for each in course.judge.verdicts)
        return ""


@asynccontextmanager
async def judged_way(postgres: PostgresServer, masters: Path) -> AsyncIterator[JudgedWay]:
    """A database of its own, with the two sources that histories are of."""
    async with fresh_database(postgres) as database:
        for source, root in ROOTS.items():
            await database.fetch(
                "INSERT INTO registry.source (source, root, public_key) VALUES ($1, $2, '')", source, root
            )
        await keep_pristine(database, ("registry",))
        way = JudgedWay(database, await asyncpg.connect(database.url("postgres")), masters)
        try:
            yield way
        finally:
            await way.close()
