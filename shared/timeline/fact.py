"""A fact as its subject's timeline sees it, and the order that facts stand in."""

from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Literal
from uuid import UUID

from msgspec import Struct

from shared.events.catalogue import CATALOGUE
from shared.events.codec import Submitted
from shared.events.organisation import OrganisationDissolved
from shared.events.recorded import Recorded

OrderKey = tuple[date, datetime, UUID]


@lru_cache(maxsize=256)
def name_of(type_: str) -> str:
    """`MemberAdmitted` of `MemberAdmitted.v1`."""
    return type_.partition(".")[0]


START_OF_DAY = datetime(1, 1, 1, tzinfo=UTC)
"""As time of day in an order key: before all else on its day, for a reorganisation holds from the start of it."""


class Fact(Struct, frozen=True, gc=False):
    """What a fold needs of an event, recorded or about to be."""

    event_id: UUID
    subject: str
    name: str
    """Event name without version, such as `MemberAdmitted`."""
    effectiveon: date
    time: datetime
    data: Struct
    source: str

    @property
    def key(self) -> OrderKey:
        """Place in the timeline. Who ends is active to the day before, so an end comes first on its day."""
        time = START_OF_DAY if isinstance(self.data, OrganisationDissolved) else self.time
        return (self.effectiveon, time, self.event_id)

    @property
    def subject_id(self) -> str:
        """Id of the subject, without its kind."""
        return self.subject.partition("/")[2]

    @classmethod
    def of_submitted(cls, event: Submitted) -> "Fact":
        """The fact that a readable submitted event states."""
        envelope, data = event.envelope, event.data
        assert data is not None
        name = CATALOGUE[envelope.type].name
        return cls(envelope.id, envelope.subject, name, envelope.effectiveon, envelope.time, data, envelope.source)

    @classmethod
    def of_recorded(cls, event: Recorded) -> "Fact":
        """The fact that a recorded event states."""
        return cls(
            event.event_id,
            event.subject,
            name_of(event.type),
            event.effectiveon,
            event.time,
            event.data,
            event.source,
        )


class Refusal(Struct, frozen=True):
    """A hard rule that fails: the code of the quarantine, and what was expected and found."""

    code: Literal["wrong-stage", "rule-violated"]
    message: str
