"""Temporary directories go with whoever made them, and with the next one where that one was killed."""

import subprocess
import sys
from pathlib import Path

from deploy.temporary import temporary

KILLED = """
import os, pathlib, signal, sys
from deploy.temporary import temporary
with temporary("made-up", pathlib.Path(sys.argv[1])) as directory:
    (directory / "secret").write_text("x")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_left_is_removed_and_what_is_held_stays(tmp_path: Path) -> None:
    (tmp_path / "made-up-too").mkdir()
    subprocess.run([sys.executable, "-c", KILLED, tmp_path], check=False)
    assert len(list(tmp_path.glob("made-up.*/secret"))) == 1

    with temporary("made-up", tmp_path) as held, temporary("made-up", tmp_path) as beside:
        assert {each.name for each in tmp_path.iterdir()} == {held.name, beside.name, "made-up-too"}

    assert [each.name for each in tmp_path.iterdir()] == ["made-up-too"]
