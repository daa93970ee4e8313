"""What the registry's API reads about the quarantine: pages in timeline order, counts, and what is overdue."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Raw, Struct
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.registry.api.readings import receipt_members
from services.registry.rules.awaited import awaited
from shared.events.envelope import Time
from shared.events.vocabulary import SourceName
from shared.runtime.sql import Statements

SQL = Statements("services.registry.sql", "quarantine.sql")


PAGE_BYTES = 1024 * 1024
"""Of a page's events and of what they wait for, which an answer explains in thirty times as many."""


class Place(Struct, frozen=True, array_like=True):
    """A place in the timeline order of all that waits; as text it is the `next` of a page."""

    effectiveon: date
    time: Time
    event_id: UUID
    source: SourceName

    def written(self) -> str:
        """The cursor, which means nothing to whoever gets it."""
        return urlsafe_b64encode(msgspec.json.encode(self)).decode().rstrip("=")

    @classmethod
    def read(cls, cursor: str) -> "Place":
        """The place of a cursor. Raises ValueError for anything that `written` did not write."""
        try:
            padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
            return msgspec.json.decode(urlsafe_b64decode(padded), type=cls)
        except (ValueError, msgspec.DecodeError):
            raise ValueError(f"expected the `next` of an earlier page, found {cursor[:80]!r}") from None


BEGINNING = Place(date(1899, 12, 31), datetime.fromisoformat("1899-12-31T00:00:00+00:00"), UUID("0" * 32), "")
"""Before every event: days earlier than 1900 are rejected."""


class Filter(Struct, frozen=True, kw_only=True):
    """Which waiting events are meant; None: any."""

    source: str | None = None
    code: str | None = None
    subject: str | None = None
    older_than: timedelta | None = None


class WaitingReadings:
    """Queries of the quarantine; nothing here writes."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def page(self, wanted: Filter, after: Place, limit: int) -> tuple[list[dict[str, Any]], str | None]:
        """Waiting events in timeline order after a place, explained, and the cursor of the next page.

        Fewer than `limit` where they are large, or wait for very much.
        """
        async with self._engine.connect() as connection:
            rows, following = await self._rows(connection, wanted, after, limit)
            return await _explained(connection, rows), following

    async def keys(self, wanted: Filter, after: Place, limit: int) -> tuple[list[tuple[str, UUID]], str | None]:
        """Source and id of waiting events in timeline order after a place, and the cursor of the next page."""
        async with self._engine.connect() as connection:
            rows, following = await self._rows(connection, wanted, after, limit)
        return [(row.source, row.event_id) for row in rows], following

    async def one(self, source: str, event_id: UUID) -> dict[str, Any] | None:
        """One waiting event, explained as in a page."""
        async with self._engine.connect() as connection:
            wanted = {"source": source, "event_id": event_id}
            rows = list((await connection.execute(SQL["one"], wanted)).all())
            return (await _explained(connection, rows))[0] if rows else None

    async def counts(self) -> list[Any]:
        """Rows (source, code, age, number, seconds): how many wait, and for how long the oldest does."""
        async with self._engine.connect() as connection:
            return list((await connection.execute(SQL["counts"])).all())

    async def overdue(self, older_than: timedelta) -> list[Any]:
        """Rows (source, number, since) of what has waited for longer than this, the longest first."""
        async with self._engine.connect() as connection:
            return list((await connection.execute(SQL["overdue"], {"older_than": older_than})).all())

    async def _rows(
        self, connection: AsyncConnection, wanted: Filter, after: Place, limit: int
    ) -> tuple[list[Any], str | None]:
        parameters = {
            **msgspec.structs.asdict(wanted),
            "after_day": after.effectiveon,
            "after_time": after.time,
            "after_id": after.event_id,
            "after_source": after.source,
            "limit": limit + 1,  # the last is not shown, but says that there is more
            "bytes": PAGE_BYTES,
        }
        rows = (await connection.execute(SQL["page"], parameters)).all()
        shown = list(rows[:limit])
        more = shown and rows[0].there > len(shown)
        return shown, _place(shown[-1]).written() if more else None


async def _explained(connection: AsyncConnection, rows: Sequence[Any]) -> list[dict[str, Any]]:
    keys = sorted({key for row in rows for key in row.waits_for})
    events = [key.split("/") for key in keys if key.startswith("event/")]
    wanted = {
        "subjects": keys,
        "targets": [key.removeprefix("target/") for key in keys if key.startswith("target/")],
        "sources": [source for _, source, _ in events],
        "ids": [UUID(event_id) for _, _, event_id in events],
    }
    known = {each.key for each in await connection.execute(SQL["known"], wanted)}
    behind = {each.key: each.number for each in await connection.execute(SQL["behind"], {"keys": keys})}
    return [
        {
            **receipt_members(row),
            "event": Raw(row.event.encode()),
            "waiting_since": row.at,
            "age_seconds": max(0, int(row.age.total_seconds())),
            "waits_for": [
                awaited(key, row.code, row.subject, known=key in known, waiting=behind.get(key, 1))
                for key in sorted(row.waits_for)
            ],
        }
        for row in rows
    ]


def _place(row: Any) -> Place:
    return Place(row.effectiveon, row.time, row.event_id, row.source)
