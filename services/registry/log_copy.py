"""Rows of the log in the binary format of PostgreSQL's COPY: a turn's as bytes.

The driver would ask of every value of every row how it is written; here that is known, and it takes half the time.
The format: https://www.postgresql.org/docs/current/sql-copy.html, under "Binary Format".
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from struct import Struct, pack

import msgspec

from services.registry.deliveries import LogRow

COLUMNS = (
    "position", "event_id", "stream_sequence", "batch_index", "recordedat", "source", "type", "subject",
    "content_hash", "findings", "event",
)  # fmt: skip
"""In the order in which `encoded` writes them."""

ROWS_A_PIECE = 128
"""About 100 KiB."""

HEADER = b"PGCOPY\n\xff\r\n\0" + pack(">ii", 0, 0)
TRAILER = pack(">h", -1)
_NULL = pack(">i", -1)
_OF_ONE_LENGTH = Struct(">hiqi16siqii").pack
"""The number of columns, and those that always take as many bytes, each after its length."""
_LENGTH = Struct(">i").pack
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


async def encoded(rows: Sequence[LogRow]) -> AsyncIterator[bytes]:
    """What COPY takes for these rows, columns as in `COLUMNS`; in pieces, so that it can begin with the first."""
    yield HEADER
    for first in range(0, len(rows), ROWS_A_PIECE):
        yield piece(rows[first : first + ROWS_A_PIECE])
    yield TRAILER


def piece(rows: Iterable[LogRow]) -> bytes:
    """These rows, between HEADER and TRAILER."""
    parts: list[bytes] = []
    for row in rows:
        delivery, subject = row.delivery, row.subject.encode()
        parts += (
            _OF_ONE_LENGTH(
                len(COLUMNS), 8, row.position, 16, row.event_id.bytes, 8, delivery.stream_sequence,
                4, delivery.batch_index,
            ),
            _time(row.recordedat),
            _text(delivery.source),
            _text(row.type),
            _LENGTH(len(subject)),
            subject,
            _LENGTH(len(row.content_hash)),
            row.content_hash,
            _json(row.findings) if row.findings else _NULL,
            _LENGTH(len(row.event)),
            row.event,
        )  # fmt: skip
    return b"".join(parts)


@lru_cache(maxsize=1)
def _time(moment: datetime) -> bytes:
    # All that is recorded in one turn has the same.
    return pack(">iq", 8, (moment - _EPOCH) // timedelta(microseconds=1))


@lru_cache(maxsize=1024)
def _text(value: str) -> bytes:
    # Sources and types: few, and again and again.
    content = value.encode()
    return _LENGTH(len(content)) + content


def _json(value: object) -> bytes:
    content = msgspec.json.encode(value)
    return _LENGTH(len(content)) + content
