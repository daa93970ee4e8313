"""What is known of the quarantine without asking it: which ids wait there, and for which keys, if they are few."""

from collections.abc import Set

from sqlalchemy.ext.asyncio import AsyncEngine

from services.registry.deliveries import Outcomes
from services.registry.store_reader import SQL
from shared.events.envelope import Envelope

MOST = 50_000
"""Ids that wait, and keys that they wait for, are kept in memory up to so many of each; beyond, turns ask."""


class KnownWaiting:
    """As of the last turn that was committed; only the writer changes the quarantine."""

    def __init__(self, ids: set[tuple[str, int]] | None = None, keys: set[str] | None = None) -> None:
        """`ids`: source and event id, as a number; None, as of `keys`: they are too many to know."""
        self._ids = ids
        self._keys = keys

    @classmethod
    async def read(cls, engine: AsyncEngine) -> "KnownWaiting":
        """As the tables have it."""
        wanted = {"limit": MOST + 1}
        async with engine.connect() as connection:
            keys = set(await connection.scalars(SQL["waited_for"], wanted))
            rows = (await connection.execute(SQL["quarantined_ids"], wanted)).all()
        ids = {(row.source, row.event_id.int) for row in rows}
        return cls(ids if len(rows) <= MOST else None, keys if len(keys) <= MOST else None)

    @property
    def anyone(self) -> bool:
        """Whether anything may wait."""
        return self._keys is None or bool(self._keys)

    @property
    def keys(self) -> Set[str] | None:
        """The keys that anything may wait for; None: they are too many to know."""
        return self._keys

    def may_hold(self, event: Envelope) -> bool:
        """Whether an event of this id may wait."""
        return self._ids is None or (event.source, event.id.int) in self._ids

    def learn(self, outcomes: Outcomes) -> None:
        """Take in what a turn has let go and what it holds."""
        if self._ids is not None:
            released = (each.key for each in outcomes.released)
            self._ids.difference_update((source, event_id.int) for source, event_id in released)
            self._ids.update((source, event_id.int) for source, event_id in outcomes.held)
            if len(self._ids) > MOST:
                self._ids = None
        # What is waited for no more stays among the keys: asking for it once too often does no harm.
        if self._keys is not None:
            for waiting in outcomes.held.values():
                self._keys |= waiting.waits_for
            if len(self._keys) > MOST:
                self._keys = None
