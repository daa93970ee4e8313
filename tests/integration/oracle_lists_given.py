"""What reports list, draw over time and rank, beside what the oracle recounts."""

import random
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, Protocol

from tests.integration.whole_way import WholeWay
from tests.oracle import Report, places

DAY = timedelta(days=1)

About = Callable[..., Report]
"""From an organisation, and a day other than `as_of`, a report on it."""


class Asking(Protocol):
    """Who asks, and keeps what differs."""

    way: WholeWay
    chosen: random.Random

    def compare(self, where: str, path: str, found: object, expected: object) -> None: ...

    async def children(self, organisation: str, name: str, question: str, whole: dict[str, int]) -> None: ...

    async def evidence(self, organisation: str, name: str, question: str, whole: dict[str, int]) -> None: ...


async def coverage(asking: Asking, report: Report, organisation: str, question: str) -> None:
    """Places with their members, and how many of each kind there are."""
    where = f"{organisation}/coverage?{question}"
    counts, rows = places.coverage(report)
    body = await asking.way.http.get(f"{where}&limit=1000")
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
    asking.compare(where, "places", said, rows)
    await _counts(asking, organisation, "coverage", question, body, counts)


async def enterprises(asking: Asking, report: Report, organisation: str, question: str) -> None:
    """Enterprises, those without an organisation and with the most members first."""
    where = f"{organisation}/enterprise?{question}"
    counts, rows = places.enterprise(report)
    body = await asking.way.http.get(f"{where}&limit=1000")
    said = [{name: each[name] for name in rows[0]} for each in body["enterprises"]] if rows else []
    for listed in (said, rows):
        # What is equal in these two stands in an order of its own.
        asking.compare(
            where, "order", listed, sorted(listed, key=lambda row: (row["has_organisation"], -row["members"]))
        )
        listed.sort(key=lambda row: (row["what"], row["id"]))
    asking.compare(where, "enterprises", said, rows)
    await _counts(asking, organisation, "enterprise", question, body, counts)


async def _counts(
    asking: Asking, organisation: str, name: str, question: str, body: dict[str, Any], counts: dict[str, int]
) -> None:
    """Each count, what children have of it, and the events behind one."""
    found = {f"counts.{each}": number for each, number in body["counts"].items()}
    for path, number in found.items():
        asking.compare(f"{organisation}/{name}?{question}", path, number, counts.get(path, 0))
    await asking.children(organisation, name, question, found)
    await asking.evidence(organisation, name, question, found)


async def cascade(asking: Asking, report: Report, where: str, first: date, last: date) -> None:
    """Each target beside those of the children for the same."""
    body = await asking.way.http.get(where)
    said = {
        each["target_id"]: {
            "children_total": each["children_total"],
            "children_without_target": each["children_without_target"],
            "children_targets": sorted(one["target_id"] for one in each["children_targets"]),
        }
        for each in body["targets"]
    }
    asking.compare(where, "targets", said, places.cascade(report, first, last))


async def admitted(
    asking: Asking, report: Report, organisation: str, question: str, period: tuple[date, date]
) -> None:
    """Whoever was admitted stands in each table of the profile, told, withheld, unstated or erased."""
    where = f"{organisation}/profile?{question}"
    body = await asking.way.http.get(where)
    expected = report.actuals(*period)["admissions"]
    asking.compare(where, "admitted", body["admitted"], expected)
    for name, withheld in body["withheld"].items():
        if name != "category":  # who has several is counted in each
            told = sum(amount or 0 for amount in body[f"by_{name}"].values())
            known = told + withheld + body["unstated"][name] + body["erased"] + body["unread"]
            asking.compare(where, name, known, expected)
    await asking.children(organisation, "profile", question, {"admitted": expected})
    await asking.evidence(organisation, "profile", question, {"admitted": expected})


def _figures(report: Report, name: str, first: date, last: date) -> dict[str, int]:
    match name:
        case "totals":
            return report.totals()
        case "structure":
            return report.structure(first, last)
        case "movements":
            return report.movements(first, last)
        case "timeliness":
            return report.timeliness(first, last)
        case "mentoring":
            return report.mentoring(first, last)
        case "training":
            return report.training(first, last)
        case _:
            return {f"actuals.{path}": each for path, each in report.actuals(first, last).items()}


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
    "attainment.actuals.admissions",
    "attainment.actuals.members",
    "attainment.actuals.places_without_members",
)
LEVELS = (
    "totals.members.total",
    "totals.members.probationary",
    "totals.candidates.open",
    "totals.organisations.grassroots",
    "structure.by_sector.private_enterprise",
    "timeliness.all.open",
    "timeliness.all.overdue",
    "mentoring.without_mentor.candidates",
    "training.certificates.unused",
    "attainment.actuals.places_without_members",
)
"""Of these a child has what it would have if it were asked by itself."""


async def over_time(
    asking: Asking, about: About, organisation: str, common: str, period: tuple[date, date]
) -> None:
    """Each point is the figure that the report gives with the point's last day as `as_of`."""
    measure = asking.chosen.choice(OVER_TIME)
    step = asking.chosen.choice(("week", "month", "quarter"))
    if (period[1] - period[0]).days > 500:
        return
    where = f"{organisation}/timeseries?{common}&measure={measure}&step={step}"
    name, _, path = measure.partition(".")
    body = await asking.way.http.get(where)
    for point in body["points"]:
        first, last = date.fromisoformat(point["from"]), date.fromisoformat(point["to"])
        expected = _figures(about(organisation, last), name, first, last).get(path, 0)
        asking.compare(where, f"{first} to {last}", point["value"], expected)
    days = [date.fromisoformat(each[end]) for each in body["points"] for end in ("from", "to")]
    last = min(period[1], about(organisation).as_of)
    asking.compare(where, "from", days[:1], [period[0]] if period[0] <= last else [])
    asking.compare(where, "to", days[-1:], [last] if period[0] <= last else [])
    gaps = [
        (before, after) for before, after in zip(days[1::2], days[2::2], strict=False) if before + DAY != after
    ]
    asking.compare(where, "gaps", gaps, [])


async def side_by_side(
    asking: Asking, about: About, organisation: str, question: str, period: tuple[date, date]
) -> None:
    """The children, the highest value first; equal ones share a rank."""
    report = about(organisation)
    # On today's tree a child's flows are its own too: nobody comes or goes.
    measure = asking.chosen.choice(OVER_TIME if report.hierarchy == "current" else LEVELS)
    name, _, path = measure.partition(".")
    values = {child: _figures(about(child), name, *period).get(path, 0) for child in report.children()}
    where = f"{organisation}/ranking?{question}&measure={measure}"
    body = await asking.way.http.get(where)
    said = {each["organisation"]["id"]: (each["rank"], each["value"]) for each in body["ranking"]}
    expected = {
        child: (1 + sum(other > value for other in values.values()), value) for child, value in values.items()
    }
    asking.compare(where, measure, said, expected)
    order = [each["rank"] for each in body["ranking"]]
    asking.compare(where, "order", order, sorted(order))
