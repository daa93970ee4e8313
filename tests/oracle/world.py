"""The world on an evening: organisations, persons, balances, places and targets, changed fact by fact.

A fact whose rule does not hold on its subject's own timeline changes nothing.
"""

from datetime import date
from typing import Any

from tests.oracle import persons, targets
from tests.oracle.facts import Fact


class World:
    """All that facts have said so far; whoever ended has handed on what it had."""

    def __init__(self) -> None:
        self.organisations: dict[str, dict[str, Any]] = {}
        """id → {"kind", "sector", "parent", "ended": bool, "successor": id or None}."""
        self.persons: dict[str, dict[str, Any]] = {}
        """id → {"member": {"at", "status"} or None, "candidate": {"at", "stage"} or None, "transfer", …}.

        A candidate also has "since", the day on which the stage was reached, and "journey", a place in `journeys`;
        a member who was admitted has "admission", a place in `admissions`.
        """
        self.journeys: list[dict[str, Any]] = []
        """Every candidacy: {"at" and "on", where and when it began, "stage", "end": None, "admitted", …}."""
        self.admissions: list[dict[str, Any]] = []
        """Every admission: {"at", "on", "end": None or why the membership ended}."""
        self.balances: dict[str, dict[str, int]] = {}
        self.targets: dict[str, dict[str, Any]] = {}
        self.places: dict[str, dict[str, Any]] = {}
        self.second_ids: dict[str, str] = {}
        """A person's second id → the first one."""
        self.kept: list[tuple[str, str, date]] = []
        """Deadlines kept in time so far: (rule, where, last day)."""
        self.happened: list[tuple[str, str, str | None]] = []
        """Of the last day: (what, at which organisation, the other end of a move)."""
        self.went_on: list[tuple[str, str, int]] = []
        """Of the last day: (from which stage a candidate went on, at which organisation, after how many days)."""

    def holder(self, organisation: str) -> str:
        """Who has what was this organisation's: itself, or the last of its successors."""
        seen = set()
        while organisation not in seen:
            seen.add(organisation)
            known = self.organisations.get(organisation)
            if known is None or known["successor"] is None:
                break
            organisation = known["successor"]
        return organisation

    def active(self, organisation: str) -> bool:
        """Whether it is founded and has not ended."""
        known = self.organisations.get(organisation)
        return known is not None and not known["ended"]

    def covers(self, place: dict[str, Any]) -> str | None:
        """Who covers a place: the named cell, or who took over from it, while it is active."""
        cell = place["cell"] and self.holder(place["cell"])
        return cell if cell and self.active(cell) else None

    def parent(self, organisation: str) -> str | None:
        """Above it, in whoever's hands that is. Who takes over from its own parent comes under the next one up."""
        above = self.organisations[organisation]["parent"]
        seen = set()
        while above is not None and self.holder(above) == organisation and above not in seen:
            seen.add(above)
            above = self.organisations[above]["parent"] if above in self.organisations else None
        return None if above is None else self.holder(above)

    def below(self, organisation: str) -> set[str]:
        """The organisation and all under it, those included that have ended; nobody before its founding."""
        if organisation not in self.organisations:
            return set()
        found = {organisation}
        while True:
            more = {each for each in self.organisations if self.parent(each) in found} - found
            if not more:
                return found
            found |= more

    def apply(self, fact: Fact) -> None:
        """Change what the fact changes."""
        if fact["kind"] == "organisation":
            self._organisation(fact)
        elif fact["kind"] == "person":
            persons.apply(self, fact)
        elif fact["name"] == "PlaceRegistered" and fact["subject"] not in self.places:
            data = fact["data"]
            place = {"organisation": data["organisation_id"], "kind": data["kind"], "cell": None, "shared": False}
            self.places[fact["subject"]] = place
        elif fact["name"] == "PlaceCovered" and fact["subject"] in self.places:
            data = fact["data"]
            self.places[fact["subject"]] |= {"cell": data.get("cell_id"), "shared": data["shared"]}

    def _organisation(self, fact: Fact) -> None:
        subject, name, data, day = fact["subject"], fact["name"], fact["data"], fact["day"]
        if name == "OrganisationsMerged":
            # Each source ends for itself, whatever is wrong with the others.
            for source in data["sources"]:
                if self.active(source):
                    self._end(source, subject, data["targets"])
            return
        if name == "OrganisationSplit":
            for allocation in data["allocations"]:
                for person in allocation["person_ids"]:
                    persons.reallocate(self, person, subject, allocation["organisation_id"])
            return
        if name == "OrganisationEstablished":
            if subject not in self.organisations:
                self._found(subject, data)
            return
        if not self.active(subject):
            return
        known = self.organisations[subject]
        if name == "OrganisationReclassified":
            known["kind"] = data.get("kind") or known["kind"]
            known["sector"] = data.get("sector") or known["sector"]
        elif name == "OrganisationReparented":
            known["parent"] = data["parent_id"]
        elif name == "OrganisationDissolved":
            self._end(subject, data.get("successor_id"), "keep")
        elif name == "OpeningBalanceDeclared":
            self.add_balance(subject, "official", data["official"])
            self.add_balance(subject, "probationary", data["probationary"])
            self.happened += [("declared", subject, None)] * (data["official"] + data["probationary"])
        elif name.startswith("Target"):
            targets.apply(self.targets, name, subject, data, day)

    def _found(self, subject: str, data: dict[str, Any]) -> None:
        self.organisations[subject] = {
            "kind": data["kind"],
            "sector": data["sector"],
            "parent": data.get("parent_id"),
            "ended": False,
            "successor": None,
        }
        self.happened.append(("founded", subject, data["sector"]))

    def _end(self, source: str, successor: str | None, merging: str) -> None:
        self.organisations[source] |= {"ended": True, "successor": successor}
        self.happened.append(("organisation_ended", source, None))
        heir = self.holder(source) if successor is not None else None
        targets.hand_on(self.targets, source, heir, merging)
        if heir is None:
            return
        for person in self.persons.values():
            for standing in (person["member"], person["candidate"]):
                if standing is not None and standing["at"] == source:
                    standing["at"] = heir
        for status, amount in self.balances.pop(source, {}).items():
            self.add_balance(heir, status, amount)

    def add_balance(self, organisation: str, status: str, amount: int) -> None:
        """More, or fewer, members who are not known one by one."""
        known = self.balances.setdefault(organisation, {"official": 0, "probationary": 0})
        known[status] += amount

    def members(self, organisations: set[str]) -> dict[str, int]:
        """{"official", "probationary"} of these organisations, balances included."""
        found = {"official": 0, "probationary": 0}
        for organisation in organisations:
            for status, amount in self.balances.get(organisation, {}).items():
                found[status] += amount
        for person in self.persons.values():
            if person["member"] is not None and person["member"]["at"] in organisations:
                found[person["member"]["status"]] += 1
        return found
