"""Standing sums: members, open candidates and mentors' charges of each organisation, whatever the day.

They follow the projector by a known position. Lists of a large tree are made of them: `reports/vast.py`.
"""

from services.reporting.projector.running_sums import RunningSums
from services.reporting.projector.store import read_checkpoint
from shared.runtime.sql import Statements

SQL = Statements("services.reporting.sql", "standing_sums.sql")

STEP = 50_000
"""Positions that one transaction takes in at most."""


class StandingSums(RunningSums):
    """Keeps the sums of one reporting database, at the pace of the running sums."""

    _sql = SQL

    async def advance(self) -> int:
        """Take in the next positions, at most `STEP`; gives the last position taken in."""
        async with self._engine.begin() as connection:
            after = await self._progress(connection)
            head = (await read_checkpoint(connection)).position
            if head < after:
                # The projections were made anew.
                await connection.execute(SQL["forget_sums"])
                await connection.execute(SQL["forget_charges"])
                after = 0
            upto = min(head, after + STEP)
            if after < upto:
                for what in ("add", "add_charges", "drop_ended"):
                    await connection.execute(SQL[what], {"after": after, "upto": upto})
            await connection.execute(SQL["move"], {"position": upto})
        return upto
