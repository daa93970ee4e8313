"""Goes through the events behind a figure of a vast tree in log order, instead of through all its deltas.

A page takes the deltas of the figure's measures after a position, so many at a time, finds on the way up which of
them belong to the tree, and ends when it is full.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

from msgspec import Struct
from sqlalchemy import TextClause
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.projector.running_sums import moved
from shared.runtime.sql import Statements

SQL = Statements("services.reporting.sql", "walking.sql")

AT_FIRST = 1_000
AT_MOST = 50_000
"""Deltas that are gone through by one statement."""

OFTEN = frozenset(
    {"candidates", "members", "admissions", "confirmations", "candidates_identified", "training_completions"}
)
"""What stands before the first dot of measures that `delta_rare` leaves out."""


class Walk(Struct, frozen=True):
    """A figure as known at a position: the measures of its deltas, and the statement of its events between two."""

    connection: AsyncConnection
    known: int
    kinds: list[str]
    statement: TextClause
    parameters: dict[str, Any]

    async def events(self, after: int, limit: int) -> Sequence[Any]:
        """The first rows (position, source, event_id, change) after a position, in log order."""
        how = self._how()
        days = {name: self.parameters[name] for name in ("since_day", "upper")}
        rows: list[Any] = []
        deltas = AT_FIRST
        while len(rows) < limit:
            asked = {**days, "known": self.known, "kinds": self.kinds, "after": after, "deltas": deltas}
            next_ = (await self.connection.execute(SQL[how], asked)).one()
            if next_.until is None:
                break
            between = {"kinds": self.kinds, "after": after, "until": next_.until, "limit": limit}
            rows += (await self.connection.execute(self.statement, self.parameters | between)).all()
            if next_.deltas < deltas:
                break
            after, deltas = next_.until, min(4 * deltas, AT_MOST)
        return rows[:limit]

    def _how(self) -> str:
        """By which index the next deltas are found."""
        often = [kind.partition(".")[0] in OFTEN for kind in self.kinds]
        if not any(often):
            return "walked_rare"
        return "walked_often" if all(often) and self.parameters["since_day"] > date.min else "walked"

    async def changed(self, since: int, after: int, limit: int) -> Sequence[Any] | None:
        """What changed the figure since, with what is told of each event; None where organisations moved too."""
        if await moved(self.connection, since, self.known):
            return None
        rows = await self.events(max(after, since), limit)
        told = {"positions": [row.position for row in rows], "changes": [row.change for row in rows]}
        return (await self.connection.execute(SQL["told"], told)).all() if rows else []
