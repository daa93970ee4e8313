"""Writes the file of access keys, one change at a time; the services read it again as soon as it changes."""

import fcntl
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

import msgspec

from deploy.stack.errors import StackError, WrongUsage
from deploy.stack.keys import write_secret
from deploy.stack.layout import Layout
from shared.events.vocabulary import OUTER_ID, SOURCE_NAME
from shared.runtime.access.keys import Entry, KeysFile, KeysUnreadable, digest, new_key, read_keys
from shared.runtime.access.local import is_loopback
from shared.runtime.access.principal import KEY_ROLES, KeyRole

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
COMMAND_LINE = "ketnap-command-line"
"""Name of the operator's key that the commands on this machine show; made with the first key."""
WATCHER = "ketnap-watcher"
"""Name of the key that the Prometheus of an installation in containers shows."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._@-]{0,63}")
_ID = re.compile(r"[a-z0-9]{8}")

T = TypeVar("T")


def keys_file(layout: Layout) -> Path:
    """The file of keys: `KETNAP_KEYS_PATH`, else the one in the data directory."""
    return Path(os.environ.get("KETNAP_KEYS_PATH") or layout.keys_file)


def list_keys(layout: Layout) -> list[Entry]:
    """All keys that were ever made, the oldest first. Raises StackError."""
    try:
        return read_keys(keys_file(layout))
    except KeysUnreadable as error:
        raise StackError(str(error)) from None


def add_key(
    layout: Layout,
    name: str,
    role: str,
    *,
    organisation: str | None = None,
    source: str | None = None,
    expires: date | None = None,
) -> tuple[Entry, str]:
    """Make a key; gives its entry and the key itself, which is kept nowhere. Raises WrongUsage, StackError.

    `expires` is the last day on which it counts. For a source, `organisation` is its root.
    """
    if not _NAME.fullmatch(name):
        raise WrongUsage(f"{name!r} cannot name a key: expected 1 to 64 letters, digits, spaces and . _ @ -")
    known_role = next((each for each in KEY_ROLES if each == role), None)
    if known_role is None:
        raise WrongUsage(f"expected a role among {', '.join(KEY_ROLES)}, found {role!r}")
    _check_scope(known_role, organisation, source)
    now = datetime.now(UTC)
    expires_at = None if expires is None else _end_of(expires)
    if expires_at is not None and expires_at <= now:
        raise WrongUsage(f"expected a day that is not over, found {expires}")

    def change(entries: list[Entry]) -> tuple[Entry, str]:
        if name in (COMMAND_LINE, WATCHER) or any(
            each.name == name and each.ended(now) is None for each in entries
        ):
            raise StackError(f"a key named {name!r} exists; choose another name, or revoke that one first")
        entry, key = _made(name, known_role, now, organisation, source, expires_at)
        entries.append(entry)
        return entry, key

    return _change(keys_file(layout), change)


def ensure_command_line_key(layout: Layout) -> None:
    """The operator's key of the commands on this machine, made once; revoked, it stays so. Raises StackError.

    Not made for a file that `KETNAP_KEYS_PATH` names: there, commands are given theirs as `KETNAP_KEY`.
    """
    if os.environ.get("KETNAP_KEYS_PATH"):
        return

    _ensure(layout, COMMAND_LINE, "operator", layout.command_line_key)


def ensure_watcher_key(layout: Layout) -> None:
    """The key with which the Prometheus of an installation reads metrics, made once; revoked, it stays so."""
    _ensure(layout, WATCHER, "watcher", layout.watcher_key)


def _ensure(layout: Layout, name: str, role: KeyRole, file: Path) -> None:
    def change(entries: list[Entry]) -> None:
        if any(each.name == name for each in entries):
            return
        layout.secrets.mkdir(parents=True, exist_ok=True, mode=0o700)
        entry, key = _made(name, role, datetime.now(UTC))
        write_secret(file, key)
        entries.append(entry)

    _change(keys_file(layout), change)


def join_keys(layout: Layout, others: Sequence[Entry]) -> list[Entry]:
    """Take in keys of other machines; a key that is revoked in either stays so. Gives all. Raises StackError."""
    here = {each.id: each for each in list_keys(layout)}
    if all(_joined(here.get(each.id), each) == here.get(each.id) for each in others):
        return list(here.values())

    def change(entries: list[Entry]) -> list[Entry]:
        all_of_them = {each.id: each for each in entries}
        for each in others:
            all_of_them[each.id] = _joined(all_of_them.get(each.id), each)
        entries[:] = sorted(all_of_them.values(), key=lambda entry: (entry.added_at, entry.id))
        return list(entries)

    return _change(keys_file(layout), change)


def revoke_keys(layout: Layout, named: str) -> list[Entry]:
    """End the key of this id, or of this name; it counts no more as soon as this returns. Raises StackError."""
    now = datetime.now(UTC)

    def change(entries: list[Entry]) -> list[Entry]:
        by_id = [each for each in entries if each.id == named] if _ID.fullmatch(named) else []
        found = [each for each in by_id or entries if named in (each.id, each.name) and each.revoked_at is None]
        if not found:
            raise StackError(
                f"no key {named!r} that could be revoked; `ketnap key list` shows those that are there"
            )
        _revoke(entries, found, now)
        return found

    return _change(keys_file(layout), change)


def revoke_keys_of_source(layout: Layout, source: str) -> list[Entry]:
    """End all keys of a source; gives those that ended."""

    def change(entries: list[Entry]) -> list[Entry]:
        found = [each for each in entries if each.source == source and each.revoked_at is None]
        _revoke(entries, found, datetime.now(UTC))
        return found

    return _change(keys_file(layout), change) if keys_file(layout).exists() else []


def take_in_keys(layout: Layout, file: Path) -> int:
    """Add the keys of another file of keys, a backup's; gives how many. Those of this installation itself stay.

    Raises StackError.
    """
    try:
        brought = read_keys(file)
    except KeysUnreadable as error:
        raise StackError(str(error)) from None

    def change(entries: list[Entry]) -> int:
        there = {each.id for each in entries}
        missing = [each for each in brought if each.id not in there and each.name not in (COMMAND_LINE, WATCHER)]
        entries[:] = sorted([*missing, *entries], key=lambda each: each.added_at)
        return len(missing)

    return _change(keys_file(layout), change)


def refuse_open_doors(layout: Layout) -> None:
    """StackError where `KETNAP_HTTP_HOST` is an address that others reach, and nothing asks for a key."""
    host = os.environ.get("KETNAP_HTTP_HOST") or "127.0.0.1"
    if is_loopback(host) or os.environ.get("KETNAP_OIDC_ISSUER") or list_keys(layout):
        return
    raise StackError(
        f"KETNAP_HTTP_HOST is {host}, but no key is configured: without one, only the loopback address is served; "
        f"make one first: `ketnap key add NAME --role operator --data-dir {layout.data_dir}`"
    )


def _joined(one: Entry | None, other: Entry) -> Entry:
    """What is known of a key by both together: it ends when the first of them says so."""
    if one is None:
        return other
    ends = [each.revoked_at for each in (one, other) if each.revoked_at is not None]
    return msgspec.structs.replace(one, revoked_at=min(ends, default=None))


def _check_scope(role: KeyRole, organisation: str | None, source: str | None) -> None:
    if organisation is not None and not re.fullmatch(OUTER_ID, organisation):
        raise WrongUsage(f"expected the id of an organisation, found {organisation!r}")
    if source is not None and not re.fullmatch(SOURCE_NAME, source):
        raise WrongUsage(f"expected the name of a source, found {source!r}")
    if role == "viewer" and (organisation is None or source is not None):
        raise WrongUsage("a viewer's key needs --organisation, the top of what it sees, and no --source")
    if role == "source" and (organisation is None or source is None):
        raise WrongUsage("a source's key needs --source, and the source's root as its --organisation")
    if role in ("operator", "watcher") and (organisation is not None or source is not None):
        about = "everything" if role == "operator" else "the metrics of the three services"
        raise WrongUsage(f"the key of this role is for {about}: it takes no --organisation and no --source")


def _end_of(day: date) -> datetime:
    """The end of a day in Vietnam. Raises WrongUsage for the calendar's last one, which has none."""
    if day == date.max:
        raise WrongUsage(
            f"expected a last day before {day}, found that one; leave --expires out for a key that does not end"
        )
    return datetime.combine(day + timedelta(days=1), time.min, VIETNAM)


def _made(
    name: str,
    role: KeyRole,
    now: datetime,
    organisation: str | None = None,
    source: str | None = None,
    expires_at: datetime | None = None,
) -> tuple[Entry, str]:
    key_id, key = new_key()
    entry = Entry(
        id=key_id,
        name=name,
        role=role,
        sha256=digest(key),
        added_at=now,
        organisation=organisation,
        source=source,
        expires_at=expires_at,
    )
    return entry, key


def _revoke(entries: list[Entry], ending: Sequence[Entry], now: datetime) -> None:
    for index, each in enumerate(entries):
        if each in ending:
            entries[index] = msgspec.structs.replace(each, revoked_at=now)


def _change(file: Path, change: Callable[[list[Entry]], T]) -> T:
    with _alone(file):
        try:
            entries = read_keys(file)
        except KeysUnreadable as error:
            raise StackError(str(error)) from None
        result = change(entries)
        written = msgspec.json.format(msgspec.json.encode(KeysFile(entries)), indent=2)
        write_secret(file, written.decode())
        return result


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """One change at a time, for the length of a `with`."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(file.with_name(f".{file.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StackError(
            f"{error.filename}: {error.strerror}; run this as the user of `ketnap up`, or name another directory"
        ) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
