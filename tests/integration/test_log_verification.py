"""`ketnap log verify` on PostgreSQL: a healthy log passes, and whatever was tampered with is found and named."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from services.registry.deliveries import Message
from services.registry.sealing import Sealer, content_hash
from services.registry.verification import contents
from services.registry.verification.check import Check
from services.registry.verification.contents import Anchor
from services.registry.verification.verify import Account
from services.registry.verification.verify import verify as verify_log
from services.registry.writer import Writer
from shared.events.person import Profile
from shared.events.recorded import write_recorded
from shared.runtime.database import create_engine
from tests.conftest import Database
from tests.given import admitted, balance, enrolled, event, identified, new_uuid, organisation, root, target
from tests.integration.test_registry_log import message

CONTENT_KEY, MASTER_KEY = b"k" * 32, b"m" * 32


async def verify(database: Database, **more: Any) -> Account:
    engine = create_engine(database.url("ketnap_registry"), "test")
    try:
        return await verify_log(engine, CONTENT_KEY, Sealer(MASTER_KEY), **more)
    finally:
        await engine.dispose()


def faults(account: Account) -> dict[str, Check]:
    return {check.name: check for check in account.checks if not check.ok}


async def write(database: Database, *messages: Message) -> None:
    """Have a registry settle messages of the source `dien-bien`, one turn each."""
    await database.fetch(
        "INSERT INTO registry.source (source, root, public_key) VALUES ('dien-bien', 'root', '') "
        "ON CONFLICT DO NOTHING"
    )
    engine = create_engine(database.url("ketnap_registry"), "test")
    try:
        writer = Writer(engine, Sealer(MASTER_KEY), CONTENT_KEY)
        await writer.start()
        for each in messages:
            await writer.write([each])
        await writer.step_down()
    finally:
        await engine.dispose()


async def history(database: Database) -> list[dict[str, Any]]:
    """Two messages of the catalogue's kinds, then one with a duplicate, a rejected and a waiting event."""
    person, sealed = new_uuid(), admitted(new_uuid(), "2022-06-01")
    sealed["data"]["profile"] = {"sex": "female", "birth_year": 1990.0, "occupation": None}
    found = identified(sealed["subject"][7:], "2022-01-07")
    found["data"]["profile"] = {"sex": "female"}
    whole = dict.fromkeys(Profile.__struct_fields__)
    other = identified(new_uuid(), "2022-01-08")
    other["data"]["profile"] = whole
    events = [
        root(), organisation("cell"), organisation("heir"), target("cell"), balance("cell", "2021-01-01", 5),
        identified(person, "2022-01-05"), found, other, sealed, enrolled(new_uuid(), "2022-02-01"),
        admitted(person, "2022-06-01"),
        event("OrganisationDissolved", "organisation/heir", "2024-01-01", {"successor_id": "cell"}),
    ]  # fmt: skip
    waiting = admitted(new_uuid(), "2022-06-01")
    waiting["data"]["profile"] = {"birth_year": 1990}
    unknown = {**identified(new_uuid(), "2022-01-01"), "type": "None.v1"}
    first, second = message(1, *events[:5]), message(2, *events[5:])
    await write(database, first, second, message(3, events[0], unknown, waiting))
    return events


@asynccontextmanager
async def tampering(database: Database) -> AsyncIterator[None]:
    """What the owner of the tables can do, and nobody else."""
    await database.fetch("ALTER TABLE registry.log DISABLE TRIGGER USER")
    try:
        yield
    finally:
        await database.fetch("ALTER TABLE registry.log ENABLE TRIGGER USER")


async def test_a_healthy_log_passes(database: Database) -> None:
    events = await history(database)

    account = await verify(database)

    assert faults(account) == {}
    assert account.position == len(events)
    looked_at = {check.name: check.looked_at for check in account.checks}
    assert (looked_at["positions"], looked_at["hashes"], looked_at["one-outcome"]) == (12, 13, 15)


async def test_a_fold_from_before_courses_were_followed_passes_and_another_difference_does_not(
    database: Database,
) -> None:
    person = new_uuid()
    listed = event("CandidateListed", f"person/{person}", "2022-02-01")
    await write(database, message(1, root(), organisation("cell"), identified(person, "2022-01-05"), listed))
    subject = f"subject = 'person/{person}'"
    [[folded]] = await database.fetch(f"SELECT folded FROM registry.subject WHERE {subject}")  # noqa: S608 - ours
    course = ',"course":{"listed_on":"2022-02-01"}'
    assert course in folded.decode()

    async def put(found: str) -> dict[str, Check]:
        await database.fetch(f"UPDATE registry.subject SET folded = $1 WHERE {subject}", found.encode())  # noqa: S608 - ours
        return faults(await verify(database))

    assert await put(folded.decode().replace(course, "")) == {}
    assert (await put(folded.decode().replace(course, "").replace("listed", "trained"))).keys() == {"folds"}


async def test_the_log_is_read_in_parts(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    await history(database)
    monkeypatch.setattr(contents, "ROWS", 5)
    parts: list[int] = []

    def note(part: str, done: int, total: int | None) -> None:
        if part == "log":
            parts.append(done)

    assert (await verify(database, progress=note)).ok
    assert parts == [5, 5, 2]


async def test_an_empty_log_passes(database: Database) -> None:
    account = await verify(database)
    assert (account.ok, account.position, account.chain) == (True, 0, "00" * 32)


async def test_profiles_of_the_erased_cannot_be_checked_and_that_is_said(database: Database) -> None:
    await history(database)
    (row,) = await database.fetch("SELECT subject FROM registry.log WHERE position = 7")
    person = row["subject"][7:]
    erased = event("PersonErased", f"person/{person}", "2023-01-01", {"request_ref": "YC-1"})
    await write(database, message(4, erased))

    account = await verify(database)

    assert faults(account) == {}
    (hashes,) = (check for check in account.checks if check.name == "hashes")
    # Position 7 is this person's, position 9 too.
    assert hashes.notes == [
        "2 with profiles of erased persons cannot be checked by their hash; an anchor does (--anchor)"
    ]

    await database.fetch("DELETE FROM registry.erased_person")
    found = faults(await verify(database))
    assert found["erased"].examples == [f"person/{person}, erased at position 13, could get a new key"]


async def test_keys_that_are_lost_are_not_told_to_be_of_erased_persons(database: Database) -> None:
    await history(database)
    await database.fetch("DELETE FROM registry.person_key")

    hashes = faults(await verify(database))["hashes"]

    assert hashes.notes == []
    assert "ketnap keys import" in hashes.remedy


async def test_it_reads_one_snapshot_while_the_registry_goes_on_writing(database: Database) -> None:
    await history(database)
    others = [message(sequence, identified(new_uuid(), "2022-03-01")) for sequence in range(4, 14)]
    writing: list[asyncio.Task[None]] = []

    def begin_writing(part: str, done: int, total: int | None) -> None:
        if not writing:
            writing.append(asyncio.create_task(write(database, *others)))

    before = await verify(database, progress=begin_writing)
    await writing[0]
    after = await verify(database)

    assert (faults(before), faults(after)) == ({}, {})
    assert (before.position, after.position) == (12, 22)


def said(table: str, old: str, new: str, where: str) -> str:
    """A statement that changes what an event says."""
    return f"UPDATE registry.{table} SET event = replace(event::text, '{old}', '{new}')::json WHERE {where}"  # noqa: S608 - a test's own words


# What is done to the tables, which checks must find it, and what they must name.
TAMPERING = [
    pytest.param(
        said("log", "Tổ chức cell", "Tổ chức Cell", "position = 2"),
        {"hashes": "position 2: its content has another hash"},
        id="a changed event",
    ),
    pytest.param(
        said("log", "sealed:v1:", "sealed:v1:AA", "position = 9"),
        {"hashes": "position 9: the profile in event"},
        id="a changed profile",
    ),
    pytest.param(
        said("log", "2022-06-01", "2022-06-02", "position = 9"),
        {"hashes": "position 9: its content"},
        id="a changed event with a profile",
    ),
    pytest.param(
        said("quarantine", "2022-06-01", "2022-06-02", "true"),
        {"hashes": "which waits: its content"},
        id="a changed event that waits",
    ),
    pytest.param(
        "UPDATE registry.log SET content_hash = sha256('x') WHERE position = 3",
        {"hashes": "position 3: its content has another hash"},
        id="a changed hash",
    ),
    pytest.param(
        "UPDATE registry.log SET subject = 'organisation/other' WHERE position = 3",
        {"rows": "position 3: its event says dien-bien"},
        id="a changed column",
    ),
    pytest.param(
        "UPDATE registry.log SET recordedat = recordedat + interval '1 day' WHERE position = 3",
        {"rows": "position 3: its event says another position or recordedat", "times": "position 4"},
        id="a changed time",
    ),
    pytest.param(
        "DELETE FROM registry.log WHERE position = 7",
        {
            "positions": "position 7 is missing",
            "whole-messages": "dien-bien message 2",
            "outcome-counts": "recorded",
        },
        id="a deleted event",
    ),
    pytest.param(
        "DELETE FROM registry.log WHERE position = 12",
        {"positions": "the head is at 12, the last row at 11", "outcome-counts": "12 kept, 11 found"},
        id="a deleted last event",
    ),
    pytest.param(
        "INSERT INTO registry.refused VALUES ('dien-bien', 3, 3, NULL, 'rejected', NULL, 'x', 'x', NULL, now())",
        {"outcome-counts": "dien-bien rejected: 1 kept, 2 found"},
        id="an extra refused row",
    ),
    pytest.param(
        "INSERT INTO registry.refused VALUES ('dien-bien', 2, 0, NULL, 'rejected', NULL, 'x', 'x', NULL, now())",
        {"one-outcome": "dien-bien message 2 event 0 is recorded and rejected"},
        id="a second outcome",
    ),
    pytest.param(
        "INSERT INTO registry.refused VALUES ('son-la', 1, 0, NULL, 'rejected', NULL, 'x', 'x', NULL, now()), "
        "('dien-bien', 4, 0, NULL, 'rejected', NULL, 'x', 'x', NULL, now())",
        {"settled": "dien-bien message 4 event 0 is rejected, settled is 3"},
        id="outcomes of what nobody delivered",
    ),
    pytest.param(
        "UPDATE registry.refused SET position = 2 WHERE outcome = 'duplicate'",
        {"duplicates": "dien-bien message 3 event 0 names position 2"},
        id="a duplicate of another event",
    ),
    pytest.param(
        "UPDATE registry.quarantine SET event_id = (SELECT event_id FROM registry.log WHERE position = 4)",
        {"held-once": "is at position 4 and waits"},
        id="an id in the log and in quarantine",
    ),
    pytest.param(
        "DELETE FROM registry.person_key",
        {"hashes": "the key of its profiles is gone, and no event erases this person"},
        id="lost keys of persons",
    ),
]


@pytest.mark.parametrize(("statement", "expected"), TAMPERING)
async def test_tampering_is_found_and_named(database: Database, statement: str, expected: dict[str, str]) -> None:
    await history(database)
    async with tampering(database):
        await database.fetch(statement)

    found = faults(await verify(database))

    for name, told in expected.items():
        assert name in found
        assert any(told in example for example in found[name].examples), found[name].examples


async def test_other_keys_than_the_services_have_are_told_from_a_changed_log(database: Database) -> None:
    await history(database)
    engine = create_engine(database.url("ketnap_registry"), "test")

    account = await verify_log(engine, b"K" * 32, Sealer(MASTER_KEY))
    await engine.dispose()

    (hashes,) = faults(account).values()
    assert hashes.faults == 13
    assert len(hashes.examples) == 5
    assert "KETNAP_CONTENT_KEY_FILE" in hashes.remedy


async def test_an_anchor_finds_what_hashes_alone_do_not(database: Database) -> None:
    await history(database)
    before = await verify(database)
    anchor = Anchor(before.position, before.chain)
    await write(database, message(4, identified(new_uuid(), "2022-03-01")))
    assert (await verify(database, anchor=anchor)).ok

    # Whoever changes an event and knows the content key can make its hash fit.
    (row,) = await database.fetch("SELECT event::text, recordedat FROM registry.log WHERE position = 6")
    changed = row["event"].replace('"categories":[]', '"categories":["worker"]').encode()
    content = changed[: -len(write_recorded(b"}", 6, row["recordedat"]))] + b"}"
    async with tampering(database):
        await database.fetch(
            "UPDATE registry.log SET event = $1::text::json, content_hash = $2 WHERE position = 6",
            changed.decode(),
            content_hash(content, CONTENT_KEY),
        )
    assert faults(await verify(database)) == {}
    (told,) = faults(await verify(database, anchor=anchor)).values()

    assert "up to position 12, expected" in told.examples[0]
