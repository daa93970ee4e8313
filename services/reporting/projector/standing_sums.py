"""Standing sums: members, open candidates and mentors' charges of each organisation, whatever the day.

They follow the projector by a known position. Lists of a large tree are made of them: `sql/vast.sql`.
"""

from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.projector.running_sums import RunningSums
from shared.runtime.sql import Statements

SQL = Statements("services.reporting.sql", "standing_sums.sql")

STEP = 50_000
"""Positions that one transaction takes in at most."""


class StandingSums(RunningSums):
    """Keeps the sums of one reporting database, at the pace of the running sums."""

    _sql = SQL
    _all = ("forget_sums", "forget_charges")

    async def _take_in_next(self, connection: AsyncConnection, after: int, head: int) -> int:
        """Take in what comes after a position, at most `STEP`; gives the last of it."""
        upto = min(head, after + STEP)
        if after < upto:
            for what in ("add", "add_charges", "drop_ended"):
                await connection.execute(SQL[what], {"after": after, "upto": upto})
        return upto
