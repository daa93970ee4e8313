"""Secrets and the files they lie in."""

import os
import stat
from pathlib import Path

import pytest

from deploy.stack.keys import ensure_secret, new_key, new_password, new_seed, public_key, write_secret


def test_a_seed_is_a_users_and_has_one_public_half() -> None:
    seed = new_seed()
    assert (seed[:2], len(seed)) == ("SU", 58)
    assert public_key(seed) == public_key(seed + "\n")
    assert (public_key(seed)[0], len(public_key(seed))) == ("U", 56)


@pytest.mark.parametrize("wrong", ["", "nonsense", "SUé", "U" * 58])
def test_what_is_no_seed_is_named_as_such(wrong: str) -> None:
    with pytest.raises(ValueError, match="not an nkey seed"):
        public_key(wrong)


def test_a_secret_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        made = ensure_secret(tmp_path / "secrets" / "content.key", new_key)
    finally:
        os.umask(before)
    assert ensure_secret(tmp_path / "secrets" / "content.key", new_key) == made
    assert stat.S_IMODE((tmp_path / "secrets" / "content.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700


def test_a_secret_that_another_has_made_meanwhile_is_everybodys(tmp_path: Path) -> None:
    def made_by_both() -> str:
        write_secret(tmp_path / "master.key", "theirs")
        return "ours"

    assert ensure_secret(tmp_path / "master.key", made_by_both) == "theirs"
    assert (tmp_path / "master.key").read_text() == "theirs\n"


def test_a_secret_that_may_not_replace_leaves_what_is_there(tmp_path: Path) -> None:
    write_secret(tmp_path / "creds", "first")
    with pytest.raises(FileExistsError):
        write_secret(tmp_path / "creds", "second", replace=False)
    assert (tmp_path / "creds").read_text() == "first\n"
    assert [path.name for path in tmp_path.iterdir()] == ["creds"]


def test_a_password_needs_no_quoting_anywhere() -> None:
    assert all(character.isalnum() or character in "-_" for character in new_password())
