"""The connection of commands to the database of a system, as its owner."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from deploy.stack.errors import StackError, said

if TYPE_CHECKING:
    from asyncpg import Connection


@asynccontextmanager
async def connected(database_url: str) -> AsyncIterator["Connection"]:
    """A connection for the length of a `with`. Raises StackError where there is none, or no schema of ours."""
    import asyncpg

    try:
        connection = await asyncpg.connect(database_url, timeout=10)
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise StackError(f"the database cannot be reached: {said(error)}; `ketnap doctor` says more") from None
    try:
        yield connection
    except asyncpg.UndefinedTableError as error:
        raise StackError(f"the database is not set up ({error}); `ketnap up` does that on its start") from None
    finally:
        await connection.close()
