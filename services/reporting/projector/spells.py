"""Spells: what holds for a person in an organisation for a while, and the edges where it begins and ends. Pure.

A deadline runs, a certificate waits, a mentor has a charge, nobody mentors. Each edge is one row that is only ever
added, with sign, as deltas are; which figures it changes on which days follows from it when they are read, see
`counted` in `sql/spells.sql`. A deadline so takes two rows instead of a dozen deltas.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache
from typing import Literal
from uuid import UUID

from msgspec import Struct

from shared.events import person as events
from shared.events.vocabulary import REFERENCE
from shared.law.calendar import months_after, period_end, working_days_after
from shared.law.rulepack import Rule, RulePack
from shared.timeline.course import Course
from shared.timeline.course import Vote as PendingVote
from shared.timeline.fold import Step
from shared.timeline.person import STAGES, PersonState, belongs_to

LAW = RulePack.shipped()

How = Literal["begins", "kept", "ends", "comes", "goes"]
"""`kept`: ends because what was due was done. `comes`, `goes`: it runs on in another organisation."""

APPLIED = STAGES.index("applied")
_FIRST_YEAR, _LAST_YEAR = 1900, 2200
"""Of days that deadlines are counted from: no holidays are known far away, and the calendar itself ends."""


class Spell(Struct, frozen=True):
    """What holds: `deadline.RULE`, `certificate.unused`, `certificate.in_use`, `without_mentor.STANDING`, `charge`
    of a mentor, or `report` of one for a period.
    """

    kind: str
    first: date | None = None
    """Of a deadline: on which it begins, if that is not before the fact that says so. Of a charge: from which on
    its reports can be due."""
    last: date | None = None
    """Of a deadline, or a certificate's validity; of a report the day on which it is due."""
    mentor: UUID | None = None


class Edge(Struct, frozen=True):
    """An organisation's spell begins or ends on `day`; `change` is -1 where that turns out not to be so."""

    organisation_id: str
    kind: str
    how: How
    day: date
    first: date | None
    last: date | None
    mentor: UUID | None
    change: int


def edges(step: Step, change: int) -> Iterator[Edge]:
    """The edges that one fact of a person makes, `change` times."""
    before, after = step.before, step.after
    if not isinstance(before, PersonState) or not isinstance(after, PersonState) or _alike(before, after):
        return
    day, said = step.fact.effectiveon, type(step.fact.data)
    home_before, home_after = belongs_to(before) or "", belongs_to(after) or ""
    were, are = dict.fromkeys(spells(before)), dict.fromkeys(spells(after))
    for spell in were:
        how: How | None = "kept" if KEPT_BY.get(spell.kind) is said else "ends"
        if spell in are:
            how = "goes" if home_before != home_after else None
        if how is not None:
            yield _edge(home_before, spell, how, day, change)
    for spell in are:
        if spell not in were:
            yield _edge(home_after, spell, "begins", day, change)
        elif home_before != home_after:
            yield _edge(home_after, spell, "comes", day, change)


def _edge(organisation_id: str, spell: Spell, how: How, day: date, change: int) -> Edge:
    return Edge(organisation_id, spell.kind, how, day, spell.first, spell.last, spell.mentor, change)


def _alike(before: PersonState, after: PersonState) -> bool:
    """Whether nothing changed that spells follow from: nearly every fact leaves it as it is."""
    if (
        before.membership is not after.membership
        or before.course is not after.course
        or before.certificate is not after.certificate
        or before.reports is not after.reports
        or before.transfer is not after.transfer
    ):
        return False
    was, becomes = before.candidacy, after.candidacy
    if was is becomes:
        return True
    if was is None or becomes is None or was.organisation_id != becomes.organisation_id:
        return False
    return before.certificate is None or _applied(was.stage) == _applied(becomes.stage)


def _applied(stage: str) -> bool:
    return STAGES.index(stage) >= APPLIED


KEPT_BY: dict[str, type[Struct]] = {
    "deadline.mentor_assignment": events.MentorAssigned,
    "deadline.decision_admission": events.DecisionIssued,
    "deadline.ceremony": events.MemberAdmitted,
    "deadline.confirmation": events.MemberConfirmed,
    "deadline.decision_confirmation": events.DecisionIssued,
    "deadline.transfer": events.TransferAccepted,
}
"""Kind of a deadline → the fact that keeps it when it ends it."""


def spells(state: PersonState) -> Iterator[Spell]:
    """What holds in a state, for the organisation that the person belongs to."""
    course = state.course
    if state.candidacy is not None:
        yield from _of_candidate(state, course)
    elif state.membership is not None:
        yield from _of_member(state, course)
    if state.candidacy is not None or (state.membership is not None and state.membership.status == "probationary"):
        yield from _of_charges(state, course)


def _of_candidate(state: PersonState, course: Course) -> Iterator[Spell]:
    assert state.candidacy is not None
    if course.listed_on is not None:
        yield from _deadline("mentor_assignment", course.listed_on)
    yield from _decision("admission", "decision_admission", course.votes)
    if course.received_on is not None and course.outcome not in REFERENCE.refusals:
        yield from _deadline("ceremony", course.received_on)
    if not course.charges:
        yield Spell("without_mentor.candidates")
    if state.certificate is not None:
        kind = "certificate.in_use" if _applied(state.candidacy.stage) else "certificate.unused"
        yield Spell(kind, last=state.certificate.expires_on or due("certificate", state.certificate.issued_on))


def _of_member(state: PersonState, course: Course) -> Iterator[Spell]:
    assert state.membership is not None
    if state.membership.status == "probationary":
        over = state.membership.admitted_on and due("probation", state.membership.admitted_on)
        if over is not None:
            yield from _deadline("confirmation", over)
        yield from _decision("confirmation", "decision_confirmation", course.votes)
        if not course.charges:
            yield Spell("without_mentor.probationary")
    if state.transfer is not None and course.sent_on is not None:
        yield from _deadline("transfer", course.sent_on)


def _decision(purpose: str, rule: Rule, votes: tuple[PendingVote, ...]) -> Iterator[Spell]:
    for vote in votes:
        share = LAW.on("vote_threshold", vote.day)
        reached = share is None or vote.in_favour * share.of >= vote.eligible * share.value
        if vote.purpose == purpose and reached:
            yield from _deadline(rule, vote.day)


def counted_kind(measure: str) -> str:
    """The kind of the spells that a measure counts, see `sql/spells.sql`."""
    family, _, rest = measure.partition(".")
    match family:
        case "without_mentor":
            return measure
        case "certificates":
            return "certificate.in_use" if rest == "in_use" else "certificate.unused"
        case "charges":
            return "charge"
        case "reports_in" | "reports_late":
            return "report"
        case _:
            return rest


def _deadline(rule: Rule, since: date) -> Iterator[Spell]:
    last = due(rule, since)
    if last is not None:
        yield Spell(f"deadline.{rule}", since, last)


def _of_charges(state: PersonState, course: Course) -> Iterator[Spell]:
    for charge in course.charges:
        whole = _first_whole_period(charge.since)
        first = whole and reports_due(whole - timedelta(days=1))
        yield Spell("charge", first and first + timedelta(days=1), mentor=charge.mentor_id)
        for report in state.reports:
            if report.mentor_id != charge.mentor_id:
                continue
            end = _period_end(report.period_to)
            # For a whole period of the charge, however often: a spell is there once.
            if end is not None and whole is not None and end >= whole:
                yield Spell("report", last=reports_due(end), mentor=charge.mentor_id)


def _first_whole_period(since: date) -> date | None:
    """The first day of the first reporting period that begins on a day or after it."""
    end = _period_end(since - timedelta(days=1))
    return end and end + timedelta(days=1)


@lru_cache(maxsize=10_000)
def _period_end(day: date) -> date | None:
    """The last day of the reporting period of a day."""

    def months(end: date) -> int | None:
        value = LAW.on("mentor_report", end)
        return value.value if value is not None else None

    return period_end(day, months) if _FIRST_YEAR <= day.year < _LAST_YEAR else None


@lru_cache(maxsize=1_000)
def reports_due(end: date) -> date | None:
    """The day on which reports for a period that ends on `end` are due."""
    return due("mentor_report_due", end)


def days_of_reports(first: date, last: date) -> list[date]:
    """The days from `first` to `last`, both included, on which mentors' reports are due."""
    found = []
    known_since = min((value.from_ for value in LAW.all("mentor_report")), default=last)
    end = _period_end(max(first - timedelta(days=366), known_since))
    while end is not None and (day := reports_due(end)) is not None and day <= last:
        if day >= first:
            found.append(day)
        end = _period_end(end + timedelta(days=1))
    return found


@lru_cache(maxsize=10_000)
def due(rule: Rule, since: date) -> date | None:
    """The last day of what a rule allows from a day on; None where none is known."""
    value = LAW.on(rule, since)
    if value is None or not _FIRST_YEAR <= since.year < _LAST_YEAR:
        return None
    match value.unit:
        case "working_days":
            return working_days_after(since, value.value)
        case "months":
            return months_after(since, value.value)
        case "calendar_days":
            return since + timedelta(days=value.value)
        case _:
            raise ValueError(f"{rule} is counted in {value.unit}, which no deadline is")
