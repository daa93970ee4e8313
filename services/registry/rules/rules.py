"""Hard rules about other subjects than the event's own: judged once, when the event is decided."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import accumulate, groupby
from typing import TYPE_CHECKING, cast

from services.registry.rules import targets
from services.registry.rules.references import NamedOrganisation, referred_organisations
from services.registry.rules.tree import is_under, supposing, ways_up
from shared.events import organisation, person, place
from shared.timeline.fact import Fact
from shared.timeline.fold import State
from shared.timeline.measures import Change, held
from shared.timeline.perspective import seen_by
from shared.timeline.place import PlaceState

if TYPE_CHECKING:
    from services.registry.rules.decide import Situation


def violations(
    fact: Fact, named: Iterable[NamedOrganisation], before: State, root: str, situation: "Situation"
) -> Iterator[str]:
    """What breaks a hard rule: what was expected and what was found, the first first.

    `before` is the state at the fact's place.
    """
    yield from inactive(fact, named, situation)
    yield from taken(fact, situation)
    match fact.data:
        case person.MemberEnrolled(in_opening_balance=True) as data:
            balance = Change(data.organisation_id, f"balance.{data.status}", fact.effectiveon, -1)
            yield from overdrawn([balance], situation)
    yield from misfits(fact, before, root, situation)


def taken(fact: Fact, situation: "Situation") -> Iterator[str]:
    """The id that the event gives, if something on record has it."""
    match fact.data:
        case organisation.OrganisationEstablished():
            if situation.organisation(fact.subject_id) is not None:
                yield f"expected a new id, found {fact.subject} taken"
        case place.PlaceRegistered():
            known = situation.folded(fact.subject)
            if known is not None and cast(PlaceState, known.state).organisation_id is not None:
                yield f"expected a new id, found {fact.subject} taken"
        case organisation.TargetAssigned():
            yield from targets.taken(fact, situation)


def misfits(
    fact: Fact, before: State, root: str, situation: "Situation", changes: Iterable[Change] = ()
) -> Iterator[str]:
    """What does not go with others on record, whether a new event says it or a correction.

    `changes`: what a correction does to figures besides, by letting facts fit again or no more.
    """
    day = fact.effectiveon
    match fact.data:
        case organisation.OrganisationEstablished(parent_id=parent_id):
            if parent_id is None and fact.subject_id != root:
                yield f"expected parent_id, since only the registered root {root} may lack one, found none"
            if parent_id == fact.subject_id:
                yield f"expected another organisation as parent, found {parent_id} itself"
        case organisation.OrganisationDissolved(successor_id=None):
            yield from _left_behind(fact, changes, situation)
        case organisation.OrganisationDissolved(successor_id=str(successor_id)):
            yield from _succession(fact.subject_id, successor_id, day, situation)
        case organisation.OrganisationsMerged(sources=sources):
            for source_id in sources:
                yield from _succession(source_id, fact.subject_id, day, situation)
        case organisation.OrganisationSplit(allocations=allocations):
            for allocation in allocations:
                if allocation.organisation_id == fact.subject_id:
                    yield f"expected other organisations as recipients, found {fact.subject_id} itself"
            listed = [f"person/{person_id}" for allocation in allocations for person_id in allocation.person_ids]
            # One person by two ids is listed twice.
            views = ((each, seen_by(fact, each)) for each in listed)
            meant = [situation.main_timeline(view) if view is not None else each for each, view in views]
            for each, times in Counter(meant).items():
                if times > 1:
                    yield f"expected {each} listed once, found it {times} times"
        case organisation.TargetAssigned():
            yield from targets.assignment(fact, before, situation)
        case organisation.TargetRevised(target_id=target_id) | organisation.TargetWithdrawn(target_id=target_id):
            yield from targets.revision(fact, target_id, before, situation)
        case person.PersonsLinked(other_person_id=other):
            if fact.subject_id == str(other):
                yield "expected another person's id, found the subject's own"
            elif f"person/{other}" in situation.with_first_ids([fact.subject]):
                # On whatever day: of two ids only one can be the other's first.
                yield f"expected two ids that are not linked yet, found {fact.subject} linked to {other}"


def inactive(fact: Fact, named: Iterable[NamedOrganisation], situation: "Situation") -> Iterator[str]:
    """Organisations that the event names and that are not active on its day."""
    day = fact.effectiveon
    for each in named:
        state = situation.organisation(each.organisation_id)
        assert state is not None
        if not state.active_on(day):
            yield f"expected {each.organisation_id} to be active on {day}, found it {state.describe(day)}"


def referred_on_record(fact: Fact, situation: "Situation") -> list[NamedOrganisation]:
    """Organisations of anybody that the event refers to, as far as they are on record."""
    referred = referred_organisations(fact)
    return [each for each in referred if situation.organisation(each.organisation_id) is not None]


def _succession(ended: str, successor_id: str, day: date, situation: "Situation") -> Iterator[str]:
    if successor_id == ended:
        yield f"expected another organisation as successor, found {ended} itself"
    elif is_under(successor_id, ended, day, situation):
        # It would come to lie under itself, and the whole branch would drop out of the tree.
        yield f"expected a successor outside {ended}, found {successor_id} under it; move it out first"
    elif any(each.successor_id == ended for each in situation.lineage.onward(successor_id)):
        yield f"expected {ended} to end for good, found that {successor_id} goes over to it later"
    else:
        for on, way in ways_up(successor_id, day, situation):
            if on > day and ended in way[1:]:
                inside = way[way.index(ended) - 1]
                yield (
                    f"expected a successor outside {ended}, found {successor_id}, which comes to lie under "
                    f"{inside} on {on}, and {inside} lies under {ended}; move it out first"
                )
                return


def _left_behind(fact: Fact, changes: Iterable[Change], situation: "Situation") -> Iterator[str]:
    subject, day = fact.subject_id, fact.effectiveon
    ends = {} if situation.lineage.succession(subject) is None else {subject: None}
    with supposing(ends, situation):  # an end that this one comes before hands nobody on any more
        counted = [*situation.headcount(subject), *held(changes, subject, situation.lineage)]
    for group, noun in (("members.", "members"), ("balance.", "balance"), ("candidates.", "open candidates")):
        ours = [change for change in counted if change.measure.startswith(group)]
        left = max((level for since, level in levels(ours, day) if level), default=0)
        if left:
            yield f"expected no {noun} left in {subject} on {day}, found {left}; name a successor, or move them"


def overdrawn(changes: Iterable[Change], situation: "Situation") -> Iterator[str]:
    """Balances that such changes would take below zero, in whoever's hands."""
    out = [each for each in changes if each.measure.startswith("balance.")]
    days = {each.day for each in out}
    holders = {
        (holder, each.measure)
        for each in out
        for holder, _, _ in situation.lineage.spans(each.organisation_id, each.day, date.max)
    }
    for holder, measure in sorted(holders):
        status, first = measure.removeprefix("balance."), min(days)
        now = [each for each in situation.headcount(holder) if each.measure == measure]
        after = [*now, *(each for each in held(out, holder, situation.lineage) if each.measure == measure)]
        if any(level < 0 for _, level in levels(after, first)):
            declared = sum(each.change for each in now if each.day <= first)
            yield (
                f"expected a balance of at least 1 {status} member in {holder} on {first} "
                f"and after, found {declared} declared and not yet taken out"
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
