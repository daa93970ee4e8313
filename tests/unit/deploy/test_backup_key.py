"""The file of the key that opens a backup."""

from pathlib import Path

import pytest

from deploy.backup.archive import read
from deploy.stack.errors import StackError


@pytest.mark.parametrize(
    "content", [b"", b"\x7fELF\x00\xff\xfe", b"AGE-SECRET-KEY-1ABC\n"], ids=["empty", "binary", "cut"]
)
def test_what_is_no_key_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    key = tmp_path / "key"
    key.write_bytes(content)
    with pytest.raises(StackError, match="holds no key of a backup"):
        read(tmp_path / "backup", key, tmp_path)
