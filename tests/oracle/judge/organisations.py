"""Organisations as recorded facts have them: founded, ended, where they lie, and who holds what they had."""

from datetime import date, datetime
from functools import cache
from typing import Any

from tests.oracle.facts import Fact, place_of

Place = tuple[date, int, datetime, str]


def own_place(fact: Fact) -> Place:
    """Where a fact stands on its own subject's timeline: of who takes over or is divided, at its own time."""
    return (
        place_of(fact) if fact["name"] == "OrganisationDissolved" else (fact["day"], 2, fact["time"], fact["id"])
    )


class Organisations:
    """All of them, on any day. `facts` are in timeline order."""

    def __init__(self, facts: list[Fact]) -> None:
        self.facts = [fact for fact in facts if fact["kind"] == "organisation"]
        self.founding: dict[str, Fact] = {}
        for fact in self.facts:
            if fact["name"] == "OrganisationEstablished":
                self.founding.setdefault(fact["subject"], fact)
        self.end: dict[str, tuple[date, str | None]] = {}
        """The day on which an organisation is active no more, and its successor."""
        self.ended_by: dict[str, Fact] = {}
        for fact in self.facts:
            if fact["name"] == "OrganisationsMerged":
                for source in fact["data"]["sources"]:
                    self._ends(source, fact["subject"], fact)
            elif fact["name"] == "OrganisationDissolved":
                self._ends(fact["subject"], fact["data"].get("successor_id"), fact)
        self.holder = cache(self._holder)

    def _ends(self, organisation: str, successor: str | None, fact: Fact) -> None:
        founding = self.founding.get(organisation)
        if founding is not None and founding["day"] < fact["day"] and organisation not in self.end:
            self.end[organisation] = (fact["day"], successor)
            self.ended_by[organisation] = fact

    def active(self, organisation: str, day: date) -> bool:
        """From the founding day to the day before it ends."""
        founding = self.founding.get(organisation)
        if founding is None or day < founding["day"]:
            return False
        return organisation not in self.end or day < self.end[organisation][0]

    def stands(self, fact: Fact) -> bool:
        """Whether the organisation that a fact is about is active where the fact stands."""
        return self._active_at(fact["subject"], own_place(fact))

    def may_end(self, organisation: str, fact: Fact) -> bool:
        """Whether an organisation is there, at the start of the day, to be ended by a fact."""
        return self._active_at(organisation, place_of(fact))

    def _active_at(self, organisation: str, place: Place) -> bool:
        founding, ended_by = self.founding.get(organisation), self.ended_by.get(organisation)
        if founding is None or place_of(founding) >= place:
            return False
        return ended_by is None or place_of(ended_by) >= place

    def _holder(self, organisation: str, day: date) -> str:
        """Who has on the evening of a day what was this organisation's."""
        return self._onward(organisation, day)[-1]

    def held(self, organisation: str, day: date) -> list[str]:
        """Those whose things came into an organisation's hands by a day, and may have gone on from there."""
        return [each for each in self.founding if organisation in self._onward(each, day)]

    def _onward(self, organisation: str, day: date) -> list[str]:
        found: list[str] = []
        at: str | None = organisation
        while at is not None and at not in found:
            found.append(at)
            ended, successor = self.end.get(at, (date.max, None))
            at = successor if ended <= day else None
        return found

    def parent(self, organisation: str, day: date) -> str | None:
        """The one that is named as above it, on the evening of a day, at the earliest of the founding day."""
        founding = self.founding.get(organisation)
        if founding is None:
            return None
        day = max(day, founding["day"])
        found: str | None = founding["data"].get("parent_id")
        for fact in self.facts:
            named = fact["name"] == "OrganisationReparented" and fact["subject"] == organisation
            if named and fact["day"] <= day and self.stands(fact):
                found = fact["data"]["parent_id"]
        return found

    def above(self, organisation: str, day: date) -> list[str]:
        """The organisation, and all that it lies under, in whoever's hands these are."""
        at: str | None = self.holder(organisation, day)
        found: list[str] = []
        while at is not None and at not in found:
            found.append(at)
            above = self.parent(at, day)
            # Who takes over from its own parent comes under the next one up.
            seen: set[str] = set()
            while above is not None and self.holder(above, day) == at and above not in seen:
                seen.add(above)
                above = self.parent(above, day)
            at = None if above is None else self.holder(above, day)
        return found

    def circular(self) -> bool:
        """Whether on some day an organisation lies under itself, or under one that it took over from."""
        days = {fact["day"] for fact in self.facts}
        founded = [(each, day) for each, fact in self.founding.items() for day in days if fact["day"] <= day]
        return any(self._lies_under_itself(each, day) for each, day in founded)

    def _lies_under_itself(self, organisation: str, day: date) -> bool:
        at, seen = organisation, set[str]()
        while at not in seen:
            seen.add(at)
            above, founding = self.parent(at, day), self.founding.get(at)
            if above is None or founding is None or founding["day"] > day:
                return False
            at = self.holder(above, day)
        return True

    def own(self, root: str, organisation: str, day: date) -> bool:
        """Whether an organisation lies under a source's root on a day."""
        return root in self.above(organisation, day)

    def fits(self, fact: Fact) -> bool:
        """Whether a recorded fact about an organisation keeps the rules of its subject's timeline."""
        if fact["name"] == "OrganisationEstablished":
            return fact is self.founding[fact["subject"]]
        if not self.stands(fact):
            return False
        return fact["name"] != "PeriodClosed" or not self.closed_before(fact)

    def closed_before(self, fact: Fact) -> bool:
        """Whether the period that a fact closes is closed where it stands."""
        return any(
            each["name"] == "PeriodClosed"
            and each["subject"] == fact["subject"]
            and _period(each) == _period(fact)
            and own_place(each) < own_place(fact)
            and self.stands(each)
            for each in self.facts
        )


def _period(fact: Fact) -> tuple[Any, Any]:
    return fact["data"]["from"], fact["data"]["to"]
