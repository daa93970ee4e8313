"""Cursors: where the next page of a list begins, as an opaque word."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from services.reporting.api import parameters
from services.reporting.reports.additive import Bodies

_EXPECTED = "`next` of the page before"
MAX_COUNT = 2**62


def name_and_id(query: Mapping[str, str]) -> tuple[str, str] | None:
    """A name and an organisation's id. Raises Problem."""
    found: tuple[str, str] | None = _read(query, tuple[str, str])
    if found is not None and not ("\0" not in found[0] and parameters.is_outer_id(found[1])):
        raise parameters.refuse("after", _EXPECTED, query["after"][:200])
    return found


def count_and_id(query: Mapping[str, str]) -> tuple[int, str] | None:
    """A count and an id. Raises Problem."""
    found: tuple[int, str] | None = _read(query, tuple[int, str])
    if found is not None and not (abs(found[0]) < MAX_COUNT and parameters.is_outer_id(found[1])):
        raise parameters.refuse("after", _EXPECTED, query["after"][:200])
    return found


def count_and_uuid(query: Mapping[str, str]) -> tuple[int, str] | None:
    """A count and a person's id. Raises Problem."""
    found: tuple[int, UUID] | None = _read(query, tuple[int, UUID])
    if found is not None and not abs(found[0]) < MAX_COUNT:
        raise parameters.refuse("after", _EXPECTED, query["after"][:200])
    return found and (found[0], str(found[1]))


def written(after: tuple[Any, str] | None) -> str | None:
    """A cursor as answers give it."""
    return None if after is None else base64.urlsafe_b64encode(msgspec.json.encode(after)).decode()


def closed(bodies: Bodies) -> Bodies:
    """The bodies with `next` as an opaque word."""
    return {part: body | {"next": written(body["next"])} for part, body in bodies.items()}


def _read(query: Mapping[str, str], form: Any) -> Any:
    raw = query.get("after")
    if raw is None:
        return None
    try:
        return msgspec.json.decode(base64.b64decode(raw, b"-_", validate=True), type=form)
    except (binascii.Error, msgspec.MsgspecError, ValueError):
        raise parameters.refuse("after", _EXPECTED, raw[:200]) from None
