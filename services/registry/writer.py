"""The writer: takes what has arrived as one turn, decides it, commits it, and says that it did."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.registry import lease, masters, store, store_reader
from services.registry.appending import Appending, HeldAlready
from services.registry.deliveries import Message, Read, SourceProgress, Waiting
from services.registry.dry_run import DryRun
from services.registry.following import Following
from services.registry.known_waiting import KnownWaiting
from services.registry.log_copy import ROWS_A_PIECE
from services.registry.profiles import YearsOfBirth
from services.registry.reading import read_message
from services.registry.rehearsal import Rehearsed, rehearse
from services.registry.sealing import ContentHash, Sealer
from services.registry.situation import LoadedSituation, OrganisationCache
from services.registry.store_reader import StoreReader
from services.registry.turn import Turn
from shared.events.codec import Submitted
from shared.events.receipts import Receipt
from shared.events.refusing import Unreadable
from shared.law.rulepack import law
from shared.timeline.lineage import Lineage

log = structlog.get_logger(__name__)


RENEW = 1.0
MANY = 2 * ROWS_A_PIECE
"""Events of a turn that is worth a second connection, so that PostgreSQL takes rows while others are decided."""
ASKING = 16
"""Turns after one in which an event came again: repeats come together, as after a source has begun anew."""


class NotWaiting(Exception):
    """The event that was named does not wait in quarantine."""


class Writer:
    """Holds what lives from turn to turn. One turn at a time; after a failure it starts anew from the tables."""

    def __init__(
        self, engine: AsyncEngine, sealer: Sealer, content_key: bytes, answering: AsyncEngine | None = None
    ) -> None:
        """`answering` has the connections for what is only tried out; None: `engine` has."""
        self.recorded = asyncio.Event()
        """Set after each commit: there may be something to relay."""
        self.idle = asyncio.Event()
        """Set while a decided turn is PostgreSQL's to write: whatever is done meanwhile holds nobody up."""
        self.sources: dict[str, SourceProgress] = {}
        self.noticed: dict[str, tuple[int, int]] = {}
        """Source → the last messages that it lost since this process began."""
        self.following = Following()
        self._engine = engine
        self._answering = answering or engine
        self._sealer = sealer
        self._hash = ContentHash(content_key)
        self._rulepack = law()
        self._lock = asyncio.Lock()
        self._head: lease.Head | None = None
        self._epoch: int | None = None
        self._lineage = Lineage()
        self._organisations = OrganisationCache()
        self._waiting = KnownWaiting()
        self._years = YearsOfBirth()
        self._asking = 0
        """For so many turns, the log is asked beforehand which ids it holds; else its unique key says so."""

    @property
    def leads(self) -> bool:
        """Whether this is the registry that writes, as far as it knows."""
        return self._head is not None

    async def start(self) -> None:
        """Take over the log and read what lives from turn to turn. Raises Fenced while another one writes."""
        async with self._lock:
            await self._start()

    async def _start(self) -> None:
        self._head = None
        await masters.check(self._engine, self._sealer)
        head = await lease.take_over(self._engine, self._epoch)
        self._epoch = head.epoch
        async with self._engine.connect() as connection:
            self._lineage = await store_reader.read_lineage(connection)
        self._organisations = OrganisationCache()
        self._waiting = await KnownWaiting.read(self._engine)
        self._years = YearsOfBirth()
        self.sources = await store_reader.read_sources(self._engine)
        self._head = head
        self.recorded.set()

    async def lead(self) -> None:
        """Renew the lease until it is lost. Raises Fenced then."""
        while True:
            await asyncio.sleep(RENEW)
            if (epoch := self._epoch) is not None:
                try:
                    newest = await lease.renew(self._engine, epoch)
                except lease.Fenced:
                    async with self._lock:  # whoever begins anew is done by then
                        if self._epoch != epoch:
                            continue  # it was this registry itself, under another epoch
                    raise
                if newest is not None:
                    # Unknown where the keys have just been rotated: the ring is read again then.
                    self._sealer.keyring.get(newest)

    async def step_down(self) -> None:
        """Let another registry take over at once, if this one is the writer."""
        if self._epoch is not None:
            await lease.step_down(self._engine, self._epoch)

    async def refresh_sources(self) -> dict[str, SourceProgress]:
        """Learn of sources that were registered meanwhile."""
        found = await store_reader.read_sources(self._engine)
        async with self._lock:
            for name, source in found.items():
                known = self.sources.setdefault(name, source)
                known.root = source.root
        return self.sources

    async def write(self, messages: Sequence[Message]) -> None:
        """Give every event in these messages its outcome. Messages of a source come in stream order.

        What is settled already is passed over, and so is what would leave a message behind. Raises what
        PostgreSQL raises; nothing is written then, and `recover` must come before the next write.
        """
        async with self._lock:
            reads: list[Read] = []
            progress: dict[str, SourceProgress] = {}
            for message in messages:
                known = self.sources[message.source]
                source = progress.setdefault(message.source, _copy(known))
                # Settled already: a repeat. The one before it is not: that one comes again first, and then this.
                if message.previous <= source.settled < message.stream_sequence:
                    reads.extend(read_message(message))
                    source.settle(message)
            moved = {
                name: source for name, source in progress.items() if source.settled > self.sources[name].settled
            }
            if moved:
                self.following.begun(messages)
                try:
                    await self._turn(reads, moved)
                except BaseException:
                    self._forget()
                    raise

    async def retry(self, keys: Sequence[tuple[str, UUID]]) -> list[Receipt]:
        """Decide these waiting events (source, id) again, in one turn.

        Gives the receipts of those that wait, and of others that were released with them; what waits no more is
        passed over.
        """
        return await self._operate(keys, lambda turn, waiting: turn.retry(*waiting))

    async def discard(self, source: str, event_id: UUID, reason: str) -> Receipt:
        """Drop a waiting event for good. Raises NotWaiting."""

        async def discard(turn: Turn, waiting: Sequence[Waiting]) -> None:
            for each in waiting:
                turn.discard(each, reason)

        receipts = await self._operate([(source, event_id)], discard)
        if not receipts:
            raise NotWaiting(f"expected {source}/{event_id} to wait in quarantine, found it does not")
        return receipts[0]

    async def _operate(
        self,
        keys: Sequence[tuple[str, UUID]],
        work: Callable[[Turn, Sequence[Waiting]], Awaitable[None]],
    ) -> list[Receipt]:
        async with self._lock, self._engine.connect() as connection:
            if self._head is None:
                await self._start()
            reader = StoreReader(connection)
            waiting = await reader.waiting_ones(keys)
            if not waiting:
                return []
            try:
                turn = self._new_turn(reader)
                for each in waiting:
                    turn.hold(*each.key, each.content_hash, None)
                await work(turn, waiting)
                await self._commit(connection, turn, [])
            except BaseException:
                self._forget()
                raise
        return turn.outcomes.receipts

    async def rehearse(self, source: str, event_id: UUID) -> Rehearsed:
        """What a retry and a discard of a waiting event would do; nothing is kept. Raises NotWaiting."""
        await self.refresh_sources()
        found = await rehearse(self._answering, self._sealer, self._rulepack, self._roots(), (source, event_id))
        if found is None:
            raise NotWaiting(f"expected {source}/{event_id} to wait in quarantine, found it does not")
        return found

    async def validate(self, reads: Sequence[Read]) -> list[Receipt]:
        """What `write` would say of these events, in order, on the log as it stands; nothing is kept."""
        async with self._answering.connect() as connection:
            # Of one moment: the log moves on meanwhile, maybe by these very events.
            await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            lineage = await store_reader.read_lineage(connection)
            reader = StoreReader(connection)
            situation = LoadedSituation(lineage, self._rulepack, OrganisationCache())
            waits = await reader.anyone_waits()
            turn = DryRun(situation, reader, self._sealer, self._roots(), 0, datetime.now(UTC), anyone_waits=waits)
            await self._decide(turn, reader, reads, {}, ask=True)
            await connection.rollback()
        receipts = {(each.stream_sequence, each.batch_index): each for each in turn.outcomes.receipts}
        return [turn.at_last(receipts[(delivery.stream_sequence, delivery.batch_index)]) for delivery, _ in reads]

    async def _turn(self, reads: list[Read], progress: dict[str, SourceProgress]) -> None:
        try:
            await self._turn_once(reads, progress, ask=self._asking > 0)
        except HeldAlready:
            # Nothing was written. Among so many events one id was on the log: the next turns ask beforehand.
            self._organisations = OrganisationCache()
            self._asking = ASKING
            await self._turn_once(reads, progress, ask=True)
        else:
            self._asking = max(0, self._asking - 1)

    async def _turn_once(self, reads: list[Read], progress: dict[str, SourceProgress], *, ask: bool) -> None:
        async with AsyncExitStack() as stack:
            connection = await stack.enter_async_context(self._engine.connect())
            if len(reads) < MANY:
                reader, appending = StoreReader(connection), None
            else:
                assert self._head is not None, "the writer has not started"
                await store.claim_head(connection, self._head)
                appending = await stack.enter_async_context(Appending(connection))
                reader = StoreReader(await stack.enter_async_context(self._engine.connect()))
            turn = self._new_turn(reader)
            if await self._decide(turn, reader, reads, progress, ask=ask, appending=appending):
                self._asking = ASKING
            doubtful = () if ask else turn.outcomes.not_recorded
            if doubtful and any(row.position is not None for row in await reader.held(doubtful)):
                # A repeat of what is on the log: judged as new, it does not fit where it stands already.
                raise HeldAlready
            self.idle.set()
            try:
                if appending is not None:
                    await appending.take(turn.outcomes.log)
                    await appending.end()
                await self._commit(
                    connection, turn, list(progress.values()), 0 if appending is None else appending.taken
                )
            finally:
                self.idle.clear()

    async def _decide(
        self,
        turn: Turn,
        reader: StoreReader,
        reads: Sequence[Read],
        progress: dict[str, SourceProgress],
        *,
        ask: bool,
        appending: Appending | None = None,
    ) -> bool:
        """Decide all; gives whether ids were asked for that were held."""
        events = [event for _, event in reads if isinstance(event, Submitted)]
        asked = [event for event in events if ask or self._waiting.may_hold(event.envelope)]
        rows = await reader.held({(event.envelope.source, event.envelope.id) for event in asked}) if asked else []
        for row in rows:
            turn.hold(row.source, row.event_id, row.content_hash, row.position)
        facts = iter(await turn.prepare(events))
        now = datetime.now(UTC)
        for source in progress.values():
            source.last_seen = now
        for delivery, event in reads:
            number = event.sequence if isinstance(event, Unreadable) else event.envelope.sequence
            if number is not None and delivery.source in progress:
                progress[delivery.source].see(int(number))
            if isinstance(event, Unreadable):
                turn.refuse(delivery, event.event_id, event.reason)
                continue
            await turn.submit(delivery, event, self._hash(event.canonical), next(facts))
            if appending is not None and len(turn.outcomes.log) - appending.taken >= ROWS_A_PIECE:
                await appending.take(turn.outcomes.log)
        return bool(rows)

    def _new_turn(self, reader: StoreReader) -> Turn:
        assert self._head is not None, "the writer has not started"
        now = datetime.now(UTC)
        # recordedat never decreases, whatever the clock does.
        at = max(now, self._head.recordedat) if self._head.recordedat else now
        situation = LoadedSituation(self._lineage, self._rulepack, self._organisations)
        return Turn(
            situation,
            reader,
            self._sealer,
            self._roots(),
            self._head.position,
            at,
            anyone_waits=self._waiting.anyone,
            waited_for=self._waiting.keys,
            years=self._years,
        )

    async def _commit(
        self, connection: AsyncConnection, turn: Turn, progress: list[SourceProgress], appended: int = 0
    ) -> None:
        assert self._head is not None
        await store.commit(connection, self._head, turn, turn.at, progress, appended)
        await connection.commit()
        self._head.position = turn.position
        self._head.recordedat = turn.at
        for source in progress:
            if source.lost != self.sources[source.source].lost:
                self.noticed[source.source] = source.lost[-1]
                log.error("messages left the stream unread", source=source.source, range=source.lost[-1])
            self.sources[source.source] = source
        turn.situation.keep()
        turn.profiles.keep()
        self.following.committed(turn.outcomes)
        self._waiting.learn(turn.outcomes)
        self._lineage = turn.situation.lineage
        self.recorded.set()

    def _forget(self) -> None:
        # Nothing was kept, or it is unknown whether it was: what is in memory may be ahead of the tables.
        self._head = None

    async def recover(self) -> None:
        """After a failed turn: start anew from the tables, unless nothing failed. Raises Fenced."""
        async with self._lock:
            if self._head is None:
                await self._start()

    def _roots(self) -> dict[str, str]:
        return {name: source.root for name, source in self.sources.items()}


def _copy(source: SourceProgress) -> SourceProgress:
    return SourceProgress(
        source.source, source.root, source.settled, source.last_seen, list(source.sequences), list(source.lost)
    )
