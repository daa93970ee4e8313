"""What the registry's API reads from its tables."""

from itertools import pairwise
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Raw
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.events.receipts import OUTCOMES, Finding, Reason, Receipt
from shared.runtime.sql import Statements

SQL = Statements("services.registry.sql", "api.sql")

PAGE_BYTES = 4 * 1024 * 1024
"""Of a page of events, but for what its last one has more: 1,000 of the largest would be 64 MiB."""

_FINDINGS = msgspec.json.Decoder(tuple[Finding, ...])


class Readings:
    """Queries of one registry database; nothing here writes."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def _rows(self, statement: str, **parameters: Any) -> list[Any]:
        async with self._engine.connect() as connection:
            return list((await connection.execute(SQL[statement], parameters)).all())

    async def outcome(self, source: str, event_id: UUID) -> dict[str, Any] | None:
        """The current outcome of an event, and the event as recorded."""
        wanted = {"source": source, "event_id": event_id}
        async with self._engine.connect() as connection:
            # Both from one moment: an event that waits has not been recorded.
            await connection.execution_options(isolation_level="REPEATABLE READ")
            rows = (await connection.execute(SQL["outcome"], wanted)).all()
            events = (await connection.execute(SQL["event"], wanted)).all()
        if not rows:
            return None
        found = receipt_members(rows[0])
        return {**found, "event": Raw(events[0].event.encode()) if events else None}

    async def events(
        self, after: int, limit: int, source: str | None, subject: str | None, type_: str | None
    ) -> tuple[list[tuple[int, bytes]], int | None]:
        """Recorded events after a position, as (position, JSON), and the position after which to ask for more.

        Fewer than `limit` where they are large; None: there are no more.
        """
        wanted = {"after": after, "limit": limit, "source": source, "subject": subject, "type": type_}
        rows = await self._rows("events", **wanted, bytes=PAGE_BYTES)
        more = bool(rows) and (rows[0].there == limit or rows[0].there > len(rows))
        return [(row.position, row.event.encode()) for row in rows], rows[-1].position if more else None

    async def standing(self) -> Any:
        """Row (position, recordedat, relayed, backup_at, backup_position): the log, its relay, the last backup."""
        return (await self._rows("standing"))[0]

    async def receipts(self, source: str, after: int, limit: int) -> tuple[list[dict[str, Any]], int | None]:
        """Receipts of a source after a stream sequence, whole messages, and where the next page begins."""
        rows = await self._rows("receipts", source=source, after=after, limit=limit)
        following = rows[-1].stream_sequence if len(rows) >= limit else None
        return [receipt_members(row) for row in rows], following

    async def sources(self, source: str | None = None) -> list[dict[str, Any]]:
        """Registered sources with the number of deliveries by outcome; without `lag`."""
        async with self._engine.connect() as connection:
            # Both from one moment: outcomes that no settled message explains would look like a fault.
            await connection.execution_options(isolation_level="REPEATABLE READ")
            rows = (await connection.execute(SQL["sources"], {"source": source})).all()
            numbers = (await connection.execute(SQL["outcome_counts"], {"source": source})).all()
        counts: dict[str, dict[str, int]] = {row.source: dict.fromkeys(OUTCOMES, 0) for row in rows}
        for row in numbers:
            counts.setdefault(row.source, {})[row.outcome] = row.number
        return [
            {
                "source": row.source,
                "root": row.root,
                "outcomes": counts[row.source],
                "settled": row.settled,
                "gaps": gaps(msgspec.json.decode(row.sequences, type=list[tuple[int, int]])),
                "lost": msgspec.json.decode(row.lost, type=list[tuple[int, int]]),
                "last_seen": row.last_seen,
                "removed_at": row.removed_at,
            }
            for row in rows
        ]


def gaps(seen: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """What is missing between the ranges of sequence numbers that were seen."""
    return [(before[1] + 1, after[0] - 1) for before, after in pairwise(seen)]


def receipt_members(row: Any) -> dict[str, Any]:
    """The members of a receipt, as the contract lists them, from a row of `registry.delivery`."""
    receipt = Receipt(
        row.event_id,
        row.source,
        row.outcome,
        row.stream_sequence,
        row.batch_index,
        row.at,
        _FINDINGS.decode(row.findings) if row.findings else (),
        UNSET if row.position is None else row.position,
        UNSET if row.code is None else Reason(row.code, row.message, row.path),
    )
    members: dict[str, Any] = msgspec.to_builtins(receipt)
    return members
