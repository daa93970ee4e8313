"""Soft rules: what a recorded event is noted for, without being held back."""

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from msgspec import Struct

from services.registry.rules.references import person_key
from shared.events import organisation, person
from shared.events.correction import FactCorrected
from shared.events.receipts import Finding
from shared.events.vocabulary import REFERENCE
from shared.law.calendar import months_after, working_days_after
from shared.law.rulepack import RulePack
from shared.timeline.book import Effect
from shared.timeline.fact import Fact
from shared.timeline.fold import Step, fold
from shared.timeline.person import PersonState

if TYPE_CHECKING:
    from services.registry.rules.decide import Situation

_Reasoned = (
    person.CandidateClosed
    | person.MentorReleased
    | person.TransferCancelled
    | organisation.TargetRevised
    | organisation.TargetWithdrawn
    | FactCorrected
)


def findings(fact: Fact, situation: "Situation") -> Iterable[Finding]:
    """Findings from what the event says and what is on record about others."""
    look = _ON_OTHERS.get(type(fact.data))
    return () if look is None else look(fact, situation)


def _mentor(fact: Fact, situation: "Situation") -> Iterator[Finding]:
    mentor_id, day = cast(person.MentorAssigned, fact.data).mentor_id, fact.effectiveon
    state = _on_the_evening_of(day, person_key(str(mentor_id)), situation)
    membership = state.membership if state is not None else None
    if membership is None or membership.status != "official":
        found = "nobody of that id" if state is None else "one who is not"
        yield Finding(
            "mentor-not-official", f"expected mentor {mentor_id} to be an official member on {day}, found {found}"
        )


def _on_the_evening_of(day: date, subject: str, situation: "Situation") -> PersonState | None:
    """Where a person stands whose first or second id this is; None of one whom the registry does not know."""
    state: PersonState | None = None
    seen: set[str] = set()
    while subject not in seen:
        seen.add(subject)
        folded = situation.folded(subject)
        if folded is None:
            return None
        state = cast(PersonState, folded.state)
        if folded.last is not None and folded.last[0] > day:
            until = (each for each in situation.timeline(subject) if each.effectiveon <= day)
            state = cast(PersonState, fold("person", until, situation.lineage).state)
        subject = state.linked_to or subject
    return state


def _age_at_admission(fact: Fact, situation: "Situation") -> Iterator[Finding]:
    year = situation.year_of_birth(fact)
    if year is not None:
        yield from _age(fact.effectiveon, year, situation.rulepack)


def _reason(fact: Fact, situation: "Situation") -> Iterator[Finding]:
    reason = cast(_Reasoned, fact.data).reason
    if reason not in REFERENCE.reasons:
        yield Finding("unlisted-code", f"the reason `{reason}` is not on the reference list yet")


_ON_OTHERS: dict[type, Callable[[Fact, "Situation"], Iterator[Finding]]] = {
    person.MentorAssigned: _mentor,
    person.MemberAdmitted: _age_at_admission,
    person.CandidateClosed: _reason,
    person.MentorReleased: _reason,
    person.TransferCancelled: _reason,
    organisation.TargetRevised: _reason,
    organisation.TargetWithdrawn: _reason,
    FactCorrected: _reason,
}


def _age(day: date, birth_year: int, rulepack: RulePack) -> Iterator[Finding]:
    minimum = rulepack.on("admission_age_minimum", day)
    maximum = rulepack.on("admission_age_maximum", day)
    # Only the year is known: a finding where no birthday of that year would fit. The year itself is not repeated.
    if minimum is not None and day.year - birth_year < minimum.value:
        yield Finding(
            "age-out-of-range", f"expected at least {minimum.value} years on {day} ({minimum.regulation})"
        )
    if maximum is not None and day.year - birth_year - 1 > maximum.value:
        yield Finding(
            "age-out-of-range", f"expected at most {maximum.value} years on {day} ({maximum.regulation})"
        )


def stage_findings(step: Step, rulepack: RulePack) -> Iterable[Finding]:
    """Findings from the state that the event meets in its subject's own timeline."""
    look = _ON_OWN_STAGE.get(type(step.fact.data))
    if look is None or not isinstance(step.before, PersonState):
        return ()
    return look(step.before, step.fact.effectiveon, step.fact.data, rulepack)


def of_ordinary(step: Step, situation: "Situation") -> tuple[Finding, ...]:
    """All findings of a fact that was added at the end of its person's timeline."""
    said = type(step.fact.data)
    on_others, on_own = _ON_OTHERS.get(said), _ON_OWN_STAGE.get(said)
    found = () if on_others is None else tuple(on_others(step.fact, situation))
    if on_own is not None:
        before = cast(PersonState, step.before)
        found += tuple(on_own(before, step.fact.effectiveon, step.fact.data, situation.rulepack))
    return found


def _probation(before: PersonState, day: date, _: Struct, rulepack: RulePack) -> Iterator[Finding]:
    membership = before.membership
    if membership is None or membership.admitted_on is None:
        return
    probation = rulepack.on("probation", membership.admitted_on)
    if probation is None:
        return
    due = months_after(membership.admitted_on, probation.value)
    if day < due:
        message = f"expected confirmation from {due} on ({probation.regulation}), found {day}"
        yield Finding("probation-too-short", message)


def _certificate(before: PersonState, day: date, _: Struct, rulepack: RulePack) -> Iterator[Finding]:
    certificate = before.certificate
    if certificate is None:
        yield Finding(
            "no-certificate", f"expected a valid certificate of the awareness class on {day}, found none"
        )
        return
    expires_on, validity = certificate.expires_on, rulepack.on("certificate", certificate.issued_on)
    if expires_on is None and validity is not None:
        expires_on = months_after(certificate.issued_on, validity.value)
    if expires_on is not None and expires_on < day:
        message = f"expected a valid certificate of the awareness class on {day}, found one until {expires_on}"
        yield Finding("certificate-expired", message)


def _ceremony(before: PersonState, day: date, _: Struct, rulepack: RulePack) -> Iterator[Finding]:
    decision = next((each for each in before.decisions if each.purpose == "admission"), None)
    if decision is None:
        yield Finding("no-decision", f"expected the decision on the admission by {day}, found none on record")
        return
    if before.course.outcome in REFERENCE.refusals:
        yield Finding(
            "no-decision",
            f"expected a decision that grants the admission by {day}, found the outcome `{before.course.outcome}`",
        )
        return
    if decision.received_on is None:
        return
    limit = rulepack.on("ceremony", decision.received_on)
    if limit is None:
        return
    due = working_days_after(decision.received_on, limit.value)
    if day > due:
        message = f"expected the ceremony by {due}, {limit.value} working days after receipt of the decision"
        yield Finding("ceremony-late", f"{message} ({limit.regulation}), found {day}")


def _introducers(
    _: PersonState, day: date, said: person.IntroductionConfirmed, rulepack: RulePack
) -> Iterator[Finding]:
    wanted, found = rulepack.on("introducers", day), len({each.id for each in said.introducers})
    if wanted is not None and found < wanted.value:
        yield Finding(
            "too-few-introducers",
            f"expected at least {wanted.value} of them ({wanted.regulation}), found {found}",
        )


def _vote(_: PersonState, day: date, vote: person.VoteHeld, rulepack: RulePack) -> Iterator[Finding]:
    share = rulepack.on("vote_threshold", day)
    if share is not None and vote.in_favour * share.of < vote.eligible * share.value:
        found = f"{vote.in_favour} of {vote.eligible}"
        yield Finding(
            "below-threshold",
            f"expected {share.value}/{share.of} in favour ({share.regulation}), found {found}",
        )


def _decision(before: PersonState, _: date, said: person.DecisionIssued, __: RulePack) -> Iterator[Finding]:
    if said.purpose not in before.voted:
        yield Finding("no-vote", f"expected a vote on the {said.purpose} before its decision, found none")


def _report(before: PersonState, _: date, report: person.MentorReportSubmitted, __: RulePack) -> Iterator[Finding]:
    if report.mentor_id not in before.mentors:
        yield Finding("not-a-current-mentor", "expected a report by a current mentor, found one by somebody else")
    period = (report.mentor_id, report.period_from, report.period_to)
    if any((each.mentor_id, each.period_from, each.period_to) == period for each in before.reports):
        message = f"expected one report for {report.period_from} to {report.period_to}, found another"
        yield Finding("second-report", message)


_ON_OWN_STAGE: dict[type, Callable[[PersonState, date, Any, RulePack], Iterator[Finding]]] = {
    person.MemberConfirmed: _probation,
    person.ApplicationSubmitted: _certificate,
    person.IntroductionConfirmed: _introducers,
    person.VoteHeld: _vote,
    person.DecisionIssued: _decision,
    person.MemberAdmitted: _ceremony,
    person.MentorReportSubmitted: _report,
}


def seating(fact: Fact, effect: Effect, situation: "Situation") -> Iterator[Finding]:
    """Which facts this one unseats, on whatever timeline, and which ones fit again because of it."""
    unseated, reseated = set[UUID](), set[UUID]()
    for subject, after in effect.folds.items():
        before = situation.folded(subject)
        known = before.unseated if before is not None else frozenset[UUID]()
        if after.unseated is known:
            continue  # nearly always: added at the end
        unseated |= after.unseated - known
        reseated |= known - after.unseated
    if isinstance(fact.data, FactCorrected) and fact.data.replacement is None:
        reseated.discard(fact.data.corrects)  # it is no fact any more
    # What goes from one timeline to another, as after a link, and fits on neither, counts nothing as before.
    for event_id in sorted(unseated - reseated - {fact.event_id}):
        yield Finding(
            "unseats", f"event {event_id} does not fit after this one and counts nothing until it fits again"
        )
    for event_id in sorted(reseated - unseated):
        yield Finding("reseats", f"event {event_id} fits again and counts")
