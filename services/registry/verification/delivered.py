"""What an event was when it was delivered, worked out from what is kept of it: its profile opened again.

Content hashes are of what a source delivered. Where a profile was sealed before it was stored, the stored bytes
differ from those, and the hash can be checked only with the person's key.
"""

from collections.abc import Iterator
from itertools import chain, combinations
from typing import Any, Literal
from uuid import UUID

import msgspec

from services.registry.sealing import Sealer, content_hash
from shared.events.codec import canonical
from shared.events.person import Profile

MARK = b'"sealed:v1:'
"""Stands in stored content if, and only if, a profile in it may be sealed."""

_ATTRIBUTES = Profile.__struct_fields__


class Sealed:
    """Stored content with a sealed profile in it: where that stands, and what it says sealed."""

    def __init__(self, content: dict[str, Any]) -> None:
        """`content` is the whole event as JSON values."""
        self.content = content
        self.holder: dict[str, Any] | None = None
        self.seal = ""
        data = content.get("data")
        places = [data]
        if isinstance(data, dict) and isinstance(data.get("replacement"), dict):
            places.append(data["replacement"].get("data"))
        for place in places:
            profile = place.get("profile") if isinstance(place, dict) else None
            if isinstance(profile, str) and profile.startswith("sealed:"):
                self.holder, self.seal = place, profile

    def delivered(self, profile: dict[str, Any]) -> Iterator[bytes]:
        """The canonical forms in which the event may have been delivered with this profile.

        What was sealed does not tell an attribute that was left out from one that was null.
        """
        assert self.holder is not None
        given = {name: value for name, value in profile.items() if value is not None}
        absent = [name for name in _ATTRIBUTES if name not in given]
        for nulls in chain.from_iterable(combinations(absent, number) for number in range(len(absent) + 1)):
            self.holder["profile"] = {**given, **dict.fromkeys(nulls)}
            yield canonical(self.content)
        self.holder["profile"] = self.seal


Verdict = Literal["same", "other", "closed"]


def compare(
    stored: bytes,
    expected: bytes,
    event_id: UUID,
    subject: str,
    key: bytes | None,
    content_key: bytes,
    sealer: Sealer,
) -> Verdict:
    """Whether stored canonical content is what was delivered with this hash; `closed`: its profile's key is gone.

    `key` is the person's, None where there is none. Raises Unsealable where the key does not open the profile.
    """
    if MARK not in stored:
        return "same" if content_hash(stored, content_key) == expected else "other"
    sealed = Sealed(msgspec.json.decode(stored))
    if sealed.holder is None:
        return "same" if content_hash(stored, content_key) == expected else "other"
    if key is None:
        return "closed"
    profile = msgspec.to_builtins(sealer.open(sealed.seal, key, subject, event_id))
    tried = (content_hash(each, content_key) for each in sealed.delivered(profile))
    return "same" if expected in tried else "other"
