"""Keys: the keyed hash of an event's content, and the seal on each person's profile."""

import base64
import hashlib
import os
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from shared.events.person import Profile

_PREFIX = "sealed:v1:"
_NONCE = 12


class Unsealable(Exception):
    """A sealed profile does not open: another master key, or the bytes were changed."""


def content_hash(canonical: bytes, key: bytes) -> bytes:
    """32 bytes that only the holder of `key` can compute: a bare hash of a profile can be guessed."""
    return hashlib.blake2b(canonical, key=key, digest_size=32).digest()


class Sealer:
    """Seals profiles (AES-GCM-SIV) with keys of the persons, which the master key wraps."""

    def __init__(self, master_key: bytes) -> None:
        """`master_key` is 32 bytes."""
        self._master = AESGCMSIV(master_key)

    def new_key(self, person: str) -> tuple[bytes, bytes]:
        """A fresh key for a person, and the same key wrapped for storing."""
        key = AESGCMSIV.generate_key(256)
        nonce = os.urandom(_NONCE)
        return key, nonce + self._master.encrypt(nonce, key, person.encode())

    def unwrap(self, wrapped: bytes, person: str) -> bytes:
        """The person's key. Raises Unsealable."""
        try:
            return self._master.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], person.encode())
        except InvalidTag:
            raise Unsealable(
                "a person's key does not open with this master key; set KETNAP_MASTER_KEY_FILE to the key "
                "that this database was written with"
            ) from None

    def seal(self, profile: Profile, key: bytes, person: str, event_id: UUID) -> str:
        """The profile as it stands on the log, bound to its person and event."""
        nonce = os.urandom(_NONCE)
        sealed = AESGCMSIV(key).encrypt(nonce, msgspec.json.encode(profile), _context(person, event_id))
        return _PREFIX + base64.urlsafe_b64encode(nonce + sealed).decode().rstrip("=")

    def open(self, sealed: str, key: bytes, person: str, event_id: UUID) -> Profile:
        """The profile again. Raises Unsealable."""
        encoded = sealed.removeprefix(_PREFIX)
        blob = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
        try:
            opened = AESGCMSIV(key).decrypt(blob[:_NONCE], blob[_NONCE:], _context(person, event_id))
        except InvalidTag:
            raise Unsealable(f"the profile in event {event_id} does not open with its person's key") from None
        return msgspec.json.decode(opened, type=Profile)


def _context(person: str, event_id: UUID) -> bytes:
    return f"{person}|{event_id}".encode()
