"""The log of a child process stays within its bound while the process runs on."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.stack import process
from deploy.stack.process import Child

PATIENCE = 10.0


@pytest.fixture
def chatty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Child]:
    """A process that writes without end."""
    monkeypatch.setattr(process, "LOG_LIMIT", 10_000)
    child = Child("chatty", tmp_path / "chatty.log", tmp_path / "chatty.pid")
    says = "while true; do echo 0123456789012345678901234567890123456789; done"
    child.launch(["/bin/sh", "-c", says], os.environ, tmp_path)
    yield child
    child.stop()


def until_over(child: Child, size: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while child.log.stat().st_size <= size:
        assert time.monotonic() < deadline
        assert child.running
        time.sleep(0.01)


def test_a_process_goes_on_with_an_empty_log_and_what_was_before_is_beside_it(chatty: Child) -> None:
    until_over(chatty, 10_000)
    chatty.bound_log()
    before = chatty.log.with_suffix(".log.1")

    assert before.stat().st_size > 10_000
    assert before.stat().st_mode & 0o777 == 0o600
    until_over(chatty, 0)
    assert chatty.log.read_bytes()[:1] in b"0123456789\n"  # and no hole where the old end was
    assert chatty.log_tail(1)


def test_a_log_that_is_short_stays_as_it_is(tmp_path: Path) -> None:
    child = Child("short", tmp_path / "short.log", tmp_path / "short.pid")
    child.bound_log()
    child.log.write_text("a line\n")
    child.bound_log()

    assert child.log.read_text() == "a line\n"
    assert not child.log.with_suffix(".log.1").exists()
