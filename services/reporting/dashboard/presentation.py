"""Figures made ready to be shown: worded in a language, each with the address of the events behind it."""

from typing import Any

import msgspec
from msgspec import Struct

from services.reporting.dashboard.address import Address
from services.reporting.dashboard.findings import Findings
from services.reporting.dashboard.language import Language
from services.reporting.reports.question import OWN, WHOLE, Organisation
from shared.timeline.person import STAGES

SIGNS = {"exceeded": "▲", "attained": "✓", "on_track": "●", "behind": "▼", "missed": "✕"}
"""What stands beside a status in words, so that it is seen at a glance without its colour."""

GAINS = ("declared", "admitted", "enrolled", "transferred_in", "reorganised_in")
LOSSES = ("transferred_out", "ended", "reorganised_out", "linked")

PERIOD_FIGURES = (
    "admissions",
    "confirmations",
    "candidates_identified",
    "training_completions",
    "organisations_founded",
    "private_enterprise_organisations_founded",
)


class Figure(Struct, frozen=True):
    """A number as shown and where its events are."""

    name: str
    shown: str
    amount: int
    evidence: str | None = None
    sign: str = ""


class Target(Struct, frozen=True):
    """A target as a row of the table and a bar of the chart."""

    metric: str
    basis: str
    issuer: str | None
    period: str
    asked: str
    actual: Figure
    percent: str
    share: float | None
    difference: str
    expected: str
    remaining: str
    status: str
    sign: str
    said: str


class Child(Struct, frozen=True):
    """One row of the table of children; `organisation` is None for what belongs to none of them."""

    organisation: Organisation | None
    members: Figure
    admitted: Figure
    candidates: Figure
    targets: list[Target]


class Presentation:
    """Findings about one organisation, in one language, in the view of one address."""

    def __init__(self, findings: Findings, address: Address, language: Language) -> None:
        self._findings = findings
        self._address = address
        self._language = language
        self._id = findings.question.organisation.id

    def total(self, path: str) -> Figure:
        """A figure of `totals`."""
        return self._figure(self._id, f"totals.{path}", _at(self._findings.totals[WHOLE], path))

    def actual(self, metric: str) -> Figure:
        """A figure of the period, or of the day that closes it."""
        amount = self._findings.attainment[WHOLE]["actuals"][metric]
        return self._figure(self._id, f"actuals.{metric}", amount, f"metric.{metric}")

    def period(self) -> list[Figure]:
        """What happened in the period."""
        return [self.actual(metric) for metric in PERIOD_FIGURES]

    def stages(self) -> list[Figure]:
        """Open candidates by stage."""
        by_stage = self._findings.totals[WHOLE]["candidates"]["by_stage"]
        return [
            self._figure(self._id, f"totals.candidates.by_stage.{stage}", by_stage[stage], f"stage.{stage}")
            for stage in STAGES
        ]

    def movements(self) -> list[Figure]:
        """From the opening to the closing number of members, signed so that the column adds up."""
        rows = [self._movement("opening", "")]
        rows += [self._movement(name, "+") for name in GAINS]
        rows += [self._movement(name, "−") for name in LOSSES]
        residual = self._findings.movements["residual"]
        name = self._language.text("movement.residual")
        rows.append(
            Figure(name, self._language.number(abs(residual)), residual, sign="−" if residual < 0 else "+")
        )
        return [*rows, self._movement("closing", "=")]

    def targets(self) -> list[Target]:
        """The organisation's targets."""
        return self._targets(self._id, WHOLE)

    def bars(self) -> str:
        """The same targets as the chart takes them, as JSON."""
        rows = self._findings.attainment[WHOLE]["targets"]
        bars = [
            {
                "metric": target.metric,
                "basis": target.basis,
                "figures": f"{target.actual.shown} / {target.asked} · {target.percent}",
                "status": row["status"],
                "said": f"{target.sign} {target.said}",
                "share": row["attainment_percent"],
                "expected": round(row["expected_to_date"] / row["target"] * 100, 1) if row["target"] else None,
            }
            for row, target in zip(rows, self.targets(), strict=True)
        ]
        return msgspec.json.encode(bars).decode()

    def children(self) -> list[Child]:
        """The children, and last what belongs to none of them."""
        children = [self._child(each, each.id) for each in self._findings.question.children]
        return [*children, self._child(None, OWN)]

    def whole(self) -> Child:
        """What the rows of `children` add up to."""
        return self._child(self._findings.question.organisation, WHOLE)

    def _child(self, organisation: Organisation | None, part: str) -> Child:
        owner = organisation.id if organisation else None
        totals, actuals = self._findings.totals[part], self._findings.attainment[part]["actuals"]
        return Child(
            organisation=organisation,
            members=self._figure(owner, "totals.members.total", totals["members"]["total"]),
            admitted=self._figure(owner, "actuals.admissions", actuals["admissions"]),
            candidates=self._figure(owner, "totals.candidates.open", totals["candidates"]["open"]),
            targets=self._targets(owner, part) if owner else [],
        )

    def _movement(self, name: str, sign: str) -> Figure:
        amount = self._findings.movements[name]
        figure = self._figure(self._id, f"movements.{name}", amount, f"movement.{name}")
        return msgspec.structs.replace(figure, sign=sign)

    def _targets(self, owner: str, part: str) -> list[Target]:
        return [self._target(owner, row) for row in self._findings.attainment[part]["targets"]]

    def _target(self, owner: str, row: dict[str, Any]) -> Target:
        language, issuer = self._language, row["issuer_id"]
        evidence = self._address.evidence(owner, f"actuals.{row['metric']}", row["from"], row["to"])
        value = language.number(row["target"])
        return Target(
            metric=language.text(f"metric.{row['metric']}"),
            basis=language.text(f"basis.{row['basis']}"),
            issuer=None if issuer == owner else self._findings.names.get(issuer, issuer),
            period=language.text("period.span", first=language.day(row["from"]), last=language.day(row["to"])),
            asked=language.text(f"comparison.{row['comparison']}", value=value),
            actual=Figure("", language.number(row["actual"]), row["actual"], evidence),
            percent=language.percent(row["attainment_percent"]),
            share=row["attainment_percent"],
            difference=language.difference(row["excess_percent"]),
            expected=language.number(row["expected_to_date"]),
            remaining=language.number(row["remaining"]),
            status=row["status"],
            sign=SIGNS[row["status"]],
            said=language.text(f"status.{row['status']}"),
        )

    def _figure(self, owner: str | None, measure: str, amount: int, name: str = "") -> Figure:
        evidence = self._address.evidence(owner, measure) if owner else None
        said = self._language.text(name) if name else ""
        return Figure(said, self._language.number(amount), amount, evidence)


def _at(body: dict[str, Any], path: str) -> int:
    found: Any = body
    for step in path.split("."):
        found = found[step]
    return int(found)
