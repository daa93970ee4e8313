"""Standing sums: members, open candidates and mentors' charges of each organisation, whatever the day.

They follow the projector by a known position, and are kept besides as they stood at every `MARK`th one. Lists of a
large tree are made of them: `sql/vast.sql`.
"""

from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.projector.running_sums import RunningSums
from shared.runtime.sql import Statements

SQL = Statements("services.reporting.sql", "standing_sums.sql")

STEP = 50_000
"""Positions that one transaction takes in at most."""
MARK = 524_288
"""Positions from one mark to the next. When it becomes another, the sums have to be begun anew."""


class Base(NamedTuple):
    """The sums from which a question starts."""

    kept: int
    """The position that they are of."""
    mark: int | None
    """The same where they are a mark; None where they are those that are kept on."""


class StandingSums(RunningSums):
    """Keeps the sums of one reporting database, at the pace of the running sums."""

    _sql = SQL
    _all = ("forget_sums", "forget_charges", "forget_marks", "forget_charge_marks")

    async def _take_in_next(self, connection: AsyncConnection, after: int, head: int) -> int:
        """Take in what comes after a position, at most `STEP` and up to a mark; gives the last of it."""
        upto = min(head, after + STEP, (after // MARK + 1) * MARK)
        if after < upto:
            for what in ("add", "add_charges", "drop_ended"):
                await connection.execute(SQL[what], {"after": after, "upto": upto})
            if upto % MARK == 0:
                for what in ("mark", "mark_charges"):
                    await connection.execute(SQL[what], {"position": upto})
        return upto


async def nearest(connection: AsyncConnection, known: int) -> Base:
    """The sums that are the fewest positions away from what was known."""
    kept = int(await connection.scalar(SQL["kept"]) or 0)
    before = known // MARK * MARK
    # Nothing stands at position 0: no mark is needed for that.
    bases = [Base(kept, None), *(Base(each, each) for each in (before, before + MARK) if each <= kept)]
    return min(bases, key=lambda base: abs(known - base.kept))
