"""Running sums: for organisations with many below them, what each measure comes to by day and by month.

They follow the projector by a known position, and know facts and the tree as they are known there. Readers add the
deltas since. What counts where is said in `sql/running_sums.sql`, once for keeping the sums and for that rest.
"""

import asyncio
from collections.abc import Sequence
from time import monotonic
from typing import Any

import structlog
from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.reporting.position import Watch
from services.reporting.projector.store import read_checkpoint
from shared.runtime.sql import Statements
from shared.timeline.measures import MEMBER_LEVELS

log = structlog.get_logger(__name__)

SQL = Statements("services.reporting.sql", "running_sums.sql")
COUNTED = Statements("services.reporting.sql", "spells.sql")["counted"].text
"""What an edge of a spell comes to, in the place of `--counted`."""

LEAST_BELOW = 100
"""Organisations that must have been put below one for sums to pay: fewer are read as fast without."""
STEP = 20_000
"""Positions that one transaction takes in at most."""
PACE = 0.5
"""Seconds between two transactions, at least: what comes meanwhile goes in at once, and much of it adds up."""
SHARE = 0.2
"""Of the time, at most: what is projected and what is read comes first."""
RETRY = 1.0

MEANING: dict[str, Any] = {
    "levels": [
        *("members", "balance", "candidates", "kind", "sector"),
        *("open", "overdue", "certificates", "without_mentor", "charges", "reports_in"),
    ],
    "own_flows": ["founded", "organisations_ended"],
    "member_levels": list(MEMBER_LEVELS),
}
"""Which measures count how, by what stands before their first dot."""


def composed(*pieces: str) -> TextClause:
    """A statement put together from pieces."""
    return text("\n".join(SQL[piece].text for piece in pieces).replace("--counted", COUNTED))


_SUMMED = ("selected", "places", "wanted_summed", "contributions", "add")
_ADD_NEW = composed("new_ones", *_SUMMED)
_ADD_AFFECTED = composed("of_affected", *_SUMMED)
_ADD_TREES = composed("of_trees", "selected", "places", "wanted_only", "contributions", "add")


class RunningSums:
    """Keeps the sums of one reporting database. Of several at a time, one works and the others wait.

    least_below: see LEAST_BELOW.
    """

    _sql = SQL
    """Where the statements about the progress stand."""

    def __init__(self, engine: AsyncEngine, *, least_below: int = LEAST_BELOW) -> None:
        self._engine = engine
        self._least_below = least_below

    async def follow(self, watch: Watch) -> None:
        """Take in what is projected as it comes, until cancelled. What piles up meanwhile goes in at once."""
        while True:
            try:
                begin = monotonic()
                position = await self.advance()
                await asyncio.sleep(max(PACE, (monotonic() - begin) * (1 / SHARE - 1)))
                await watch.reached(position + 1, RETRY)
            except Exception as error:
                # Readers do without: only slower.
                log.warning("keeping running sums was interrupted; trying again", error=repr(error))
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
            upto = min(head, after + STEP)
            if after < upto:
                await self._take_in(connection, after, upto)
            await connection.execute(SQL["move"], {"position": upto})
        return upto

    async def catch_up(self) -> None:
        """Take in all that is projected now."""
        async with self._engine.connect() as connection:
            head = (await read_checkpoint(connection)).position
        while await self.advance() < head:
            pass

    async def _progress(self, connection: AsyncConnection) -> int:
        row = (await connection.execute(self._sql["progress"])).one_or_none()
        if row is None:
            await connection.execute(self._sql["begin"])
            row = (await connection.execute(self._sql["progress"])).one()
        return int(row.position)

    async def _take_in(self, connection: AsyncConnection, after: int, upto: int) -> None:
        """Add the deltas between two positions; what moved in the tree is taken out at its old place before."""
        moved = (await connection.execute(SQL["affected"], {"after": after, "upto": upto})).scalars().all()
        affected: Sequence[str] = sorted(moved)
        if affected and after:
            await connection.execute(_ADD_AFFECTED, {**MEANING, "affected": affected, "known": after, "sign": -1})
        if affected:
            await connection.execute(_ADD_AFFECTED, {**MEANING, "affected": affected, "known": upto, "sign": 1})
        await connection.execute(
            _ADD_NEW, {**MEANING, "affected": affected, "after": after, "known": upto, "sign": 1}
        )
        if affected:
            grown = {"affected": affected, "upto": upto, "least": self._least_below}
            only = (await connection.execute(SQL["grown"], grown)).scalars().all()
            if only:
                await connection.execute(_ADD_TREES, {**MEANING, "only": only, "known": upto, "sign": 1})
                await connection.execute(SQL["put_summed"], {"organisations": only})
