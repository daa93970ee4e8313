"""Spans of time as people write them: a number and `s`, `m`, `h` or `d`, such as `7d`."""

import re
from datetime import timedelta
from typing import Annotated

from msgspec import Meta

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_WRITTEN = re.compile(r"([1-9][0-9]{0,5})([smhd])\Z")

Duration = Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,5}[smhd]\Z")]
"""A span of time as it is written, for settings."""


def span(written: str) -> timedelta:
    """The span that `written` means. Raises ValueError, which says what was expected and found."""
    matched = _WRITTEN.match(written)
    if matched is None:
        raise ValueError(f"expected a number and s, m, h or d, such as 12h, found {written[:20]!r}")
    return timedelta(**{_UNITS[matched[2]]: int(matched[1])})
