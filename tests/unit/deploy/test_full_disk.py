"""A full disk is known by what the operating system says, also where another program passes it on in words."""

import os
import subprocess
from pathlib import Path

import pytest

from deploy.full_disk import FULL, says_full

SPOKEN = os.environ | {"LC_ALL": "C"}


def test_a_full_disk_is_known_by_its_number_and_by_the_words_of_other_programs() -> None:
    with pytest.raises(OSError, match="space") as ours, open("/dev/full", "wb", buffering=0) as full:
        full.write(b"x")
    theirs = subprocess.run(["dd", "if=/dev/zero", "of=/dev/full", "count=1"], capture_output=True, env=SPOKEN)

    assert ours.value.errno in FULL
    assert says_full(theirs.stderr.decode())


def test_a_file_that_may_grow_no_further_is_as_good_as_a_full_disk(tmp_path: Path) -> None:
    limited = ["sh", "-c", "ulimit -f 1; trap '' XFSZ; dd if=/dev/zero of=limited count=9 bs=1024"]
    told = subprocess.run(limited, capture_output=True, env=SPOKEN, cwd=tmp_path).stderr.decode()

    assert says_full(told)


def test_another_fault_is_not_taken_for_a_full_disk() -> None:
    told = subprocess.run(["cat", "/nowhere"], capture_output=True, env=SPOKEN).stderr.decode()

    assert not says_full(told)
