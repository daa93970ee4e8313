"""A command that a server, a file or the terminal breaks off beneath ends with one line, and no traceback."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import asyncpg
import nats.errors
import pytest
from sqlalchemy.exc import DBAPIError

from deploy.cli.breaking import explained

KETNAP = Path(sys.executable).with_name("ketnap")


def _caused() -> Exception:
    """As SQLAlchemy raises what asyncpg said."""
    error = DBAPIError("SELECT 1", None, Exception("closed"))
    error.__cause__ = asyncpg.InterfaceError("connection is closed")
    return error


@pytest.mark.parametrize(
    "error",
    [
        TimeoutError(),
        ConnectionResetError("Connection reset by peer"),
        asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
        asyncpg.CannotConnectNowError("the database system is starting up"),
        asyncpg.AdminShutdownError("terminating connection"),
        nats.errors.NoServersError(),
        _caused(),
        ExceptionGroup("tasks", [TimeoutError()]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_server_that_breaks_off_is_told_with_where_to_look(error: Exception) -> None:
    told = explained(error)

    assert told is not None
    assert "ketnap doctor" in told
    assert "()" not in told


def test_a_file_is_named_with_what_is_wrong_with_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as missing:
        (tmp_path / "none").read_bytes()

    assert explained(missing.value) == f"{tmp_path / 'none'}: No such file or directory"


@pytest.mark.parametrize(
    "error", [KeyError("x"), asyncpg.UndefinedColumnError("no such column"), AssertionError(), asyncio.QueueFull()]
)
def test_a_mistake_of_ours_is_not_passed_off_as_theirs(error: Exception) -> None:
    assert explained(error) is None


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="this system has no device that is always full")
def test_output_that_finds_no_room_is_said_in_one_line(tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [KETNAP, "key", "list", "--data-dir", tmp_path],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert (done.returncode, done.stderr) == (
        1,
        "ketnap: what this command writes to: No space left on device; make room, then run this again\n",
    )


def test_a_terminal_without_vietnamese_letters_gets_their_numbers(tmp_path: Path) -> None:
    place = tmp_path / "tỉnh"

    done = subprocess.run(
        [KETNAP, "source", "list", "--data-dir", place],
        capture_output=True,
        check=False,
        env={name: value for name, value in os.environ.items() if not name.startswith("KETNAP_")}
        | {"PYTHONIOENCODING": "latin-1:strict"},
    )

    assert done.returncode == 1
    assert rb"no running system in " in done.stderr
    assert rb"t\u1ec9nh" in done.stderr
