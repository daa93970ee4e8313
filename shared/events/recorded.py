"""Events as the log has them: read from and written to the `log.recorded` form."""

from collections.abc import Iterable
from datetime import date, datetime, tzinfo
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Raw, Struct

from shared.events.catalogue import CATALOGUE, NEWEST, EventType
from shared.events.envelope import Envelope, Time
from shared.events.upcasting import newest


class _Content(Envelope, frozen=True, kw_only=True):
    data: Raw


_CONTENT = msgspec.json.Decoder(_Content)


class _Line(Struct, frozen=True, gc=False):
    """An event as the log has it. Whoever recorded it has checked its attributes; its data is undecoded yet."""

    position: int
    recordedat: Time
    source: str
    id: UUID
    type: str
    subject: str
    effectiveon: date
    time: Time
    data: Raw


_LINES = msgspec.json.Decoder(list[_Line])
_DATA: dict[str, msgspec.json.Decoder[Any]] = {
    type_: msgspec.json.Decoder(entry.data) for type_, entry in CATALOGUE.items()
}


class UnknownRecorded(Exception):
    """The recorded event at `position` is one that this version cannot read: stop there, never skip."""

    def __init__(self, position: int, problem: str) -> None:
        super().__init__(problem)
        self.position = position


class Recorded(Struct, frozen=True, gc=False):
    """A fact on the log: its place, its identity, whom it is about, from when, and what it says."""

    position: int
    recordedat: datetime
    source: str
    event_id: UUID
    type: str
    """As it was recorded, in whatever version."""
    subject: str
    effectiveon: date
    time: datetime
    data: Struct
    """In the newest version of its type."""

    @property
    def entry(self) -> EventType:
        """Catalogue entry of `data`: whoever writes it down again writes this type beside it."""
        return NEWEST[self.type.partition(".")[0]]


def read_recorded(payload: bytes) -> list[Recorded]:
    """Decode a JSON array of recorded events. Raises UnknownRecorded for what a later version recorded."""
    return [_recorded(line) for line in _LINES.decode(payload)]


def _recorded(line: _Line) -> Recorded:
    return Recorded(
        line.position,
        line.recordedat,
        line.source,
        line.id,
        line.type,
        line.subject,
        line.effectiveon,
        line.time,
        read_data(line.type, line.data, line.position),
    )


def read_data(type_: str, data: bytes | Raw, position: int) -> Struct:
    """Decode the data of a recorded event of type `type_`, in the newest version. Raises UnknownRecorded."""
    decoder = _DATA.get(type_)
    if decoder is None:
        raise _unknown(type_, position)
    try:
        return newest(decoder.decode(data))
    except msgspec.DecodeError as error:
        problem = f"position {position} holds {type_} with data that this version cannot read: {error}"
        raise UnknownRecorded(position, f"{problem}; upgrade this service") from None


def _unknown(type_: str, position: int) -> UnknownRecorded:
    return UnknownRecorded(
        position, f"position {position} holds {type_}, which this version cannot read; upgrade this service"
    )


def read_content(content: bytes) -> tuple[Envelope, Struct]:
    """Envelope and data of an event as the registry keeps it before it has a place in the log."""
    envelope = _CONTENT.decode(content)
    return envelope, read_data(envelope.type, envelope.data, 0)


def write_recorded(content: bytes, position: int, recordedat: datetime) -> bytes:
    """Add the place in the log to the canonical JSON of an event, which is a non-empty object."""
    written = _written(recordedat, recordedat.tzinfo)
    return b'%s,"position":%d,"recordedat":"%s"}' % (content[:-1], position, written)


@lru_cache(maxsize=1)
def _written(recordedat: datetime, _: tzinfo | None) -> bytes:
    # All that is recorded in one turn has the same. Equal times of two zones are written differently.
    return recordedat.isoformat().encode()


def write_batch(events: Iterable[bytes]) -> bytes:
    """A `log.recorded` payload of recorded events, already encoded."""
    return b"[%s]" % b",".join(events)
