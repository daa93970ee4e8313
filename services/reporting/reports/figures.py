"""Figures: which measures of the signed deltas each figure of an answer adds up."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from types import MappingProxyType

from shared.events.vocabulary import ORGANISATION_KINDS, SECTORS, FlowMetric
from shared.law.rulepack import Rule
from shared.timeline.measures import CANDIDATE_LEVELS, MEMBER_LEVELS
from shared.timeline.person import STAGES

Measures = tuple[str, ...]

FOUNDED: Measures = tuple(f"founded.{sector}" for sector in SECTORS)
ENDED: Measures = ("ended.removed", "ended.expelled", "ended.resigned", "ended.deceased")
COVERAGE_COUNTS = ("total", "uncovered", "without_members", "fewer_than_3", "shared")
ENTERPRISE_COUNTS = ("total", "with_organisation", "with_3_members", "could_be_founded")

TOTALS: Mapping[str, Measures] = MappingProxyType(
    {
        "members.total": MEMBER_LEVELS,
        "members.official": ("members.official", "balance.official"),
        "members.probationary": ("members.probationary", "balance.probationary"),
        "candidates.open": CANDIDATE_LEVELS,
        **{f"candidates.by_stage.{stage}": (f"candidates.{stage}",) for stage in STAGES},
        "organisations.grassroots": ("kind.grassroots_committee", "kind.grassroots_cell"),
        "organisations.grassroots_committees": ("kind.grassroots_committee",),
        "organisations.grassroots_cells": ("kind.grassroots_cell",),
        "organisations.cells_under_grassroots_committees": ("kind.cell",),
        "organisations.private_enterprise": ("sector.private_enterprise",),
    }
)
"""Levels of `totals`."""

STRUCTURE_LEVELS: Mapping[str, Measures] = MappingProxyType(
    {
        **{f"by_kind.{kind}": (f"kind.{kind}",) for kind in ORGANISATION_KINDS},
        **{f"by_sector.{sector}": (f"sector.{sector}",) for sector in SECTORS},
    }
)
STRUCTURE_FLOWS: Mapping[str, Measures] = MappingProxyType(
    {
        "founded.total": FOUNDED,
        **{f"founded.by_sector.{sector}": (f"founded.{sector}",) for sector in SECTORS},
        "ended": ("organisations_ended",),
    }
)

ACTUAL_FLOWS: Mapping[FlowMetric, Measures] = MappingProxyType(
    {
        "admissions": ("admissions",),
        "confirmations": ("confirmations",),
        "candidates_identified": ("candidates_identified",),
        "training_completions": ("training_completions",),
        "organisations_founded": FOUNDED,
        "private_enterprise_organisations_founded": ("founded.private_enterprise",),
    }
)
"""Flows that targets are about."""

MOVEMENTS: Mapping[str, Measures] = MappingProxyType(
    {
        "declared": ("declared",),
        "admitted": ("admissions",),
        "enrolled": ("enrolled",),
        "transferred_in": ("transferred_in",),
        "reorganised_in": ("reorganised_in", "entered"),
        "transferred_out": ("transferred_out",),
        "ended": ENDED,
        "reorganised_out": ("reorganised_out", "left"),
        "linked": ("linked",),
    }
)
"""What changes the number of members; `entered` and `left` with an organisation that changed sides."""

COVERAGE: Mapping[str, Measures] = MappingProxyType(
    {f"counts.{name}": (f"places.{name}",) for name in COVERAGE_COUNTS}
)
"""Places of `coverage` by what is the matter with them."""

ENTERPRISE: Mapping[str, Measures] = MappingProxyType(
    {f"counts.{name}": (f"enterprises.{name}",) for name in ENTERPRISE_COUNTS}
)
"""Private enterprises of `enterprise` by whether an organisation is there or could be."""

_BY_STAGE = tuple(enumerate(STAGES))
CANDIDATES: Mapping[str, Measures] = MappingProxyType(
    {path: of for path, of in TOTALS.items() if path.startswith("candidates.")}
)
"""Levels of `funnel`: the same as in `totals`."""
CONVERSION: Mapping[str, Measures] = MappingProxyType(
    {
        "conversion.identified": ("cohort.reached.0",),
        "conversion.admitted": (f"cohort.went_on.{len(STAGES) - 1}",),
        "conversion.closed": tuple(f"cohort.closed.{number}" for number, _ in _BY_STAGE),
        "conversion.otherwise": tuple(f"cohort.otherwise.{number}" for number, _ in _BY_STAGE),
        "conversion.open": tuple(f"cohort.waiting.{number}" for number, _ in _BY_STAGE),
        **{
            f"conversion.by_stage.{stage}.{what}": (f"cohort.{what}.{number}",)
            for number, stage in _BY_STAGE
            for what in ("reached", "went_on", "closed", "otherwise", "waiting")
        },
    }
)
"""What has become of the candidacies that began in the period; stages by their places in a candidacy."""
DAYS: Mapping[str, Measures] = MappingProxyType(
    {f"days.{stage}.count": (f"went_on.{number}",) for number, stage in _BY_STAGE}
)
"""Steps that ended a stay at each stage."""

LOST = ("removed", "expelled", "resigned", "deceased")
REASONS = (*LOST, "transferred_out", "linked")
RETENTION: Mapping[str, Measures] = MappingProxyType(
    {
        "admitted": ("retention.admitted",),
        "ended": tuple(f"retention.{reason}" for reason in LOST),
        **{f"by_reason.{reason}": (f"retention.{reason}",) for reason in REASONS},
        "still_members": ("retention.still_members",),
    }
)
"""What has become of admissions: of all, or of those of one year."""

BLOCKED: Mapping[str, Measures] = MappingProxyType(
    {f"counts.{name}": (f"blocked.{name}",) for name in ("cells", "with_candidates", "blocked", "candidates")}
)
"""Cells of `blocked`, and the candidates who wait in those that are."""
DEADLINES: tuple[Rule, ...] = (
    "mentor_assignment",
    "decision_admission",
    "ceremony",
    "confirmation",
    "decision_confirmation",
    "transfer",
)
"""Rules of the pack whose deadlines `timeliness` tells."""


def _of_deadlines(figures: tuple[str, ...]) -> Mapping[str, Measures]:
    found: dict[str, Measures] = {}
    for figure in figures:
        found[f"all.{figure}"] = tuple(f"{figure}.deadline.{rule}" for rule in DEADLINES)
        found |= {f"deadlines.{rule}.{figure}": (f"{figure}.deadline.{rule}",) for rule in DEADLINES}
    return MappingProxyType(found)


TIMELINESS_FLOWS = _of_deadlines(("due", "on_time", "missed", "late"))
TIMELINESS_LEVELS = _of_deadlines(("open", "overdue"))

MENTORING_DAYS: Mapping[str, Measures] = MappingProxyType(
    {"reports.due": ("charges",), "reports.in": ("reports_in",)}
)
"""Levels of the days on which mentors' reports are due, added up."""
MENTORING_FLOWS: Mapping[str, Measures] = MappingProxyType({"reports.late": ("reports_late",)})
MENTORING_LEVELS: Mapping[str, Measures] = MappingProxyType(
    {f"without_mentor.{each}": (f"without_mentor.{each}",) for each in ("candidates", "probationary")}
)

MANY = 4
"""Persons from which on a mentor's load is told as one."""
MENTORS: Mapping[str, Measures] = MappingProxyType(
    {
        "load.mentors": tuple(f"load.{persons}" for persons in range(1, MANY + 1)),
        **{f"load.by_persons.{persons}": (f"load.{persons}",) for persons in range(1, MANY)},
        f"load.by_persons.{MANY}_or_more": (f"load.{MANY}",),
        "load.over_limit": ("load.over_limit",),
    }
)
"""Mentors by how many persons are in their charge; whoever has persons of several children counts in each."""

TRAINING_LEVELS: Mapping[str, Measures] = MappingProxyType(
    {
        "certificates.unused": ("certificates.valid", "certificates.expired"),
        **{f"certificates.{each}": (f"certificates.{each}",) for each in ("valid", "expired", "in_use")},
    }
)
TRAINING_FLOWS: Mapping[str, Measures] = MappingProxyType({"completions": ("training_completions",)})
MONTHS_AHEAD = 60
"""Months of expiry that `training` tells after the month of `as_of`."""


def expiry_months(as_of: date) -> dict[str, Measures]:
    """Unused certificates by the month in which they expire, from that of `as_of` on."""
    first = as_of.year * 12 + as_of.month - 1
    months = [f"{each // 12:04}-{each % 12 + 1:02}" for each in range(first, first + MONTHS_AHEAD + 1)]
    return {f"certificates.by_expiry_month.{month}": (f"certificates.{month}",) for month in months}


def measures_of(figures: Mapping[str, Measures]) -> set[str]:
    """All measures that these figures add up."""
    return {measure for measures in figures.values() for measure in measures}


@lru_cache(maxsize=1024)
def _split(path: str) -> tuple[tuple[str, ...], str]:
    *outer, name = path.split(".")
    return tuple(outer), name


def nested(figures: Mapping[str, int]) -> dict[str, object]:
    """`{"members": {"total": 1}}` of `{"members.total": 1}`."""
    body: dict[str, object] = {}
    for path, amount in figures.items():
        outer, name = _split(path)
        inner = body
        for step in outer:
            following = inner.setdefault(step, {})
            assert isinstance(following, dict)
            inner = following
        inner[name] = amount
    return body


def added(figures: Mapping[str, Measures], amounts: Mapping[str, int]) -> dict[str, int]:
    """Each figure's amount, its measures added up."""
    return {path: sum(amounts.get(each, 0) for each in measures) for path, measures in figures.items()}
