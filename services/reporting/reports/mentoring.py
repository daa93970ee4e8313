"""`mentoring`: reports in ÷ due, who has no mentor, and how many persons each mentor has."""

from typing import Any
from uuid import UUID

from services.reporting.reports.additive import Bodies
from services.reporting.reports.figures import MENTORS, measures_of, nested
from services.reporting.reports.made_of import amounts
from services.reporting.reports.reading import Reading
from services.reporting.reports.rules import with_rules
from services.reporting.reports.wanted import mentors
from shared.law.rulepack import law
from shared.timeline.attainment import percent

After = tuple[int, str]
"""Where a page of mentors begins: behind this number of persons and id."""


async def mentoring(reading: Reading, listed: bool, after: After | None, limit: int) -> Bodies:
    """Reports in ÷ due in the period; those without a mentor, and each mentor's load, on the evening of `as_of`.

    `listed`: with a page of mentors by id.
    """
    question = reading.question
    bodies: Bodies = {}
    for part, found in (await amounts(reading, "mentoring")).items():
        body: dict[str, Any] = nested(found)
        reports = body["reports"]
        reports["in_percent"] = percent(reports["in"], reports["due"])
        if law().on("mentor_load", question.as_of) is None:
            body["load"]["over_limit"] = None
        bodies[part] = body
    if listed:
        await _list(reading, bodies, after, limit)
    return with_rules(bodies, question, ("mentor_assignment", "mentor_report", "mentor_report_due", "mentor_load"))


async def _list(reading: Reading, bodies: Bodies, after: After | None, limit: int) -> None:
    behind = {"after_persons": after and after[0], "after_id": after and UUID(after[1])}
    wanted = mentors(reading.question.as_of, measures_of(MENTORS))
    rows = await reading.listed(wanted, "listed_mentors", limit=limit + 1, **behind)
    for part, body in bodies.items():
        own = [row for row in rows if row.part == part]
        body["mentors"] = [{"mentor_id": row.mentor, "persons": row.persons} for row in own[:limit]]
        last = own[limit - 1] if len(own) > limit else None
        body["next"] = last and (last.persons, str(last.mentor))
