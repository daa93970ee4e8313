"""Reports that follow persons: where candidates stand and stop, how long it took, and who stayed."""

from collections import Counter
from datetime import date, timedelta
from math import ceil
from typing import Any

from tests.oracle.persons import STAGES
from tests.oracle.report import Report

REASONS = ("removed", "expelled", "resigned", "deceased", "transferred_out", "linked")


def funnel(report: Report, first: date, last: date) -> dict[str, int | None]:
    """Figures of `funnel`; None where a median has nothing to be made of."""
    until = min(last, report.as_of)
    world = report.history.evening(report.as_of)
    found: Counter[str] = Counter()
    for journey in world.journeys:
        began = report.history.evening(journey["on"])
        if not first <= journey["on"] <= until or journey["at"] not in report.happening(began):
            continue
        end = journey["end"] or "open"
        found["conversion.identified"] += 1
        found[f"conversion.{end}"] += 1
        got_to = STAGES.index(journey["stage"])
        for number, stage in enumerate(STAGES):
            path = f"conversion.by_stage.{stage}"
            found[f"{path}.reached"] += end == "admitted" or number <= got_to
            found[f"{path}.went_on"] += end == "admitted" or number < got_to
            if end != "admitted" and number == got_to:
                found[f"{path}.{'waiting' if end == 'open' else end}"] += 1
    standing = {path: each for path, each in report.totals().items() if path.startswith("candidates.")}
    figures: dict[str, int | None] = {**found, **standing}
    waits: dict[str, list[int]] = {stage: [] for stage in STAGES}
    for day, evening in report.history.evenings:
        if first <= day <= until:
            here = report.happening(evening)
            for stage, at, days in evening.went_on:
                if at in here:
                    waits[stage].append(days)
    for stage, days_of in waits.items():
        figures[f"days.{stage}.count"] = len(days_of)
        figures[f"days.{stage}.median"] = within(days_of, 0.5)
        figures[f"days.{stage}.p90"] = within(days_of, 0.9)
    return figures


def within(days: list[int], share: float) -> int | None:
    """The fewest days within which that share of the waits was over."""
    return sorted(days)[ceil(len(days) * share) - 1] if days else None


def retention(report: Report) -> dict[str, dict[str, int]]:
    """Year of admission → what became of those admitted; and of all together under `all`."""
    found: dict[str, Counter[str]] = {"all": Counter()}
    for admission in report.history.evening(report.as_of).admissions:
        if admission["at"] not in report.happening(report.history.evening(admission["on"])):
            continue
        for cohort in ("all", str(admission["on"].year)):
            counted = found.setdefault(cohort, Counter())
            counted["admitted"] += 1
            if admission["end"] is None:
                counted["still_members"] += 1
            else:
                counted[f"by_reason.{admission['end']}"] += 1
                counted["ended"] += admission["end"] not in ("transferred_out", "linked")
    return {cohort: {path: each for path, each in counted.items() if each} for cohort, counted in found.items()}


def blocked(report: Report, at_least: int) -> tuple[dict[str, int], list[dict[str, Any]]]:
    """Counts of `blocked`, and the blocked cells in order."""
    world = report.history.evening(report.as_of)
    since = _a_year_before(report.as_of) + timedelta(days=1)
    counts: Counter[str] = Counter()
    rows = []
    for cell in report.counted(world):
        if world.organisations[cell]["kind"] not in ("cell", "grassroots_cell"):
            continue
        candidates = [each["candidate"] for each in world.persons.values()]
        here = [each for each in candidates if each is not None and each["at"] == cell]
        admissions = [
            day
            for day, evening in report.history.evenings
            if day <= report.as_of and ("admissions", cell, None) in evening.happened
        ]
        counts["counts.cells"] += 1
        if len(here) < at_least:
            continue
        counts["counts.with_candidates"] += 1
        if admissions and admissions[-1] >= since:
            continue
        counts["counts.blocked"] += 1
        counts["counts.candidates"] += len(here)
        stages = Counter(each["stage"] for each in here)
        stage = next(each for each in STAGES if stages[each] == max(stages.values()))
        waits = [(report.as_of - each["since"]).days for each in here if each["stage"] == stage]
        rows.append(
            {
                "id": cell,
                "open": len(here),
                "last_admission": str(admissions[-1]) if admissions else None,
                "stage": stage,
                "at_stage": len(waits),
                "median_days": within(waits, 0.5),
                "longest_days": max(waits),
                "by_stage": {each: stages[each] for each in STAGES},
            }
        )
    return dict(counts), sorted(rows, key=lambda row: (-row["open"], row["id"]))


def _a_year_before(day: date) -> date:
    try:
        return day.replace(year=day.year - 1)
    except ValueError:
        return day.replace(year=day.year - 1, day=28)
