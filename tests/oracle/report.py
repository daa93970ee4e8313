"""Reports on a history: one organisation, one day, one tree; figures are counted and never stored."""

from collections import Counter
from datetime import date, timedelta
from typing import Any

from tests.oracle import targets, waiting
from tests.oracle.history import History
from tests.oracle.persons import STAGES
from tests.oracle.world import World

DAY = timedelta(days=1)

Figures = dict[str, int]
"""{"members.total": 3, …}, zeros left out where the path has many siblings."""


class Report:
    """What is asked; each method is the body of one report."""

    def __init__(self, history: History, organisation: str, as_of: date, hierarchy: str, today: date) -> None:
        self.history = history
        self.as_of = as_of
        self.hierarchy = hierarchy
        self.today = history.evening(today)
        self.root = self.today.holder(organisation) if hierarchy == "current" else organisation

    def below(self, world: World) -> set[str]:
        """Organisations of that evening which belong to the asked one: by its own tree, or by today's."""
        if self.hierarchy == "as_was":
            return world.below(self.root)
        tree = self.today.below(self.root)
        return {each for each in world.organisations if self.today.holder(each) in tree}

    def counted(self, world: World) -> set[str]:
        """Those of them that are active that evening."""
        return {each for each in self.below(world) if world.active(each)}

    def happening(self, world: World) -> set[str]:
        """Those where it counts what happens on that day: also where somebody was left who counts no more.

        On today's tree, where something happened before a founding that was corrected since, too.
        """
        if self.hierarchy == "as_was":
            return self.below(world)
        tree = self.today.below(self.root)
        return {each for each in self.today.organisations if self.today.holder(each) in tree}

    def members(self, day: date) -> int:
        """All members on an evening."""
        world = self.history.evening(day)
        return sum(world.members(self.counted(world)).values())

    def totals(self) -> Figures:
        """Members, open candidates by stage, and organisations on the evening of `as_of`."""
        world = self.history.evening(self.as_of)
        counted = self.counted(world)
        members = world.members(counted)
        candidates = [each["candidate"] for each in world.persons.values() if each["candidate"] is not None]
        stages = Counter(each["stage"] for each in candidates if each["at"] in counted)
        kinds = Counter(world.organisations[each]["kind"] for each in counted)
        sectors = Counter(world.organisations[each]["sector"] for each in counted)
        return {
            "members.total": sum(members.values()),
            "members.official": members["official"],
            "members.probationary": members["probationary"],
            "candidates.open": stages.total(),
            **{f"candidates.by_stage.{stage}": stages[stage] for stage in STAGES},
            "organisations.grassroots": kinds["grassroots_committee"] + kinds["grassroots_cell"],
            "organisations.grassroots_committees": kinds["grassroots_committee"],
            "organisations.grassroots_cells": kinds["grassroots_cell"],
            "organisations.cells_under_grassroots_committees": kinds["cell"],
            "organisations.private_enterprise": sectors["private_enterprise"],
        }

    def structure(self, first: date, last: date) -> Figures:
        """Organisations by kind and sector on `as_of`; founded and ended in the period, up to `as_of`."""
        world = self.history.evening(self.as_of)
        found: Counter[str] = Counter()
        for each in self.counted(world):
            known = world.organisations[each]
            found[f"by_kind.{known['kind']}"] += 1
            found[f"by_sector.{known['sector']}"] += 1
        for _, after in self._evenings(first, min(last, self.as_of)):
            below = self.below(after)
            for what, organisation, sector in after.happened:
                if organisation in below and what == "founded":
                    found["founded.total"] += 1
                    found[f"founded.by_sector.{sector}"] += 1
                elif organisation in below and what == "organisation_ended":
                    found["ended"] += 1
        return dict(found)

    def timeliness(self, first: date, last: date) -> Figures:
        """Deadlines of the period, up to `as_of`, and those that run then."""
        return waiting.timeliness(self, first, last)

    def mentoring(self, first: date, last: date) -> Figures:
        """Mentors' reports of the period, up to `as_of`, and who mentors whom then."""
        return waiting.mentoring(self, first, last)

    def training(self, first: date, last: date) -> Figures:
        """Certificates on the evening of `as_of`, and classes of the period, up to then."""
        return waiting.training(self, first, last)

    def movements(self, first: date, last: date) -> Figures:
        """Why the number of members is another one than on the evening before `first`."""
        last = max(min(last, self.as_of), first - DAY)
        found: Counter[str] = Counter()
        for before, after in self._evenings(first, last):
            here = self.happening(after)
            for what, at, other in after.happened:
                if at in here and (other is None or other not in here):
                    found[what] += 1
            if self.hierarchy == "current":
                continue  # nobody comes or goes: it is one tree
            # With organisations that came or left, or were taken over across the boundary. Who was there before
            # its founding, since that was corrected, comes with it. Who is left in one that ends without a
            # successor, since that was learned later, is no movement: the residual says that something is wrong.
            was, becomes = self.below(before), self.below(after)
            for organisation in before.organisations | after.organisations:
                stayed = (organisation in was, after.holder(organisation) in becomes)
                size = sum(before.members({organisation}).values())
                found["reorganised_in"] += size * (stayed == (False, True))
                found["reorganised_out"] += size * (stayed == (True, False))
        moved = {
            "declared": found["declared"],
            "admitted": found["admissions"],
            "enrolled": found["enrolled"],
            "transferred_in": found["transferred_in"],
            "reorganised_in": found["reorganised_in"],
            "transferred_out": found["transferred_out"],
            "ended": found["ended"],
            "reorganised_out": found["reorganised_out"],
            "linked": found["linked"],
        }
        gains = ("declared", "admitted", "enrolled", "transferred_in", "reorganised_in")
        opening, closing = self.members(first - DAY), self.members(last)
        expected = opening + sum(amount if line in gains else -amount for line, amount in moved.items())
        return {"opening": opening, **moved, "closing": closing, "residual": closing - expected}

    def flow(self, metric: str, first: date, last: date) -> int:
        """How often it happened in the days `first` to `last`."""
        found = 0
        for _, after in self._evenings(first, last):
            counted = self.happening(after)
            for what, at, sector in after.happened:
                if what == "founded" and metric == "private_enterprise_organisations_founded":
                    found += at in counted and sector == "private_enterprise"
                elif what == ("founded" if metric == "organisations_founded" else metric):
                    found += at in counted
        return found

    def places_without_members(self, day: date) -> int:
        """Places of the counted organisations that no cell covers, or one without any member."""
        world = self.history.evening(day)
        counted = self.counted(world)
        found = 0
        for place in world.places.values():
            cell = world.covers(place)
            alone = cell is None or sum(world.members({cell}).values()) == 0
            found += world.holder(place["organisation"]) in counted and alone
        return found

    def actual(self, metric: str, first: date, last: date) -> int:
        """What a target for the metric is compared with."""
        if metric == "members":
            return self.members(last)
        if metric == "places_without_members":
            return self.places_without_members(last)
        return self.flow(metric, first, last)

    def actuals(self, first: date, last: date) -> Figures:
        """All metrics of the period, up to `as_of`."""
        until = min(last, self.as_of)
        metrics = (*targets.FLOWS, "members", "places_without_members")
        return {metric: self.actual(metric, first, until) for metric in metrics}

    def targets(self, first: date, last: date) -> dict[str, tuple[int, int, str]]:
        """The organisation's targets for periods that overlap: id → (target, actual, status)."""
        found = {}
        for target_id, target in self.history.evening(self.as_of).targets.items():
            data = target["data"]
            begins, ends = date.fromisoformat(data["from"]), date.fromisoformat(data["to"])
            if self.held_by(target) != self.root or begins > last or ends < first:
                continue
            actual = self.actual(data["metric"], begins, min(ends, self.as_of))
            state = targets.status(data, target["value"], actual, self.as_of)
            found[target_id] = (target["value"], actual, state)
        return found

    def children(self) -> list[str]:
        """Active organisations directly under the asked one: on `as_of`, or today."""
        world = self.today if self.hierarchy == "current" else self.history.evening(self.as_of)
        if self.root not in world.organisations:
            return []
        return [each for each in world.organisations if world.active(each) and world.parent(each) == self.root]

    def held_by(self, target: dict[str, Any]) -> str | None:
        """Who has the target on `as_of`: by that evening's tree, or by today's; None: nobody."""
        holder: str | None = target["holder"]
        return self.today.holder(holder) if holder is not None and self.hierarchy == "current" else holder

    def _evenings(self, first: date, last: date) -> list[tuple[World, World]]:
        """For each day of a period on which anything happened: the evening before, and that day's."""
        found = []
        before = World()
        for day, world in self.history.evenings:
            if first <= day <= last:
                found.append((before, world))
            before = world
        return found


class Part(Report):
    """What a child has of the asked organisation's figures: that of days on which it stands directly under it."""

    def __init__(self, whole: Report, child: str) -> None:
        self.history, self.as_of, self.hierarchy, self.today = (
            whole.history,
            whole.as_of,
            whole.hierarchy,
            whole.today,
        )
        self.root = child
        self._above = whole.root

    def below(self, world: World) -> set[str]:
        """The child and all under it, as long as it is one; on today's tree it always is."""
        if self.hierarchy == "current":
            return super().below(world)
        there = self._above in world.organisations and self.root in world.organisations
        return world.below(self.root) if there and world.parent(self.root) == self._above else set()
