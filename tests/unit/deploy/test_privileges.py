"""Which user root starts a server as."""

import os
import pwd
from pathlib import Path

import pytest

from deploy.stack import privileges
from deploy.stack.errors import StackError

NOBODY = pwd.struct_passwd(("nobody", "x", 4242, 4243, "", "/", "/bin/false"))


@pytest.fixture
def _as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(privileges.pwd, "getpwnam", {"nobody": NOBODY}.__getitem__)


def test_an_ordinary_user_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert privileges.unprivileged(tmp_path, ()) is None


@pytest.mark.usefixtures("_as_root")
def test_root_becomes_nobody_and_keeps_access_only_where_a_directory_is_closed(tmp_path: Path) -> None:
    open_ = tmp_path / "open"
    open_.mkdir()
    for path in (open_, tmp_path):
        path.chmod(0o755)
    outside = [path for path in tmp_path.parents if not path.stat().st_mode & 0o001]
    chosen = privileges.unprivileged(open_ / "data", ())
    assert chosen == privileges.Identity(4242, 4243, keep_access=bool(outside))
    open_.chmod(0o700)
    chosen = privileges.unprivileged(open_ / "data", ())
    assert chosen == privileges.Identity(4242, 4243, keep_access=True)


@pytest.mark.usefixtures("_as_root")
def test_without_any_such_user_the_message_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(privileges.pwd, "getpwnam", {}.__getitem__)
    with pytest.raises(StackError, match="run ketnap as an ordinary user"):
        privileges.unprivileged(tmp_path / "data", ())


@pytest.mark.usefixtures("_as_root")
def test_a_data_directory_keeps_its_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = pwd.struct_passwd(("someone", "x", 4711, 4712, "", "/", "/bin/false"))
    monkeypatch.setattr(privileges.pwd, "getpwuid", lambda uid: owner)
    chosen = privileges.unprivileged(tmp_path, ())
    assert chosen is not None
    assert (chosen.uid, chosen.gid) == (4711, 4712)
