"""Person sums: for organisations with many below them, what persons' steps come to, by day.

They follow the projector by a known position, as running sums do. A person of whom something else is known, or
whose organisation stands elsewhere, is taken out as known before and put in as known now: what a late fact or a
correction changes need not be worked out.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.reporting.projector.running_sums import SQL as RUNNING
from services.reporting.projector.running_sums import RunningSums
from shared.runtime.sql import Statements

SQL = Statements("services.reporting.sql", "person_sums.sql")

LEAST_BELOW = 1_000
"""Organisations that must have been put below one for sums to pay: a province, not a commune."""
BLOCK = 2_048
"""Positions by which sums are kept apart, and that one transaction takes in at most.

Whole blocks, and what came after them, answer any position. That rest is worked out person by person, so it is
kept smaller than that of the running sums.
"""


def composed(persons: str, then: str) -> TextClause:
    """A statement put together from pieces: of which persons' steps, and what is done with what they come to."""
    places = [RUNNING[piece].text for piece in ("places", "wanted_only")]
    pieces = [SQL[persons].text, SQL["selected"].text, *places, SQL["contributions"].text, SQL[then].text]
    return text("\n".join(pieces))


_ADD = composed("of_persons", "add")
_ADD_BETWEEN = composed("of_persons_between", "add")


class PersonSums(RunningSums):
    """Keeps the sums of one reporting database, at the pace of the running sums."""

    _sql = SQL
    _all = ("forget_sums", "forget_summed")
    persons_at_a_time = 20_000
    """In one statement, and in memory: a reform of the whole tree is about everybody."""

    def __init__(self, engine: AsyncEngine, *, least_below: int = LEAST_BELOW) -> None:
        super().__init__(engine, least_below=least_below)

    async def _take_in_next(self, connection: AsyncConnection, after: int, head: int) -> int:
        """Take in what comes after a position, at most up to the end of a block; gives the last of it."""
        grown = (await connection.execute(SQL["grown"], {"least": self._least_below})).scalars().all()
        if grown:
            # From the beginning, step by step: all that came before at once is too much for one statement.
            await connection.execute(SQL["put_summed"], {"only": grown})
            await connection.execute(SQL["forget_sums"])
            after = 0
        only = (await connection.execute(SQL["summed"])).scalars().all()
        upto = min(head, (after // BLOCK + 1) * BLOCK) if only else head
        if only and after < upto:
            await self._take_in_persons(connection, after, upto, only)
        return upto

    async def _take_in_persons(
        self, connection: AsyncConnection, after: int, upto: int, only: Sequence[str]
    ) -> None:
        moved = (await connection.execute(RUNNING["affected"], {"after": after, "upto": upto})).scalars().all()
        block = (upto - 1) // BLOCK
        found = await connection.stream(
            SQL["touched"], _between(after, upto, moved), execution_options={"yield_per": self.persons_at_a_time}
        )
        async for persons in found.scalars().partitions(self.persons_at_a_time):
            asked: dict[str, Any] = {"persons": persons, "only": only, "block": block}
            if not moved:
                await connection.execute(_ADD_BETWEEN, asked | {"before": after, "known": upto})
                continue
            # As known before they stood elsewhere.
            for known, sign in ((after, -1), (upto, 1)):
                await connection.execute(_ADD, asked | {"known": known, "sign": sign})


async def touched(connection: AsyncConnection, after: int, upto: int) -> Sequence[Any]:
    """Persons of whom another step is known at one position than at another."""
    return (await connection.execute(SQL["touched"], _between(after, upto, []))).scalars().all()


def _between(after: int, upto: int, moved: Sequence[str]) -> dict[str, Any]:
    """What `touched` is asked with; those are touched too who were where the tree `moved`."""
    return {"after": after, "upto": upto, "affected": list(moved)}
