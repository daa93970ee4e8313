"""What is on record after some events: subjects, timelines, and the world at any place of them."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import Any

from tests.oracle.facts import Fact, facts, place_of
from tests.oracle.judge.organisations import Organisations, own_place
from tests.oracle.judge.persons import Persons
from tests.oracle.judge.targets import Targets

Event = dict[str, Any]


class Record:
    """Recorded events in log order; `facts` are what they say, corrections put in, in timeline order."""

    def __init__(self, events: list[Event]) -> None:
        self.events = [{**each, "position": place} for place, each in enumerate(events, 1)]
        self.facts: list[Fact] = facts(self.events, len(events))
        self.organisations = Organisations(self.facts)
        self.mentioned = {each["subject"] for each in events} | {
            f"person/{person}" for each in events for person in _moved_or_linked(each["data"])
        }
        """All subjects that recorded events are about, as events name them."""
        self._persons: dict[int, Persons] = {}

    def knows(self, kind: str, subject: str) -> bool:
        """Whether a subject is on record; an organisation whose founding was taken back is not."""
        if kind == "organisation":
            return subject in self.organisations.founding
        return f"{kind}/{subject}" in self.mentioned

    def event(self, source: str, event_id: str) -> Event | None:
        """A source's recorded event."""
        for each in self.events:
            if (each["source"], each["id"]) == (source, event_id):
                return each
        return None

    def said(self, source: str, event_id: str) -> Fact | None:
        """What a recorded event says now; None where it was retracted."""
        for each in self.facts:
            if (each["source"], each["id"]) == (source, event_id):
                return each
        return None

    def born(self, person: str) -> int | None:
        """The year of birth that was last told of a person."""
        found = None
        for each in self.events:
            data = each["data"]
            if each["type"] == "FactCorrected.v1":
                data = (data["replacement"] or {}).get("data") or {}
            if each["subject"] == f"person/{person}" and data.get("profile"):
                found = data["profile"].get("birth_year")
        return None if self.erased(person) else found

    def erased(self, person: str) -> bool:
        """Whether a person is erased, by whichever of their ids."""
        persons = self.all_persons()
        # Taken back or not: the key is destroyed for good.
        erased = [each["subject"].partition("/")[2] for each in self.events if each["type"] == "PersonErased.v1"]
        return persons.first_id(person) in [persons.first_id(each) for each in erased]

    def persons(self, fact: Fact) -> Persons:
        """Persons as the facts before a place leave them."""
        return self._persons_after(bisect_left(self.facts, place_of(fact), key=place_of))

    def evening(self, day: date) -> Persons:
        """Persons on the evening of a day."""
        return self._persons_after(len([each for each in self.facts if each["day"] <= day]))

    def all_persons(self) -> Persons:
        """Persons after the last fact."""
        return self._persons_after(len(self.facts))

    def _persons_after(self, number: int) -> Persons:
        if number not in self._persons:
            found = Persons(self.organisations)
            for each in self.facts[:number]:
                found.apply(each)
            self._persons[number] = found
        return self._persons[number]

    def balances(self, day: date) -> Counter[tuple[str, str]]:
        """(organisation, status) → members not known one by one that are in its hands on the evening of a day."""
        found: Counter[tuple[str, str]] = Counter()
        for organisation, since, status, amount in self.all_persons().balances:
            if since <= day:
                found[self.organisations.holder(organisation, day), status] += amount
        return found

    def targets(self, fact: Fact) -> Targets:
        """Targets as the facts before a place leave them."""
        return self._targets_after(each for each in self.facts if own_place(each) < own_place(fact))

    def targets_by_evening(self, fact: Fact) -> Targets:
        """Targets on the evening of a fact's day, but for what its organisation says of them later on that day."""
        that_day = (each for each in self.facts if each["day"] <= fact["day"])
        return self._targets_after(
            each
            for each in that_day
            if each["subject"] != fact["subject"]
            or each["name"] not in ("TargetRevised", "TargetWithdrawn")
            or own_place(each) < own_place(fact)
        )

    def all_targets(self) -> Targets:
        """Targets after the last fact."""
        return self._targets_after(self.facts)

    def _targets_after(self, facts_: Iterable[Fact]) -> Targets:
        found = Targets(self.organisations)
        for each in facts_:
            found.apply(each)
        return found

    def target_ids(self) -> set[str]:
        """All targets that were ever assigned, taken back or not."""
        assigned = [each["data"] for each in self.events if each["type"] == "TargetAssigned.v1"]
        corrected = [each["data"]["replacement"] for each in self.events if each["type"] == "FactCorrected.v1"]
        assigned += [each["data"] for each in corrected if each is not None and "data" in each]
        return {each["target_id"] for each in assigned if "metric" in each}

    def passed_over(self) -> set[tuple[str, str, str]]:
        """(source, id, about whom) of facts that count nothing there, since a rule fails."""
        found = self.all_persons().passed_over | self.all_targets().passed_over
        for fact in self.facts:
            if not self.of_known_place(fact):
                found.add((fact["source"], fact["id"], fact["subject"]))
            elif fact["kind"] == "organisation":
                found |= {(fact["source"], fact["id"], each) for each in self._not_for(fact)}
        return found

    def _not_for(self, fact: Fact) -> list[str]:
        """Organisations on whose timelines a fact about them does not fit."""
        merged = fact["data"]["sources"] if fact["name"] == "OrganisationsMerged" else []
        found = [each for each in merged if self.organisations.ended_by.get(each) is not fact]
        return found if self.organisations.fits(fact) else [*found, fact["subject"]]

    def registered(self, place: str) -> Fact | None:
        """The registration of a place."""
        for each in self.facts:
            if each["name"] == "PlaceRegistered" and each["subject"] == place:
                return each
        return None

    def of_known_place(self, fact: Fact) -> bool:
        """Whether a fact about a place registers it first, or covers it once it is registered."""
        if fact["kind"] != "place":
            return True
        registered = self.registered(fact["subject"])
        if registered is None or fact["name"] == "PlaceRegistered":
            return registered is fact
        return place_of(registered) < place_of(fact)


def _moved_or_linked(data: dict[str, Any]) -> list[str]:
    """Persons whom a split or a link is about besides its subject, as recorded or as a correction has it."""
    said = {**data, **((data.get("replacement") or {}).get("data") or {})}
    listed = [person for each in said.get("allocations", []) for person in each["person_ids"]]
    return [*listed, *([said["other_person_id"]] if "other_person_id" in said else [])]
