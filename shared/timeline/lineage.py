"""Lineage: which organisation took over from which, and who holds on a day what was another one's."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from msgspec import Struct

from shared.events.vocabulary import TargetMerging


class Succession(Struct, frozen=True):
    """From the start of `day`, what belonged to `organisation_id` belongs to `successor_id`."""

    organisation_id: str
    day: date
    successor_id: str
    targets: TargetMerging = "keep"
    """What becomes of the targets of the organisation that ends."""


class Lineage:
    """All successions known so far; an organisation has at most one."""

    def __init__(self, successions: Iterable[Succession] = ()) -> None:
        self._next = {each.organisation_id: each for each in successions}
        self._previous: dict[str, set[str]] = {}
        for each in self._next.values():
            self._previous.setdefault(each.successor_id, set()).add(each.organisation_id)

    def put(self, organisation_id: str, succession: Succession | None) -> None:
        """Learn that an organisation ends with this succession, or with none."""
        known = self._next.pop(organisation_id, None)
        if known is not None:
            self._previous[known.successor_id].discard(organisation_id)
        if succession is not None:
            self._next[organisation_id] = succession
            self._previous.setdefault(succession.successor_id, set()).add(organisation_id)

    def changed(self, changes: Mapping[str, Succession | None]) -> "Lineage":
        """Another lineage with these successions put; this one stays as it is."""
        other = Lineage(self._next.values())
        for organisation_id, succession in changes.items():
            other.put(organisation_id, succession)
        return other

    def succession(self, organisation_id: str) -> Succession | None:
        """How the organisation was taken over, if it was."""
        return self._next.get(organisation_id)

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

    def onward(self, organisation_id: str) -> Iterator[Succession]:
        """The successions that follow from an organisation, one after the other."""
        seen = {organisation_id}
        following = self._next.get(organisation_id)
        while following is not None and following.successor_id not in seen:
            yield following
            seen.add(following.successor_id)
            following = self._next.get(following.successor_id)

    def before(self, organisation_id: str) -> set[str]:
        """All organisations whose things come to this one sooner or later."""
        found: set[str] = set()
        pending = [organisation_id]
        while pending:
            for previous in self._previous.get(pending.pop(), ()):
                if previous not in found and previous != organisation_id:
                    found.add(previous)
                    pending.append(previous)
        return found

    def kin(self, organisation_id: str) -> set[str]:
        """The organisation, all that it took over from, and all that follow from it."""
        found = {organisation_id, *self.before(organisation_id)}
        for succession in self.onward(organisation_id):
            found.add(succession.successor_id)
            found |= self.before(succession.successor_id)
        return found

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
