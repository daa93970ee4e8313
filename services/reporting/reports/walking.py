"""Goes through the events behind a figure of a vast tree in log order, instead of through all of the tree.

A page takes the deltas, edges or steps that the figure may count after a position, so many at a time, finds on the
way up which of them belong to the tree, and ends when it is full. Waymarks say which blocks of positions can be
passed over.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Any

from msgspec import Struct
from sqlalchemy import TextClause
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.projector import waymarks
from shared.runtime.sql import Statements

SQL = Statements("services.reporting.sql", "walking.sql")

AT_LEAST = 100
AT_MOST = 20_000
"""Rows that are gone through by one statement, but for the first."""
MOST_POSITIONS = 32_768
"""That one statement looks at."""

Stretch = tuple[int, int]
"""Positions after one up to another."""


class Marks(Struct, frozen=True):
    """Waymarks by which blocks are passed over that say nothing of some kinds on some days."""

    kinds: list[str]
    first: date
    last: date
    position: int
    """Up to which there are waymarks."""


class Way(Struct, frozen=True):
    """Rows that figures may count, as known at a position, and the statement of what some of them come to."""

    connection: AsyncConnection
    known: int
    following: str
    """The statement that says from where and how far so many of these rows go."""
    statement: TextClause
    parameters: dict[str, Any]
    """Of both statements, but for the positions between which they look."""
    at_first: int
    """Rows that are gone through first, but for vast trees no more than four times those that are missing."""

    async def _on(
        self, parameters: dict[str, Any], after: int, end: int, some: int, **more: Any
    ) -> tuple[int, int, Sequence[Any]]:
        """Go through so many rows, or what there is up to `end`: up to where, how many, and what they come to."""
        asked = {"after": after, "end": end, "some": some}
        next_ = (await self.connection.execute(SQL[self.following], parameters | asked)).one()
        until = end if next_.rows < some else int(next_.until)
        if not next_.rows:
            return until, 0, ()
        between = {"after": next_.first - 1, "until": until, **more, **_besides(next_)}
        return until, next_.rows, (await self.connection.execute(self.statement, parameters | between)).all()


class Walk(Way, frozen=True):
    """The way to the events of one figure."""

    is_vast: bool
    marks: Marks | None = None

    async def events(self, after: int, limit: int) -> Sequence[Any]:
        """The first rows (position, source, event_id, change) after a position, in log order."""
        rows: list[Any] = []
        parameters = dict(self.parameters)
        some = min(self.at_first, 4 * limit) if self.is_vast else self.at_first
        for begin, end in await self._stretches(after, parameters):
            here = begin
            while here < end and len(rows) < limit:
                # However little is found, each statement ends soon.
                upto = end if self.marks is None else min(end, here + MOST_POSITIONS)
                missing = limit - len(rows)
                until, number, found = await self._on(parameters, here, upto, some, limit=missing)
                if number:
                    some = _more(some, number, len(found), missing)
                    rows += found
                here = until
            if len(rows) >= limit:
                break
        return rows

    async def _stretches(self, after: int, parameters: dict[str, Any]) -> list[Stretch]:
        """The stretches of the log after a position to go through; puts in what has no waymarks yet."""
        marks = self.marks
        if marks is None:
            return [(after, self.known)]
        size = waymarks.BLOCK
        first_block, last_block = after // size, (self.known - 1) // size
        asked = {"kinds": marks.kinds, "from_block": first_block, "first": marks.first, "last": marks.last}
        blocks = set((await self.connection.execute(waymarks.SQL["blocks"], asked)).scalars())
        if marks.position < self.known:
            blocks |= set(range(max(first_block, marks.position // size), last_block + 1))
            if "positions" in parameters:
                between = {"after": marks.position, "upto": self.known}
                belated = (await self.connection.execute(waymarks.SQL["unmarked"], between)).all()
                parameters["positions"] = [row.position for row in belated]
                parameters["persons"] = [row.person for row in belated]
                blocks |= {(row.position - 1) // size for row in belated}
        runs = _runs(sorted(block for block in blocks if first_block <= block <= last_block))
        return [(max(begin * size, after), min(end * size, self.known)) for begin, end in runs]


class WalkByMeasure(Way, frozen=True):
    """The way to what each event changes of each measure of several figures, which are made of deltas."""

    async def changes(self, after: int, turn: int) -> tuple[int, Sequence[Any]]:
        """Up to where the next deltas go, and rows (position, measure, change) up to there, in log order.

        Each turn goes through more of them.
        """
        some = min(self.at_first * 4**turn, AT_MOST)
        until, _, found = await self._on(self.parameters, after, self.known, some)
        return until, found


async def told(connection: AsyncConnection, changes: Mapping[int, int]) -> Sequence[Any]:
    """What is told of events, by their positions, each with what it changed."""
    parameters = {"positions": list(changes), "changes": list(changes.values())}
    return (await connection.execute(SQL["told"], parameters)).all() if changes else []


def _besides(next_: Any) -> dict[str, Any]:
    """What was found out about the next rows besides how far they go."""
    return {name: each for name, each in next_._mapping.items() if name not in ("first", "until", "rows")}


def _more(some: int, rows: int, found: int, missing: int) -> int:
    """How many rows to go through next, after so many of which some were among those that were missing."""
    enough = rows * (missing - found) * 5 // (found * 4) if found else AT_MOST
    return min(max(enough, AT_LEAST), 4 * some, AT_MOST)


def _runs(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Numbers that follow each other as (first, after the last)."""
    for _, run in groupby(enumerate(numbers), lambda each: each[1] - each[0]):
        members = [number for _, number in run]
        yield members[0], members[-1] + 1
