"""Rows of the log that the registry encodes for COPY come out of the table as they went in."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import uuid4

import msgspec

from services.registry import log_copy
from services.registry.deliveries import Delivery, LogRow
from shared.events.receipts import Finding
from shared.runtime.database import array, copy_encoded, create_engine
from tests.conftest import Database

VIETNAM = timezone(timedelta(hours=7))


def row(position: int, recordedat: datetime, findings: tuple[Finding, ...] = ()) -> LogRow:
    event = msgspec.json.encode({"name": "Bản Nà \\ \t\n" + "x" * position, "n": [1, None]})
    return LogRow(
        Delivery("dien-bien", 2**40 + position, position % 7),
        position,
        recordedat,
        uuid4(),
        "OrganisationRenamed.v1",
        f"organisation/Chi-bộ.{position}",
        bytes([position % 256]) * 32,
        findings,
        event,
    )


async def test_what_is_copied_is_what_is_read(database: Database) -> None:
    times = [
        datetime(1999, 12, 31, 23, 59, 59, 999_999, UTC),
        datetime(2026, 1, 1, 6, 59, 59, 1, VIETNAM),
        datetime(2199, 12, 31, tzinfo=UTC),
    ]
    found = Finding("no-vote", 'expected a "vote", found none')
    rows = [
        row(position, times[position % 3], (found,) * (position % 3))
        for position in range(1, 2 * log_copy.ROWS_A_PIECE + 3)
    ]
    engine = create_engine(database.url("ketnap_registry"), "test")

    async with engine.begin() as connection:
        await copy_encoded(connection, "registry", "log", log_copy.COLUMNS, log_copy.encoded(rows))
    await engine.dispose()

    stored = await database.fetch("SELECT * FROM registry.log ORDER BY position")
    assert len(stored) == len(rows)
    for written, read in zip(rows, stored, strict=True):
        delivery = Delivery(read["source"], read["stream_sequence"], read["batch_index"])
        assert (delivery, read["position"], read["recordedat"]) == (
            written.delivery,
            written.position,
            written.recordedat,
        )
        assert (read["event_id"], read["type"], read["subject"]) == (
            written.event_id,
            written.type,
            written.subject,
        )
        assert bytes(read["content_hash"]) == written.content_hash
        assert (read["event"].encode(), read["findings"]) == (
            written.event,
            msgspec.json.encode(written.findings).decode() if written.findings else None,
        )


async def test_an_array_that_is_cast_from_text_is_the_array(database: Database) -> None:
    ids = [uuid4(), uuid4()]
    strings = ["", "NULL", "a,b", "{x}", " x ", "Bản", "organisation/a.b-c_1"]

    (found,) = await database.fetch("SELECT CAST(CAST($1 AS text) AS uuid[]) AS ids", array(ids))
    (read,) = await database.fetch("SELECT CAST(CAST($1 AS text) AS text[]) AS strings", array(strings))
    (none,) = await database.fetch("SELECT CAST(CAST($1 AS text) AS bigint[]) AS none", array([]))

    assert found["ids"] == ids
    assert read["strings"] == strings
    assert none["none"] == []
