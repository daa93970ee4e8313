"""What an examination finds."""

from msgspec import Struct


class Finding(Struct, frozen=True):
    """One thing looked at. ok: None where it could not apply. remedy: what to do, empty where nothing."""

    what: str
    ok: bool | None
    seen: str
    remedy: str = ""
