"""Python `eventsourcing` on the same PostgreSQL: the same events, saved 300 at a time and read back."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import msgspec
from eventsourcing.application import Application
from eventsourcing.domain import DomainEvent
from sqlalchemy.engine import make_url

SAVE = 300


class Told(DomainEvent):  # type: ignore[misc]
    """One of our events, as a text that the library stores as it is."""

    event: str


class Peer:
    """An application of the library on a database of its own."""

    def __init__(self, url: str) -> None:
        """`url`: `postgresql://…` of an empty database."""
        parts = make_url(url)
        self._application: Any = Application(
            env={
                "PERSISTENCE_MODULE": "eventsourcing.postgres",
                "POSTGRES_DBNAME": parts.database,
                "POSTGRES_HOST": parts.host,
                "POSTGRES_PORT": str(parts.port),
                "POSTGRES_USER": parts.username,
                "POSTGRES_PASSWORD": parts.password,
            }
        )

    def save(self, told: Sequence[Told]) -> None:
        """Save all, SAVE events a transaction."""
        for first in range(0, len(told), SAVE):
            self._application.save(*told[first : first + SAVE])

    def read_back(self) -> int:
        """Read all events in the order of the log; gives how many there are."""
        number, start = 0, 1
        while page := self._application.recorder.select_notifications(start=start, limit=1000):
            number += len(page)
            for notification in page:
                self._application.mapper.to_domain_event(notification)
            start = page[-1].id + 1
        return number

    def close(self) -> None:
        """End its connections."""
        self._application.close()


def told(events: Sequence[bytes]) -> list[Told]:
    """Our events as the library's: one aggregate a subject, versions counted from 1."""
    versions: Counter[str] = Counter()
    found = []
    for event in events:
        subject = msgspec.json.decode(event)["subject"]
        versions[subject] += 1
        found.append(
            Told(
                originator_id=uuid5(NAMESPACE_URL, subject),
                originator_version=versions[subject],
                timestamp=datetime.now(UTC),
                event=event.decode(),
            )
        )
    return found
