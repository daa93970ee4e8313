"""`totals`, `movements` and `structure`: bodies that are nothing but sums."""

from typing import Any

from services.reporting.reports import figures
from services.reporting.reports.figures import added, measures_of, nested
from services.reporting.reports.reading import DAY, Reading, levels, movements, own_flows
from shared.timeline.measures import MEMBER_LEVELS

Bodies = dict[str, dict[str, Any]]
"""Part of the answer → its body."""


async def totals(reading: Reading) -> Bodies:
    """Members, open candidates and organisations on the evening of `as_of`."""
    sums = await reading.sums(levels(reading.question.as_of, measures_of(figures.TOTALS)))
    return {part: nested(added(figures.TOTALS, amounts)) for part, amounts in sums.items()}


async def structure(reading: Reading) -> Bodies:
    """Organisations by kind and sector on `as_of`, and those founded and ended in the period."""
    question = reading.question
    standing = await reading.sums(levels(question.as_of, measures_of(figures.STRUCTURE_LEVELS)))
    changed = await reading.sums(own_flows(question.from_, question.until, measures_of(figures.STRUCTURE_FLOWS)))
    return {
        part: nested(
            added(figures.STRUCTURE_LEVELS, standing[part]) | added(figures.STRUCTURE_FLOWS, changed[part])
        )
        for part in question.parts
    }


async def movements_report(reading: Reading) -> Bodies:
    """From the evening before `from` to the evening of the period's end: why the number of members changed."""
    question = reading.question
    # A period that begins after `as_of` has no day yet: it closes as it opens.
    first, last = question.from_, max(question.until, question.from_ - DAY)
    opening = await reading.sums(levels(first - DAY, MEMBER_LEVELS))
    closing = await reading.sums(levels(last, MEMBER_LEVELS))
    moved = await reading.sums(movements(first, last, measures_of(figures.MOVEMENTS)))
    return {
        part: _reconciled(
            sum(opening[part].values()), added(figures.MOVEMENTS, moved[part]), sum(closing[part].values())
        )
        for part in question.parts
    }


def _reconciled(opening: int, moved: dict[str, int], closing: int) -> dict[str, Any]:
    gains = ("declared", "admitted", "enrolled", "transferred_in", "reorganised_in")
    expected = opening + sum(amount if name in gains else -amount for name, amount in moved.items())
    return {"opening": opening, **moved, "closing": closing, "residual": closing - expected}
