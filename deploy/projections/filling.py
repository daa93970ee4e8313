"""Fills tables beside those in service from the log, by the projector that fills those."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from deploy.projections.tables import Projection
from deploy.projections.whole import fill_whole, make_indexes
from deploy.stack.errors import StackError
from services.notifier.clock import system_clock
from services.notifier.projector import Projector as NotifierProjector
from services.reporting.position import Watch
from services.reporting.projector.projector import Projector as ReportingProjector
from services.reporting.projector.running_sums import RunningSums
from services.reporting.projector.standing_sums import StandingSums
from services.reporting.projector.waymarks import Waymarks
from shared.events.recorded import Recorded, UnknownRecorded, read_recorded, write_batch
from shared.runtime.database import redirected
from shared.runtime.progress import Stopped

PAGE = 4000
"""Events read and applied at a time, in one transaction."""

Told = Callable[[int, int], None]
"""Is told how many positions are done, and how many there are to do."""

_LOG = text(
    "SELECT event::text FROM registry.log WHERE position > :after AND position <= :until "
    "ORDER BY position LIMIT :page"
)


class Apply(Protocol):
    """Applies consecutive events. Raises Stopped."""

    async def __call__(self, events: Sequence[Recorded]) -> None: ...


class Filling:
    """Follows the log, read from the record itself, into the schema beside."""

    def __init__(
        self,
        engine: AsyncEngine,
        url: str,
        projection: Projection,
        late: Sequence[str] = (),
        workers: int | None = None,
    ) -> None:
        """`engine` and `url` are the owner's, who may write the schema beside and read the log.

        late: statements for indexes that are not needed for filling. workers: see `whole.py`.
        """
        self._engine = engine
        self._url = url
        self._projection = projection
        self._late = list(late)
        self._workers = workers
        beside = redirected(engine, projection.name, projection.beside)
        self._apply = _applying(projection, beside)
        kept = (RunningSums, StandingSums, Waymarks) if projection.name == "reporting" else ()
        self._sums = [each(beside) for each in kept]
        self.position = 0

    async def begin(self, until: int, told: Told = lambda done, total: None) -> None:
        """Fill empty tables up to a position by all cores, where the projection can; `make_indexes` has to follow.

        Raises as `fill` does.
        """
        if not until or self._projection.name != "reporting":
            return
        try:
            self._late = [
                # The largest are among those that were not needed, so they go first.
                *self._late,
                *await fill_whole(
                    self._engine, self._url, self._projection, until, lambda done: told(done, until), self._workers
                ),
            ]
        except (Stopped, UnknownRecorded) as error:
            raise _stops(error) from error
        self.position = until

    async def make_indexes(self) -> None:
        """Make the indexes that the tables have been filled without."""
        await make_indexes(self._engine, self._late)
        self._late = []

    async def fill(self, until: int, told: Told = lambda done, total: None) -> None:
        """Apply what is recorded up to a position. Raises StackError where the log or the projector ends."""
        reading = asyncio.ensure_future(self._page(self.position, until))
        try:
            while self.position < until:
                events = await reading
                if not events:
                    raise StackError(
                        f"position {self.position + 1:,} is not in the log: `ketnap log verify` says more"
                    )
                # The next page is read while this one is applied.
                reading = asyncio.ensure_future(self._page(events[-1].position, until))
                await self._apply(events)
                self.position = events[-1].position
                told(self.position, until)
        except (Stopped, UnknownRecorded) as error:
            raise _stops(error) from error
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def sum_up(self) -> None:
        """Make the sums of what is filled, so that readers have them from the switch on."""
        for each in self._sums:
            await each.catch_up()

    async def _page(self, after: int, until: int) -> list[Recorded]:
        if after >= until:
            return []
        async with self._engine.connect() as connection:
            rows = await connection.scalars(_LOG, {"after": after, "until": until, "page": PAGE})
            return read_recorded(write_batch(event.encode() for event in rows))


def _stops(error: Stopped | UnknownRecorded) -> StackError:
    return StackError(
        f"the new version stops before position {error.position:,}: {error}; the one in service stays"
    )


def _applying(projection: Projection, engine: AsyncEngine) -> Apply:
    if projection.name == "reporting":
        reporting = ReportingProjector(engine, Watch())

        async def project(events: Sequence[Recorded]) -> None:
            await reporting.project(events)

        return project
    notifier = NotifierProjector(engine, system_clock, lambda: None)

    async def apply(events: Sequence[Recorded]) -> None:
        # There always are more: what the rules say of it is said by the notifier, once it is in service.
        await notifier.apply(events, more=True)

    return apply
