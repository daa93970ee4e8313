"""`ketnap up` and `ketnap source`, as processes, on real servers with stand-in services."""

import asyncio
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import asyncpg
import nats
import pytest
from nats.errors import Error as NatsError

from deploy.stack.layout import Layout, locate
from deploy.stack.nats import connect
from deploy.stack.ports import free_port, in_use
from deploy.stack.process import process_start

ROOT = Path(__file__).parent.parent.parent
STAND_IN = [sys.executable, "-m", "tests.connected.stand_in"]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("KETNAP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)


@pytest.fixture
def port_base() -> int:
    return free_port(together=5)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "ketnap"


def _ketnap(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*STAND_IN, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=120
    )


@contextmanager
def _up(data_dir: Path, port_base: int) -> Iterator[subprocess.Popen[str]]:
    command = [*STAND_IN, "up", "--data-dir", str(data_dir), "--port-base", str(port_base)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            lines = list(iter(process.stdout.readline, "ready\n")) if _becomes_ready(process) else []
            assert f"reporting  http://127.0.0.1:{port_base}\n" in lines
            yield process
        finally:
            process.terminate()
            process.wait(60)


def _becomes_ready(process: subprocess.Popen[str]) -> bool:
    """False once it ended without a word on standard output (readline would then return for ever)."""
    assert process.stdout is not None
    peeked = process.stdout.buffer.peek(1)  # type: ignore[attr-defined]
    if not peeked:
        assert process.stderr is not None
        pytest.fail(process.stderr.read())
    return True


def _children(data_dir: Path) -> dict[str, int]:
    layout = Layout(data_dir)
    files = [layout.postgres / "postgres.pid", layout.nats / "nats.pid", *layout.run.glob("*.pid")]
    return {file.stem: json.loads(file.read_text())["pid"] for file in files if file.exists()}


def test_it_runs_until_it_is_asked_to_stop_and_leaves_nothing_behind(data_dir: Path, port_base: int) -> None:
    with _up(data_dir, port_base) as process:
        children = _children(data_dir)
        assert set(children) == {"postgres", "nats", "registry", "reporting", "notifier"}
        assert locate(data_dir).registry_url == f"http://127.0.0.1:{port_base + 1}"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert not any(process_start(pid) for pid in children.values())
    assert not Layout(data_dir).stack_file.exists()
    assert not any(in_use(port_base + number) for number in range(5))


def test_a_second_one_on_the_same_directory_is_refused(data_dir: Path, port_base: int) -> None:
    with _up(data_dir, port_base) as process:
        second = _ketnap("up", "--data-dir", data_dir)
        assert second.returncode == 1
        assert f"another `ketnap up` (process {process.pid}) runs on {data_dir}" in second.stderr


def test_a_port_that_is_taken_is_named(data_dir: Path, port_base: int) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port_base + 2))
        taken.listen()
        refused = _ketnap("up", "--data-dir", data_dir, "--port-base", str(port_base))
    assert refused.returncode == 1
    assert f"port {port_base + 2}, meant for notifier, is in use" in refused.stderr
    assert "--port-base" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_service_that_does_not_start_is_named_with_its_log(
    data_dir: Path, port_base: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KETNAP_BROKEN", "notifier")
    failed = _ketnap("up", "--data-dir", data_dir, "--port-base", str(port_base))
    assert failed.returncode == 1
    assert "notifier ended at its start (exit code 1)" in failed.stderr
    assert str(Layout(data_dir).logs / "notifier.log") in failed.stderr
    assert "this one does not work" in failed.stderr
    assert not any(in_use(port_base + number) for number in range(5))


def test_a_service_that_cannot_read_its_settings_is_wrong_usage(
    data_dir: Path, port_base: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KETNAP_BROKEN", "registry")
    monkeypatch.setenv("KETNAP_BROKEN_WITH", "2")
    refused = _ketnap("up", "--data-dir", data_dir, "--port-base", str(port_base))
    assert refused.returncode == 2, refused.stderr
    assert "registry ended at its start (exit code 2)" in refused.stderr


async def test_killed_and_started_again_it_has_everything(data_dir: Path, port_base: int, tmp_path: Path) -> None:
    with _up(data_dir, port_base) as process:
        added = _ketnap(
            "source", "add", "one", "--root", "r", "--creds", tmp_path / "creds", "--data-dir", data_dir
        )
        assert added.returncode == 0, added.stderr
        process.kill()
        process.wait()
    with _up(data_dir, port_base):
        seed = (tmp_path / "creds").read_text().strip()
        client = await nats.connect(locate(data_dir).nats_url, nkeys_seed_str=seed, inbox_prefix="_INBOX_one")
        assert (await client.jetstream().publish("ingest.one.x", b"{}")).stream == "INGEST_one"
        await client.close()


@pytest.mark.parametrize("part", ["postgres", "nats", "registry"])
async def test_what_dies_is_started_again(data_dir: Path, port_base: int, part: str) -> None:
    with _up(data_dir, port_base) as process:
        before = _children(data_dir)
        os.kill(before[part], signal.SIGKILL)
        assert process.stderr is not None
        assert f"{part} ended (SIGKILL); starting it again" in await asyncio.to_thread(process.stderr.readline)
        addresses = locate(data_dir)
        async with asyncio.timeout(30):
            while not await _answers(part, addresses.database_url, port_base):  # noqa: ASYNC110 - nothing announces it
                await asyncio.sleep(0.05)
        after = _children(data_dir)
        assert {name for name in after if after[name] != before[name]} == {part}


async def _answers(part: str, database_url: str, port_base: int) -> bool:
    if part != "postgres":
        return in_use(port_base + (3 if part == "nats" else 1))
    with suppress(OSError, asyncpg.PostgresError):
        await (await asyncpg.connect(database_url)).close()
        return True
    return False


async def test_a_source_is_added_rotated_removed_and_added_again(
    data_dir: Path, port_base: int, tmp_path: Path
) -> None:
    def source(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return _ketnap("source", *arguments, "--data-dir", data_dir)

    async def works(creds: str) -> bool:
        seed = (tmp_path / creds).read_text().strip()
        try:
            client = await connect(addresses.nats_url, seed)
        except NatsError:
            return False
        await client.close()
        return True

    with ExitStack() as stack:
        stack.enter_context(_up(data_dir, port_base))
        addresses = locate(data_dir)
        assert source("add", "one", "--root", "r", "--creds", tmp_path / "first").returncode == 0
        assert stat.S_IMODE((tmp_path / "first").stat().st_mode) == 0o600
        assert await works("first")

        again = source("add", "one", "--root", "r", "--creds", tmp_path / "second")
        assert (again.returncode, "registered already" in again.stderr) == (1, True)
        assert not (tmp_path / "second").exists()

        assert source("rotate", "one", "--creds", tmp_path / "second").returncode == 0
        assert (await works("first"), await works("second")) == (False, True)

        ended = (tmp_path / "first").read_text()
        over = source("rotate", "one", "--creds", tmp_path / "first")
        assert (over.returncode, "--force" in over.stderr) == (1, True)
        assert (tmp_path / "first").read_text() == ended

        before = (tmp_path / "second").read_text()
        assert source("rotate", "one", "--creds", tmp_path / "second").returncode == 0
        assert before != (tmp_path / "second").read_text()
        assert await works("second")

        assert source("remove", "one").returncode == 0
        assert not await works("second")
        assert source("remove", "one").returncode == 1
        assert "one" in source("list").stdout

        assert source("add", "one", "--root", "r", "--creds", tmp_path / "third").returncode == 0
        assert await works("third")


async def test_two_sources_added_at_once_both_work(data_dir: Path, port_base: int, tmp_path: Path) -> None:
    with _up(data_dir, port_base):
        adding = [
            asyncio.to_thread(
                _ketnap, "source", "add", name, "--root", "r", "--creds", tmp_path / name, "--data-dir", data_dir
            )
            for name in ("one", "two")
        ]
        assert [done.returncode for done in await asyncio.gather(*adding)] == [0, 0]
        for name in ("one", "two"):
            seed = (tmp_path / name).read_text().strip()
            await (await nats.connect(locate(data_dir).nats_url, nkeys_seed_str=seed)).close()


@pytest.mark.parametrize(
    ("source", "root", "said"),
    [
        ("Dien", "r", "cannot name a source"),
        ("a.>", "r", "cannot name a source"),
        ("one", "r/x", "root organisation"),
    ],
)
def test_a_wrong_name_is_explained(
    data_dir: Path, port_base: int, tmp_path: Path, source: str, root: str, said: str
) -> None:
    with _up(data_dir, port_base):
        refused = _ketnap(
            "source", "add", source, "--root", root, "--creds", tmp_path / "creds", "--data-dir", data_dir
        )
        assert (refused.returncode, said in refused.stderr) == (2, True)
        assert not (tmp_path / "creds").exists()


def test_without_a_system_a_command_says_how_to_start_one(data_dir: Path) -> None:
    refused = _ketnap("source", "list", "--data-dir", data_dir)
    assert refused.returncode == 1
    assert refused.stderr.startswith("ketnap: no running system in ")


def test_wrong_usage_is_exit_code_2() -> None:
    assert _ketnap("source", "add").returncode == 2
    assert _ketnap("no-such-command").returncode == 2


def test_the_doctor_finds_a_stopped_system_in_order_and_an_open_secret_not(data_dir: Path, port_base: int) -> None:
    layout = Layout(data_dir)
    layout.prepare()
    well = _ketnap("doctor", "--data-dir", data_dir, "--port-base", str(port_base))
    assert well.returncode == 0, well.stdout
    layout.master_key.chmod(0o644)
    ill = _ketnap("doctor", "--data-dir", data_dir, "--port-base", str(port_base))
    assert (ill.returncode, "FAULT" in ill.stdout) == (1, True)


def test_the_doctor_examines_a_running_system(data_dir: Path, port_base: int) -> None:
    with _up(data_dir, port_base):
        examined = _ketnap("doctor", "--data-dir", data_dir)
    # The stand-ins make no streams; everything else is in order.
    assert [line for line in examined.stdout.splitlines() if "FAULT" in line and "streams" not in line] == []
    assert "PostgreSQL 18" in examined.stdout
    assert examined.returncode == 1
