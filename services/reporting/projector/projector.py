"""The projector: one batch of recorded events a transaction, in log order, each position exactly once."""

from collections.abc import Sequence

from prometheus_client import Counter, Gauge
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.reporting.position import Watch
from services.reporting.projector import store
from services.reporting.projector.batch import Batch
from services.reporting.projector.store import Checkpoint
from shared.events.recorded import Recorded
from shared.runtime.following import followed
from shared.runtime.progress import Stopped
from shared.timeline.book import Unloaded
from shared.timeline.lineage import Lineage

PROJECTED = Counter("ketnap_reporting_projected_events", "Recorded events projected since the start")
POSITION = Gauge("ketnap_reporting_position", "Last projected position of the log")


STOPPED = Gauge("ketnap_reporting_stopped_position", "Position of the event that cannot be projected; 0: none")


class Gap(Exception):
    """Events between the checkpoint and the first of a batch are missing: fetch what is after `position`."""

    def __init__(self, position: int) -> None:
        super().__init__(f"events after position {position} are missing")
        self.position = position


class Projector:
    """Applies batches. One at a time in this process; between processes the checkpoint row decides."""

    def __init__(self, engine: AsyncEngine, watch: Watch) -> None:
        self._engine = engine
        self._watch = watch
        self._lineage: tuple[tuple[int, int], Lineage] | None = None
        """With the tables and the position that it is of."""

    @property
    def position(self) -> int:
        """The last position known to be projected."""
        return self._watch.checkpoint.position

    async def checkpoint(self) -> Checkpoint:
        """How far is projected, by whomever."""
        async with self._engine.connect() as connection:
            checkpoint = await store.read_checkpoint(connection)
        self._tell(checkpoint)
        return checkpoint

    async def project(self, events: Sequence[Recorded]) -> Checkpoint:
        """Project those of `events`, which are in log order, that are not projected yet.

        Raises Gap, having written nothing, when some before them are missing, and Stopped, having written those
        before it, at an event that cannot be applied.
        """
        try:
            return await self._project(events)
        except Stopped as stopped:
            before = [event for event in events if event.position < stopped.position]
            if before:
                await self._project(before)
            await self.stop(stopped)
            raise

    async def stop(self, stopped: Stopped) -> None:
        """Say that projecting cannot go on over an event, to all who ask."""
        STOPPED.set(stopped.position)
        async with self._engine.begin() as connection:
            await store.note_stop(connection, stopped)

    async def _project(self, events: Sequence[Recorded]) -> Checkpoint:
        lineage, self._lineage = self._lineage, None
        async with self._engine.begin() as connection:
            checkpoint = await store.lock_checkpoint(connection)
            tables = checkpoint.tables
            new = _following(events, checkpoint.position)
            if new:
                place = (tables, checkpoint.position)
                if lineage is None or lineage[0] != place:
                    lineage = (place, await store.read_lineage(connection))
                batch = Batch(lineage[1])
                await store.prepare(connection, batch, new)
                for event in new:
                    await _apply(connection, batch, event)
                checkpoint = await store.write(connection, batch)
                lineage = ((tables, checkpoint.position), batch.book.lineage)
        self._lineage = lineage
        PROJECTED.inc(len(new))
        followed("an event was projected", new)
        if new:
            STOPPED.set(0)
        self._tell(checkpoint)
        return checkpoint

    def _tell(self, checkpoint: Checkpoint) -> None:
        POSITION.set(checkpoint.position)
        self._watch.move(checkpoint)


async def project_some(engine: AsyncEngine, events: Sequence[Recorded], lineage: Lineage) -> Lineage:
    """Project some events of a log, in its order, while others are projected otherwise; gives the lineage after.

    The checkpoint is wrong until whoever projects the others too moves it. Raises Stopped.
    """
    async with engine.begin() as connection:
        batch = Batch(lineage)
        await store.prepare(connection, batch, events)
        for event in events:
            await _apply(connection, batch, event)
        await store.write(connection, batch)
    return batch.book.lineage


async def _apply(connection: AsyncConnection, batch: Batch, event: Recorded) -> None:
    for do in (batch.apply, batch.erase):
        while True:
            try:
                do(event)
            except Unloaded as missing:
                await store.load(connection, batch, missing)
            except Exception as error:
                # A mistake of ours: whatever the event says, going on without it makes figures wrong for good.
                raise Stopped(event.position, f"applying {event.type} failed: {error!r}") from error
            else:
                break


def _following(events: Sequence[Recorded], position: int) -> list[Recorded]:
    """The events after `position` without repeats. Raises Gap."""
    new: list[Recorded] = []
    last = position
    for event in events:
        if event.position > last + 1:
            raise Gap(position)
        if event.position == last + 1:
            new.append(event)
            last = event.position
    return new
