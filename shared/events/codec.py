"""Bytes to events and back: every check that an event must pass before its facts are judged."""

import re
from math import isfinite
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Raw, Struct

from shared.events.batch import elements
from shared.events.catalogue import CATALOGUE, NAMES, EventType
from shared.events.data import EARLIEST, LATEST, outside, read_submitted
from shared.events.envelope import KNOWN_ATTRIBUTES, RESERVED_ATTRIBUTES, Envelope, SequenceNumber
from shared.events.ordinary import read_ordinary
from shared.events.receipts import Reason
from shared.events.refusing import Unreadable, article, invalid, json_kind, shown, unreadable
from shared.events.vocabulary import OUTER_ID, PERSON_ID

MAX_MESSAGE = 1024 * 1024
MAX_EVENT = 64 * 1024
MAX_BATCH = 1000
MAX_DEPTH = 32
MAX_EXTRA_ATTRIBUTES = 16
MAX_EXTRA_LENGTH = 256

_SUBJECT = re.compile(rf"(organisation|place)/{OUTER_ID}\Z|person/{PERSON_ID}\Z")
_EXTRA_NAME = re.compile(r"[a-z0-9]+\Z")


class Submitted(Struct, frozen=True, gc=False):
    """One event as delivered. `fault` says why its type or data cannot be read, once its id is settled."""

    envelope: Envelope
    canonical: bytes
    """The whole event as JSON, unknown attributes included: equal JSON values, equal bytes."""
    data: Struct | None = None
    """In the newest version of its type, whatever version was delivered."""
    fault: Reason | None = None

    @property
    def content(self) -> dict[str, Any]:
        """The whole event as JSON values; few are asked for it, so none keeps it."""
        found: dict[str, Any] = msgspec.json.decode(self.canonical)
        return found

    @property
    def entry(self) -> EventType:
        """Catalogue entry of the type that was delivered; only where `fault` is None."""
        return CATALOGUE[self.envelope.type]


def split_batch(payload: bytes) -> list[Raw]:
    """The events of a batch message, undecoded. Raises Unreadable for the message as a whole."""
    try:
        events = elements(payload)
    except msgspec.ValidationError:
        raise unreadable("not-a-cloudevent", "expected a JSON array of events, found another value") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise unreadable("malformed-json", f"expected a JSON array of events: {error}") from None
    if not events:
        raise unreadable("not-a-cloudevent", f"expected 1 to {MAX_BATCH:,} events in a batch, found none")
    if len(events) > MAX_BATCH:
        raise unreadable("too-large", f"expected 1 to {MAX_BATCH:,} events in a batch, found {len(events):,}")
    return events


def read(payload: bytes | Raw, source: str, event_name: str | None = None) -> Submitted:
    """Read one event that `source` published.

    `event_name` is the last token of the NATS subject, None within a batch. Raises Unreadable with the first
    check that fails, up to `source-mismatch`; what is wrong with type or data stands in `fault`, because an
    id that is already held is said first.
    """
    size = memoryview(payload).nbytes
    if size > MAX_EVENT:
        raise unreadable("too-large", f"expected at most {MAX_EVENT:,} bytes an event, found {size:,}")
    try:
        content = _CONTENT.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise unreadable("malformed-json", f"expected one JSON object: {error}") from None
    if isinstance(content, dict) and source:  # a dry run has none for an unregistered source: nothing may equal it
        ordinary = read_ordinary(payload, content.get("type"), source, event_name)
        if ordinary is not None:
            return Submitted(ordinary[0], canonical(content), ordinary[1])
    if _deeper_than(content, MAX_DEPTH, payload):
        raise unreadable("malformed-json", f"expected JSON nested at most {MAX_DEPTH} deep, found it deeper")
    if not isinstance(content, dict):
        raise unreadable("not-a-cloudevent", f"expected one JSON object, found {json_kind(content)}")
    try:
        return read_carefully(content, source, event_name)
    except Unreadable as refused:
        refused.sequence = _readable_sequence(content, source)
        raise


def read_carefully(content: dict[str, Any], source: str, event_name: str | None) -> Submitted:
    """Read an event that is not known to be ordinary: one check after the other, each with its reason."""
    envelope = _envelope(content)
    if envelope.source != source:
        raise Unreadable(
            Reason(
                "source-mismatch",
                f"expected source {source!r}, whose subject this was published on, found {envelope.source!r}",
                "$.source",
            ),
            envelope.id,
        )
    if event_name is not None and event_name != envelope.name:
        raise Unreadable(
            Reason(
                "source-mismatch",
                f"published on ingest.{source}.{shown(event_name)}, expected "
                f"ingest.{source}.{shown(envelope.name)} for an event of type {shown(envelope.type)!r}",
                "$.type",
            ),
            envelope.id,
        )
    data, fault = _data(envelope, content)
    return Submitted(envelope, canonical(content), data, fault)


def _deeper_than(value: Any, limit: int, payload: bytes | Raw) -> bool:
    opened = bytes(payload)
    if opened.count(b"{") + opened.count(b"[") <= limit:
        return False  # nearly always
    level = [value]
    for _ in range(limit):
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
    return any(isinstance(each, dict | list) for each in level)


def _envelope(content: dict[str, Any]) -> Envelope:
    try:
        envelope = msgspec.convert(content, Envelope)
    except msgspec.ValidationError as error:
        reason = invalid("not-a-cloudevent", error, "$")
        message = _expected(content, reason)
        raise Unreadable(Reason("not-a-cloudevent", message, reason.path), _readable_id(content)) from None
    if "data" not in content:
        raise unreadable("not-a-cloudevent", "expected the attribute `data`, found none", "$.data", envelope.id)
    day = envelope.effectiveon
    if not EARLIEST <= day <= LATEST:
        raise unreadable("not-a-cloudevent", outside(day), "$.effectiveon", envelope.id)
    day = envelope.time.date()
    if not EARLIEST <= day <= LATEST:
        raise unreadable("not-a-cloudevent", outside(day), "$.time", envelope.id)
    _check_subject(envelope)
    if not KNOWN_ATTRIBUTES.issuperset(content):
        _check_extras(content, envelope)
    return envelope


def _expected(content: dict[str, Any], reason: Reason) -> str:
    """What was expected of the attribute that is wrong, in words that its sender understands."""
    attribute = (reason.path or "").removeprefix("$.")
    found = content.get(attribute)
    match attribute, found:
        case "effectiveon", str():
            return f"expected a calendar date such as 2022-11-30, found {shown(found)!r}"
        case "specversion", str():
            return f"expected '1.0', found {shown(found)!r}"
        case "id", str():
            # What stands there may be an identity number: it is not repeated.
            return "expected a UUID, found a string that is none"
        case "time", str():
            example = "2022-11-18T09:00:00+07:00"
            return f"expected an RFC 3339 time with its offset, such as {example}, found {shown(found)!r}"
        case _:
            return reason.message


def _check_subject(envelope: Envelope) -> None:
    if _SUBJECT.match(envelope.subject):
        return
    if envelope.subject.startswith("person/"):
        # What stands there may be a name or an identity number: it is not repeated.
        message = "expected person/ followed by a UUID in small letters"
    else:
        message = (
            "expected organisation/ID, place/ID or person/UUID, an ID of 1 to 64 letters, digits, '.', '_' and '-'"
        )
    raise unreadable("not-a-cloudevent", message, "$.subject", envelope.id)


def _check_extras(content: dict[str, Any], envelope: Envelope) -> None:
    extras = content.keys() - KNOWN_ATTRIBUTES
    if len(extras) > MAX_EXTRA_ATTRIBUTES:
        raise unreadable(
            "not-a-cloudevent",
            f"expected at most {MAX_EXTRA_ATTRIBUTES} further attributes, found {len(extras)}",
            "$",
            envelope.id,
        )
    for name in sorted(extras):
        value = content[name]
        if name in RESERVED_ATTRIBUTES:
            problem = f"the attribute `{name}` is not for sources to set"
        elif not _EXTRA_NAME.match(name) or len(name) > MAX_EXTRA_LENGTH:
            problem = "expected attribute names of small letters and digits"
        elif isinstance(value, dict | list):
            problem = f"expected a scalar, found {json_kind(value)}"
        elif isinstance(value, str) and len(value) > MAX_EXTRA_LENGTH:
            problem = f"expected at most {MAX_EXTRA_LENGTH} characters, found {len(value)}"
        else:
            continue
        raise unreadable("not-a-cloudevent", problem, f"$.{shown(name)}", envelope.id)


def _data(envelope: Envelope, content: dict[str, Any]) -> tuple[Struct | None, Reason | None]:
    entry = CATALOGUE.get(envelope.type)
    if entry is None:
        return None, _unknown_type(envelope)
    kind = envelope.subject.partition("/")[0]
    if entry.subject is not None and kind != entry.subject:
        message = f"expected {entry.name} about {article(entry.subject)}, found a subject of kind {kind}"
        return None, Reason("invalid-data", message, "$.subject")
    data = read_submitted(entry, content["data"], envelope.effectiveon)
    return (None, data) if isinstance(data, Reason) else (data, None)


def _unknown_type(envelope: Envelope) -> Reason:
    name = envelope.name
    if name in NAMES:
        known = ", ".join(sorted(each for each in CATALOGUE if each.startswith(f"{name}.")))
        return Reason("unknown-version", f"expected {known}, found {shown(envelope.type)!r}", "$.type")
    return Reason(
        "unknown-type",
        f"expected a type of the catalogue (GET /v1/schemas lists them), found {shown(envelope.type)!r}",
        "$.type",
    )


def canonical(content: dict[str, Any]) -> bytes:
    """JSON with sorted members; of what `read` decoded, equal JSON values give equal bytes."""
    return msgspec.json.encode(content, order="sorted")


def _number(literal: str) -> int | float:
    """A number with a point or an exponent: 1.0 is the same JSON value as 1."""
    number = float(literal)
    if not isfinite(number):
        raise ValueError(f"a number out of range: {shown(literal)}")
    return int(number) if number.is_integer() else number


_CONTENT = msgspec.json.Decoder(float_hook=_number)


def _readable_sequence(content: dict[str, Any], source: str) -> str | None:
    """The event's number in the source's own count, if it says that it is the source's."""
    if content.get("source") != source:
        return None
    try:
        return msgspec.convert(content.get("sequence"), SequenceNumber)
    except msgspec.ValidationError:
        return None


def _readable_id(content: dict[str, Any]) -> UUID | None:
    try:
        return msgspec.convert(content.get("id"), UUID)
    except msgspec.ValidationError:
        return None
