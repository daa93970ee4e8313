"""A file that a command writes is there whole or not at all, and takes the place of files only."""

import fcntl
import os
import resource
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import pytest

from deploy.stack.errors import StackError
from deploy.whole_file import whole


def test_it_is_there_at_the_end_and_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "copy"
    file.write_bytes(b"the one before")

    with whole(file) as output:
        output.write(b"new")
        meanwhile = file.read_bytes()

    assert (meanwhile, file.read_bytes()) == (b"the one before", b"new")
    assert file.stat().st_mode & 0o777 == 0o600


def test_what_fails_leaves_the_file_before_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "copy"
    file.write_bytes(b"the one before")

    with pytest.raises(TypeError), whole(file) as output:
        output.writelines([b"half of", cast(Any, None)])

    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {"copy": b"the one before"}


def test_of_two_that_write_it_at_once_the_second_is_refused_and_the_first_ends_well(tmp_path: Path) -> None:
    file = tmp_path / "copy"

    with whole(file) as output:
        output.write(b"of the first, ")
        output.flush()
        with pytest.raises(StackError, match="is being written by another command"), whole(file):
            pass
        output.write(b"to its end")

    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {"copy": b"of the first, to its end"}


def test_one_that_begins_as_another_ends_writes_a_file_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, first = tmp_path / "copy", ExitStack()
    first.enter_context(whole(file)).write(b"of the first")
    lock = fcntl.flock

    def once_the_first_has_ended(descriptor: int, how: int) -> None:
        first.close()  # between the second one's opening and its lock, once
        lock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", once_the_first_has_ended)
    with whole(file) as output:
        assert file.read_bytes() == b"of the first"
        output.write(b"of the second")

    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {"copy": b"of the second"}


def test_what_a_killed_one_left_is_written_over(tmp_path: Path) -> None:
    (tmp_path / ".copy.unfinished").write_bytes(b"much, but not to its end")

    with whole(tmp_path / "copy") as output:
        output.write(b"all")

    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {"copy": b"all"}


def test_where_there_is_no_room_it_says_so_and_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "copy"
    file.write_bytes(b"the one before")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        with pytest.raises(StackError, match=r"it is as it was before\. Make room there"), whole(file) as output:
            output.write(bytes(1000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {"copy": b"the one before"}


def test_a_device_or_pipe_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    with pytest.raises(StackError, match="is there and no file"), whole(pipe):
        pass

    assert pipe.is_fifo()


def test_a_directory_that_is_not_there_is_told_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="in a directory that exists"), whole(tmp_path / "none" / "copy"):
        pass
