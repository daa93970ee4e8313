"""`evidence`: a figure of another report, and the events behind it."""

import re
from typing import Any

from services.reporting.reports import figures
from services.reporting.reports.made_of import cohort_of, figures_of
from services.reporting.reports.profile import is_of_profile
from services.reporting.reports.question import Question
from services.reporting.reports.reading import Reading
from services.reporting.reports.wanted import Wanted


class UnknownMeasure(Exception):
    """No figure has this path; the message lists those that have events behind them."""


_OF_A_COHORT = re.compile(r"(?:retention\.)?cohorts\.(?P<year>(?:19|20|21)\d\d)\.(?P<path>.+)")


def wanted(measure: str, question: Question, at_least: int = 1) -> Wanted:
    """What a figure's path adds up; the report's own name may go before it. Raises UnknownMeasure.

    at_least: how many candidates a cell of `blocked` has.
    """
    one_year = _OF_A_COHORT.fullmatch(measure)
    if one_year is not None and one_year["path"] in figures.RETENTION:
        return cohort_of(question, int(one_year["year"])).of.of(figures.RETENTION[one_year["path"]])
    offered = _offered(question, at_least)
    found = offered.get(measure)
    if found is None and is_of_profile(measure):
        raise UnknownMeasure(
            f"expected a measure other than {measure!r}: the events behind a figure of `profile` would say who "
            "has an attribute; those behind all admissions are at measure=profile.admitted"
        )
    if found is None:
        # Of the months in which certificates expire the first will do.
        known = ", ".join(sorted(offered.keys() - set(list(figures.expiry_months(question.as_of))[1:])))
        raise UnknownMeasure(f"expected measure to be one of {known}; found {measure!r}")
    return found


def with_report(measure: str, question: Question, at_least: int = 1) -> str:
    """A figure's path with its report's name before it; one that nobody has stays as it is."""
    if _OF_A_COHORT.fullmatch(measure):
        return f"retention.{measure.removeprefix('retention.')}"
    named = {path: f"{report}.{path}" for report, path, _ in reversed(list(figures_of(question, at_least)))}
    return named.get(measure, measure)


def _offered(question: Question, at_least: int) -> dict[str, Wanted]:
    """Paths and what they add up, with and without the report's name; see `with_report`."""
    found: dict[str, Wanted] = {}
    for report, path, each in figures_of(question, at_least):
        found[f"{report}.{path}"] = each
        # Of several reports the first has it: `ended` are the members of movements, not structure's organisations.
        found.setdefault(path, each)
    return found


async def evidence(reading: Reading, measure: str, after: int, limit: int, at_least: int = 1) -> dict[str, Any]:
    """`value` of the figure and a page of its events, in log order; `next` is the `after` of the next page.

    Where the figure counts steps by the days they took, each event says its `days`.
    """
    asked = wanted(measure, reading.question, at_least)
    value, rows = await reading.evidence(asked, after, limit + 1)
    events = [
        {"position": row.position, "source": row.source, "event_id": row.event_id, "change": row.change}
        | ({"days": row.days} if asked.contribution == "went_on" else {})
        for row in rows[:limit]
    ]
    following = events[-1]["position"] if len(rows) > limit else None
    return {"measure": measure, "value": value, "events": events, "next": following}
