"""A file of persons' keys is read to its end before a restore begins that needs it."""

import base64
import json
from pathlib import Path

import pytest

from deploy.person_keys import FORMAT, check
from deploy.stack.errors import StackError
from services.registry.keyring import Keyring

MASTER = "5a" * 32
MASTER_ID = Keyring(MASTER).current.id
HEAD = json.dumps({"format": FORMAT, "written_at": "2026-11-30T08:00:00Z", "masters": [MASTER_ID]})
ERASED = json.dumps({"person": "7f3c2f6e-6d0b-4c1a-9f44-0d3c5a1b2e01"})
KEY = json.dumps(
    {
        "person": "7f3c2f6e-6d0b-4c1a-9f44-0d3c5a1b2e02",
        "master": MASTER_ID,
        "wrapped": base64.b64encode(b"sealed").decode(),
    }
)


def _files(tmp_path: Path, *lines: str, master: bytes = MASTER.encode()) -> tuple[Path, Path]:
    keys, master_file = tmp_path / "persons", tmp_path / "master.key"
    keys.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    master_file.write_bytes(master)
    return keys, master_file


def test_what_export_writes_is_taken(tmp_path: Path) -> None:
    check(*_files(tmp_path, HEAD, ERASED, KEY))


@pytest.mark.parametrize(
    ("last", "said"),
    [
        (KEY[:40], "line 3: "),
        (KEY.replace(base64.b64encode(b"sealed").decode(), "!!!"), "line 3: "),
        (KEY.replace(MASTER_ID, "0" * 16), "does not name master key 0000000000000000"),
    ],
    ids=["cut", "no base64", "of a master key that the file does not name"],
)
def test_a_line_that_is_damaged_is_named(tmp_path: Path, last: str, said: str) -> None:
    with pytest.raises(StackError, match=said):
        check(*_files(tmp_path, HEAD, ERASED, last))


@pytest.mark.parametrize(
    ("master", "said"),
    [
        (b"a5" * 32, f"master key {MASTER_ID} wraps"),
        (b"", "expected master keys of 64 hexadecimal digits"),
        (b"\xff\xfe\x00", "is no text: expected master keys"),
    ],
    ids=["another one", "empty", "binary"],
)
def test_a_master_key_that_does_not_open_it_is_refused(tmp_path: Path, master: bytes, said: str) -> None:
    with pytest.raises(StackError, match=said):
        check(*_files(tmp_path, HEAD, KEY, master=master))
