"""Waymarks: which days each block of positions speaks of, so that a walk in log order can pass over blocks.

They follow the projector by a known position, as running sums do. A walk to the events behind a figure begins
where the figure's days begin, wherever that is in the log.
"""

from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.projector.running_sums import RunningSums
from shared.runtime.sql import Statements

SQL = Statements("services.reporting.sql", "waymarks.sql")

BLOCK = 4_096
"""Positions that one waymark is about. Another number is another meaning of them: let a migration empty them."""
STEP = 50_000
"""Positions that one transaction takes in at most."""


class Waymarks(RunningSums):
    """Keeps the waymarks of one reporting database, at the pace of the running sums."""

    _sql = SQL
    _all = ("forget_marks", "forget_belated")

    async def _take_in_next(self, connection: AsyncConnection, after: int, head: int) -> int:
        """Mark what comes after a position, at most `STEP`; gives the last of it."""
        upto = min(head, after + STEP)
        if after < upto:
            for what in ("mark_edges", "mark_steps"):
                await connection.execute(SQL[what], {"after": after, "upto": upto, "size": BLOCK})
        return upto
