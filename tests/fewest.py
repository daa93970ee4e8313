"""The fewest events of a history that still show what the whole of it showed, for a person to read."""

import time
from collections.abc import Callable
from typing import Any

Event = dict[str, Any]


def fewest(events: list[Event], shown: Callable[[list[Event]], bool], seconds: float = 40.0) -> list[Event]:
    """Leave out ever smaller parts as long as `shown` holds for the rest; the order stays.

    It ends after so many seconds with what it has by then. Hypothesis would take minutes: it knows only the chance
    behind a history, and one event less there is another history.
    """
    until = time.monotonic() + seconds
    size = max(1, len(events) // 2)
    while time.monotonic() < until:
        before, start = len(events), 0
        while start < len(events) and time.monotonic() < until:
            rest = events[:start] + events[start + size :]
            if rest and shown(rest):
                events = rest
            else:
                start += size
        if size == 1 and len(events) == before:
            break
        size = max(1, size // 2)
    return events


def told(events: list[Event]) -> str:
    """One line an event, in the order in which they arrive."""
    members = ("effectiveon", "type", "subject", "data", "source", "id")
    return "\n".join(" ".join(str(each[member]) for member in members) for each in events)
