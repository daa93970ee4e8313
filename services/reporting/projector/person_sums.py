"""Person sums: for organisations with very many below them, what persons' steps come to, by day.

They follow the projector by a known position, as running sums do. A person of whom something else is known, or
whose organisation stands elsewhere, is taken out as known before and put in as known now. Nothing has to be said
about what a late fact or a correction changes.
"""

import asyncio
from collections.abc import Sequence
from time import monotonic
from typing import Any

import structlog
from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.reporting.position import Watch
from services.reporting.projector.running_sums import PACE, RETRY, SHARE
from services.reporting.projector.running_sums import SQL as RUNNING
from services.reporting.projector.store import read_checkpoint
from shared.runtime.sql import Statements

log = structlog.get_logger(__name__)

SQL = Statements("services.reporting.sql", "person_sums.sql")

LEAST_BELOW = 10_000
"""Organisations that must have been put below one for sums to pay: a nation, not a province."""
STEP = 5_000
"""Positions that one transaction takes in at most."""


def composed(then: str) -> TextClause:
    """A statement put together from pieces; `then` says what is done with what persons' steps come to."""
    places = [RUNNING[piece].text for piece in ("places", "wanted_only")]
    pieces = [SQL["of_persons"].text, SQL["selected"].text, *places, SQL["contributions"].text, SQL[then].text]
    return text("\n".join(pieces))


_ADD = composed("add")


class PersonSums:
    """Keeps the sums of one reporting database. Of several at a time, one works and the others wait.

    least_below: see LEAST_BELOW.
    """

    def __init__(self, engine: AsyncEngine, *, least_below: int = LEAST_BELOW) -> None:
        self._engine = engine
        self._least_below = least_below

    async def follow(self, watch: Watch) -> None:
        """Take in what is projected as it comes, until cancelled; PACE and SHARE are those of running sums."""
        while True:
            try:
                began = monotonic()
                position = await self.advance()
                await asyncio.sleep(max(PACE, (monotonic() - began) * (1 / SHARE - 1)))
                await watch.reached(position + 1, RETRY)
            except Exception as error:
                # Readers do without: only slower.
                log.warning("keeping sums of persons' steps was interrupted; trying again", error=repr(error))
                await asyncio.sleep(RETRY)

    async def advance(self) -> int:
        """Take in the next positions, at most `STEP`; gives the last position taken in."""
        async with self._engine.begin() as connection:
            after = await self._progress(connection)
            head = (await read_checkpoint(connection)).position
            if head < after:
                # The projections were made anew.
                await connection.execute(SQL["forget_sums"])
                await connection.execute(SQL["forget_summed"])
                after = 0
            grown = (await connection.execute(SQL["grown"], {"least": self._least_below})).scalars().all()
            if grown:
                # From the beginning, step by step: all that came before at once is too much for one statement.
                await connection.execute(SQL["put_summed"], {"only": grown})
                await connection.execute(SQL["forget_sums"])
                after = 0
            only = (await connection.execute(SQL["summed"])).scalars().all()
            upto = min(head, after + STEP) if only else head
            if only and after < upto:
                await self._take_in(connection, after, upto, only)
            await connection.execute(SQL["move"], {"position": upto})
        return upto

    async def catch_up(self) -> None:
        """Take in all that is projected now."""
        async with self._engine.connect() as connection:
            head = (await read_checkpoint(connection)).position
        while await self.advance() < head:
            pass

    async def _progress(self, connection: AsyncConnection) -> int:
        row = (await connection.execute(SQL["progress"])).one_or_none()
        if row is None:
            await connection.execute(SQL["begin"])
            row = (await connection.execute(SQL["progress"])).one()
        return int(row.position)

    async def _take_in(self, connection: AsyncConnection, after: int, upto: int, only: Sequence[str]) -> None:
        moved = (await connection.execute(RUNNING["affected"], {"after": after, "upto": upto})).scalars().all()
        persons = await touched(connection, after, upto, moved)
        if persons:
            for known, sign in ((after, -1), (upto, 1)):
                asked: dict[str, Any] = {"persons": persons, "only": only, "known": known, "sign": sign}
                await connection.execute(_ADD, asked)


async def touched(connection: AsyncConnection, after: int, upto: int, moved: Sequence[str]) -> Sequence[Any]:
    """Persons of whom another step is known at one position than at another, or who were where the tree moved."""
    asked = {"after": after, "upto": upto, "affected": list(moved)}
    return (await connection.execute(SQL["touched"], asked)).scalars().all()
