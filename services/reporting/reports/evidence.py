"""`evidence`: a figure of another report, and the events behind it."""

import re
from collections.abc import Iterator
from typing import Any

from services.reporting.projector.spells import days_of_reports
from services.reporting.reports import figures
from services.reporting.reports.profile import is_of_profile
from services.reporting.reports.question import Question
from services.reporting.reports.reading import (
    DAY,
    Reading,
    Wanted,
    blocked,
    cohort,
    enterprises,
    flows,
    levels,
    movements,
    own_flows,
    places,
    places_without_members,
    spell_days,
    spell_flows,
    spell_levels,
    went_on,
)
from services.reporting.reports.retention import admissions
from shared.timeline.measures import MEMBER_LEVELS


class UnknownMeasure(Exception):
    """No figure has this path; the message lists those that have events behind them."""


_OF_A_COHORT = re.compile(r"(?:retention\.)?cohorts\.(?P<year>(?:19|20|21)\d\d)\.(?P<path>.+)")


def wanted(measure: str, question: Question, at_least: int = 1) -> Wanted:
    """What a figure's path adds up; the report's own name may go before it. Raises UnknownMeasure.

    at_least: how many candidates a cell of `blocked` has.
    """
    one_year = _OF_A_COHORT.fullmatch(measure)
    if one_year is not None and one_year["path"] in figures.RETENTION:
        return admissions(question, int(one_year["year"]), figures.RETENTION[one_year["path"]])
    offered = dict(_offered(question, at_least))
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


def _offered(question: Question, at_least: int) -> Iterator[tuple[str, Wanted]]:
    """Paths and what they add up; where two reports have the same path, movements' comes last and stands."""
    for report, path, each in figures_of(question, at_least):
        yield f"{report}.{path}", each
        yield path, each


def figures_of(question: Question, at_least: int = 1) -> Iterator[tuple[str, str, Wanted]]:
    """All figures with events behind them: report, path in its answer, and what it adds up."""
    first, last = question.from_, question.until
    for path, measures in figures.RETENTION.items():
        yield "retention", path, admissions(question, None, measures)
    for path, measures in figures.BLOCKED.items():
        yield "blocked", path, blocked(question.as_of, at_least, measures)
    for path, measures in figures.CONVERSION.items():
        yield "funnel", path, cohort(first, last, question.as_of, measures)
    for path, measures in figures.DAYS.items():
        yield "funnel", path, went_on(first, last, measures)
    for path, measures in figures.CANDIDATES.items():
        yield "funnel", path, levels(question.as_of, measures)
    for path, measures in figures.COVERAGE.items():
        yield "coverage", path, places(question.as_of, measures)
    for path, measures in figures.ENTERPRISE.items():
        yield "enterprise", path, enterprises(question.as_of, measures)
    for path, measures in figures.TIMELINESS_FLOWS.items():
        yield "timeliness", path, spell_flows(first, last, measures)
    for path, measures in figures.TIMELINESS_LEVELS.items():
        yield "timeliness", path, spell_levels(question.as_of, measures)
    for path, measures in figures.MENTORING_DAYS.items():
        yield "mentoring", path, spell_days(days_of_reports(first, last), measures)
    for path, measures in figures.MENTORING_FLOWS.items():
        yield "mentoring", path, spell_flows(first, last, measures)
    for path, measures in figures.MENTORING_LEVELS.items():
        yield "mentoring", path, spell_levels(question.as_of, measures)
    for path, measures in {**figures.TRAINING_LEVELS, **figures.expiry_months(question.as_of)}.items():
        yield "training", path, spell_levels(question.as_of, measures)
    for path, measures in figures.TRAINING_FLOWS.items():
        yield "training", path, flows(first, last, measures)
    for path, measures in figures.TOTALS.items():
        yield "totals", path, levels(question.as_of, measures)
    for path, measures in figures.STRUCTURE_LEVELS.items():
        yield "structure", path, levels(question.as_of, measures)
    for path, measures in figures.STRUCTURE_FLOWS.items():
        yield "structure", path, own_flows(first, last, measures)
    for metric, measures in figures.ACTUAL_FLOWS.items():
        yield "attainment", f"actuals.{metric}", flows(first, last, measures)
    yield "profile", "admitted", flows(first, last, figures.ACTUAL_FLOWS["admissions"])
    yield "attainment", "actuals.members", levels(last, MEMBER_LEVELS)
    yield "attainment", "actuals.places_without_members", places_without_members(last)
    closing = max(last, first - DAY)
    for path, measures in figures.MOVEMENTS.items():
        yield "movements", path, movements(first, closing, measures)
    yield "movements", "opening", levels(first - DAY, MEMBER_LEVELS)
    yield "movements", "closing", levels(closing, MEMBER_LEVELS)


async def evidence(reading: Reading, measure: str, after: int, limit: int, at_least: int = 1) -> dict[str, Any]:
    """`value` of the figure and a page of its events, in log order; `next` is the `after` of the next page.

    Where the figure counts steps by the days they took, each event says its `days`.
    """
    asked = wanted(measure, reading.question, at_least)
    value = await reading.value(asked)
    rows = await reading.events(asked, after, limit + 1)
    events = [
        {"position": row.position, "source": row.source, "event_id": row.event_id, "change": row.change}
        | ({"days": row.days} if asked.contribution == "went_on" else {})
        for row in rows[:limit]
    ]
    following = events[-1]["position"] if len(rows) > limit else None
    return {"measure": measure, "value": value, "events": events, "next": following}
