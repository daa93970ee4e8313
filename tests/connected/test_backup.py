"""Backup and return: taken while events come, brought back after the volume is destroyed, nothing lost unsaid."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.stack.layout import Layout
from deploy.stack.supervisor import sole_user
from shared.runtime.connection import connect
from tests.faults.system import System, eventually
from tests.given import admitted, enrolled, identified, new_uuid, organisation, root

FOUNDING = [root(), organisation("cell"), enrolled(new_uuid(), "2022-01-01")]
PERSON = new_uuid()
PROFILED = identified(PERSON, "2022-02-01")
PROFILED["data"]["profile"] = {"occupation": "zzq-backup-4711", "sex": "female"}
LATER = [admitted(PERSON, "2022-05-01"), enrolled(new_uuid(), "2022-06-01")]


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    """A system with a few members and a sealed profile."""
    system = System(tmp_path)
    system.start()
    try:
        system.add_source("dien-bien", "root")
        _publish(system, [*FOUNDING, PROFILED])
        yield system
    finally:
        if system.running:
            system.stop()


def _publish(system: System, events: list[dict[str, Any]]) -> str:
    file = system.directory / "events.jsonl"
    file.write_text("".join(f"{json.dumps(each)}\n" for each in events), encoding="utf-8")
    credentials = system.directory / "dien-bien.creds"
    done = system.ketnap("publish", file, "--source", "dien-bien", "--creds", credentials)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _did(system: System, *arguments: str | Path) -> str:
    done = system.ketnap(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _plain(table: str) -> str:
    """The words of a table, without its lines."""
    return " ".join(table.replace("│", " ").split())


async def _members(system: System, wanted: int) -> None:
    async def found() -> bool | None:
        try:
            async with httpx.AsyncClient(timeout=10) as http:
                answer = await http.get(f"{system.url('reporting')}/v1/organisations/root/totals?as_of=2022-12-31")
        except httpx.TransportError:
            return None
        return True if answer.status_code == 200 and answer.json()["members"]["total"] == wanted else None

    await eventually(found, f"{wanted} members")


async def test_after_the_database_is_destroyed_the_streams_bring_what_came_later(
    system: System,
) -> None:
    copy, key, persons = (system.directory / name for name in ("copy.age", "copy.key", "persons"))
    refused = system.ketnap("backup", copy)
    assert (refused.returncode, "--new-key" in refused.stderr) == (1, True)
    nowhere = system.ketnap("backup", system.directory / "nowhere" / "copy.age", "--new-key", key)
    assert (nowhere.returncode, key.exists()) == (1, False)
    over_itself = system.ketnap("backup", key, "--new-key", key)
    assert (over_itself.returncode, key.exists()) == (2, False)
    assert "up to position 4" in _did(system, "backup", copy, "--new-key", key)
    _did(system, "keys", "export", persons)
    _publish(system, LATER)
    await _members(system, 3)
    busy = system.ketnap("restore", copy, "--key", key)
    assert (busy.returncode, "stop it first" in busy.stderr) == (1, True)
    assert system.stop() == 0
    full = system.ketnap("restore", copy, "--key", key)
    assert (full.returncode, "never replaces" in full.stderr) == (1, True)

    shutil.rmtree(Layout(system.data_dir).postgres / "data")
    without = system.ketnap("restore", copy, "--key", key)
    assert (without.returncode, "the key of its profiles is gone" in _plain(without.stdout)) == (1, True)
    shutil.rmtree(Layout(system.data_dir).postgres / "data")
    said = _did(system, "restore", copy, "--key", key, "--person-keys", persons)

    assert "The log is back up to position 4" in said
    assert "dien-bien: 1 messages came after the backup and will be read again" in said
    system.start()
    await _members(system, 3)
    _did(system, "log", "verify")


async def test_after_everything_is_destroyed_the_source_publishes_again(
    system: System,
) -> None:
    layout = Layout(system.data_dir)
    away = system.directory / "elsewhere"
    away.mkdir()
    copy, key, persons, master = (away / name for name in ("copy.age", "copy.key", "persons", "master.key"))
    _did(system, "backup", copy, "--new-key", key)
    _did(system, "keys", "export", persons)
    shutil.copy(layout.master_key, master)
    assert "zzq-backup" not in copy.read_bytes().decode("latin-1")
    drilled = _did(
        system, "restore", copy, "--key", key, "--master-key", master, "--person-keys", persons, "--drill"
    )
    assert "nothing of it is left" in drilled
    _publish(system, LATER)
    assert system.stop() == 0

    shutil.rmtree(system.data_dir)
    said = _did(system, "restore", copy, "--key", key, "--master-key", master, "--person-keys", persons)

    assert "1 keys of persons are back" in said
    assert "publish again what it has published since" in said
    system.start()
    again = _publish(system, [*FOUNDING, PROFILED, *LATER])
    assert [word in again for word in ("duplicate", "recorded")] == [True, True]
    await _members(system, 3)
    _did(system, "log", "verify")


async def test_a_drill_refills_from_the_running_systems_streams_and_names_what_would_be_lost(
    system: System,
) -> None:
    copy, key, persons = (system.directory / name for name in ("copy.age", "copy.key", "persons"))
    _did(system, "backup", copy, "--new-key", key)
    _did(system, "keys", "export", persons)
    gone, there = LATER
    _publish(system, [gone])
    _publish(system, [there])
    client = await connect(system.addresses.nats_url, nkeys_seed_str=system.addresses.nats_seed)
    await client.jetstream().purge_stream("INGEST_dien-bien", seq=3)  # all before the last message
    await client.close()

    master = Layout(system.data_dir).master_key
    apart = ("--master-key", master, "--person-keys", persons)
    drilled = system.ketnap("restore", copy, "--key", key, *apart, "--drill")

    said = _plain(drilled.stdout)
    assert drilled.returncode == 1, drilled.stdout + drilled.stderr
    assert "1 messages that came after the backup were read again" in said
    assert "the log is at position 5, that of the running system was at 6" in said
    assert "dien-bien: 1 messages after the backup are GONE" in said
    assert f"1 recorded events would be LOST unless their sources publish again: dien-bien/{gone['id']}" in said
    assert "nothing of it is left" in said


def test_a_damaged_backup_or_another_key_brings_nothing_back(system: System) -> None:
    copy, key, other = (system.directory / name for name in ("copy.age", "copy.key", "other.key"))
    _did(system, "backup", copy, "--new-key", key)
    _did(system, "backup", system.directory / "other.age", "--new-key", other)
    assert system.stop() == 0
    shutil.rmtree(Layout(system.data_dir).postgres / "data")

    wrong = system.ketnap("restore", copy, "--key", other)
    content = bytearray(copy.read_bytes())
    content[len(content) // 2] ^= 1
    copy.write_bytes(content)
    damaged = system.ketnap("restore", copy, "--key", key)

    assert (wrong.returncode, "does not open with the key" in wrong.stderr) == (1, True), wrong.stderr
    assert (damaged.returncode, "is damaged or cut" in damaged.stderr) == (1, True), damaged.stderr
    assert not (Layout(system.data_dir).postgres / "data").exists()


def test_what_is_kept_apart_is_looked_at_before_a_restore_begins(system: System) -> None:
    copy, key, persons, other = (system.directory / name for name in ("copy.age", "copy.key", "persons", "other"))
    _did(system, "backup", copy, "--new-key", key)
    _did(system, "keys", "export", persons)
    other.write_text("5a" * 32, encoding="ascii")
    elsewhere = system.directory / "new"
    into = ("restore", copy, "--key", key, "--data-dir", elsewhere)

    wrong = system.ketnap(*into, "--master-key", other, "--person-keys", persons)
    none = system.ketnap(*into, "--person-keys", persons)
    no_key = system.ketnap(*into, "--master-key", copy)
    a_file = system.ketnap("restore", copy, "--key", key, "--data-dir", persons)

    assert (wrong.returncode, f"not in {other}" in wrong.stderr) == (1, True), wrong.stderr
    assert (none.returncode, "add --master-key FILE" in none.stderr) == (1, True), none.stderr
    assert (no_key.returncode, "expected master keys" in no_key.stderr) == (1, True), no_key.stderr
    assert (a_file.returncode, "--data-dir" in a_file.stderr) == (1, True), a_file.stderr
    assert not elsewhere.exists()
    (elsewhere / "postgres" / "data").mkdir(parents=True)
    with sole_user(Layout(elsewhere), "ketnap restore"):
        busy = system.ketnap(*into)
    assert (busy.returncode, "another `ketnap restore`" in busy.stderr) == (1, True), busy.stderr
