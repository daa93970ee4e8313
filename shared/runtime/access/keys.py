"""Keys: how one is made, the file that keeps their hashes, and whose a key is.

The file is written by `ketnap key` and read again as soon as it changes. A key is 256 random bits, so one round of
SHA-256 is enough to keep it: there is nothing to guess.
"""

import hashlib
import hmac
import os
import re
import secrets
import string
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec
import structlog
from msgspec import Struct

from shared.runtime.access.principal import KeyRole, Principal

log = structlog.get_logger(__name__)

PREFIX = "ketnap_"
_KEY = re.compile(PREFIX + r"([a-z0-9]{8})_[A-Za-z0-9_-]{43}")
_LETTERS = string.ascii_lowercase + string.digits
_NOBODYS = hashlib.sha256(secrets.token_bytes(32)).hexdigest()


class NotAdmitted(Exception):
    """A key or token that lets nobody in; the message says why, and never repeats it."""


class KeysUnreadable(Exception):
    """The file of keys is there and cannot be read; the message says what to do."""


class Entry(Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True, frozen=True):
    """What is kept of a key. Revoked ones stay, so that it can be seen that they were there."""

    id: str
    name: str
    role: KeyRole
    sha256: str
    added_at: datetime
    organisation: str | None = None
    source: str | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def ended(self, now: datetime) -> str | None:
        """Why it no longer counts, if it does not."""
        if self.revoked_at is not None:
            return "is revoked"
        if self.expires_at is not None and self.expires_at <= now:
            return "has expired"
        return None

    @property
    def principal(self) -> Principal:
        """Whoever holds the key."""
        return Principal(self.role, self.id, self.organisation, self.source)


class KeysFile(Struct, forbid_unknown_fields=True):
    """The form of the file."""

    keys: list[Entry] = []


def new_key() -> tuple[str, str]:
    """A new key's id and the key, which begins with it."""
    key_id = "".join(secrets.choice(_LETTERS) for _ in range(8))
    return key_id, f"{PREFIX}{key_id}_{secrets.token_urlsafe(32)}"


def digest(key: str) -> str:
    """What is kept of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


def read_keys(path: Path) -> list[Entry]:
    """All entries of the file; none where there is no file. Raises KeysUnreadable."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=KeysFile).keys
    except FileNotFoundError:
        return []
    except OSError as error:
        raise KeysUnreadable(f"{path} cannot be read ({error.strerror}); let the services' user read it") from None
    except msgspec.DecodeError as error:
        raise KeysUnreadable(f"{path} is no file of keys ({error}); put back what `ketnap key` wrote") from None


class KeyRing:
    """The keys of one file, as it is now."""

    def __init__(self, path: Path | None) -> None:
        """Raises KeysUnreadable: who begins with a broken file must not begin without keys."""
        self._path = path
        self._seen: object = None
        self._entries: dict[str, Entry] = {}
        if path is not None:
            self._seen = _state(path)
            self._take(read_keys(path))

    @property
    def empty(self) -> bool:
        """Whether no key was ever made. Once there was one, there is no way back while the process lives."""
        self._refresh()
        return not self._entries

    def holder(self, key: str, now: datetime) -> Principal:
        """Whose key this is. Raises NotAdmitted."""
        self._refresh()
        form = _KEY.fullmatch(key)
        entry = self._entries.get(form[1]) if form else None
        fits = hmac.compare_digest(digest(key), entry.sha256 if entry else _NOBODYS)
        if form is None:
            raise NotAdmitted(f"the key is not complete: expected {PREFIX}, 8 characters, _ and 43 characters")
        if entry is None or not fits:
            raise NotAdmitted(f"no key {form[1]} is known here, or not with this secret")
        ended = entry.ended(now)
        if ended is not None:
            raise NotAdmitted(f"key {entry.id} {ended}; ask an operator for another one")
        return entry.principal

    def ended(self, key_id: str, now: datetime) -> bool:
        """Whether there was such a key, and it no longer counts."""
        self._refresh()
        entry = self._entries.get(key_id)
        return entry is not None and entry.ended(now) is not None

    def _refresh(self) -> None:
        if self._path is None:
            return
        state = _state(self._path)
        if state == self._seen:
            return
        self._seen = state
        try:
            self._take(read_keys(self._path))
        except KeysUnreadable as error:
            log.error("the keys have changed and cannot be read; those known before stay", problem=str(error))

    def _take(self, entries: Sequence[Entry]) -> None:
        if not entries and self._entries:
            log.error("the file of keys is gone or empty: nobody is admitted any more", path=str(self._path))
            # Not the way back to a system that asks for no key: that takes a new start.
            self._entries = {key_id: _revoked(entry) for key_id, entry in self._entries.items()}
            return
        self._entries = {entry.id: entry for entry in entries}


def _revoked(entry: Entry) -> Entry:
    return msgspec.structs.replace(entry, revoked_at=entry.revoked_at or entry.added_at)


def _state(path: Path) -> object:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
