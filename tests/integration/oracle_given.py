"""Figures that reporting answers over HTTP and alerts of the notifier, beside what the oracle recounts."""

import random
from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any

from tests.integration import oracle_lists_given as lists
from tests.integration.whole_way import WholeWay
from tests.oracle import History, Part, Report, people
from tests.oracle.figures import Figures, Recount, recount

DAY = timedelta(days=1)
Differences = list[tuple[str, str, object, object]]
"""(what was asked, which figure, what the service says, what the oracle says)."""


async def differing_figures(way: WholeWay, chosen: random.Random, questions: int) -> Differences:
    """Where reporting differs, asked so many times about the history that went through."""
    asked = Asked(way, chosen)
    for _ in range(questions):
        await asked.once()
    return asked.found


class Asked:
    """Questions to reporting about one history."""

    def __init__(self, way: WholeWay, chosen: random.Random) -> None:
        self.found: Differences = []
        self.way = way
        self.chosen = chosen
        self._days = days_of(way)
        self._histories: dict[int, History] = {}
        self._position = 0
        """What is known where a question is asked."""

    async def once(self) -> None:
        """Ask all reports about one organisation, some days, one position and one tree."""
        chosen, recorded = self.chosen, self.way.recorded
        self.way.today = chosen.choice((date(2026, 1, 15), chosen.choice(self._days)))
        known_at, position = self._known_at()
        self._position = position
        history = self._histories.setdefault(position, History(recorded, position))
        organisations = list(history.evenings[-1][1].organisations) if history.evenings else []
        if not organisations:
            return
        organisation = chosen.choice(["root" if "root" in organisations else organisations[0], *organisations])
        # At the edges of what happens, and a day to either side.
        near = [day + chosen.choice((-DAY, 0 * DAY, 0 * DAY, DAY)) for day in chosen.choices(self._days, k=3)]
        near += [near[2], max(near[:2]), date(2025, 12, 31)]
        hierarchy = chosen.choice(("as_was", "current"))
        if hierarchy == "current":
            # Nothing says where on today's tree an organisation stands that today's future takes over.
            near = [min(day, self.way.today) for day in near]
        first, second = sorted(near[:2])
        as_of = chosen.choice(near[3:])
        common = f"as_of={as_of}&known_at={known_at}&hierarchy={hierarchy}"

        def about(other: str, day: date = as_of) -> Report:
            return Report(history, other, day, hierarchy, self.way.today)

        asked = lists.Question(self, organisation, about(organisation), common, (first, second))
        for name in ("totals", "structure", "movements", "timeliness", "mentoring", "training"):
            await self.counted(asked, name)
        attainment = await self.counted(asked, "attainment")
        targets = {
            each["target_id"]: tuple(each[m] for m in ("target", "actual", "status"))
            for each in attainment["targets"]
        }
        self.compare(asked.where("attainment"), "targets", targets, asked.report.targets(first, second))
        await lists.coverage(asked)
        await lists.enterprises(asked)
        await lists.cascade(asked)
        await lists.admitted(asked)
        await lists.over_time(asked, about)
        await lists.side_by_side(asked)
        # Of few candidates anything is heard within a few days.
        period = chosen.choice(((first, second), (date(2022, 1, 1), date(2024, 12, 31))))
        asked = lists.Question(self, organisation, about(organisation), common, period)
        await self.counted(asked, "funnel")
        await lists.cohorts(asked)
        await lists.blocked(asked, chosen.choice((1, 1, 2)))

    async def counted(self, asked: "lists.Question", name: str, more: str = "", at_least: int = 1) -> Any:
        """All figures of a report, what children have of them, and the events behind one; gives its body."""
        recounted = recount(name, *asked.period, at_least)
        body = await self.way.http.get(asked.path(name) + more)
        where = asked.where(name) + more
        found = flat(body)
        self._equal(where, found, recounted(asked.report))
        await self._children(asked, name, more, found, recounted)
        await self.evidence(asked, name, found, more)
        return body

    def _equal(self, where: str, found: dict[str, int], figures: Figures) -> None:
        for path in figures.keys() | {path for path, amount in found.items() if amount and _counted(path)}:
            self.compare(where, path, found.get(path, 0), figures.get(path, 0) or 0)

    def _known_at(self) -> tuple[str, int]:
        """A position, or the time of one, and the last position that it means."""
        recorded = self.way.recorded
        last = len(recorded)
        position = self.chosen.choice((last, self.chosen.randint(0, last)))
        if position == 0 or self.chosen.random() < 0.7:
            return str(position), position
        at = recorded[position - 1]["recordedat"]
        moment = datetime.fromisoformat(at)
        until = [each for each in recorded if datetime.fromisoformat(each["recordedat"]) <= moment]
        return at.replace("+", "%2B"), until[-1]["position"]

    async def _children(
        self, asked: "lists.Question", name: str, more: str, whole: dict[str, int], recounted: Recount
    ) -> None:
        """What children and nobody's child have adds up to the whole; boundaries between them cancel out."""
        where = asked.path(name) + more + "&by=child"
        body = await self.way.http.get(where)
        parts = {each["organisation"]["id"]: flat(each) for each in body["children"]}
        self.compare(where, "children", sorted(parts), sorted(asked.report.children()))
        if parts:
            child = self.chosen.choice(sorted(parts))
            self._equal(f"{where}, of {child}", parts[child], recounted(Part(asked.report, child)))
        summed: Counter[str] = Counter()
        for part in (*parts.values(), flat(body["own"])):
            summed.update(part)
        if name == "movements":
            for line in ("transferred", "reorganised"):
                for figures in (whole, summed):
                    figures[f"{line}_net"] = figures.pop(f"{line}_in") - figures.pop(f"{line}_out")
        for path, amount in whole.items():
            if path.startswith("load."):
                continue  # of mentors with charges in two children
            if _added_up(path) or path.endswith("_net"):
                self.compare(where, path, summed[path], amount)
        if name == "movements" and whole["residual"] == 0:
            for part in (*body["children"], body["own"]):
                self.compare(where, "residual", part["residual"], 0)

    async def evidence(self, asked: "lists.Question", name: str, whole: dict[str, int], more: str = "") -> None:
        """The events behind one figure add up to it, and those since some position to what it has changed by."""
        organisation, question = asked.organisation, asked.parameters + more
        paths = sorted(
            path for path in whole if _added_up(path) and path != "residual" and not path.endswith("_net")
        )
        path = self.chosen.choice(paths)
        body = await self.way.http.get(f"{organisation}/evidence?{question}&measure={name}.{path}&limit=1000")
        where = f"{organisation}/evidence?{question}&measure={name}.{path}"
        self.compare(where, "value", body["value"], whole[path])
        self.compare(where, "sum of changes", sum(each["change"] for each in body["events"]), whole[path])
        if name == "funnel" and path.startswith("days."):
            days = [each["days"] for each in body["events"]]
            for figure, share in (("median", 0.5), ("p90", 0.9)):
                said = whole.get(path.replace("count", figure))
                self.compare(where, figure, said, people.within(days, share))

        since = self.chosen.randint(0, self._position)
        asked = f"{question}&since={since}&measure={name}.{path}&limit=1000"
        (figure,) = (await self.way.http.get(f"{organisation}/restatement?{asked}"))["figures"]
        where = f"{organisation}/restatement?{asked}"
        self.compare(where, "now", figure["now"], whole[path])
        changes = [each["change"] for each in figure["events"]]
        self.compare(where, "sum of changes", sum(changes), figure["now"] - figure["then"])
        late = [each for each in figure["events"] if (each["position"] > since) != (each["because"] == "recorded")]
        self.compare(where, "because", late, [])

    def compare(self, where: str, path: str, found: object, expected: object) -> None:
        """Keep a figure that is another one than the oracle's."""
        if found != expected:
            self.found.append((where, path, found, expected))


def days_of(way: WholeWay) -> list[date]:
    """The days on which anything happens."""
    return [date.fromisoformat(each["effectiveon"]) for each in way.recorded] or [date(2022, 1, 1)]


def flat(body: dict[str, Any], before: str = "") -> dict[str, int]:
    """The numbers of a body by their dotted paths."""
    found: dict[str, int] = {}
    for name, value in body.items():
        if isinstance(value, dict):
            found |= flat(value, f"{before}{name}.")
        elif isinstance(value, int) and not isinstance(value, bool):
            found[f"{before}{name}"] = value
    return found


def _counted(path: str) -> bool:
    return path.partition(".")[0] not in ("known_at", "organisation", "at_least")


def _added_up(path: str) -> bool:
    """Whether it is the sum of what children have, and of events."""
    return _counted(path) and path.rpartition(".")[2] not in ("median", "p90")


async def differing_alerts(way: WholeWay, chosen: random.Random) -> Differences:
    """Where the notifier differs: what is open after all batches and another day, and what a first look raises."""
    found: Differences = []
    history = History(way.recorded, len(way.recorded))
    for step in ("the day of the batches", "another day"):
        if step == "another day":
            way.today = max(way.today, chosen.choice(days_of(way)) + chosen.choice((0 * DAY, DAY)))
            await way.notifier.sweep()
        expected = reached(history, way.today)
        rows = await way.database.fetch("SELECT target_id, status FROM notifier.alert WHERE resolved_at IS NULL")
        said = {(row["target_id"], row["status"]) for row in rows}
        # Who is over a target has attained it: that stays open if it was said before.
        wanted = {(target, status) for target, (status, _) in expected.items()}
        also = {(target, "attained") for target, (status, _) in expected.items() if status == "exceeded"}
        if not wanted <= said or not said <= wanted | also:
            found.append((f"{step}, {way.today}", "open", said, expected))
    await way.database.fetch("DELETE FROM notifier.alert")
    await way.notifier.sweep()
    rows = await way.database.fetch("SELECT target_id, status, actual FROM notifier.alert")
    raised = {row["target_id"]: (row["status"], row["actual"]) for row in rows}
    if raised != expected:
        found.append((f"a first look on {way.today}", "raised", raised, expected))
    return found


Reached = dict[str, tuple[str, int]]
"""Target → (status, actual), of those attained or exceeded."""


def reached(history: History, today: date) -> Reached:
    """What the oracle says of all targets."""
    world = history.evening(today)
    found: Reached = {}
    for organisation in world.organisations:
        report = Report(history, organisation, today, "as_was", today)
        if world.active(organisation):
            for target_id, (_, actual, status) in report.targets(date.min, today).items():
                if status in ("attained", "exceeded"):
                    found[target_id] = (status, actual)
    return found
