"""Reach: which organisations belong to whoever asks with a key, on the tree of today."""

from datetime import date

from sqlalchemy.ext.asyncio import AsyncConnection

from shared.runtime.access.principal import Principal
from shared.runtime.sql import Statements

SQL = Statements("services.notifier.sql", "access.sql")


async def holds(connection: AsyncConnection, within: str, organisation_id: str, today: date) -> bool:
    """Whether the subtree of `within` holds an organisation, itself or through who took over from it."""
    parameters = {"within": within, "organisation_id": organisation_id, "today": today}
    return within == organisation_id or bool(await connection.scalar(SQL["holds"], parameters))


async def organisations_of(connection: AsyncConnection, principal: Principal, today: date) -> list[str] | None:
    """All organisations that an answer may name; None: no limit."""
    if principal.subtree is None:
        return None
    found = await connection.scalars(SQL["subtree"], {"within": principal.subtree, "today": today})
    return list(found)
