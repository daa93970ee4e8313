"""Reach: which organisations belong to whoever asks with a key, on the tree of today as known now."""

from datetime import date

from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.reports.question import Organisation
from shared.runtime.access.principal import Principal
from shared.runtime.sql import Statements

SQL = Statements("services.reporting.sql", "access.sql")


async def holds(connection: AsyncConnection, within: str, organisation_id: str, today: date) -> bool:
    """Whether the subtree of `within` holds an organisation, itself or through who took over from it."""
    if within == organisation_id:
        return True
    if "\x00" in organisation_id:
        return False
    parameters = {"within": within, "organisation_id": organisation_id, "today": today}
    return bool(await connection.scalar(SQL["holds"], parameters))


async def organisations_of(connection: AsyncConnection, principal: Principal, today: date) -> list[str] | None:
    """All organisations that an answer may name; None: no limit."""
    if principal.subtree is None:
        return None
    found = await connection.scalars(SQL["subtree"], {"within": principal.subtree, "today": today})
    return list(found)


def way_down(path: list[Organisation], principal: Principal) -> list[Organisation]:
    """The part of the way down to an organisation that lies in the asker's subtree."""
    if principal.subtree is None:
        return path
    ids = [each.id for each in path]
    return path[ids.index(principal.subtree) :] if principal.subtree in ids else []
