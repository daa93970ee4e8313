"""`mentoring`: reports in ÷ due, who has no mentor, and how many persons each mentor has."""

from collections import Counter
from typing import Any
from uuid import UUID

from services.reporting.reports.additive import Bodies
from services.reporting.reports.figures import added, nested
from services.reporting.reports.made_of import FIGURES, Asked, Figures, amounts, amounts_of
from services.reporting.reports.reading import Reading
from services.reporting.reports.rules import with_rules
from shared.law.rulepack import law
from shared.timeline.attainment import percent

After = tuple[int, str]
"""Where a page of mentors begins: behind this number of persons and id."""


async def mentoring(reading: Reading, listed: bool, after: After | None, limit: int) -> Bodies:
    """Reports in ÷ due in the period; those without a mentor, and each mentor's load, on the evening of `as_of`.

    `listed`: with a page of mentors by id.
    """
    question = reading.question
    if listed:
        *others, loads = FIGURES["mentoring"](Asked(question))
        found = await amounts_of(reading, others)
        told, pages = await _list(reading, loads, after, limit)
        found = {part: each | told[part] for part, each in found.items()}
    else:
        found, pages = await amounts(reading, "mentoring"), {}
    over_limit_is_told = law().on("mentor_load", question.as_of) is not None
    bodies = {part: _body(each, over_limit_is_told) | pages.get(part, {}) for part, each in found.items()}
    return with_rules(bodies, question, ("mentor_assignment", "mentor_report", "mentor_report_due", "mentor_load"))


def _body(found: dict[str, int], over_limit_is_told: bool) -> dict[str, Any]:
    body: dict[str, Any] = nested(found)
    reports = body["reports"]
    reports["in_percent"] = percent(reports["in"], reports["due"])
    if not over_limit_is_told:
        body["load"]["over_limit"] = None
    return body


async def _list(
    reading: Reading, loads: Figures, after: After | None, limit: int
) -> tuple[dict[str, dict[str, int]], dict[str, dict[str, Any]]]:
    """The figures of loads, and a page of mentors, of each part."""
    behind = {"after_persons": after and after[0], "after_id": after and UUID(after[1])}
    rows = await reading.listed(loads.of, "listed_mentors", limit=limit + 1, **behind)
    told, pages = {}, {}
    for part in reading.question.parts:
        own = [row for row in rows if row.part == part]
        sums = {row.measure: row.amount for row in own if row.measure is not None}
        mentors = [row for row in own if row.measure is None]
        last = mentors[limit - 1] if len(mentors) > limit else None
        told[part] = added(loads.paths, Counter(sums))
        pages[part] = {
            "mentors": [{"mentor_id": row.mentor, "persons": row.persons} for row in mentors[:limit]],
            "next": last and (last.persons, str(last.mentor)),
        }
    return told, pages
