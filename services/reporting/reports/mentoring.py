"""`mentoring`: reports in ÷ due, who has no mentor, and how many persons each mentor has."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import text

from services.reporting.projector.spells import LAW, days_of_reports
from services.reporting.reports import figures
from services.reporting.reports.additive import Bodies
from services.reporting.reports.figures import added, measures_of, nested
from services.reporting.reports.reading import (
    DAY,
    SPELLS,
    Reading,
    of_spells,
    scope_parameters,
    spell_days,
    spell_flows,
    spell_levels,
)
from services.reporting.reports.rules import with_rules
from shared.timeline.attainment import percent

MANY = 4
"""Persons from which on a mentor's load is told as one."""

After = tuple[int, str]
"""Where a page of mentors begins: behind this number of persons and id."""


async def mentoring(reading: Reading, listed: bool, after: After | None, limit: int) -> Bodies:
    """Reports in ÷ due in the period; those without a mentor, and each mentor's load, on the evening of `as_of`.

    `listed`: with a page of mentors by id.
    """
    question = reading.question
    days = days_of_reports(question.from_, question.until)
    due = await reading.sums(spell_days(days, measures_of(figures.MENTORING_DAYS)))
    late = await reading.sums(spell_flows(question.from_, question.until, measures_of(figures.MENTORING_FLOWS)))
    without = await reading.sums(spell_levels(question.as_of, measures_of(figures.MENTORING_LEVELS)))
    loads = await _loads(reading)
    bodies: Bodies = {}
    for part in question.parts:
        body = nested(
            added(figures.MENTORING_DAYS, due[part])
            | added(figures.MENTORING_FLOWS, late[part])
            | added(figures.MENTORING_LEVELS, without[part])
        )
        reports: Any = body["reports"]
        reports["in_percent"] = percent(reports["in"], reports["due"])
        bodies[part] = body | {"load": _load(loads[part], question.as_of)}
    if listed:
        await _list(reading, bodies, after, limit)
    return with_rules(bodies, question, ("mentor_assignment", "mentor_report", "mentor_report_due", "mentor_load"))


Loads = dict[int, int]
"""Persons → how many mentors have so many."""


async def _loads(reading: Reading) -> dict[str, Loads]:
    found: dict[str, Loads] = {part: {} for part in reading.question.parts}
    for row in await _ask(reading, "mentors_by_load"):
        if row.part in found:
            found[row.part][row.persons] = row.mentors
    return found


def _load(loads: Loads, as_of: date) -> dict[str, Any]:
    limit = LAW.on("mentor_load", as_of)
    by_persons = {str(persons): loads.get(persons, 0) for persons in range(1, MANY)}
    by_persons[f"{MANY}_or_more"] = sum(mentors for persons, mentors in loads.items() if persons >= MANY)
    over = None if limit is None else sum(n for persons, n in loads.items() if persons > limit.value)
    return {"mentors": sum(loads.values()), "by_persons": by_persons, "over_limit": over}


async def _list(reading: Reading, bodies: Bodies, after: After | None, limit: int) -> None:
    behind = {"after_persons": after and after[0], "after_id": after and UUID(after[1])}
    rows = await _ask(reading, "listed_mentors", limit=limit + 1, **behind)
    for part, body in bodies.items():
        own = [row for row in rows if row.part == part]
        body["mentors"] = [{"mentor_id": row.mentor, "persons": row.persons} for row in own[:limit]]
        last = own[limit - 1] if len(own) > limit else None
        body["next"] = last and (last.persons, str(last.mentor))


async def _ask(reading: Reading, asked: str, **more: Any) -> Sequence[Any]:
    question = reading.question
    parameters = {
        **scope_parameters(question),
        "lower": question.as_of,
        "upper": question.as_of + DAY,
        "days": [question.as_of],
        "kinds": ["charge"],
        **more,
    }
    return (await reading.connection.execute(_LOADS[(question.hierarchy, asked)], parameters)).all()


_LOADS = {
    (tree, asked): text(of_spells(tree, "held_on_days", "load") + "\n" + SPELLS[asked].text)
    for tree in ("as_was", "current")
    for asked in ("mentors_by_load", "listed_mentors")
}
