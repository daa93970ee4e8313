"""Lineage: which organisation took over from which, and where a fact about an ended one belongs."""

from collections.abc import Iterable, Iterator
from datetime import date

from msgspec import Struct


class Succession(Struct, frozen=True):
    """From the start of `day`, what belonged to `organisation_id` belongs to `successor_id`."""

    organisation_id: str
    day: date
    successor_id: str


class Lineage:
    """All successions known so far."""

    def __init__(self, successions: Iterable[Succession] = ()) -> None:
        self._next: dict[str, Succession] = {}
        for succession in successions:
            self.add(succession)

    def add(self, succession: Succession) -> None:
        """Learn a succession; an organisation has at most one."""
        self._next[succession.organisation_id] = succession

    def resolve(self, organisation_id: str, day: date) -> str:
        """The organisation that holds on `day` what was `organisation_id`'s."""
        if organisation_id not in self._next:
            return organisation_id  # nearly always
        current = organisation_id
        for succession in self.onward(organisation_id):
            if succession.day > day:
                break
            current = succession.successor_id
        return current

    def goes_on(self, organisation_id: str) -> bool:
        """Whether the organisation has a successor."""
        return organisation_id in self._next

    def onward(self, organisation_id: str) -> Iterator[Succession]:
        """The successions that follow from an organisation, in order of their days."""
        seen = {organisation_id}
        following = self._next.get(organisation_id)
        while following is not None and following.successor_id not in seen:
            yield following
            seen.add(following.successor_id)
            following = self._next.get(following.successor_id)

    def spans(self, organisation_id: str, start: date, end: date) -> list[tuple[str, date, date]]:
        """Who holds what was `organisation_id`'s on the days from `start` to before `end`, in order."""
        spans = []
        current, since = organisation_id, start
        for succession in self.onward(organisation_id):
            if succession.day >= end:
                break
            if succession.day > since:
                spans.append((current, since, succession.day))
                since = succession.day
            current = succession.successor_id
        spans.append((current, since, end))
        return spans
