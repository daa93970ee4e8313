"""How projections stand: how far they are, what has stopped them, what made them, and what lies beside."""

from msgspec import Struct
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from deploy.projections.tables import LOCKS, PROJECTIONS, Projection, sql, tables
from services.notifier.store import VERSION as NOTIFIER
from services.reporting.projector.store import VERSION as REPORTING
from shared.runtime.database import create_engine

VERSIONS = {"reporting": REPORTING, "notifier": NOTIFIER}
"""Those that this ketnap makes."""


_LOCKED = text("""
SELECT EXISTS (
    SELECT FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND objsubid = 2 AND classid = CAST(:key AS oid)
      AND objid = CAST(CAST(hashtext(:name) AS bigint) & 4294967295 AS oid)
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
)
""")


class Standing(Struct, frozen=True):
    """One projection."""

    name: str
    position: int
    head: int
    """Last position of the log."""
    version: int
    wanted: int
    stopped_at: int | None
    stopped_why: str | None
    size: int
    """In bytes, indexes included."""
    beside: int | None
    """How far a version beside it is filled; None: there is none."""
    rebuilding: bool

    @property
    def lag(self) -> int:
        """Positions of the log that are not applied."""
        return max(0, self.head - self.position)

    @property
    def outdated(self) -> bool:
        """Whether another version made it. An empty one is nobody's: who begins says by which version."""
        return self.position > 0 and self.version != self.wanted

    @property
    def at_fault(self) -> bool:
        """Whether somebody has to do something."""
        return self.stopped_at is not None or self.outdated


async def standings(url: str) -> list[Standing]:
    """All projections, asked with the owner's `url`."""
    engine = create_engine(url, "projections-status", 1)
    try:
        async with engine.connect() as connection:
            return [await _standing(connection, each) for each in PROJECTIONS.values()]
    finally:
        await engine.dispose()


async def _standing(connection: AsyncConnection, projection: Projection) -> Standing:
    name = projection.name
    checkpoint = (
        await connection.execute(
            sql(f"SELECT position, version, stopped_at, stopped_why FROM {name}.checkpoint")  # noqa: S608 - our own name
        )
    ).one()
    # After the checkpoint, so that no projection seems to be ahead of the log.
    head = int(await connection.scalar(text("SELECT position FROM registry.head")) or 0)
    size = sum(
        [
            int(await connection.scalar(sql(f"SELECT pg_total_relation_size('{name}.{table}')")) or 0)
            for table in await tables(connection, projection)
        ]
    )
    beside = None
    if await connection.scalar(text("SELECT to_regclass(:name)"), {"name": f"{projection.beside}.checkpoint"}):
        beside = int(await connection.scalar(sql(f"SELECT position FROM {projection.beside}.checkpoint")) or 0)  # noqa: S608
    rebuilding = await connection.scalar(_LOCKED, {"key": LOCKS, "name": name})
    return Standing(
        name,
        checkpoint.position,
        head,
        checkpoint.version,
        VERSIONS[name],
        checkpoint.stopped_at,
        checkpoint.stopped_why,
        size,
        beside,
        bool(rebuilding),
    )
