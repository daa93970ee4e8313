"""Chooses the user that a server runs as when root starts it, and the command line that gets it there."""

import json
import os
import pwd
import stat
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.stack import launch
from deploy.stack.errors import StackError

_CANDIDATES = ("nobody", "postgres", "daemon")


@dataclass(frozen=True)
class Identity:
    """An unprivileged user; `keep_access`: must pass directories that only root can enter."""

    uid: int
    gid: int
    keep_access: bool


def unprivileged(owned: Path, reached: Iterable[Path]) -> Identity | None:
    """The user to run a server as that refuses root: None unless this process is root.

    owned: the server's data directory; an owner it already has is kept.
    reached: paths that the server must get at; where one is closed to that user, `keep_access` is set.
    Raises StackError if this machine has no unprivileged user.
    """
    if os.geteuid() != 0:
        return None
    uid, gid = _owner(owned) or _unprivileged_user()
    keep_access = not all(_open_to(path.resolve(), uid, gid) for path in (owned, *reached))
    return Identity(uid, gid, keep_access)


def tied(command: Sequence[str], death_signal: int, identity: Identity | None = None) -> list[str]:
    """The command line that runs `command` as `identity` and gets `death_signal` when the caller dies.

    The signal comes when the *thread* that starts it ends, so start servers from a thread that outlives
    them. Its result is good for this process only, since it names it as the parent.
    """
    plan: dict[str, int | bool] = {"parent": os.getpid(), "death_signal": death_signal}
    if identity is not None:
        plan |= {"uid": identity.uid, "gid": identity.gid, "keep_access": identity.keep_access}
    return [sys.executable, "-I", "-S", str(Path(launch.__file__).resolve()), json.dumps(plan), *command]


def _owner(owned: Path) -> tuple[int, int] | None:
    try:
        found = owned.stat()
        user = pwd.getpwuid(found.st_uid)
    except (FileNotFoundError, KeyError):
        return None
    return (user.pw_uid, user.pw_gid) if user.pw_uid != 0 else None


def _unprivileged_user() -> tuple[int, int]:
    for name in _CANDIDATES:
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        if user.pw_uid != 0:
            return user.pw_uid, user.pw_gid
    # PostgreSQL looks its user up by number, so a number without an entry would not do.
    raise StackError(
        f"PostgreSQL refuses to run as root, and none of the users {', '.join(_CANDIDATES)} exists to run it "
        "instead; run ketnap as an ordinary user, or add one of them (useradd --system nobody)"
    )


def _open_to(path: Path, uid: int, gid: int) -> bool:
    """Whether the user may enter every directory above `path`, and `path` itself where it exists."""
    for place in (path, *path.parents):
        try:
            found = place.stat()
        except FileNotFoundError:
            continue
        shift = 6 if found.st_uid == uid else 3 if found.st_gid == gid else 0
        if stat.S_ISDIR(found.st_mode) and not found.st_mode >> shift & 1:
            return False
    return True
