"""What befalls a turn of the registry's writer on a real PostgreSQL, always at the same place of it."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.util import await_only


@contextmanager
def killed(engine: AsyncEngine, statement: int, end_sessions: Callable[[], Awaitable[object]]) -> Iterator[None]:
    """Before its statement of this number, counted from 1, whoever uses the engine finds their sessions ended."""
    left = statement

    def ended(*_: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            await_only(end_sessions())

    event.listen(engine.sync_engine, "before_cursor_execute", ended)
    try:
        yield
    finally:
        event.remove(engine.sync_engine, "before_cursor_execute", ended)


@contextmanager
def unanswered() -> Iterator[None]:
    """What is committed is committed, and its writer never hears of it."""
    commit = AsyncConnection.commit

    async def unheard(connection: AsyncConnection) -> None:
        await commit(connection)
        raise ConnectionResetError("the answer to COMMIT was lost")

    AsyncConnection.commit = unheard  # type: ignore[method-assign]
    try:
        yield
    finally:
        AsyncConnection.commit = commit  # type: ignore[method-assign]
