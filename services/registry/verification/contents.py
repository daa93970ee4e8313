"""Whether the log's rows are as they were written: places without a gap, times in order, content and its hash."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from services.registry.profiles import DROPPED
from services.registry.sealing import Sealer, Unsealable, Wrapped
from services.registry.store_reader import StoreReader
from services.registry.verification.check import Check, attempted
from services.registry.verification.delivered import MARK, compare
from services.registry.verification.outcomes import SQL
from shared.events.recorded import write_recorded

ROWS = 2000
"""Rows that are in memory at a time."""


class Anchor(Struct, frozen=True):
    """The chain over all positions up to one, as an export or an earlier verification told it."""

    position: int
    chain: str


class _Identity(Struct):
    id: UUID
    source: str
    type: str
    subject: str


_IDENTITY = msgspec.json.Decoder(_Identity)


def link(chain: bytes, line: bytes) -> bytes:
    """The chain after one more line: sha256 of the 32 bytes before it and the line, without its line break."""
    return hashlib.sha256(chain + line).digest()


START = bytes(32)
"""The chain before the first line."""


class Contents:
    """Goes through the log and the quarantine once."""

    def __init__(self, content_key: bytes, sealer: Sealer, anchor: Anchor | None = None) -> None:
        self.chain = START
        self.positions = Check(
            "positions", "positions go from 1 to the head without a gap",
            "rows are gone or were added: restore from a backup", unit="events",
        )  # fmt: skip
        self.times = Check(
            "times", "recordedat never decreases", "rows were changed: restore from a backup", unit="events"
        )
        self.rows = Check(
            "rows", "each row's columns say what its event says", "rows were changed: restore from a backup",
            unit="events, those in quarantine included",
        )  # fmt: skip
        self.hashes = Check(
            "hashes", "each event is what was delivered, by its keyed hash",
            "rows were changed, or keys are missing or others: `ketnap keys import` brings back those of persons, "
            "KETNAP_CONTENT_KEY_FILE and KETNAP_MASTER_KEY_FILE name the others; then restore from a backup",
            unit="events, those in quarantine included",
        )  # fmt: skip
        self.anchored = Check(
            "anchor", "the log up to the anchor is the one that the anchor was taken of",
            "compare exports line by line to find the first that differs, then restore from a backup",
            unit="events",
        )  # fmt: skip
        self._anchor = anchor
        self._content_key = content_key
        self._sealer = sealer
        self._last = 0
        self._at: datetime | None = None
        self._closed: Counter[str] = Counter()  # events by person
        self._dropped = 0

    @property
    def checks(self) -> list[Check]:
        """All that this pass answers."""
        return [self.positions, self.times, self.rows, self.hashes, *([self.anchored] if self._anchor else [])]

    async def go(self, connection: AsyncConnection, advance: Callable[[int], None]) -> None:
        """Read everything; `advance` is told how many rows were done since it was told last."""
        with attempted(self.hashes):
            async with connection.begin_nested():
                result = await connection.stream(SQL["log"], execution_options={"yield_per": ROWS})
                async for rows in result.partitions(ROWS):
                    await self._log_rows(connection, rows)
                    advance(len(rows))
                await self._end(connection)
                result = await connection.stream(SQL["quarantine"], execution_options={"yield_per": ROWS})
                async for rows in result.partitions(ROWS):
                    await self._waiting_rows(connection, rows)
                await self._explain(connection)

    async def _log_rows(self, connection: AsyncConnection, rows: Sequence[Any]) -> None:
        contents = []
        for row in rows:
            event = row.event.encode()
            self._place(row, event)
            tail = write_recorded(b"}", row.position, row.recordedat)
            if event.endswith(tail):
                contents.append((row, event[: -len(tail)] + b"}"))
            else:
                self.rows.fault(f"position {row.position:,}: its event says another position or recordedat")
        await self._compare(connection, contents, "position {0.position:,}")

    async def _waiting_rows(self, connection: AsyncConnection, rows: Sequence[Any]) -> None:
        contents = [(row, row.event.encode()) for row in rows]
        await self._compare(connection, contents, "{0.source} {0.event_id}, which waits")

    def _place(self, row: Any, event: bytes) -> None:
        position: int = row.position
        if position != self._last + 1:
            missing = position - self._last - 1
            at = f"position {self._last + 1:,}"
            if missing > 0:
                self.positions.fault(
                    f"{at} is missing" if missing == 1 else f"{at} to {position - 1:,} are missing"
                )
            else:
                self.positions.fault(f"position {position:,} comes after {self._last:,}")
        if self._at is not None and row.recordedat < self._at:
            self.times.fault(f"position {position:,}: {row.recordedat} after {self._at}")
        self._last, self._at = position, row.recordedat
        self.positions.looked_at += 1
        self.times.looked_at += 1
        self.chain = link(self.chain, event)
        if self._anchor is not None and position == self._anchor.position:
            self.anchored.looked_at = position
            if self.chain.hex() != self._anchor.chain:
                self.anchored.fault(
                    f"chain {self.chain.hex()} up to position {position:,}, expected {self._anchor.chain}"
                )

    async def _end(self, connection: AsyncConnection) -> None:
        head = (await connection.execute(SQL["head"])).one()
        if head.position != self._last:
            self.positions.fault(f"the head is at {head.position:,}, the last row at {self._last:,}")
        # A turn that records nothing moves the head's time too.
        if self._at is not None and head.recordedat < self._at:
            self.times.fault(f"the head says {head.recordedat}, the last row {self._at}")
        if self._anchor is not None and self._anchor.position > self._last:
            self.anchored.fault(f"the log ends at {self._last:,}, before the anchor at {self._anchor.position:,}")

    async def _compare(
        self, connection: AsyncConnection, contents: Iterable[tuple[Any, bytes]], called: str
    ) -> None:
        contents = list(contents)
        sealed = {row.subject for row, content in contents if MARK in content}
        keys = await StoreReader(connection).person_keys(sealed) if sealed else {}
        for row, content in contents:
            where = called.format(row)
            self.rows.looked_at += 1
            self.hashes.looked_at += 1
            try:
                said = _IDENTITY.decode(content)
            except msgspec.DecodeError:
                self.rows.fault(f"{where}: its event is not one")
                continue
            if (said.id, said.source, said.type, said.subject) != (
                row.event_id,
                row.source,
                row.type,
                row.subject,
            ):
                self.rows.fault(f"{where}: its event says {said.source} {said.id} {said.type} {said.subject}")
            self._hash(where, row, content, keys.get(row.subject))

    def _hash(self, where: str, row: Any, content: bytes, wrapped: Wrapped | None) -> None:
        try:
            key = None if wrapped is None else self._sealer.unwrap(wrapped, row.subject)
            verdict = compare(
                content, row.content_hash, row.event_id, row.subject, key, self._content_key, self._sealer
            )
        except Unsealable as error:
            self.hashes.fault(f"{where}: {error}")
            return
        if verdict == "closed":
            self._closed[row.subject] += 1
        elif verdict == "other" and DROPPED.code in (getattr(row, "findings", None) or ""):
            self._dropped += 1
        elif verdict == "other":
            self.hashes.fault(f"{where}: its content has another hash than the one kept")

    async def _explain(self, connection: AsyncConnection) -> None:
        erased = 0
        if self._closed:
            persons = sorted(self._closed)
            gone = set((await connection.execute(SQL["erased"], {"persons": persons})).scalars())
            erased = sum(self._closed[person] for person in gone)
            for person in sorted(self._closed.keys() - gone):
                self.hashes.fault(f"{person}: the key of its profiles is gone, and no event erases this person")
        for number, why in (
            (erased, "with profiles of erased persons"),
            (self._dropped, "whose profile came after the erasure and was dropped"),
        ):
            if number:
                self.hashes.note(f"{number:,} {why} cannot be checked by their hash; an anchor does (--anchor)")
