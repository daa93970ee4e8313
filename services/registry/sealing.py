"""Keys: the keyed hash of an event's content, and the seal on each person's profile."""

import base64
import binascii
import hashlib
import os
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from services.registry.keyring import Keyring, MasterKey

_PREFIX = "sealed:v1:"
_NONCE = 12
_ROOM = 256
"""Bytes that every valid profile fits into. All are sealed at this length: that of a seal, which stays wherever
the log does, would tell female from male, and yes from no."""


class Unsealable(Exception):
    """A sealed profile or a wrapped key does not open: another key, or the bytes were changed."""


class Wrapped(NamedTuple):
    """A person's key as it is stored: wrapped by the master key of that id; None: from before keys had ids."""

    master: str | None
    key: bytes


def content_hash(canonical: bytes, key: bytes) -> bytes:
    """32 bytes that only the holder of `key` can compute: a bare hash of a profile can be guessed."""
    return hashlib.blake2b(canonical, key=key, digest_size=32).digest()


class ContentHash:
    """`content_hash` for one key, which is worked in once and not for every event."""

    def __init__(self, key: bytes) -> None:
        self._keyed = hashlib.blake2b(key=key, digest_size=32)

    def __call__(self, canonical: bytes) -> bytes:
        """As `content_hash` says."""
        keyed = self._keyed.copy()
        keyed.update(canonical)
        return keyed.digest()


class Sealer:
    """Seals profiles (AES-GCM-SIV) with keys of the persons, which a master key wraps."""

    def __init__(self, masters: Keyring | bytes) -> None:
        """`masters` is a ring, or the 32 bytes of the only key."""
        self.keyring = masters if isinstance(masters, Keyring) else Keyring.of(masters)

    def new_key(self, person: str) -> tuple[bytes, Wrapped]:
        """A fresh key for a person, and the same key wrapped for storing."""
        key = AESGCMSIV.generate_key(256)
        return key, self._wrap(key, person)

    def unwrap(self, wrapped: Wrapped, person: str) -> bytes:
        """The person's key. Raises Unsealable."""
        for master in self._masters(wrapped):
            try:
                return master.cipher.decrypt(wrapped.key[:_NONCE], wrapped.key[_NONCE:], person.encode())
            except InvalidTag:
                continue
        raise Unsealable(
            f"a person's key is wrapped by master key {wrapped.master or '(unnamed)'} and does not open with "
            f"those at hand ({', '.join(self.keyring.ids)}); put that key back into the file that "
            "KETNAP_MASTER_KEY_FILE names"
        )

    def rewrap(self, wrapped: Wrapped, person: str) -> Wrapped:
        """The same key of a person, wrapped by the current master key. Raises Unsealable."""
        return self._wrap(self.unwrap(wrapped, person), person)

    def seal(self, profile: Any, key: bytes, person: str, event_id: UUID) -> str:
        """A profile, as any JSON value, as it stands on the log: bound to its person and event."""
        nonce = os.urandom(_NONCE)
        plain = msgspec.json.encode(profile)
        # Spaces behind a JSON value are no part of it; what is no valid profile fills as many rooms as it needs.
        filled = plain.ljust(-(-len(plain) // _ROOM) * _ROOM)
        sealed = AESGCMSIV(key).encrypt(nonce, filled, _context(person, event_id))
        return _PREFIX + base64.urlsafe_b64encode(nonce + sealed).decode().rstrip("=")

    def open(self, sealed: str, key: bytes, person: str, event_id: UUID) -> Any:
        """The JSON value that was sealed. Raises Unsealable."""
        encoded = sealed.removeprefix(_PREFIX)
        try:
            blob = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
            opened = AESGCMSIV(key).decrypt(blob[:_NONCE], blob[_NONCE:], _context(person, event_id))
        except (InvalidTag, ValueError, binascii.Error):
            raise Unsealable(f"the profile in event {event_id} does not open with its person's key") from None
        return msgspec.json.decode(opened)

    def _wrap(self, key: bytes, person: str) -> Wrapped:
        master = self.keyring.current
        nonce = os.urandom(_NONCE)
        return Wrapped(master.id, nonce + master.cipher.encrypt(nonce, key, person.encode()))

    def _masters(self, wrapped: Wrapped) -> list[MasterKey]:
        if wrapped.master is None:
            return self.keyring.all()
        master = self.keyring.get(wrapped.master)
        return [] if master is None else [master]


def _context(person: str, event_id: UUID) -> bytes:
    return f"{person}|{event_id}".encode()
