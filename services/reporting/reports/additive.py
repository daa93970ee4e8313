"""`totals`, `movements` and `structure`: bodies that are nothing but sums."""

from typing import Any

from services.reporting.reports.figures import nested
from services.reporting.reports.made_of import amounts
from services.reporting.reports.reading import Reading

Bodies = dict[str, dict[str, Any]]
"""Part of the answer → its body."""


async def totals(reading: Reading) -> Bodies:
    """Members, open candidates and organisations on the evening of `as_of`."""
    return {part: nested(found) for part, found in (await amounts(reading, "totals")).items()}


async def structure(reading: Reading) -> Bodies:
    """Organisations by kind and sector on `as_of`, and those founded and ended in the period."""
    return {part: nested(found) for part, found in (await amounts(reading, "structure")).items()}


async def movements_report(reading: Reading) -> Bodies:
    """From the evening before `from` to the evening of the period's end: why the number of members changed."""
    return {part: _reconciled(**found) for part, found in (await amounts(reading, "movements")).items()}


def _reconciled(opening: int, closing: int, **moved: int) -> dict[str, Any]:
    gains = ("declared", "admitted", "enrolled", "transferred_in", "reorganised_in")
    expected = opening + sum(amount if name in gains else -amount for name, amount in moved.items())
    return {"opening": opening, **moved, "closing": closing, "residual": closing - expected}
