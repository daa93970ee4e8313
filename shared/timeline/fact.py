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


# As far before the first year that an event can say as the last one is after it, and more.
_BEFORE_ALL, _EARLIEST = datetime(1000, 1, 1, tzinfo=UTC), datetime(1900, 1, 1, tzinfo=UTC)


def at_start_of_day(time: datetime) -> datetime:
    """The time in the order key of a reorganisation, which holds from the start of its day.

    Before all else on that day; of several, in the order of their own times.
    """
    return _BEFORE_ALL + (time - _EARLIEST)


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
        time = at_start_of_day(self.time) if isinstance(self.data, OrganisationDissolved) else self.time
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
