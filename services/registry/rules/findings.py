"""Soft rules: what a recorded event is noted for, without being held back."""

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

from services.registry.rules.references import person_key
from services.registry.rules.rulepack import RulePack
from shared.events import person
from shared.events.receipts import Finding
from shared.events.vocabulary import REFERENCE
from shared.timeline.fact import Fact
from shared.timeline.fold import Folded, Step
from shared.timeline.person import PersonState

if TYPE_CHECKING:
    from services.registry.rules.decide import Situation


def findings(fact: Fact, situation: "Situation") -> Iterator[Finding]:
    """Findings from what the event says and what is on record about others."""
    match fact.data:
        case person.MentorAssigned(mentor_id=mentor_id):
            folded = situation.folded(person_key(str(mentor_id)))
            membership = folded.state.membership if folded and isinstance(folded.state, PersonState) else None
            if membership is None or membership.status != "official":
                found = "nobody of that id" if folded is None else "one who is not"
                yield Finding(
                    "mentor-not-official", f"expected mentor {mentor_id} to be an official member, found {found}"
                )
        case person.MemberAdmitted():
            profile = situation.profile(fact)
            if profile is not None and profile.birth_year is not None:
                yield from _age(fact.effectiveon, profile.birth_year, situation.rulepack)
        case _:
            pass
    reason = getattr(fact.data, "reason", None)
    if isinstance(fact.data, person.CandidateClosed | person.MentorReleased) and reason not in REFERENCE.reasons:
        yield Finding("unlisted-code", f"the reason `{reason}` is not on the reference list yet")


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


def stage_findings(step: Step, rulepack: RulePack) -> Iterator[Finding]:
    """Findings from the state that the event meets."""
    if isinstance(step.fact.data, person.MemberConfirmed):
        assert isinstance(step.before, PersonState)
        membership, day = step.before.membership, step.fact.effectiveon
        probation = rulepack.on("probation", day)
        if membership is None or membership.admitted_on is None or probation is None:
            return
        due = months_after(membership.admitted_on, probation.value)
        if day < due:
            yield Finding(
                "probation-too-short", f"expected confirmation from {due} on ({probation.regulation}), found {day}"
            )


def months_after(day: date, months: int) -> date:
    """The same day so many months later, or the last day of that month where it has none such."""
    years, month = divmod(day.month - 1 + months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(day.year + years, month + 1, min(day.day, last))
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")


def seating(before: Folded, after: Folded) -> Iterator[Finding]:
    """Which facts a late fact unseats, and which ones fit again because of it."""
    for event_id in sorted(after.unseated - before.unseated):
        yield Finding(
            "unseats", f"event {event_id} does not fit after this one and counts nothing until it fits again"
        )
    for event_id in sorted(before.unseated - after.unseated):
        yield Finding("reseats", f"event {event_id} fits again and counts")
