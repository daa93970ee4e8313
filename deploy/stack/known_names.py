"""Looks whether a running system knows what somebody names: it may be early, or it may be a slip."""

from typing import TYPE_CHECKING

from deploy.stack.database import connected
from deploy.stack.errors import StackError

if TYPE_CHECKING:
    from asyncpg import Connection

PATIENCE = 5.0
"""Seconds for each answer: a warning is not worth more."""

_FOUNDED = "SELECT EXISTS (SELECT FROM registry.subject WHERE subject = 'organisation/' || $1)"
_REGISTERED = "SELECT EXISTS (SELECT FROM registry.source WHERE source = $1 AND removed_at IS NULL)"


async def unknown(database_url: str, organisation: str | None, source: str | None) -> list[str]:
    """What to say of a name that is not known yet, asked with the owner's URL; nothing where nobody answers."""
    import asyncpg

    try:
        async with connected(database_url, answers_within=PATIENCE) as connection:
            return await _unknown(connection, organisation, source)
    except (StackError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return []


async def _unknown(connection: "Connection", organisation: str | None, source: str | None) -> list[str]:
    said = []
    if organisation is not None and not await connection.fetchval(_FOUNDED, organisation):
        said.append(
            f"no organisation {organisation!r} is on record yet, and until it is this key shows nothing; if "
            "that is a slip, revoke it"
        )
    if source is not None and not await connection.fetchval(_REGISTERED, source):
        said.append(f"no source {source!r} is registered; if that is a slip, revoke the key")
    return said
