"""`funnel`: where candidates stand, what became of those of the period, and how long each step took."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from services.reporting.reports import figures
from services.reporting.reports.additive import Bodies
from services.reporting.reports.figures import measures_of, nested
from services.reporting.reports.made_of import FIGURES, Asked, values
from services.reporting.reports.reading import Reading
from services.reporting.reports.wanted import went_on
from shared.timeline.attainment import percent
from shared.timeline.person import STAGES

Waits = Mapping[int, int]
"""Days → how many took so many."""


async def funnel(reading: Reading) -> Bodies:
    """Open candidates on `as_of`; the cohort of the period; days of the steps taken in the period."""
    # Counts of days come with what the days were.
    standing, followed, _ = FIGURES["funnel"](Asked(reading.question))
    candidates, conversion = await values(reading, standing), await values(reading, followed)
    waits = await _waits(reading)
    return {
        part: nested(candidates[part])
        | _conversion(conversion[part])
        | {"days": {stage: days(waits[part][number]) for number, stage in enumerate(STAGES)}}
        for part in reading.question.parts
    }


async def _waits(reading: Reading) -> dict[str, dict[int, Counter[int]]]:
    """Part → place of a stage → days from its milestone to the next one → steps."""
    question = reading.question
    found = {part: {number: Counter[int]() for number in range(len(STAGES))} for part in question.parts}
    wanted = went_on(question.from_, question.until, measures_of(figures.DAYS))
    for row in await reading.listed(wanted, "days_taken"):
        if row.part in found:
            found[row.part][row.stage][row.days] += row.steps
    return found


def _conversion(amounts: dict[str, int]) -> dict[str, Any]:
    body: dict[str, Any] = nested(amounts)
    whole = body["conversion"]
    for stage in whole["by_stage"].values():
        stage["went_on_percent"] = percent(stage["went_on"], stage["reached"])
    whole["admitted_percent"] = percent(whole["admitted"], whole["identified"])
    return body


def days(waits: Waits) -> dict[str, int | None]:
    """How many waits there were, and the fewest days within which half, and nine in ten of them were over."""
    count = sum(waits.values())
    return {"count": count, "median": within(waits, 1, 2), "p90": within(waits, 9, 10)}


def within(waits: Waits, share: int, of: int) -> int | None:
    """The fewest days within which `share` in `of` of the waits were over; None where there were none."""
    count = sum(waits.values())
    over = 0
    for took, number in sorted(waits.items()):
        over += number
        if over * of >= count * share:
            return took
    return None
