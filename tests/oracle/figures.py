"""The figures of every report, by its name."""

from collections.abc import Callable, Mapping
from datetime import date

from tests.oracle import people, places
from tests.oracle.report import Report

Figures = Mapping[str, int | None]
Recount = Callable[[Report], Figures]


def recount(name: str, first: date, last: date, at_least: int = 1) -> Recount:
    """How a report's figures are recounted for whatever is asked about; those that add up, medians, no lists."""
    match name:
        case "totals":
            return Report.totals
        case "structure":
            return lambda report: report.structure(first, last)
        case "movements":
            return lambda report: report.movements(first, last)
        case "timeliness":
            return lambda report: report.timeliness(first, last)
        case "mentoring":
            return lambda report: report.mentoring(first, last)
        case "training":
            return lambda report: report.training(first, last)
        case "attainment":
            return lambda report: {f"actuals.{path}": each for path, each in report.actuals(first, last).items()}
        case "profile":
            return lambda report: {"admitted": report.flow("admissions", first, min(last, report.as_of))}
        case "funnel":
            return lambda report: people.funnel(report, first, last)
        case "retention":
            return lambda report: people.retention(report)["all"]
        case "blocked":
            return lambda report: people.blocked(report, at_least)[0]
        case "coverage":
            return lambda report: places.coverage(report)[0]
        case "enterprise":
            return lambda report: places.enterprise(report)[0]
        case _:
            raise ValueError(f"expected a report that counts something, found {name}")
