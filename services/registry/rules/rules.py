"""Hard rules about other subjects than the event's own: judged once, when the event is decided."""

from collections.abc import Iterable, Iterator
from datetime import date
from itertools import accumulate, groupby
from typing import TYPE_CHECKING

from services.registry.rules.references import NamedOrganisation
from shared.events import organisation, person, place
from shared.timeline.fact import Fact
from shared.timeline.measures import MOVING_LEVELS, Change, settle

if TYPE_CHECKING:
    from services.registry.rules.decide import Situation


def violations(fact: Fact, named: Iterable[NamedOrganisation], root: str, situation: "Situation") -> Iterator[str]:
    """What breaks a hard rule: what was expected and what was found, the first first."""
    day = fact.effectiveon
    for each in named:
        state = situation.organisation(each.organisation_id)
        assert state is not None
        if not state.active_on(day):
            yield f"expected {each.organisation_id} to be active on {day}, found it {state.describe(day)}"
    match fact.data:
        case organisation.OrganisationEstablished(parent_id=parent_id):
            if situation.folded(fact.subject) is not None:
                yield f"expected a new id, found {fact.subject} taken"
            if parent_id is None and fact.subject_id != root:
                yield f"expected parent_id, since only the registered root {root} may lack one, found none"
            if parent_id == fact.subject_id:
                yield f"expected another organisation as parent, found {parent_id} itself"
        case organisation.OrganisationReparented(parent_id=parent_id):
            since = first_day_under(parent_id, fact.subject_id, day, situation)
            if since is not None:
                yield (
                    f"expected a parent outside {fact.subject_id}, found {parent_id}, which lies under it "
                    f"on {since}"
                )
        case organisation.OrganisationDissolved(successor_id=successor_id):
            yield from _dissolution(fact, successor_id, situation)
        case organisation.TargetAssigned(target_id=target_id):
            owner = situation.target_owner(target_id)
            if owner is not None:
                yield f"expected a new target id, found {target_id} assigned to {owner}"
        case place.PlaceRegistered():
            if situation.folded(fact.subject) is not None:
                yield f"expected a new id, found {fact.subject} taken"
        case person.MemberEnrolled(in_opening_balance=True):
            yield from _balance(fact, fact.data, situation)


def _dissolution(fact: Fact, successor_id: str | None, situation: "Situation") -> Iterator[str]:
    subject, day = fact.subject_id, fact.effectiveon
    state = situation.organisation(subject)
    if state is not None and state.ended_on is not None:
        yield f"expected an organisation whose end is not on record, found {subject} ended on {state.ended_on}"
    if successor_id == subject:
        yield f"expected another organisation as successor, found {subject} itself"
    elif successor_id is not None and is_under(successor_id, subject, day, situation):
        # It would come to lie under itself, and the whole branch would drop out of the tree.
        yield f"expected a successor outside {subject}, found {successor_id} under it; move it out first"
    if successor_id is not None:
        return
    held = situation.headcount(subject)
    for group, noun in (("members.", "members"), ("balance.", "balance"), ("candidates.", "open candidates")):
        ours = [change for change in held if change.measure.startswith(group)]
        left = max((level for since, level in levels(ours, day) if level), default=0)
        if left:
            yield f"expected no {noun} left in {subject} on {day}, found {left}; name a successor, or move them"


def _balance(fact: Fact, data: person.MemberEnrolled, situation: "Situation") -> Iterator[str]:
    measure = f"balance.{data.status}"
    taken = settle([Change(data.organisation_id, measure, fact.effectiveon, -1)], situation.lineage)
    for holder in {change.organisation_id for change in taken}:
        changed = [each for each in taken if each.organisation_id == holder and each.measure == measure]
        held = [change for change in situation.headcount(holder) if change.measure == measure]
        if any(level < 0 for _, level in levels([*held, *changed], fact.effectiveon)):
            now = sum(change.change for change in held if change.day <= fact.effectiveon)
            yield (
                f"expected a balance of at least 1 {data.status} member in {holder} on {fact.effectiveon} "
                f"and after, found {now} declared and not yet taken out"
            )


def levels(changes: Iterable[Change], since: date) -> list[tuple[date, int]]:
    """The level on the evening before `since`, and after each day of change from then on."""
    days = [
        (day, sum(change.change for change in group))
        for day, group in groupby(sorted(changes, key=lambda each: each.day), key=lambda each: each.day)
    ]
    totals = accumulate((change for _, change in days), initial=0)
    next(totals)
    running = list(zip((day for day, _ in days), totals, strict=True))
    earlier = [level for day, level in running if day < since]
    return [(since, earlier[-1] if earlier else 0), *((day, level) for day, level in running if day >= since)]


def is_under(organisation_id: str, root: str, day: date, situation: "Situation") -> bool:
    """Whether an organisation is `root` or lies under it on `day`; before its founding: where it was founded."""
    current: str | None = situation.lineage.resolve(organisation_id, day)
    seen: set[str] = set()
    while current is not None and current not in seen:
        if current == root:
            return True
        seen.add(current)
        current = parent(current, day, situation)
    return False


def first_day_under(organisation_id: str, other: str, day: date, situation: "Situation") -> date | None:
    """The first day from `day` on, of those on which a tree on record changes, with one under the other."""
    pending, seen = {day}, set[date]()
    while pending:
        on = min(pending)
        pending.discard(on)
        seen.add(on)
        current: str | None = situation.lineage.resolve(organisation_id, on)
        above: set[str] = set()
        while current is not None and current not in above:
            if current == other:
                return on
            above.add(current)
            state = situation.organisation(current)
            pending |= {each.since for each in state.segments if each.since > day} - seen if state else set()
            current = parent(current, on, situation)
    return None


def parent(organisation_id: str, day: date, situation: "Situation") -> str | None:
    """The parent on `day`, after all successions; None for a root or an unknown organisation."""
    state = situation.organisation(organisation_id)
    if state is None or not state.segments:
        return None
    segment = state.at(day) or state.segments[0]
    return segment.parent_id and situation.lineage.resolve(segment.parent_id, day)


def kept(changes: Iterable[Change]) -> list[Change]:
    """The changes that rules ask for: of members, balances and candidates."""
    return [change for change in changes if change.measure in MOVING_LEVELS]
