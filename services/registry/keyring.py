"""The master keys that wrap the keys of persons: the first of the ring wraps, all of them unwrap."""

import hashlib
import re
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

MASTER_KEYS = r"^\s*[0-9a-fA-F]{64}(\s+[0-9a-fA-F]{64})*\s*\Z"
"""Keys of 32 bytes each as hexadecimal digits, one a line, the one that wraps first."""


class WrongMasterKey(Exception):
    """The ring lacks a key that this database was written with; the message says which, and what to do."""


class MasterKey:
    """One master key, and the id that tells it from others without giving anything of it away."""

    def __init__(self, key: bytes) -> None:
        """`key` is 32 bytes."""
        self.id = hashlib.blake2b(key, digest_size=8, person=b"ketnap-master").hexdigest()
        self.cipher = AESGCMSIV(key)


class Keyring:
    """Master keys by id. Where they come from a file, `read_again` takes in what became of it meanwhile."""

    def __init__(self, written: str, file: Path | None = None) -> None:
        """`written` has the form of MASTER_KEYS; `file` is where it was read. Raises ValueError."""
        self._file = file
        self._keys: dict[str, MasterKey] = {}
        self._take(written)

    @classmethod
    def of(cls, key: bytes) -> "Keyring":
        """The ring of one key."""
        return cls(key.hex())

    @property
    def current(self) -> MasterKey:
        """The key that wraps."""
        return next(iter(self._keys.values()))

    @property
    def ids(self) -> list[str]:
        """Ids of all keys, that of the current one first."""
        return list(self._keys)

    def get(self, key_id: str) -> MasterKey | None:
        """The key of that id; where it is unknown, the file is read again first."""
        if key_id not in self._keys:
            self.read_again()
        return self._keys.get(key_id)

    def all(self) -> list[MasterKey]:
        """All keys, the current one first."""
        return list(self._keys.values())

    def read_again(self) -> None:
        """Take in the file as it is now. What cannot be read, or is no ring, leaves the keys as they are."""
        if self._file is None:
            return
        try:
            self._take(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return

    def _take(self, written: str) -> None:
        if not re.match(MASTER_KEYS, written):
            raise ValueError("expected master keys of 64 hexadecimal digits each, one a line")
        keys = [MasterKey(bytes.fromhex(each)) for each in written.split()]
        self._keys = {key.id: key for key in keys}
