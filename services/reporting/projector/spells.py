"""Spells: what holds for a person in an organisation for a while, and the edges where it begins and ends. Pure.

A deadline runs, a certificate waits, a mentor has a charge, nobody mentors. Each edge is one row that is only ever
added, with sign, as deltas are; which figures it changes on which days follows from it when they are read, see
`counted_…` in `sql/spells.sql`. A deadline so takes two rows instead of a dozen deltas.
"""

from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import Literal
from uuid import UUID

from msgspec import Struct

from services.reporting.due_days import due, first_whole_period, report_period_end, reports_due, reports_due_from
from shared.events import person as events
from shared.events.vocabulary import REFERENCE
from shared.law.rulepack import Rule, RuleValue, law
from shared.timeline.course import Vote
from shared.timeline.fold import Step
from shared.timeline.person import STAGES, PersonState

How = Literal["begins", "kept", "ends", "comes", "goes"]
"""`kept`: ends because what was due was done. `comes`, `goes`: it runs on in another organisation."""

_APPLIED = frozenset(STAGES[STAGES.index("applied") :])


class Spell(Struct, frozen=True, gc=False):
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


_UNMENTORED = Spell("without_mentor.candidates")
_UNMENTORED_MEMBER = Spell("without_mentor.probationary")


class Edge(Struct, frozen=True, gc=False):
    """An organisation's spell begins or ends on `day`; `change` is -1 where that turns out not to be so."""

    organisation_id: str
    kind: str
    how: How
    day: date
    first: date | None
    last: date | None
    mentor: UUID | None
    change: int


def edges(step: Step, change: int) -> list[Edge]:
    """The edges that one fact of a person makes, `change` times."""
    before, after = step.before, step.after
    if not isinstance(before, PersonState) or not isinstance(after, PersonState):
        return []
    moved = _moved(before, after)
    families = FAMILIES if moved else _touched(before, after)
    if not families:
        return []
    becomes = _standing(after)
    was = _standing(before) if moved else becomes
    day, said = step.fact.effectiveon, type(step.fact.data)
    found: list[Edge] = []
    for family in families:
        were = family(before) if was is not None else ()
        are = family(after) if becomes is not None else ()
        for spell in were:
            assert was is not None
            if spell not in are:
                how: How = "kept" if KEPT_BY.get(spell.kind) is said else "ends"
                found.append(_edge(was[1], spell, how, day, change))
            elif becomes is not None and was[1] != becomes[1]:
                found.append(_edge(was[1], spell, "goes", day, change))
                found.append(_edge(becomes[1], spell, "comes", day, change))
        for spell in are:
            if spell not in were:
                assert becomes is not None
                found.append(_edge(becomes[1], spell, "begins", day, change))
    return found


def _edge(organisation_id: str, spell: Spell, how: How, day: date, change: int) -> Edge:
    return Edge(organisation_id, spell.kind, how, day, spell.first, spell.last, spell.mentor, change)


def _standing(state: PersonState) -> tuple[str, str] | None:
    """As what, and in which organisation; None: neither candidate nor member, of whom no spell is."""
    if state.candidacy is not None:
        return ("candidate", state.candidacy.organisation_id)
    return None if state.membership is None else (state.membership.status, state.membership.organisation_id)


def _moved(before: PersonState, after: PersonState) -> bool:
    """Whether the person stands as something else, or elsewhere."""
    if before.membership is after.membership:
        was, becomes = before.candidacy, after.candidacy
        if was is becomes:
            return False
        if was is not None and becomes is not None:
            return was.organisation_id != becomes.organisation_id
    return _standing(before) != _standing(after)


def _in_use(state: PersonState) -> bool:
    """Whether the candidate's certificate is in use: the stage `applied` is reached."""
    return state.candidacy is not None and state.candidacy.stage in _APPLIED


KEPT_BY: dict[str, type[Struct]] = {
    "deadline.mentor_assignment": events.MentorAssigned,
    "deadline.decision_admission": events.DecisionIssued,
    "deadline.ceremony": events.MemberAdmitted,
    "deadline.confirmation": events.MemberConfirmed,
    "deadline.decision_confirmation": events.DecisionIssued,
    "deadline.transfer": events.TransferAccepted,
}
"""Kind of a deadline → the fact that keeps it when it ends it."""

Spells = tuple[Spell, ...]


def _mentor_assignment(state: PersonState) -> Spells:
    since = state.course.listed_on
    return () if since is None or state.candidacy is None else _deadline("mentor_assignment", since)


def _decisions(state: PersonState) -> Spells:
    found: Spells = ()
    for vote in state.course.votes:
        if state.candidacy is not None and vote.purpose == "admission" and _reached(vote):
            found += _deadline("decision_admission", vote.day)
        elif _is_probationary(state) and vote.purpose == "confirmation" and _reached(vote):
            found += _deadline("decision_confirmation", vote.day)
    return found


def _ceremony(state: PersonState) -> Spells:
    received_on = state.course.received_on
    if received_on is None or state.candidacy is None or state.course.outcome in REFERENCE.refusals:
        return ()
    return _deadline("ceremony", received_on)


def _confirmation(state: PersonState) -> Spells:
    if state.membership is None or state.membership.admitted_on is None or not _is_probationary(state):
        return ()
    over = due("probation", state.membership.admitted_on)
    return () if over is None else _deadline("confirmation", over)


def _transfer(state: PersonState) -> Spells:
    sent_on = state.course.sent_on
    return () if sent_on is None or state.transfer is None else _deadline("transfer", sent_on)


def _certificate(state: PersonState) -> Spells:
    certificate = state.certificate
    if certificate is None or state.candidacy is None:
        return ()
    last = certificate.expires_on or due("certificate", certificate.issued_on)
    return (Spell("certificate.in_use" if _in_use(state) else "certificate.unused", last=last),)


def _charges(state: PersonState) -> Spells:
    if state.candidacy is None and not _is_probationary(state):
        return ()
    if not state.course.charges:
        return (_UNMENTORED if state.candidacy is not None else _UNMENTORED_MEMBER,)
    charges = state.course.charges
    return tuple([Spell("charge", reports_due_from(each.since), mentor=each.mentor_id) for each in charges])


def _reports(state: PersonState) -> Spells:
    if not state.reports or (state.candidacy is None and not _is_probationary(state)):
        return ()
    found: dict[Spell, None] = {}  # for a period and mentor one, however many there are
    for charge in state.course.charges:
        whole = first_whole_period(charge.since)
        for report in state.reports:
            end = report_period_end(report.period_to) if report.mentor_id == charge.mentor_id else None
            if end is not None and whole is not None and end >= whole:
                found[Spell("report", last=reports_due(end), mentor=charge.mentor_id)] = None
    return tuple(found)


Family = Callable[[PersonState], Spells]
"""Spells that follow from one part of a state."""

FAMILIES: tuple[Family, ...] = (
    _mentor_assignment,
    _decisions,
    _ceremony,
    _confirmation,
    _transfer,
    _certificate,
    _charges,
    _reports,
)


def _touched(before: PersonState, after: PersonState) -> list[Family]:
    """The families that may say something else of one who stands as before: of nearly every fact one or none."""
    found: list[Family] = []
    was, becomes = before.course, after.course
    recharged = False
    if was is not becomes:
        recharged = was.charges != becomes.charges
        if was.listed_on != becomes.listed_on:
            found.append(_mentor_assignment)
        if was.votes != becomes.votes:
            found.append(_decisions)
        if was.received_on != becomes.received_on or was.outcome != becomes.outcome:
            found.append(_ceremony)
        if recharged:
            found.append(_charges)
    if before.transfer is not after.transfer:
        found.append(_transfer)
    if recharged or before.reports is not after.reports:
        found.append(_reports)
    if before.certificate is not after.certificate or (
        before.candidacy is not after.candidacy and _in_use(before) != _in_use(after)
    ):
        found.append(_certificate)
    return found


def _is_probationary(state: PersonState) -> bool:
    return state.candidacy is None and state.membership is not None and state.membership.status == "probationary"


def _reached(vote: Vote) -> bool:
    threshold = _threshold(vote.day)
    return threshold is None or vote.in_favour * threshold.of >= vote.eligible * threshold.value


@lru_cache(maxsize=10_000)
def _threshold(day: date) -> RuleValue | None:
    return law().on("vote_threshold", day)


@lru_cache(maxsize=10_000)
def _deadline(rule: Rule, since: date) -> Spells:
    last = due(rule, since)
    return () if last is None else (Spell(f"deadline.{rule}", since, last),)


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
