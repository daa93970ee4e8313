"""Running sums: for organisations with many below them, what each measure comes to by day, by month and by year.

They follow the projector by a known position, and know facts and the tree as they are known there. Readers add the
deltas since. What counts where is said in `sql/running_sums.sql`, once for keeping the sums and for that rest.
"""

import asyncio
from collections.abc import Sequence
from functools import cache
from time import monotonic
from typing import Any

import structlog
from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.reporting.position import Watch
from services.reporting.projector.store import read_checkpoint
from shared.runtime.pacing import rest
from shared.runtime.sql import Statements
from shared.timeline.measures import MEMBER_LEVELS

log = structlog.get_logger(__name__)

SQL = Statements("services.reporting.sql", "running_sums.sql", "running_places.sql")
_SPELLS = Statements("services.reporting.sql", "spells.sql")

LEAST_BELOW = 20
"""Organisations that must have been put below one for sums to pay: fewer are read as fast without.

A commune has as many. By itself it is read as fast without, but a province has a hundred communes side by side.
"""
LEAST_LARGE = 100
"""The same for sums of spells, and of what was known when: four rows of five, hardly any of them shared."""
AT_ONCE = 200
"""Organisations whose sums are begun in one transaction, at most."""
STEP = 20_000
"""Positions that one transaction takes in at most."""
BLOCK = 8_192
"""Positions by which sums are also kept apart: whole blocks, and what came after them, answer any position.

Another number is another meaning of `known_sum`: a migration has to empty `whole_years_position` for it.
"""
PACE = 0.5
"""Seconds between two transactions, at least: what comes meanwhile goes in at once, and much of it adds up."""
SHARE = 0.2
"""Of the time, at most: what is projected and what is read comes first."""
RETRY = 1.0

ANY_POSITION = 2**63 - 1

_SPELL_LEVELS = ("open", "overdue", "certificates", "without_mentor", "charges", "reports_in")
MEANING: dict[str, Any] = {
    "levels": ["members", "balance", "candidates", "kind", "sector", "places", *_SPELL_LEVELS],
    "spells": [*_SPELL_LEVELS, "due", "missed", "on_time", "late", "reports_late"],
    "own_flows": ["founded", "organisations_ended"],
    "member_levels": list(MEMBER_LEVELS),
}
"""Which measures count how, by what stands before their first dot."""


@cache
def counted(families: frozenset[str] = frozenset(MEANING["spells"])) -> str:
    """What an edge of a spell adds to measures of these families: what stands before their first dot."""
    each = [_SPELLS[f"counted_{family}"].text for family in sorted(families)]
    return "\n".join([_SPELLS["counted_edge"].text, "CROSS JOIN LATERAL (", "\nUNION ALL\n".join(each), ") AS c"])


COUNTED = counted()
"""All of it, in the place of `--counted`."""


def composed(*pieces: str) -> TextClause:
    """A statement put together from pieces."""
    return text("\n".join(SQL[piece].text for piece in pieces).replace("--counted", COUNTED))


_SUMMED = ("places", "wanted_summed", "from_founding", "contributions", "add")
_SUMMED_ONLY = ("places", "wanted_only", "from_founding", "contributions", "add")
_ADD_NEW = composed("new_ones", "selected", *_SUMMED)
_ADD_AFFECTED = composed("of_affected", "selected", *_SUMMED)
_ADD_TREES = composed("of_trees", "selected", *_SUMMED_ONLY)
_ADD_PLACES = composed("flags", "of_places", *_SUMMED)
_ADD_PLACES_OF_TREES = composed("flags", "of_places", *_SUMMED_ONLY)
_CHANGED_PLACES = composed("flags", "changed_places")


class RunningSums:
    """Keeps the sums of one reporting database. Of several at a time, one works and the others wait.

    least_below, least_large: see LEAST_BELOW and LEAST_LARGE.
    """

    _sql = SQL
    """Where the statements about the progress stand."""
    _all: tuple[str, ...] = ("forget_sums", "forget_yearly_sums", "forget_known_sums", "forget_summed")
    """Statements by which the sums are begun anew."""

    def __init__(
        self, engine: AsyncEngine, *, least_below: int = LEAST_BELOW, least_large: int = LEAST_LARGE
    ) -> None:
        self._engine = engine
        self._least_below = least_below
        self._least_large = least_large

    async def follow(self, watch: Watch) -> None:
        """Take in what is projected as it comes, until cancelled. What piles up meanwhile goes in at once."""
        while True:
            try:
                begin = monotonic()
                position = await self.advance()
                await asyncio.sleep(max(PACE, rest(begin, SHARE)))
                await watch.reached(position + 1, RETRY)
            except Exception as error:
                # Readers do without: only slower.
                log.warning("keeping running sums was interrupted; trying again", error=repr(error))
                await asyncio.sleep(RETRY)

    async def advance(self) -> int:
        """Take in the next positions, as many as one transaction may; gives the last position taken in."""
        async with self._engine.begin() as connection:
            after = await self._progress(connection)
            head = (await read_checkpoint(connection)).position
            if head < after:
                # The projections were made anew.
                for what in self._all:
                    await connection.execute(self._sql[what])
                after = 0
            upto = await self._take_in_next(connection, after, head)
            await connection.execute(self._sql["move"], {"position": upto})
        return upto

    async def catch_up(self) -> None:
        """Take in all that is projected now."""
        async with self._engine.connect() as connection:
            head = (await read_checkpoint(connection)).position
        while await self.advance() < head:
            pass

    async def _progress(self, connection: AsyncConnection) -> int:
        """The last position taken in; beyond any where it is not known what was."""
        row = (await connection.execute(self._sql["progress"])).one_or_none()
        if row is None:
            await connection.execute(self._sql["begin"])
            row = (await connection.execute(self._sql["progress"])).one()
        return int(row.position) if getattr(row, "is_whole", True) else ANY_POSITION

    async def _take_in_next(self, connection: AsyncConnection, after: int, head: int) -> int:
        """Take in what comes after a position, at most `STEP` and up to a block's end; gives the last of it."""
        upto = min(head, after + STEP, (after // BLOCK + 1) * BLOCK)
        if after < upto:
            await self._take_in(connection, after, upto)
        return upto

    async def _take_in(self, connection: AsyncConnection, after: int, upto: int) -> None:
        """Add the deltas between two positions; what moved in the tree is taken out at its old place before."""
        affected = await moved(connection, after, upto)
        block = (upto - 1) // BLOCK
        meaning = {**MEANING, "block": block, "affected": affected}
        out, in_ = {**meaning, "known": after, "sign": -1}, {**meaning, "known": upto, "sign": 1}
        if affected and after:
            await connection.execute(_ADD_AFFECTED, out)
        if affected:
            await connection.execute(_ADD_AFFECTED, in_)
        await connection.execute(_ADD_NEW, {**in_, "after": after})
        places = await changed_places(connection, after, upto, affected)
        if places and after:
            await connection.execute(_ADD_PLACES, {**out, "places": places, "knowns": [after]})
        if places:
            await connection.execute(_ADD_PLACES, {**in_, "places": places, "knowns": [upto]})
        if affected:
            await connection.execute(SQL["put_below"], {"affected": affected, "upto": upto})
        await self._begin_grown(connection, upto, in_)

    async def _begin_grown(self, connection: AsyncConnection, upto: int, in_: dict[str, Any]) -> None:
        """Make the sums of organisations that are large enough for them and have none yet, or not all."""
        asked = {"least": self._least_below, "large": self._least_large, "limit": AT_ONCE}
        grown = (await connection.execute(SQL["grown"], asked)).all()
        for is_large in (False, True):
            only = [row.organisation_id for row in grown if row.is_large == is_large]
            if only:
                for what in ("forget_of", "put_summed") if is_large else ("put_partly",):
                    await connection.execute(SQL[what], {"only": only, "upto": upto})
                await self._begin(connection, only, upto, in_)

    async def _begin(self, connection: AsyncConnection, only: list[str], upto: int, in_: dict[str, Any]) -> None:
        """Put in all that is known of these."""
        trees = {**in_, "only": only}
        await connection.execute(_ADD_TREES, trees)
        places = (await connection.execute(SQL["places_of_trees"], {"only": only, "known": upto})).scalars().all()
        if places:
            await connection.execute(_ADD_PLACES_OF_TREES, {**trees, "places": places, "knowns": [upto]})


async def moved(connection: AsyncConnection, after: int, upto: int) -> list[str]:
    """Organisations whose place, or who holds their things, became known as another between two positions."""
    found = await connection.execute(SQL["affected"], {"after": after, "upto": upto})
    return sorted(found.scalars())


async def changed_places(connection: AsyncConnection, after: int, upto: int, affected: Sequence[str]) -> list[str]:
    """Places of which it became known between two positions that they count otherwise, or elsewhere."""
    between = {"after": after, "upto": upto, "affected": affected, "member_levels": MEANING["member_levels"]}
    touched = (await connection.execute(SQL["touched_places"], between)).scalars().all()
    if not touched:
        return []
    asked = {**between, "places": touched, "knowns": [after, upto]}
    return sorted((await connection.execute(_CHANGED_PLACES, asked)).scalars())
