"""The connection of commands to the database of a system, as its owner."""

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from deploy.stack.errors import StackError, said

if TYPE_CHECKING:
    from asyncpg import Connection

PATIENCE = 10.0
"""Seconds for the way in, and for the goodbye."""


@asynccontextmanager
async def connected(database_url: str, *, answers_within: float | None = None) -> AsyncIterator["Connection"]:
    """A connection for the length of a `with`. Raises StackError where there is none, or no schema of ours.

    answers_within: seconds for the way in, and after which a statement fails; by itself one may take any time.
    """
    import asyncpg

    patience = answers_within or PATIENCE
    try:
        connection = await asyncpg.connect(database_url, timeout=patience, command_timeout=answers_within)
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise StackError(f"the database cannot be reached: {said(error)}; `ketnap doctor` says more") from None
    try:
        yield connection
    except asyncpg.UndefinedTableError as error:
        raise StackError(f"the database is not set up ({error}); `ketnap up` does that on its start") from None
    finally:
        with contextlib.suppress(TimeoutError):  # given up then, which is as good
            await connection.close(timeout=patience)
