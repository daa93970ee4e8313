"""`ketnap doctor` finds the faults that operators meet most: each is made on a real system, and mended again."""

import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from deploy.publishing import publish
from deploy.stack.layout import Layout
from deploy.stack.ports import HOST, free_port
from tests.faults.system import KETNAP, System, eventually
from tests.given import admitted, encoded, identified, new_uuid, organisation, root


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """`ketnap up` with a source, a cell and a person with a profile."""
    system = System(tmp_path_factory.mktemp("doctor"))
    system.start()
    try:
        system.add_source("dien-bien", "root")
        profiled = identified(new_uuid(), "2022-02-01")
        profiled["data"]["profile"] = {"sex": "female"}
        file = system.directory / "founding.jsonl"
        file.write_text("".join(f"{json.dumps(each)}\n" for each in (root(), organisation("cell"), profiled)))
        credentials = system.directory / "dien-bien.creds"
        founded = system.ketnap("publish", file, "--source", "dien-bien", "--creds", credentials)
        assert founded.returncode == 0, founded.stderr
        yield system
    finally:
        if system.running:
            system.stop()


def _examined(said: "subprocess.CompletedProcess[str]") -> tuple[int, dict[str, str]]:
    """The exit code, and what is at fault: {what: seen and what to do}, lines of one row joined."""
    rows: dict[str, str] = {}
    what, fault = "", False
    for line in said.stdout.splitlines():
        cells = [cell.strip() for cell in re.split("[│┃]", line)[1:-1]]
        if len(cells) != 4:
            continue
        if cells[0]:
            what, fault = cells[1], cells[0] == "FAULT"
            if fault:
                rows[what] = ""
        if fault:
            rows[what] = " ".join(f"{rows[what]} {cells[2]} {cells[3]}".split())
    return said.returncode, rows


def _faults(system: System, **settings: str) -> dict[str, str]:
    # So wide that no cell is broken into lines, wherever the lengths of paths would break it.
    code, rows = _examined(system.ketnap("doctor", COLUMNS="1000", **settings))
    assert code == (1 if rows else 0)
    return rows


async def _do(system: System, statement: str, *values: str) -> None:
    connection = await asyncpg.connect(system.addresses.database_url)
    try:
        await connection.execute(statement, *values)
    finally:
        await connection.close()


async def _publish(system: System, *events: dict[str, Any]) -> None:
    seed = (system.directory / "dien-bien.creds").read_text().strip()
    await publish(system.addresses.nats_url, "dien-bien", seed, [encoded([each])[1:-1] for each in events])


@contextmanager
def _stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_system_in_order_has_no_fault(system: System) -> None:
    assert _faults(system) == {}


def test_a_disk_that_is_nearly_full(tmp_path: Path) -> None:
    doctor = f"{KETNAP} doctor --port-base {free_port(together=5)} --data-dir"
    small = f"mount -t tmpfs -o size=64m small {tmp_path} && mkdir {tmp_path}/data && {doctor} {tmp_path}/data"
    for way in (["unshare", "-rm", "sh", "-c", small], ["unshare", "-m", "sh", "-c", small]):
        done = subprocess.run(
            way, capture_output=True, text=True, check=False, env=os.environ | {"COLUMNS": "160"}
        )
        if "disk space" in done.stdout:
            break
    else:
        done = subprocess.run(
            [*doctor.split(), str(_small_disk() / "ketnap-doctor")], capture_output=True, text=True, check=False
        )

    code, faults = _examined(done)

    assert code == 1, done.stdout + done.stderr
    assert "make room" in faults["disk space"]


def _small_disk() -> Path:
    """Where no file system can be mounted: one that is small already."""
    mounted = [Path(line.split()[1]) for line in Path("/proc/mounts").read_text().splitlines()]
    return next(
        path
        for path in mounted
        if path.is_dir() and os.access(path, os.W_OK | os.X_OK) and shutil.disk_usage(path).free < 2 * 1024**3
    )


def test_a_data_directory_that_is_not_there(tmp_path: Path, system: System) -> None:
    place, base = tmp_path / "slip-of-the-pen", str(free_port(together=5))

    code, faults = _examined(system.ketnap("doctor", "--data-dir", place, "--port-base", base))
    listed = system.ketnap("key", "list", "--data-dir", place)
    revoked = system.ketnap("key", "revoke", "an-office", "--data-dir", place)

    assert (code, list(faults)) == (1, ["data directory"])
    assert "--data-dir" in faults["data directory"]
    for said in (listed, revoked):
        assert (said.returncode, "is not there" in said.stderr) == (1, True), said.stderr
    assert not place.exists()


def test_a_name_with_brackets_is_shown_as_it_is(tmp_path: Path, system: System) -> None:
    place = tmp_path / "of[bold]all[" / "]"
    place.mkdir(parents=True)

    shown = system.ketnap("doctor", "--data-dir", place, "--port-base", str(free_port(together=5)))

    assert "of[bold]all[/]" in "".join(cell.strip() for cell in re.split("[│\n]", shown.stdout)), shown.stderr


def test_a_port_that_another_program_holds(tmp_path: Path, system: System) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        base = free_port(together=5)
        other.bind((HOST, base + 1))
        other.listen()

        _, faults = _examined(system.ketnap("doctor", "--data-dir", tmp_path, "--port-base", str(base)))

    assert list(faults) == ["port of registry"]
    assert "--port-base" in faults["port of registry"]


@pytest.mark.parametrize(
    ("part", "what"), [("postgres", "database"), ("nats", "nats"), ("reporting", "reporting")]
)
def test_a_part_that_does_not_answer(system: System, part: str, what: str) -> None:
    with _stopped(system.pid_of(part)):
        faults = _faults(system)

    assert what in faults
    assert f"{part}.log" in faults[what].replace(" ", "")


async def test_a_clock_that_is_behind_the_log(system: System) -> None:
    await _do(system, "UPDATE registry.head SET recordedat = recordedat + interval '2 hours'")

    faults = _faults(system)

    await _do(system, "UPDATE registry.head SET recordedat = recordedat - interval '2 hours'")
    assert list(faults) == ["clock and log"]
    assert "timedatectl" in faults["clock and log"]


def test_a_master_key_that_is_another_one_or_gone(system: System) -> None:
    key = Layout(system.data_dir).master_key
    kept = key.read_text()
    try:
        key.write_text("ab" * 32 + "\n")
        other = _faults(system)
        key.unlink()
        gone = _faults(system)
    finally:
        key.write_text(kept)
        key.chmod(0o600)

    assert "wraps 1 keys of persons" in other["master key"]
    assert "privacy.md" in other["master key"]
    assert "cannot be read" in gone["master key"]
    assert "master.key" in gone["keys of the data"]
    assert _faults(system) == {}


async def test_migrations_that_have_not_run(system: System) -> None:
    await _do(system, "UPDATE registry.alembic_version SET version_num = 'r0001'")

    faults = _faults(system)

    newest = sorted((Path(__file__).parents[2] / "services/registry/migrations/versions").glob("r*.py"))[-1]
    await _do(system, "UPDATE registry.alembic_version SET version_num = $1", newest.stem[:5])
    assert "registry" in faults["schema"]
    assert "it migrates" in faults["schema"]


async def test_events_that_have_waited_for_long(system: System) -> None:
    early = admitted(new_uuid(), "2022-06-01")
    await _publish(system, early)
    assert _faults(system) == {}
    await _do(system, "UPDATE registry.quarantine SET at = at - interval '3 hours'")

    faults = _faults(system)

    assert list(faults) == ["quarantine"]
    assert "1 of dien-bien since" in faults["quarantine"]
    assert "ketnap quarantine list" in faults["quarantine"]
    assert _faults(system, KETNAP_QUARANTINE_WARN_AFTER="1d") == {}
    discarded = system.ketnap("quarantine", "discard", "dien-bien", early["id"], "--reason", "test")
    assert discarded.returncode == 0, discarded.stderr


async def test_a_source_with_a_gap_a_silent_one_and_one_that_lost_messages(system: System) -> None:
    numbered = [organisation(f"numbered-{number}") | {"sequence": str(number)} for number in (1, 2, 5)]
    await _publish(system, *numbered)
    gap = _faults(system)
    missing = [organisation(f"numbered-{number}") | {"sequence": str(number)} for number in (3, 4)]
    await _publish(system, *missing)
    assert _faults(system) == {}

    await _do(system, "UPDATE registry.source SET last_seen = last_seen - interval '2 days'")
    silent = _faults(system)
    await _do(system, "UPDATE registry.source SET last_seen = now(), lost = '[[100, 120]]'")
    lost = _faults(system)
    await _do(system, "UPDATE registry.source SET lost = '[]'")

    assert "misses 3 to 4" in gap["sources"]
    assert "dien-bien has sent nothing since" in silent["sources"]
    assert "lost stream sequences 100 to 120" in lost["sources"]
    assert all("incidents.md" in each["sources"] for each in (gap, silent, lost))


async def test_a_backup_that_is_too_old(system: System) -> None:
    await _do(system, "INSERT INTO registry.backup VALUES (now() - interval '3 days', 1, 10)")
    faults = _faults(system)

    taken = system.ketnap("backup", system.directory / "copy.age", "--new-key", system.directory / "copy.key")

    assert taken.returncode == 0, taken.stderr
    assert list(faults) == ["backup"]
    assert "ketnap backup" in faults["backup"]
    assert _faults(system) == {}


def test_a_service_that_runs_out_of_file_descriptors(system: System) -> None:
    pid = system.pid_of("registry")
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (int(len(os.listdir(f"/proc/{pid}/fd")) * 1.2), hard))

    faults = _faults(system)

    resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
    assert "ulimit" in faults["files of registry"]


def test_a_database_of_another_version(tmp_path: Path, system: System) -> None:
    layout = Layout(tmp_path / "data")
    layout.prepare()
    cluster = layout.postgres / "data"
    cluster.mkdir()
    (cluster / "PG_VERSION").write_text("12\n")

    told = system.ketnap("doctor", "--data-dir", layout.data_dir, "--port-base", str(free_port(together=5)))

    code, faults = _examined(told)
    assert (code, list(faults)) == (1, ["database files"])
    assert "made by PostgreSQL 12" in faults["database files"]
    assert "ketnap restore" in faults["database files"]


async def test_a_projection_that_has_stopped(system: System) -> None:
    # The last one here: the log is closed to everybody, so what a later version would have recorded stays.
    later = """
        INSERT INTO registry.log (position, recordedat, source, stream_sequence, batch_index, event_id, type,
                                  subject, content_hash, event)
        SELECT position + 1, recordedat, source, stream_sequence + 1000, 0, gen_random_uuid(), 'MemberHonoured.v1',
               subject, content_hash,
               replace(replace(event::text, type, 'MemberHonoured.v1'),
                       '"position":' || position, '"position":' || position + 1)::json
        FROM registry.log ORDER BY position DESC LIMIT 1
    """
    await _do(system, later)
    await _do(system, "UPDATE registry.head SET position = position + 1")

    async def stopped() -> dict[str, str] | None:
        faults = _faults(system)
        told = {"projection of reporting", "projection of notifier", "reporting"}
        return faults if told <= faults.keys() else None

    faults = await eventually(stopped, "both projections have stopped, and readiness says so", 60)

    assert "stopped before position" in faults["projection of reporting"]
    assert "upgrade notifier" in faults["projection of notifier"]
    assert "503" in faults["reporting"]
    assert "MemberHonoured" in faults["reporting"]
