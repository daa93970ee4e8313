"""Opens readings: settles at which position a question is answered, and about whom."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.reporting.projector.store import read_checkpoint
from services.reporting.reports import organisations
from services.reporting.reports.organisations import SQL
from services.reporting.reports.question import Hierarchy, Organisation, Question


class AheadOfLog(Exception):
    """The position asked for is not projected yet."""

    def __init__(self, position: int) -> None:
        super().__init__(f"projected up to position {position}")
        self.position = position


class UnknownOrganisation(Exception):
    """Nothing is known about the organisation at that position."""


class KnownAt(Struct, frozen=True):
    """The position that an answer stands at, and when it was recorded."""

    position: int
    time: datetime | None
    tables: int = 0
    """Of which version of the projections: after a rebuild the same position may have other figures."""


class Reader:
    """Reads one reporting database; nothing here writes."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._committing = engine
        self._engine = engine.execution_options(isolation_level="REPEATABLE READ")

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection]:
        """A connection for one request, all of whose statements see the same moment."""
        async with self._engine.connect() as connection:
            yield connection

    @asynccontextmanager
    async def committed(self) -> AsyncIterator[AsyncConnection]:
        """A connection for one request, each of whose statements sees what is committed by then."""
        async with self._committing.connect() as connection:
            yield connection


async def known_at(connection: AsyncConnection, asked: int | datetime | None, seen: int = 0) -> KnownAt:
    """The position that `asked` means: itself, the last one recorded by a time, or the last projected.

    seen: how far was projected when the connection was asked for; no answer goes back behind that. Raises
    AheadOfLog for a position that is not projected yet.
    """
    head = await read_checkpoint(connection)
    if head.position < seen:
        # A version that was built beside has taken the place of the one before while this waited for the table,
        # and is seen as it was when the waiting began: before it was brought up to the same position.
        await connection.rollback()
        head = await read_checkpoint(connection)
    if asked is None:
        return KnownAt(head.position, head.recordedat, head.tables)
    if isinstance(asked, datetime):
        found = await connection.scalar(SQL["position_at"], {"time": asked, "head": head.position})
        asked = found or 0
    if asked > head.position:
        raise AheadOfLog(head.position)
    time = await connection.scalar(SQL["time_of"], {"position": asked}) if asked else None
    return KnownAt(asked, time, head.tables)


async def question(
    connection: AsyncConnection,
    organisation_id: str,
    known: KnownAt,
    *,
    as_of: date,
    hierarchy: Hierarchy,
    from_: date,
    to: date,
    today: date,
    by_child: bool,
) -> Question:
    """A report's parameters, resolved. Raises UnknownOrganisation."""
    row = await organisations.organisation(connection, organisation_id, as_of, known.position)
    if row is None:
        raise UnknownOrganisation(organisation_id)
    current = hierarchy == "current"
    root = organisation_id
    if current:
        root = await organisations.stands_for(connection, organisation_id, today, known.position)
    children: tuple[Organisation, ...] = ()
    if by_child:
        children = await organisations.children(connection, root, today if current else as_of, known.position)
    return Question(
        organisation=Organisation(row.organisation_id, row.name, row.kind),
        root=root,
        as_of=as_of,
        known=known.position,
        recordedat=known.time,
        hierarchy=hierarchy,
        from_=from_,
        to=to,
        today=today,
        by_child=by_child,
        children=children,
    )
