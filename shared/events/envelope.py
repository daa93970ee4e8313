"""The CloudEvents envelope: what every event carries around its data."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from shared.events.vocabulary import SourceName

Time = Annotated[datetime, Meta(tz=True)]
MAX_DIGITS = 18
"""Of `sequence`."""
SequenceNumber = Annotated[str, Meta(pattern=rf"^[0-9]{{1,{MAX_DIGITS}}}\Z")]
"""An event's number in its source's own count."""
MediaType = Annotated[str, Meta(pattern=r"^application/json\b|\+json\b")]


class Envelope(Struct, frozen=True, kw_only=True, gc=False):
    """CloudEvents 1.0 attributes, checked; `data` is checked by type later. Unknown attributes live on."""

    specversion: Literal["1.0"]
    id: UUID
    source: SourceName
    type: Annotated[str, Meta(min_length=1, max_length=256)]
    subject: Annotated[str, Meta(min_length=1, max_length=128)]
    time: Time
    effectiveon: date
    datacontenttype: MediaType | None = None
    dataschema: Annotated[str, Meta(max_length=256)] | None = None
    sequence: SequenceNumber | None = None

    @property
    def name(self) -> str:
        """`MemberAdmitted` of `MemberAdmitted.v1`."""
        return self.type.partition(".")[0]


KNOWN_ATTRIBUTES = frozenset(field for field in Envelope.__struct_fields__) | {"data"}
RESERVED_ATTRIBUTES = frozenset({"position", "recordedat", "data_base64"})
"""Set by the registry when it records, or excluded by the contract: no source may send them."""
