"""`evidence`: a figure of another report, and the events behind it."""

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
)
from shared.timeline.measures import MEMBER_LEVELS


class UnknownMeasure(Exception):
    """No figure has this path; the message lists those that have events behind them."""


def wanted(measure: str, question: Question) -> Wanted:
    """What a figure's path adds up; the report's own name may go before it. Raises UnknownMeasure."""
    offered = dict(_offered(question))
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


def _offered(question: Question) -> Iterator[tuple[str, Wanted]]:
    """Paths and what they add up; where two reports have the same path, movements' comes last and stands."""
    for report, path, each in figures_of(question):
        yield f"{report}.{path}", each
        yield path, each


def figures_of(question: Question) -> Iterator[tuple[str, str, Wanted]]:
    """All figures with events behind them: report, path in its answer, and what it adds up."""
    first, last = question.from_, question.until
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


async def evidence(reading: Reading, measure: str, after: int, limit: int) -> dict[str, Any]:
    """`value` of the figure and a page of its events, in log order; `next` is the `after` of the next page."""
    asked = wanted(measure, reading.question)
    value = await reading.value(asked)
    rows = await reading.events(asked, after, limit + 1)
    events = [
        {"position": row.position, "source": row.source, "event_id": row.event_id, "change": row.change}
        for row in rows[:limit]
    ]
    following = events[-1]["position"] if len(rows) > limit else None
    return {"measure": measure, "value": value, "events": events, "next": following}
