"""`blocked`: cells that have candidates and admit nobody, with the step at which most of them wait."""

from collections import Counter
from datetime import date
from typing import Any

from services.reporting.reports import figures
from services.reporting.reports.additive import Bodies
from services.reporting.reports.coverage import After
from services.reporting.reports.figures import measures_of
from services.reporting.reports.funnel import within
from services.reporting.reports.reading import Reading
from services.reporting.reports.statements import PERSON_PIECES
from services.reporting.reports.wanted import blocked as cells
from services.reporting.reports.wanted import twelve_months_to
from shared.timeline.person import STAGES

COUNTS = tuple(path.removeprefix("counts.") for path in figures.BLOCKED)

Waits = dict[int, Counter[int]]
"""Place of a stage → days since its milestone → open candidates."""


async def blocked(reading: Reading, at_least: int, after: After | None, limit: int) -> Bodies:
    """Cells with at least so many open candidates on `as_of` and no admission in the twelve months to it.

    A page of them, those with the most candidates first; `after` begins with their negative number.
    """
    question = reading.question
    wanted = cells(question.as_of, at_least, measures_of(figures.BLOCKED))
    behind = {"after_open": after and -after[0], "after_id": after and after[1]}
    rows = await reading.listed(wanted, "listed_blocked", limit=limit + 1, **behind)
    waits = await _waits(reading, sorted({row.id for row in rows if row.id is not None}))
    bodies: Bodies = {}
    for part in question.parts:
        of_part = [row for row in rows if row.part == part]
        found = [row for row in of_part if row.id is not None]
        shown = found[:limit]
        bodies[part] = {
            "at_least": at_least,
            "no_admission_since": twelve_months_to(question.as_of),
            "counts": {name: getattr(of_part[0], name) if of_part else 0 for name in COUNTS},
            "cells": [_cell(row, waits[row.id]) for row in shown],
            "next": (-shown[-1].open, shown[-1].id) if len(found) > limit else None,
        }
    return bodies


async def _waits(reading: Reading, ids: list[str]) -> dict[str, Waits]:
    question = reading.question
    found: dict[str, Waits] = {each: {} for each in ids}
    if ids:
        parameters = {"cells": ids, "day": question.as_of, "known": question.known}
        for row in (await reading.connection.execute(PERSON_PIECES["waiting_in"], parameters)).all():
            waited = _days(row.since, question.as_of)
            found[row.id].setdefault(row.stage, Counter())[waited] += row.candidates
    return found


def _days(since: date, until: date) -> int:
    return (until - since).days


def _cell(row: Any, waits: Waits) -> dict[str, Any]:
    stages = {number: waits.get(number, Counter()) for number in range(len(STAGES))}
    stops = max(stages, key=lambda number: (stages[number].total(), -number))
    return {
        "organisation": {"id": row.id, "name": row.name, "kind": row.kind},
        "parent": None if row.parent_id is None else {"id": row.parent_id, "name": row.parent_name},
        "open": row.open,
        "last_admission": row.last_admission,
        "stage": STAGES[stops],
        "at_stage": stages[stops].total(),
        "median_days": within(stages[stops], 1, 2),
        "longest_days": max(stages[stops], default=None),
        "by_stage": {stage: stages[number].total() for number, stage in enumerate(STAGES)},
    }
