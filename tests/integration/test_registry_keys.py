"""Keys in PostgreSQL: master keys take turns while events come in; keys of persons have copies of their own."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy.exc import IntegrityError

from deploy import master_keys, person_keys
from deploy.backup.returning import Wanted, fill, finish
from deploy.stack.errors import StackError
from deploy.stack.keys import new_key
from deploy.stack.layout import Layout
from deploy.stack.postgres import PostgresServer
from deploy.stack.postgres_programs import binaries
from services.registry.keyring import WrongMasterKey
from services.registry.sealing import Sealer
from services.registry.unsealing import Unsealing
from services.registry.writer import Writer
from shared.runtime.database import create_engine
from tests.conftest import Database
from tests.given import identified, new_uuid, organisation, root
from tests.integration.test_registry_erasure import OCCUPATION, erased, with_profile
from tests.integration.test_registry_log import message
from tests.until import until


@pytest.fixture
def master_file(tmp_path: Path) -> Path:
    """A file with one master key."""
    file = tmp_path / "master.key"
    file.write_text(f"{new_key()}\n", encoding="ascii")
    return file


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(master_keys, "BATCH", 2)


@asynccontextmanager
async def writing(database: Database, file: Path) -> AsyncIterator[tuple[Writer, Unsealing]]:
    """A registry's writer that leads, with the master keys of `file`, and the unsealing beside it."""
    engine = create_engine(database.url("ketnap_registry"), "test")
    sealer = Sealer(master_keys.read_ring(file))
    writer = Writer(engine, sealer, b"k" * 32)
    await database.fetch("UPDATE registry.lease SET until = '-infinity'")
    await database.fetch(
        "INSERT INTO registry.source (source, root, public_key) VALUES ('dien-bien', 'root', '') "
        "ON CONFLICT DO NOTHING"
    )
    leading = None
    try:
        await writer.start()
        leading = asyncio.create_task(writer.lead())
        yield writer, Unsealing(engine, sealer)
    finally:
        if leading is not None:
            leading.cancel()
        await engine.dispose()


async def occupations(unsealing: Unsealing, persons: list[str]) -> list[str]:
    found = await unsealing.of([UUID(each) for each in persons])
    return [each.profile["occupation"] for each in found if each.state == "unsealed"]


async def wraps(database: Database, file: Path) -> list[tuple[int, bool]]:
    """Of each master key: how many keys it wraps, and whether it is the current one."""
    found = await master_keys.standings(database.url(), file)
    return [(each.wraps, each.current) for each in found]


async def test_master_keys_take_turns_while_the_registry_writes(database: Database, master_file: Path) -> None:
    old = master_keys.read_ring(master_file)
    persons = [new_uuid() for _ in range(6)]
    first, late = persons[:5], persons[5]
    async with writing(database, master_file) as (writer, unsealing):
        profiles = [with_profile(identified(each, "2022-01-05")) for each in first]
        await writer.write([message(1, root(), organisation("cell"), *profiles)])

        new_id, anew = await master_keys.rotate(database.url(), master_file)

        assert anew == 5
        assert await wraps(database, master_file) == [(5, True), (0, False)]
        await writer.write([message(2, with_profile(identified(late, "2022-01-05")))])
        assert await wraps(database, master_file) == [(6, True), (0, False)]
        await master_keys.drop(database.url(), master_file, old.current.id)
        assert await occupations(unsealing, persons) == [OCCUPATION] * 6
    assert master_keys.read_ring(master_file).ids == [new_id]
    async with writing(database, master_file) as (_, unsealing):
        assert await occupations(unsealing, persons) == [OCCUPATION] * 6
    rows = await database.fetch("SELECT id FROM registry.master_key")
    assert [row["id"] for row in rows] == [new_id]


async def test_a_rotation_that_was_interrupted_is_gone_on_with(
    database: Database, master_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(master_keys, "NOTICED", 0.0)
    persons = [new_uuid() for _ in range(5)]
    async with writing(database, master_file) as (writer, unsealing):
        profiles = [with_profile(identified(each, "2022-01-05")) for each in persons]
        await writer.write([message(1, root(), organisation("cell"), *profiles)])
        await database.fetch(
            "CREATE FUNCTION one_too_many() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "IF (SELECT count(DISTINCT master) > 1 FROM registry.person_key) THEN RAISE 'killed'; END IF; "
            "RETURN NEW; END $$"
        )
        await database.fetch(
            "CREATE TRIGGER one_too_many BEFORE UPDATE ON registry.person_key "
            "FOR EACH STATEMENT EXECUTE FUNCTION one_too_many()"
        )
        with pytest.raises(Exception, match="killed"):
            await master_keys.rotate(database.url(), master_file)
        assert await wraps(database, master_file) == [(2, True), (3, False)]
        assert sorted(await occupations(unsealing, persons)) == [OCCUPATION] * 5
        await database.fetch("DROP TRIGGER one_too_many ON registry.person_key")

        assert (await master_keys.rotate(database.url(), master_file))[1] == 3

        assert await wraps(database, master_file) == [(5, True), (0, False)]


async def test_a_master_key_that_wraps_anything_is_not_dropped(database: Database, master_file: Path) -> None:
    async with writing(database, master_file) as (writer, _):
        await writer.write(
            [message(1, root(), organisation("cell"), with_profile(identified(new_uuid(), "2022-01-05")))]
        )
    used = master_keys.read_ring(master_file).current.id
    with pytest.raises(StackError, match="is the one that wraps"):
        await master_keys.drop(database.url(), master_file, used)
    _put_first(master_file, new_key())
    with pytest.raises(StackError, match="wraps 1 keys of persons"):
        await master_keys.drop(database.url(), master_file, used)
    assert used in master_keys.read_ring(master_file).ids


async def test_while_a_rotation_is_under_way_no_master_key_is_dropped_and_no_keys_of_persons_come(
    database: Database, master_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(master_keys, "NOTICED", 0.0)
    old = master_keys.read_ring(master_file).current.id
    rewrap, refused, copy = master_keys._rewrap, [], tmp_path / "persons.keys"
    await person_keys.export(database.url(), copy)

    async def dropped_meanwhile(*arguments: Any) -> int:
        with pytest.raises(StackError, match="under way; wait"):
            await master_keys.drop(database.url(), master_file, old)
        with pytest.raises(StackError, match="under way; wait"):
            await person_keys.take_in(database.url(), copy, master_file)
        refused.append(old)
        return await rewrap(*arguments)

    monkeypatch.setattr(master_keys, "_rewrap", dropped_meanwhile)
    new, _ = await master_keys.rotate(database.url(), master_file)

    assert refused == [old, old]
    assert master_keys.read_ring(master_file).ids == [new, old]
    await master_keys.drop(database.url(), master_file, old)
    assert master_keys.read_ring(master_file).ids == [new]


@pytest.mark.parametrize("named", [True, False])
async def test_with_the_wrong_master_key_nothing_begins_to_write(
    database: Database, master_file: Path, tmp_path: Path, named: bool
) -> None:
    async with writing(database, master_file) as (writer, _):
        await writer.write(
            [message(1, root(), organisation("cell"), with_profile(identified(new_uuid(), "2022-01-05")))]
        )
    if not named:
        await database.fetch("UPDATE registry.person_key SET master = NULL")
    wrong = tmp_path / "wrong.key"
    wrong.write_text(f"{new_key()}\n", encoding="ascii")
    before = await database.fetch("SELECT epoch, position FROM registry.head")

    with pytest.raises(WrongMasterKey, match="KETNAP_MASTER_KEY_FILE"):
        async with writing(database, wrong):
            pass

    assert await database.fetch("SELECT epoch, position FROM registry.head") == before
    assert len(await database.fetch("SELECT FROM registry.master_key")) == 1
    with pytest.raises(StackError, match=r"is not in the file|does not open"):
        await master_keys.rotate(database.url(), wrong)
    async with writing(database, master_file) as (writer, _):
        await writer.write([message(2, organisation("other"))])


async def test_a_dump_without_the_keys_opens_nothing_until_their_own_copy_is_taken_in(
    database: Database, postgres: PostgresServer, master_file: Path, tmp_path: Path
) -> None:
    stays, goes = new_uuid(), new_uuid()
    async with writing(database, master_file) as (writer, _):
        profiles = [with_profile(identified(each, "2022-01-05")) for each in (stays, goes)]
        await writer.write([message(1, root(), organisation("cell"), *profiles)])
        early = tmp_path / "early.keys"
        assert await person_keys.export(database.url(), early) == (2, 0)
        await writer.write([message(2, erased(goes))])
    late = tmp_path / "late.keys"
    assert await person_keys.export(database.url(), late) == (1, 1)
    assert early.stat().st_mode & 0o777 == 0o600
    (kept,) = await database.fetch("SELECT wrapped FROM registry.person_key")

    dump = tmp_path / "data.sql"
    _run("pg_dump", database.url(), "--exclude-table-data=registry.person_key", f"--file={dump}")

    assert kept["wrapped"].hex() not in dump.read_text(encoding="utf-8")
    copy = Database(postgres, f"{database.name}_copy")
    await database.fetch(f'CREATE DATABASE "{copy.name}" OWNER ketnap_owner', role="postgres")
    try:
        _run("psql", copy.url("postgres"), "--quiet", "--set=ON_ERROR_STOP=1", f"--file={dump}")
        async with writing(copy, master_file) as (_, unsealing):
            assert await occupations(unsealing, [stays, goes]) == []
            assert await person_keys.take_in(copy.url(), early, master_file) == person_keys.Taken(1, 1, 0)
            assert await person_keys.take_in(copy.url(), late, master_file) == person_keys.Taken(0, 1, 0)
            assert await occupations(unsealing, [stays, goes]) == [OCCUPATION]
            assert await unsealing.erased([UUID(stays), UUID(goes)]) == [UUID(goes)]
        # Data from before the erasure: the newer copy of the keys erases again.
        await copy.fetch("DELETE FROM registry.erased_person")
        assert await person_keys.take_in(copy.url(), late, master_file) == person_keys.Taken(0, 1, 1)
    finally:
        await database.fetch(f'DROP DATABASE "{copy.name}" WITH (FORCE)', role="postgres")


async def test_who_is_erased_while_keys_are_taken_in_gets_none(
    database: Database, master_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(person_keys, "BATCH", 1)
    goes, stays = sorted(new_uuid() for _ in range(2))
    copy = tmp_path / "persons.keys"
    async with writing(database, master_file) as (writer, _):
        profiles = [with_profile(identified(each, "2022-01-05")) for each in (goes, stays)]
        await writer.write([message(1, root(), organisation("cell"), *profiles)])
        assert await person_keys.export(database.url(), copy) == (2, 0)
        # As after a restore: the data are there, the keys come later, by a command that a registry runs beside.
        await database.fetch("DELETE FROM registry.person_key")
        holding = await asyncpg.connect(database.url())
        try:
            transaction = holding.transaction()
            await transaction.start()
            # So taking in waits once it has put the first key, and before it commits it.
            await holding.execute(
                "INSERT INTO registry.person_key (person, wrapped) VALUES ($1, '')", f"person/{stays}"
            )
            taking = asyncio.create_task(person_keys.take_in(database.url(), copy, master_file))
            waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'"

            async def held_up() -> bool:
                return bool((await database.fetch(waits))[0][0])

            await until(held_up, 30)

            await writer.write([message(2, erased(goes))])

            await transaction.rollback()
        finally:
            await holding.close()
        await taking
    rows = await database.fetch("SELECT person FROM registry.person_key")
    assert [row["person"] for row in rows] == [f"person/{stays}"]


async def test_a_file_that_is_no_copy_of_keys_changes_nothing(
    database: Database, master_file: Path, tmp_path: Path
) -> None:
    head = '{"format": "ketnap person keys 1", "written_at": "2026-01-01T00:00:00Z", "masters": ["x"]}'
    for content in ("", "{}", head):
        file = tmp_path / "keys"
        file.write_text(content, encoding="utf-8")
        with pytest.raises(StackError, match=r"expected a first line|is not in"):
            await person_keys.take_in(database.url(), file, master_file)
    assert await database.fetch("SELECT FROM registry.master_key") == []


async def test_a_dump_that_is_given_up_while_it_is_taken_in_changes_nothing(
    database: Database, tmp_path: Path
) -> None:
    dump = tmp_path / "dump"
    _run("pg_dump", database.url(), "--format=custom", f"--file={dump}")
    await database.fetch("INSERT INTO registry.master_key (id) VALUES ('later')")
    waits = "SELECT FROM pg_locks WHERE NOT granted AND relation = 'registry.master_key'::regclass"
    reading = await asyncpg.connect(database.url())
    try:
        async with reading.transaction(), asyncio.timeout(30):
            await reading.execute("LOCK TABLE registry.master_key IN ACCESS SHARE MODE")
            filling = asyncio.create_task(fill(database.url(), dump))
            while not await database.fetch(waits):  # noqa: ASYNC110 - a lock in the database has no event
                await asyncio.sleep(0.05)
            filling.cancel()
            with pytest.raises(asyncio.CancelledError):
                await filling
    finally:
        await reading.close()

    assert [row["id"] for row in await database.fetch("SELECT id FROM registry.master_key")] == ["later"]


async def test_a_restore_notices_a_master_key_that_the_backup_does_not_know(
    database: Database, master_file: Path, tmp_path: Path
) -> None:
    layout = Layout(tmp_path / "restored")
    layout.prepare()
    wanted = Wanted(tmp_path / "unused", tmp_path / "unused")
    async with writing(database, master_file):
        pass  # the master key is noted, and wraps nothing yet
    ring = master_keys.read_ring(master_file)

    for file, expected in ((master_file, []), (layout.master_key, master_keys.read_ring(layout.master_key).ids)):
        _, _, unknown = await finish(database.url(), layout, wanted, file)
        assert unknown == expected
    _put_first(master_file, new_key())  # rotated since the backup
    _, _, unknown = await finish(database.url(), layout, wanted, master_file)
    assert (unknown, ring.current.id in master_keys.read_ring(master_file).ids) == ([], True)


async def test_a_registry_that_has_not_noticed_a_drop_reads_the_keys_again_and_writes(
    database: Database, master_file: Path
) -> None:
    old = master_keys.read_ring(master_file).current.id
    async with writing(database, master_file) as (writer, unsealing):
        await writer.write([message(1, root(), organisation("cell"))])
        # All at once, between two looks of the registry at which key is the newest.
        _put_first(master_file, new_key(), alone=True)
        await database.fetch("DELETE FROM registry.master_key WHERE id = $1", old)
        person = new_uuid()
        late = message(2, with_profile(identified(person, "2022-01-05")))
        with pytest.raises(IntegrityError):
            await writer.write([late])
        await writer.recover()
        await writer.write([late])
        assert await occupations(unsealing, [person]) == [OCCUPATION]


def _put_first(file: Path, key: str, *, alone: bool = False) -> None:
    others = "" if alone else file.read_text(encoding="ascii")
    file.write_text(f"{key}\n{others}", encoding="ascii")


def _run(program: str, url: str, *arguments: str) -> None:
    parts = urlsplit(url)
    where = [f"--host={parts.hostname}", f"--port={parts.port}", f"--username={parts.username}"]
    done = subprocess.run(
        [str(binaries() / program), *where, f"--dbname={parts.path[1:]}", *arguments],
        env=os.environ | {"PGPASSWORD": parts.password or "", "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
