"""Log rows on their way to PostgreSQL while the turn that makes them is still decided: both cores work at once."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import Self

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection

from services.registry import log_copy
from services.registry.deliveries import LogRow
from shared.runtime.database import copy_encoded
from shared.runtime.tasks import ended

PATIENCE = 30.0
"""Seconds for which PostgreSQL may say nothing once it was given the last row."""
A_DAY = 86_400.0
"""For the COPY as a whole, which is under way for as long as its turn is decided."""
_UNIQUE_ID = "log_source_event_id_key"


class HeldAlready(Exception):
    """An id that a turn judged as new is on the log already; nothing was written."""


class Appending:
    """A COPY into the log in the transaction of a connection, on which nothing else is asked until `end`.

    Left before its end, it takes the connection with it, and so the transaction.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self.taken = 0
        """How many rows of the turn are on their way or there."""
        self._connection = connection
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._copy: asyncio.Task[None] | None = None

    async def take(self, rows: Sequence[LogRow]) -> None:
        """Send all of a turn's rows that were not sent yet. Raises HeldAlready, here or at the end."""
        if self.taken == len(rows):
            return
        self._pieces.put_nowait(log_copy.piece(rows[self.taken :]))
        self.taken = len(rows)
        if self._copy is None:
            self._copy = asyncio.create_task(self._run())
        await asyncio.sleep(0)  # the piece leaves now, and not when the turn is decided
        if self._copy.done():
            self._copy.result()

    async def end(self) -> None:
        """Wait until all rows are in the table. Raises HeldAlready."""
        if self._copy is not None:
            self._pieces.put_nowait(None)
            async with asyncio.timeout(PATIENCE):
                await asyncio.shield(self._copy)

    async def _run(self) -> None:
        copied = copy_encoded(
            self._connection, "registry", "log", log_copy.COLUMNS, self._encoded(), patience=A_DAY
        )
        try:
            await copied
        except asyncpg.UniqueViolationError as error:
            raise held_already(error) from error

    async def _encoded(self) -> AsyncIterator[bytes]:
        yield log_copy.HEADER
        while (piece := await self._pieces.get()) is not None:
            yield piece
        yield log_copy.TRAILER

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if self._copy is None:
            return
        unfinished = not self._copy.done()
        await ended(self._copy)
        if unfinished:
            await self._connection.invalidate()


def held_already(error: asyncpg.UniqueViolationError) -> Exception:
    """What is to be raised of a row that a COPY into the log did not take."""
    return HeldAlready() if error.constraint_name == _UNIQUE_ID else error
