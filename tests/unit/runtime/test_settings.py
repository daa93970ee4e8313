"""Settings: what cannot be read is said by the name of the variable."""

from pathlib import Path

import pytest

from deploy.stack.errors import NotRunning
from deploy.stack.layout import locate
from shared.runtime.settings import SettingsError, read


def test_a_secret_in_a_file_that_is_no_text_is_said_to_be_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "key"
    file.write_bytes(b"\xff\xfe\x00")
    monkeypatch.setenv("KETNAP_KEY_FILE", str(file))

    for asked, raised in (
        (lambda: read("KETNAP_KEY", {"KETNAP_KEY_FILE": str(file)}), SettingsError),
        (lambda: locate(tmp_path), NotRunning),
    ):
        with pytest.raises(raised, match="KETNAP_KEY_FILE: expected text in"):
            asked()
