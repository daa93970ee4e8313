"""The projector: applies the log in order, a batch at a time, and lets the rules judge what a batch moved."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import date
from time import monotonic

import structlog
from prometheus_client import Counter, Gauge
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.notifier import store
from services.notifier.clock import Clock, day_of
from services.notifier.evaluation import Evaluation
from services.notifier.projection import Projection, Touched
from shared.events.recorded import Recorded
from shared.runtime.following import followed
from shared.runtime.pacing import rest
from shared.runtime.progress import Stopped
from shared.timeline.lineage import Lineage

log = structlog.get_logger(__name__)

PACE = 0.25
"""Seconds between two judgements, at least."""
SHARE = 0.1
"""Of the time, at most, in which targets are judged: until then what is applied waits for it."""

POSITION = Gauge("ketnap_notifier_position", "Last position of the log that the notifier has applied")
STOPPED = Gauge("ketnap_notifier_stopped_position", "Position of the event that cannot be applied; 0: none")
RAISED = Counter("ketnap_notifier_alerts", "Alerts raised")


class Gap(Exception):
    """Positions are missing between what is applied and what came."""


class Projector:
    """Owns the projection. What it raises becomes deliveries in the transaction that says how far is judged."""

    def __init__(self, engine: AsyncEngine, clock: Clock, raised: Callable[[], None]) -> None:
        """`raised` is called after a commit that made alerts."""
        self._engine = engine
        self._clock = clock
        self._raised = raised
        self._lock = asyncio.Lock()
        self._lineage = Lineage()
        self._known: tuple[int, int] | None = None
        """The tables and the position at which `_lineage` holds; None: read it again."""
        self._unjudged: Touched | None = None
        """What was moved and not judged yet; None: not known, judge everything."""

    async def position(self) -> int:
        """Last position applied."""
        async with self._engine.connect() as connection:
            return (await store.checkpoint(connection)).position

    async def apply(self, events: Sequence[Recorded], *, more: bool = False) -> None:
        """Apply recorded events in the log's order; what is applied already is passed over.

        With `more`, judging waits for further ones, or for `judge`. Raises Gap, and Stopped, having applied those
        before it, at an event that cannot be applied.
        """
        try:
            await self._transact(events, judge=not more, everything=False)
        except Stopped as stopped:
            before = [event for event in events if event.position < stopped.position]
            if before:
                await self._transact(before, judge=True, everything=False)
            await self.stop(stopped)
            raise

    async def stop(self, stopped: Stopped) -> None:
        """Say that applying cannot go on over an event, to all who ask."""
        STOPPED.set(stopped.position)
        async with self._engine.begin() as connection:
            await store.note_stop(connection, stopped)

    async def judge(self) -> None:
        """Judge what was moved since the last time."""
        await self._transact([], judge=True, everything=False)

    async def sweep(self) -> None:
        """Judge every target on today's date."""
        await self._transact([], judge=True, everything=True)

    async def _transact(self, events: Sequence[Recorded], *, judge: bool, everything: bool) -> None:
        async with self._lock:
            touched = None if everything else self._unjudged
            known, self._known = self._known, None
            async with self._engine.begin() as connection:
                checkpoint = await store.checkpoint(connection, lock=True)
                if known != (checkpoint.tables, checkpoint.position):
                    # The start, a failure, a rebuild, or another process: what it moved is not known here.
                    self._lineage = await store.read_lineage(connection)
                    touched = None
                position = checkpoint.position
                new = _following(events, position)
                if new:
                    projection = Projection(connection, self._lineage)
                    moved = await projection.apply(new)
                    self._lineage = projection.book.lineage
                    if touched is not None:
                        touched.take_in(moved)
                    position = new[-1].position
                    await store.move_checkpoint(connection, position)
                # On the way back to where the rules were, they judged other batches: say nothing until then.
                judge = judge and position >= checkpoint.evaluated
                raised = await self._judge(connection, touched) if judge and touched != Touched() else 0
            self._known = (checkpoint.tables, position)
            self._unjudged = Touched() if judge else touched
        POSITION.set(position)
        followed("an event was applied", new)
        if new:
            STOPPED.set(0)
        if raised:
            RAISED.inc(raised)
            log.info("alerts were raised", alerts=raised, position=position)
            self._raised()

    async def _judge(self, connection: AsyncConnection, touched: Touched | None) -> int:
        now = self._clock()
        raised = await Evaluation(connection, self._lineage, now, day_of(now)).judge(touched)
        await store.mark_evaluated(connection)
        return raised


def _following(events: Sequence[Recorded], position: int) -> list[Recorded]:
    """The events after a position without repeats, whatever ranges they came in. Raises Gap."""
    new: list[Recorded] = []
    for event in events:
        if event.position > position + 1:
            raise Gap(f"expected position {position + 1}, found {event.position}")
        if event.position == position + 1:
            new.append(event)
            position += 1
    return new


class Judge:
    """Judges what has been applied, soon after; while much comes, once for all of it.

    Counting a target again takes as long as its tree is large, however little was moved in it.
    """

    def __init__(self, projector: Projector) -> None:
        self._projector = projector
        self._moved = asyncio.Event()

    def wake(self) -> None:
        """Something was applied."""
        self._moved.set()

    async def run(self) -> None:
        """Judge whenever something was applied, until cancelled; after any failure again."""
        while True:
            await self._moved.wait()
            self._moved.clear()
            begin = monotonic()
            try:
                await self._projector.judge()
            except Exception as error:
                log.warning("could not judge what was moved; trying again", error=repr(error))
                self._moved.set()
            await asyncio.sleep(max(PACE, rest(begin, SHARE)))


class Sweeper:
    """Judges every target when a day begins: facts of the future come of age, and periods begin and end."""

    def __init__(self, projector: Projector, clock: Clock, look: float = 60.0) -> None:
        """`look` is in seconds, so that a machine that slept or a clock that was set is noticed."""
        self._projector = projector
        self._clock = clock
        self._look = look
        self._swept: date | None = None

    async def run(self) -> None:
        """Sweep once at the start and then at each midnight, until cancelled."""
        while True:
            try:
                await self.sweep_if_due()
            except Exception as error:
                log.warning("could not judge the day's targets; trying again", error=repr(error))
            await asyncio.sleep(self._look)

    async def sweep_if_due(self) -> bool:
        """Sweep if this day has not been swept yet."""
        today = day_of(self._clock())
        if today == self._swept:
            return False
        await self._projector.sweep()
        self._swept = today
        return True
