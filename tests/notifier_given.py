"""What tests about the notifier begin from."""

from sqlalchemy.ext.asyncio import AsyncConnection

from deploy.projections.tables import PROJECTIONS, tables


async def begin_anew(connection: AsyncConnection) -> None:
    """Empty the projection, as a migration does that has it made anew from the log; what was said stays said."""
    made = await tables(connection, PROJECTIONS["notifier"])
    emptied = ", ".join(f"notifier.{each}" for each in made if each != "checkpoint")
    await connection.exec_driver_sql(f"TRUNCATE {emptied}")
    await connection.exec_driver_sql("UPDATE notifier.checkpoint SET position = 0")
