"""What reports list, draw over time and rank, beside what the oracle recounts."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Protocol

from tests.integration.whole_way import WholeWay
from tests.oracle import Part, Report, people, places
from tests.oracle.figures import recount

DAY = timedelta(days=1)

About = Callable[..., Report]
"""From an organisation, and a day other than `as_of`, a report on it."""


class Asking(Protocol):
    """Who asks, and keeps what differs."""

    way: WholeWay
    chosen: random.Random

    def compare(self, where: str, path: str, found: object, expected: object) -> None: ...

    async def counted(self, asked: "Question", name: str, more: str = "", at_least: int = 1) -> Any: ...

    async def evidence(self, asked: "Question", name: str, whole: dict[str, int], more: str = "") -> None: ...


@dataclass
class Question:
    """One organisation, one day, one position, one tree and one period; asked of report after report."""

    asking: Asking
    organisation: str
    report: Report
    common: str
    """`as_of`, `known_at` and `hierarchy`."""
    period: tuple[date, date]

    @property
    def parameters(self) -> str:
        """As they stand in the address."""
        return f"{self.common}&from={self.period[0]}&to={self.period[1]}"

    def path(self, name: str) -> str:
        """The address of a report, under `/v1/organisations`."""
        return f"{self.organisation}/{name}?{self.parameters}"

    def where(self, name: str) -> str:
        """The same for people who read what differs; today is part of it."""
        return f"{self.path(name)}&today={self.asking.way.today}"

    def compare(self, name: str, what: str, found: object, expected: object) -> None:
        """Keep what a report says otherwise."""
        self.asking.compare(self.where(name), what, found, expected)


async def coverage(asked: Question) -> None:
    """Places with their members, those with the fewest first."""
    body = await asked.asking.counted(asked, "coverage", "&limit=1000")
    said = [
        {
            "id": each["place"]["id"],
            "organisation": each["organisation"]["id"],
            "cell": each["cell"] and each["cell"]["id"],
            "members": each["members"],
            "flags": each["flags"],
        }
        for each in body["places"]
    ]
    asked.compare("coverage", "places", said, places.coverage(asked.report)[1])


async def enterprises(asked: Question) -> None:
    """Enterprises, those without an organisation and with the most members first."""
    body = await asked.asking.counted(asked, "enterprise", "&limit=1000")
    rows = places.enterprise(asked.report)[1]
    said = [{name: each[name] for name in rows[0]} for each in body["enterprises"]] if rows else []
    in_order = sorted(said, key=lambda row: (row["has_organisation"], -row["members"]))
    asked.compare("enterprise", "order", said, in_order)
    # What is equal in these two stands in an order of its own.
    for listed in (said, rows):
        listed.sort(key=lambda row: (row["what"], row["id"]))
    asked.compare("enterprise", "enterprises", said, rows)


async def cascade(asked: Question) -> None:
    """Each target beside those of the children for the same."""
    body = await asked.asking.way.http.get(asked.path("cascade"))
    said = {
        each["target_id"]: {
            "children_total": each["children_total"],
            "children_without_target": each["children_without_target"],
            "children_targets": sorted(one["target_id"] for one in each["children_targets"]),
        }
        for each in body["targets"]
    }
    asked.compare("cascade", "targets", said, places.cascade(asked.report, *asked.period))


async def admitted(asked: Question) -> None:
    """Whoever was admitted stands in each table of the profile: told, withheld, unstated or erased."""
    body = await asked.asking.way.http.get(asked.path("profile"))
    (number,) = recount("profile", *asked.period)(asked.report).values()
    asked.compare("profile", "admitted", body["admitted"], number)
    for name, withheld in body["withheld"].items():
        if name != "category":  # who has several is counted in each
            told = sum(amount or 0 for amount in body[f"by_{name}"].values())
            known = told + withheld + body["unstated"][name] + body["erased"] + body["unread"]
            asked.compare("profile", name, known, number)
    await asked.asking.evidence(asked, "profile", {"admitted": body["admitted"]})


async def cohorts(asked: Question) -> None:
    """Years of admission, with what became of those admitted."""
    body = await asked.asking.counted(asked, "retention")
    expected = people.retention(asked.report)
    expected.pop("all")
    said = {str(each["cohort"]): each for each in body["cohorts"]}
    asked.compare("retention", "cohorts", said.keys(), expected.keys())
    for year, each in said.items():
        numbers = {name: each[name] for name in ("admitted", "still_members", "ended") if each[name]}
        numbers |= {f"by_reason.{reason}": amount for reason, amount in each["by_reason"].items() if amount}
        asked.compare("retention", year, numbers, expected.get(year))
        await asked.asking.evidence(asked, f"retention.cohorts.{year}", numbers)


async def blocked(asked: Question, at_least: int) -> None:
    """Cells with candidates that admit nobody, those with the most first."""
    body = await asked.asking.counted(asked, "blocked", f"&at_least={at_least}", at_least)
    cells = people.blocked(asked.report, at_least)[1]
    said = [
        {"id": each["organisation"]["id"], **{key: each[key] for key in cells[0] if key != "id"}}
        for each in body["cells"]
        if cells
    ]
    asked.compare("blocked", "cells", said, cells)


OVER_TIME = (
    "totals.members.total",
    "totals.candidates.open",
    "totals.organisations.grassroots",
    "structure.by_sector.territorial",
    "structure.founded.total",
    "structure.ended",
    "movements.admitted",
    "movements.ended",
    "movements.reorganised_in",
    "movements.closing",
    "timeliness.all.due",
    "timeliness.all.open",
    "timeliness.all.overdue",
    "timeliness.all.late",
    "mentoring.reports.in",
    "mentoring.without_mentor.candidates",
    "mentoring.load.mentors",
    "training.certificates.unused",
    "training.completions",
    "funnel.days.identified.count",
    "coverage.counts.fewer_than_3",
    "enterprise.counts.could_be_founded",
    "attainment.actuals.admissions",
    "attainment.actuals.members",
    "attainment.actuals.places_without_members",
)


async def over_time(asked: Question, about: About) -> None:
    """Each point is the figure that the report gives with the point's last day as `as_of`."""
    first, last = asked.period
    if (last - first).days > 500:
        return  # too many points for one that counts slowly
    measure = asked.asking.chosen.choice(OVER_TIME)
    step = asked.asking.chosen.choice(("week", "month", "quarter"))
    name, _, path = measure.partition(".")
    what = f"timeseries?measure={measure}&step={step}"
    body = await asked.asking.way.http.get(f"{asked.path('timeseries')}&measure={measure}&step={step}")
    days: list[date] = []
    for point in body["points"]:
        days += [begin := date.fromisoformat(point["from"]), end := date.fromisoformat(point["to"])]
        expected = recount(name, begin, end)(about(asked.organisation, end)).get(path, 0)
        asked.compare("timeseries", f"{what}, {begin} to {end}", point["value"], expected)
    last = min(last, asked.report.as_of)
    asked.compare("timeseries", f"{what}, from", days[:1], [first] if first <= last else [])
    asked.compare("timeseries", f"{what}, to", days[-1:], [last] if first <= last else [])
    asked.compare("timeseries", f"{what}, no gaps", days[2::2], [each + DAY for each in days[1:-1:2]])


async def side_by_side(asked: Question) -> None:
    """The children, the highest value first; equal ones share a rank."""
    measure = asked.asking.chosen.choice(OVER_TIME)
    name, _, path = measure.partition(".")
    recounted = recount(name, *asked.period)
    children = asked.report.children()
    values = {child: recounted(Part(asked.report, child)).get(path, 0) or 0 for child in children}
    body = await asked.asking.way.http.get(f"{asked.path('ranking')}&measure={measure}")
    said = {each["organisation"]["id"]: (each["rank"], each["value"]) for each in body["ranking"]}
    expected = {
        child: (1 + sum(other > value for other in values.values()), value) for child, value in values.items()
    }
    asked.compare("ranking", measure, said, expected)
    order = [each["rank"] for each in body["ranking"]]
    asked.compare("ranking", "order", order, sorted(order))
