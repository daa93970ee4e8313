"""How organisations lie under each other, on a day and on every later one that is on record."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING

from shared.events import organisation
from shared.timeline.book import Effect
from shared.timeline.fact import Fact
from shared.timeline.lineage import Succession
from shared.timeline.organisation import OrganisationState

if TYPE_CHECKING:
    from services.registry.rules.decide import Situation


def is_under(organisation_id: str, root: str, day: date, situation: "Situation") -> bool:
    """Whether an organisation is `root` or lies under it on `day`; before its founding: where it was founded."""
    if situation.branches.known(organisation_id, root, day):
        return True  # nearly always
    current: str | None = situation.lineage.resolve(organisation_id, day)
    seen: set[str] = set()
    while current is not None and current not in seen:
        if current == root:
            _learn_branch(organisation_id, root, day, situation)
            return True
        seen.add(current)
        current = parent(current, day, situation)
    return False


def _learn_branch(organisation_id: str, root: str, day: date, situation: "Situation") -> None:
    """Keep for which days it holds that an organisation lies under the root; not where anybody was succeeded."""
    since, until = date.min, date.max
    current = organisation_id
    while situation.lineage.succession(current) is None:
        if current == root:
            situation.branches.learn(organisation_id, root, since, until)
            return
        state = situation.organisation(current)
        assert state is not None
        at = state.segments[0]  # as in `parent`: before its founding it lies where it was founded
        for segment in state.segments[1:]:
            if segment.since > day:
                until = min(until, segment.since)
                break
            at, since = segment, max(since, segment.since)
        assert at.parent_id is not None
        current = at.parent_id


def parent(organisation_id: str, day: date, situation: "Situation") -> str | None:
    """The parent on `day`, after all successions; None for a root or an unknown organisation."""
    state = situation.organisation(organisation_id)
    if state is None or not state.segments:
        return None
    segment = state.at(day) or state.segments[0]
    return segment.parent_id and situation.lineage.resolve(segment.parent_id, day)


def first_day_under(organisation_id: str, other: str, day: date, situation: "Situation") -> date | None:
    """The first day from `day` on, of those on which a tree on record changes, with one under the other."""
    return next((on for on, way in ways_up(organisation_id, day, situation) if other in way), None)


def ways_up(organisation_id: str, day: date, situation: "Situation") -> Iterator[tuple[date, list[str]]]:
    """All organisations above one, itself included, on `day` and on each later day on which that may change.

    Those days are the ones on which one of them comes under another parent, or goes over to another one.
    """
    pending, seen = {day}, set[date]()
    while pending:
        on = min(pending)
        pending.discard(on)
        seen.add(on)
        current: str | None = situation.lineage.resolve(organisation_id, on)
        way: list[str] = []
        while current is not None and current not in way:
            way.append(current)
            state = situation.organisation(current)
            changes = {each.since for each in state.segments} if state else set()
            changes |= {each.day for each in situation.lineage.onward(current)}
            pending |= {each for each in changes if each > day} - seen
            current = parent(current, on, situation)
        yield on, way


_MOVES = frozenset(
    {
        organisation.OrganisationEstablished,
        organisation.OrganisationReparented,
        organisation.OrganisationsMerged,
        organisation.OrganisationDissolved,
    }
)


def moves(fact: Fact, *, known: bool) -> bool:
    """Whether a fact may put an organisation elsewhere in the tree; `known`: whether its subject is on record.

    A new organisation has nothing under it yet. One whose founding was taken back may have.
    """
    said = type(fact.data)
    return said in _MOVES and (known or said is not organisation.OrganisationEstablished)


def circular(effect: Effect, situation: "Situation") -> Iterator[str]:
    """Organisations that an effect on timelines would put under themselves, or make their own successors."""
    lineage = situation.lineage.changed(effect.successions) if effect.successions else situation.lineage
    for ended in effect.successions:
        onward = list(lineage.onward(ended))
        if onward and lineage.succession(onward[-1].successor_id) is not None:
            yield f"expected {ended} to end for good, found that {onward[-1].successor_id} goes over to it again"
    with supposing(effect.successions, situation):
        # A list: nothing may be left half asked while another lineage is supposed.
        found = [*_under_themselves(effect, situation)]
    yield from found


def _under_themselves(effect: Effect, situation: "Situation") -> Iterator[str]:
    states = {
        subject.partition("/")[2]: folded.state
        for subject, folded in effect.folds.items()
        if isinstance(folded.state, OrganisationState)
    }
    # Who takes over may come to lie under itself by what it takes over, though nothing else changes about it.
    heirs = {each.successor_id for ended in effect.successions for each in situation.lineage.onward(ended)}
    for heir in sorted(heirs - states.keys()):
        state = situation.organisation(heir)
        if state is not None:
            states[heir] = state
    for organisation_id, state in states.items():
        ends = [*(segment.since for segment in state.segments[1:]), date.max]
        for segment, until in zip(state.segments, ends[: len(state.segments)], strict=True):
            if segment.parent_id is None:
                continue
            since = first_day_under(segment.parent_id, organisation_id, segment.since, situation)
            if since is not None and since < until:
                yield (
                    f"expected a parent of {organisation_id} outside it, found {segment.parent_id}, which then "
                    f"lies under it on {since}"
                )


@contextmanager
def supposing(successions: Mapping[str, Succession | None], situation: "Situation") -> Iterator[None]:
    """Within this, organisations are succeeded as these have it; None: they are not."""
    if not successions:
        yield
        return
    lineage = situation.lineage
    situation.lineage = lineage.changed(successions)
    situation.branches.forget()
    try:
        yield
    finally:
        situation.lineage = lineage
        situation.branches.forget()
