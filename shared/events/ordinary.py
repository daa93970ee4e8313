"""The ordinary event: envelope and data read in one go, by the shape that its type has.

It only spares work: what does not fit, for whatever reason, is read again by one check after the other, which say
what was expected and what was found (`codec.read_carefully`).
"""

import re
from collections.abc import Callable
from typing import Any, Literal

import msgspec
from msgspec import Raw, Struct

from shared.events.catalogue import CATALOGUE, EventType
from shared.events.correction import FactCorrected
from shared.events.data import DAYS, EARLIEST, LATEST, judged
from shared.events.envelope import MAX_DIGITS, Envelope
from shared.events.receipts import Reason
from shared.events.upcasting import STEPS
from shared.events.vocabulary import OUTER_ID, PERSON_ID

_FIRST_YEAR, _LAST_YEAR = EARLIEST.year, LATEST.year


class OrdinaryEvent(Envelope, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """An envelope and its data, without further attributes."""

    source: str
    """Checked by comparing: it is the one that published."""
    # This and `sequence` are looked at below: for a pattern msgspec takes as long as for three attributes.
    subject: str
    sequence: str | None = None
    datacontenttype: Literal["application/json"] | None = None
    data: Any
    """In the version that was delivered."""


class _Shape(Struct, frozen=True):
    entry: EventType
    subject: Callable[[str], re.Match[str] | None]
    may_be_sealed: bool
    as_it_is: bool
    """Whether the data says no day and is of the newest version: nothing more to look at."""
    decoder: msgspec.json.Decoder[OrdinaryEvent]


def _shape(entry: EventType) -> _Shape:
    identifier = PERSON_ID if entry.subject == "person" else OUTER_ID
    subject = re.compile(rf"{entry.subject}/{identifier}\Z").match
    event = msgspec.defstruct(
        entry.name,
        [("data", entry.data)],
        bases=(OrdinaryEvent,),
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
        gc=False,
    )
    as_it_is = not DAYS[entry.type] and entry.same_day is None and entry.data not in STEPS
    may_be_sealed = "profile" in entry.data.__struct_fields__
    return _Shape(entry, subject, may_be_sealed, as_it_is, msgspec.json.Decoder(event))


_SHAPES = {
    # A correction's data holds JSON of any shape, where 1.0 would not become 1.
    type_: _shape(entry)
    for type_, entry in CATALOGUE.items()
    if entry.data is not FactCorrected
}


def read_ordinary(
    payload: bytes | Raw, type_: object, source: str, event_name: str | None
) -> tuple[OrdinaryEvent, Struct] | None:
    """The event and its data in the newest version, if it passes every check; None: it may not.

    `payload` is known to be one JSON object with this attribute `type`. How deep it is, its shape bounds.
    """
    shape = _SHAPES.get(type_) if isinstance(type_, str) else None
    if shape is None:
        return None
    try:
        event = shape.decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if event.source != source or not shape.subject(event.subject):
        return None
    if event_name is not None and event_name != shape.entry.name:
        return None
    # The bounds of time are whole years.
    if not (EARLIEST <= event.effectiveon <= LATEST and _FIRST_YEAR <= event.time.year <= _LAST_YEAR):
        return None
    sequence = event.sequence
    if sequence is not None and not (sequence.isdecimal() and sequence.isascii() and len(sequence) <= MAX_DIGITS):
        return None
    if shape.may_be_sealed and isinstance(event.data.profile, str):
        return None
    if shape.as_it_is:
        return event, event.data
    data = judged(shape.entry, event.data, event.effectiveon)
    return None if isinstance(data, Reason) else (event, data)
