"""The log as a file: line by line what is recorded, gone on with where it ended, and told apart by its chain."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import pytest

from deploy.log_export import Exported, ExportError, write
from services.registry.api.readings import Readings
from tests.conftest import Database
from tests.given import identified, new_uuid
from tests.integration.test_log_verification import history, verify
from tests.integration.test_log_verification import write as write_messages
from tests.integration.test_registry_log import message


async def logged(database: Database) -> list[bytes]:
    rows = await database.fetch("SELECT event::text FROM registry.log ORDER BY position")
    return [row["event"].encode() + b"\n" for row in rows]


def chain(lines: list[bytes]) -> str:
    found = bytes(32)
    for line in lines:
        found = hashlib.sha256(found + line[:-1]).digest()
    return found.hex()


async def test_an_export_is_the_log_and_its_chain_is_that_of_the_verification(
    database: Database, tmp_path: Path
) -> None:
    await history(database)
    seen: list[tuple[int, int]] = []

    exported = await write(database.url(), tmp_path / "log", on_progress=lambda *done: seen.append(done))

    lines = await logged(database)
    assert (tmp_path / "log").read_bytes() == b"".join(lines)
    assert exported == Exported(1, 12, 12, chain(lines))
    assert exported.chain == (await verify(database)).chain
    assert (seen[0], seen[-1]) == ((0, 12), (12, 12))


async def test_an_export_that_was_broken_off_goes_on_where_it_ended(database: Database, tmp_path: Path) -> None:
    await history(database)
    lines = await logged(database)
    file = tmp_path / "log"
    file.write_bytes(b"".join(lines[:4]) + lines[4][:20])

    resumed = await write(database.url(), file)
    again = await write(database.url(), file)
    await write_messages(database, message(4, identified(new_uuid(), "2022-03-01")))
    longer = await write(database.url(), file)

    lines = await logged(database)
    assert file.read_bytes() == b"".join(lines)
    assert resumed == again == Exported(1, 12, 12, chain(lines[:12]))
    assert longer == Exported(1, 13, 13, chain(lines))


async def test_of_two_exports_to_one_file_at_once_the_second_is_refused(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await history(database)
    file, begun = tmp_path / "log", asyncio.Event()

    async def begin_another(readings: Readings, *asked: Any) -> Any:
        monkeypatch.undo()
        with pytest.raises(ExportError, match="another export writes to it"):
            await write(database.url(), file)
        begun.set()
        return await readings.events(*asked)

    monkeypatch.setattr(Readings, "events", begin_another)
    await write(database.url(), file)

    assert begun.is_set()
    assert file.read_bytes() == b"".join(await logged(database))


async def test_a_part_is_exported_and_gone_on_with_by_positions(database: Database, tmp_path: Path) -> None:
    await history(database)
    lines = await logged(database)
    file = tmp_path / "part"

    first = await write(database.url(), file, after=3, until=5)
    more = await write(database.url(), file, after=3, until=7)
    nothing = await write(database.url(), tmp_path / "nothing", after=12)

    assert file.read_bytes() == b"".join(lines[3:7])
    assert first == Exported(4, 5, 2, chain(lines[3:5]))
    assert more == Exported(4, 7, 4, chain(lines[3:7]))
    assert (nothing.lines, (tmp_path / "nothing").read_bytes()) == (0, b"")


async def test_what_does_not_fit_is_refused_and_left_as_it_is(database: Database, tmp_path: Path) -> None:
    await history(database)
    lines = await logged(database)
    for content, after, told in (
        (b"Dear operator\n", 0, ":1 is no recorded event"),
        (b"Dear operator", 0, "its only line is no recorded event"),
        (lines[0] + lines[1].replace(b"cell", b"kell"), 0, "another event than this log has at position 2"),
        (lines[0] + lines[2], 0, ":2 is position 3, expected 2"),
        (lines[0], 4, "begins with position 1, expected 5"),
    ):
        file = tmp_path / "file"
        file.write_bytes(content)
        with pytest.raises(ExportError, match=told):
            await write(database.url(), file, after=after)
        assert file.read_bytes() == content
    with pytest.raises(ExportError, match="at most 12"):
        await write(database.url(), tmp_path / "beyond", until=13)
    assert not (tmp_path / "beyond").exists()


async def test_a_log_with_a_hole_ends_the_export_there(database: Database, tmp_path: Path) -> None:
    await history(database)
    await database.fetch("ALTER TABLE registry.log DISABLE TRIGGER USER")
    await database.fetch("DELETE FROM registry.log WHERE position = 7")
    with pytest.raises(ExportError, match="position 7 is not in the log: `ketnap log verify` says more"):
        await write(database.url(), tmp_path / "log")
