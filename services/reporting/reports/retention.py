"""`retention`: who was admitted in which year, and what has become of these memberships."""

from collections import Counter
from typing import Any

from services.reporting.reports import figures
from services.reporting.reports.additive import Bodies
from services.reporting.reports.figures import REASONS, added, nested
from services.reporting.reports.made_of import cohort_of
from services.reporting.reports.reading import Reading
from shared.timeline.attainment import percent


async def retention(reading: Reading) -> Bodies:
    """Admissions up to `as_of` by the year of the ceremony, and how many ended by then, and why."""
    question = reading.question
    found: dict[str, dict[int, Counter[str]]] = {part: {} for part in question.parts}
    rows = await reading.listed(cohort_of(question, None).of, "cohorts")
    for row in rows:
        if row.part in found:
            cohort = found[row.part].setdefault(row.cohort, Counter())
            cohort[f"retention.{row.what}"] += row.memberships
            cohort["retention.still_members"] += row.memberships * (1 if row.what == "admitted" else -1)
    return {part: _body(cohorts) for part, cohorts in found.items()}


def _body(cohorts: dict[int, Counter[str]]) -> dict[str, Any]:
    together = sum(cohorts.values(), Counter[str]())
    # Counters drop what is 0, which is what a missing measure counts as.
    whole = _figures(together)
    return whole | {
        "cohorts": [
            {"cohort": year, **_figures(amounts), "by_reason_percent": _percents(amounts)}
            for year, amounts in sorted(cohorts.items())
        ]
    }


def _figures(amounts: Counter[str]) -> dict[str, Any]:
    found: dict[str, Any] = nested(added(figures.RETENTION, amounts))
    return found | {"ended_percent": percent(found["ended"], found["admitted"])}


def _percents(amounts: Counter[str]) -> dict[str, float | None]:
    admitted = amounts["retention.admitted"]
    return {reason: percent(amounts[f"retention.{reason}"], admitted) for reason in REASONS}
