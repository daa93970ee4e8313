"""Targets from day to day: who holds each, at which value, after all successions. Pure."""

from collections.abc import Iterator, Mapping
from datetime import date
from itertools import groupby

from msgspec import Struct

from shared.timeline.lineage import Lineage
from shared.timeline.organisation import OrganisationState, Target


class Standing(Struct, frozen=True):
    """A target in the hands of `holder` at `value`, on the days from `since` to before `until`."""

    target: Target
    assigned_to: str
    holder: str
    since: date
    until: date
    value: int


class _Live(Struct):
    target: Target
    assigned_to: str
    holder: str
    since: date
    value: int


def standings(states: Mapping[str, OrganisationState], lineage: Lineage) -> list[Standing]:
    """All targets of organisations that are kin (`Lineage.kin`), in the order in which they begin to stand.

    At a succession with `sum`, targets that agree in metric, basis, issuer, period and comparison become one: that
    of the heir, or if it has none the first to arrive; its value is the sum until it is revised. `keep` moves each
    as it is, `void` ends it.
    """
    hands = _Hands(states, lineage)
    for day, said in groupby(sorted(_said(states), key=lambda each: each.order), key=lambda each: each.day):
        hands.succeed(day)
        for each in said:
            hands.take(each)
    return hands.until_now()


class _Said(Struct, frozen=True):
    day: date
    number: int
    by: str
    target_id: str = ""
    value: int | None = None
    assigns: Target | None = None

    @property
    def order(self) -> tuple[date, int, str]:
        return (self.day, self.number, self.by)


def _said(states: Mapping[str, OrganisationState]) -> Iterator[_Said]:
    """What is said about targets, and for each end a day to look at."""
    for organisation_id, state in states.items():
        if state.ended_on is not None:
            yield _Said(state.ended_on, 0, organisation_id)
        for target in state.targets:
            yield _Said(target.since, 1, organisation_id, target.target_id, target.value, target)
            for number, revision in enumerate(target.revisions, 2):
                yield _Said(revision.since, number, organisation_id, target.target_id, revision.value)
            if target.withdrawn_on is not None:
                last = len(target.revisions) + 2
                yield _Said(target.withdrawn_on, last, organisation_id, target.target_id)
        for number, said in enumerate(state.inherited, 2):
            yield _Said(said.since, number, organisation_id, said.target_id, said.value)


class _Hands:
    """Who holds which target while the days go by."""

    def __init__(self, states: Mapping[str, OrganisationState], lineage: Lineage) -> None:
        self._states = states
        self._lineage = lineage
        self._live: dict[str, _Live] = {}
        self._found: list[Standing] = []

    def take(self, said: _Said) -> None:
        """An organisation assigns a target, revises one that it holds, or withdraws it."""
        held = self._live.get(said.target_id)
        if said.assigns is not None:
            self._live[said.target_id] = _Live(said.assigns, said.by, said.by, said.day, said.assigns.value)
        elif held is not None and held.holder == said.by:
            if said.value is None:
                self._close(held, said.day)
            else:
                self._change(held, said.day, said.by, said.value)

    def succeed(self, day: date) -> None:
        """Hand on what organisations hold that end on this day."""
        for each in [each for each in self._live.values() if self._ended(each.holder, day)]:
            succession = self._lineage.succession(each.holder)
            heir = self._lineage.resolve(each.holder, day)
            if succession is None or heir == each.holder or succession.targets == "void":
                self._close(each, day)
                continue
            equal = next((other for other in self._live.values() if _equal(each, other, heir)), None)
            if succession.targets == "sum" and equal is not None:
                self._change(equal, day, heir, equal.value + each.value)
                self._close(each, day)
            else:
                self._change(each, day, heir, each.value)

    def until_now(self) -> list[Standing]:
        """All that stood and stands."""
        for each in list(self._live.values()):
            self._close(each, date.max)
        return sorted(self._found, key=lambda each: (each.since, each.target.target_id))

    def _ended(self, organisation_id: str, day: date) -> bool:
        ended_on = self._states[organisation_id].ended_on
        return ended_on is not None and ended_on <= day

    def _close(self, each: _Live, day: date) -> None:
        del self._live[each.target.target_id]
        if each.since < day:
            self._found.append(Standing(each.target, each.assigned_to, each.holder, each.since, day, each.value))

    def _change(self, each: _Live, day: date, holder: str, value: int) -> None:
        self._close(each, day)
        self._live[each.target.target_id] = _Live(each.target, each.assigned_to, holder, day, value)


def _equal(one: _Live, other: _Live, holder: str) -> bool:
    """Whether another target, in the hands of `holder`, is about the same as one that comes to it."""
    same = (*one.target.aim, one.target.comparison) == (*other.target.aim, other.target.comparison)
    return same and other.holder == holder
