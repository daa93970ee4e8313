"""The chronicle writes made-up facts down as events; ids, clock and chance all come from one seed."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from random import Random
from typing import Any
from uuid import UUID

Event = dict[str, Any]
"""One event in the CloudEvents envelope of the contract, ready for `json.dumps`."""

_VIETNAM = timezone(timedelta(hours=7))
_OPENING_HOUR = time(8, 0)


class Chronicle:
    """Collects the events of one source in the order of their telling.

    Facts of one day get rising times in that order, so whoever tells causes before effects tells a valid
    history. The same seed tells the same history, ids included.
    """

    def __init__(self, source: str, seed: int) -> None:
        self.source = source
        self.rng = Random(seed)  # noqa: S311 - the same demo every time is the point; nothing here is a secret
        self.events: list[Event] = []
        self._told_on: dict[date, int] = {}

    def tell(self, name: str, subject: str, day: date, /, **data: Any) -> Event:
        """Add the fact `name` (an EventType) about `subject` (`kind/ID`), effective on `day`; return it."""
        at = self._moment(day)
        event: Event = {
            "specversion": "1.0",
            "id": str(self._event_id(at)),
            "source": self.source,
            "type": f"{name}.v1",
            "subject": subject,
            "time": at.isoformat(),
            "effectiveon": day.isoformat(),
            "datacontenttype": "application/json",
            "data": {key: _json(value) for key, value in data.items()},
        }
        self.events.append(event)
        return event

    def person(self) -> str:
        """A new person id: random, made from nothing."""
        return str(UUID(int=self.rng.getrandbits(128), version=4))

    def working_day(self, first: date, last: date) -> date:
        """A day from Monday to Friday between both, or `first` where there is none."""
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        return self.rng.choice([day for day in days if day.weekday() < 5] or [first])

    def _moment(self, day: date) -> datetime:
        told = self._told_on.get(day, 0)
        self._told_on[day] = told + 1
        return datetime.combine(day, _OPENING_HOUR, _VIETNAM) + timedelta(seconds=told)

    def _event_id(self, at: datetime) -> UUID:
        milliseconds = int(at.astimezone(UTC).timestamp() * 1000)
        bits = (milliseconds << 80) | self.rng.getrandbits(80)
        bits = (bits & ~(0xF << 76)) | (0x7 << 76)
        bits = (bits & ~(0x3 << 62)) | (0x2 << 62)
        return UUID(int=bits)


def _json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value
