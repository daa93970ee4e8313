"""Why bytes are refused: reasons in our words, with a path, and nothing personal echoed."""

import re
from uuid import UUID

import msgspec

from shared.events.forms import in_words
from shared.events.receipts import Reason

_WHERE = re.compile(r"(?s)^(.*?)(?: - at `(\$[^`]*)`)?\Z")
_FIELD = re.compile(r"^Object (?:missing required|contains unknown) field `([^`]+)`")
_MEMBER = re.compile(r"[a-z][a-z0-9_]{0,40}\Z")


class Unreadable(Exception):
    """Bytes that are no event of this source; carries the reason, and what could be read of id and `sequence`."""

    def __init__(self, reason: Reason, event_id: UUID | None = None) -> None:
        super().__init__(reason.message)
        self.reason = reason
        self.event_id = event_id
        self.sequence: str | None = None


def invalid(code: str, error: msgspec.ValidationError, root: str) -> Reason:
    """Turn a msgspec message into ours: in words of JSON, a path from the root, nothing personal echoed."""
    matched = _WHERE.match(str(error))
    message, path = (matched.group(1), matched.group(2)) if matched else (str(error), None)
    path = root + (path or "$")[1:]
    field = _FIELD.match(message)
    if field and _MEMBER.match(field.group(1)):
        path = f"{path}.{field.group(1)}"
    elif field:
        message = "expected no unknown member, found one: the JSON Schema of the type lists what it has"
    return Reason(code, shown(in_words(message), 300), path)


def unreadable(code: str, message: str, path: str | None = None, event_id: UUID | None = None) -> Unreadable:
    """An exception to raise for bytes that fail the check `code`."""
    return Unreadable(Reason(code, shown(message, 300), path), event_id)


def shown(text: str, length: int = 80) -> str:
    """Text that is safe to store and to print: no control characters, bounded."""
    printable = "".join(character if character.isprintable() else "?" for character in text[:length])
    return printable if len(text) <= length else f"{printable}…"


def json_kind(value: object) -> str:
    """`an array`, as a reader of JSON would call the value."""
    if value is None:
        return "null"
    return {dict: "an object", list: "an array", str: "a string", bool: "a boolean"}.get(type(value), "a number")


def article(noun: str) -> str:
    """The noun with `a` or `an`."""
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"
