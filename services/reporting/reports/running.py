"""Reads the running sums: the quick way to a figure of a large tree, on either tree, as known at any position.

The sums are of trees as they were, as known at the end of a block or when they last were kept. What became known
since is added. On the tree of today, what stands elsewhere today than it once did is taken out and put in there.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import TextClause
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.projector import running_sums
from services.reporting.projector.running_sums import MEANING, SQL, changed_places, composed, moved
from services.reporting.reports.organisations import always_children
from services.reporting.reports.question import Question
from services.reporting.reports.whole_spans import whole_spans

MOST_BEHIND = 10_000
"""Positions that the sums may be behind: to add the deltas of more takes longer than to do without."""
VAST = 20_000
"""Organisations below one from which on its events are gone through one after the other."""
MOST_MOVED = 20_000
"""Organisations that may have moved since: the same."""
OWN = "own."
"""Before measures of what organisations themselves did, wherever what was theirs has gone."""
PLACES = "places."

_REST = ("places", "wanted_only", "from_founding", "contributions", "rest")
_NEW = composed("new_ones", "selected", *_REST)
_MOVED = composed("of_affected", "selected", *_REST)
_PLACES = composed("flags", "of_places", *_REST)
_TODAY = ("places_today", "wanted_only", "from_ever", "contributions", "rest")
_MOVED_TODAY = composed("of_affected", "selected", *_TODAY)
_PLACES_TODAY = composed("flags", "of_places", *_TODAY)
_DAY = timedelta(days=1)

Sums = Mapping[str, Counter[str]]
"""Organisation → measure → amount."""


_Besides = Mapping[tuple[str, str], list[tuple[date, int]]]
"""Organisation and measure → days and amounts."""
_Step = tuple[TextClause, dict[str, Any], int]
"""A statement, what it is given besides, and whether what it finds is added or taken away."""


class _Standing(Struct, frozen=True):
    """The position that the sums are of, and of which block's beginning where it is not the newest."""

    position: int
    block: int | None


class Running:
    """The sums of one question's organisations. Needs a connection whose statements all see the same moment."""

    def __init__(self, connection: AsyncConnection, question: Question) -> None:
        self._connection = connection
        self._question = question
        self._standing: _Standing | None = None
        self._asked = False
        self._below = 0
        self._is_large = False
        self._moved: list[str] = []
        self._elsewhere: list[str] = []
        self._summed: dict[str, bool] | None = None
        """Children that have sums, and whether they have all; not asked for yet."""
        self._besides: dict[bool, _Besides] = {}

    async def sums(self, measures: list[str], first: date, last: date, *, own: bool) -> Counter[str] | None:
        """What measures come to on the days `first` to `last`; None where this must be added up otherwise."""
        found = await self.of((self._question.root,), measures, first, last, own=own)
        return None if found is None else found[self._question.root]

    async def of(
        self, organisations: Sequence[str], measures: list[str], first: date, last: date, *, own: bool
    ) -> Sums | None:
        """The same of each of some organisations that have sums, the asked one or others of `children`."""
        standing = await self._stands_for(measures)
        if standing is None:
            return None
        names = [OWN + each for each in measures] if own else measures
        asked: dict[str, Any] = {
            "only": list(organisations),
            "measures": names,
            "first": first,
            "last": last,
            **whole_spans(first, last),
        }
        if standing.block is None:
            rows = (await self._connection.execute(SQL["read"], asked)).all()
        else:
            rows = (await self._connection.execute(SQL["read_known"], asked | {"block": standing.block})).all()
        found: Sums = {organisation: Counter() for organisation in organisations}
        for row in rows:
            found[row.at][row.measure.removeprefix(OWN)] += row.amount
        besides = await self._read_besides(standing, about_places=any(each.startswith(PLACES) for each in names))
        for organisation in organisations:
            for measure in names:
                for day, amount in besides.get((organisation, measure), ()):
                    if first <= day <= last:
                        found[organisation][measure.removeprefix(OWN)] += amount
        return found

    async def by_day(self, measures: list[str], first: date, last: date, *, own: bool) -> Counter[date] | None:
        """What measures of the asked organisation come to on each of the days `first` to `last`, added up."""
        standing = await self._stands_for(measures)
        if standing is None:
            return None
        root = self._question.root
        names = [OWN + each for each in measures] if own else measures
        asked: dict[str, Any] = {"organisation_id": root, "measures": names, "first": first, "last": last}
        how = "read_days"
        if standing.block is not None:
            how, asked = "read_days_known", asked | {"block": standing.block}
        found: Counter[date] = Counter()
        for row in await self._connection.execute(SQL[how], asked):
            found[row.day] += row.amount
        besides = await self._read_besides(standing, about_places=False)
        for measure in names:
            for day, amount in besides.get((root, measure), ()):
                if first <= day <= last:
                    found[day] += amount
        return found

    async def children(self, measures: Sequence[str], lower: date, last: date) -> list[str]:
        """Children whose part of the answer is their sums: they have some, and were the asked one's throughout."""
        standing = await self._stands()
        question = self._question
        if standing is None or not question.children:
            return []
        names = [child.id for child in question.children]
        if self._summed is None:
            rows = (await self._connection.execute(SQL["with_sums"], {"children": names})).all()
            self._summed = {
                row.organisation_id: row.is_summed
                for row in rows
                if standing.block is None or (row.is_summed and row.known_since <= standing.position)
            }
            # What was read before was of the asked one alone.
            self._besides.clear()
        summed = [child for child, is_large in self._summed.items() if is_large or not _of_spells(measures)]
        if question.hierarchy == "current":
            return summed
        return await always_children(self._connection, question.root, summed, lower, last, question.known)

    async def is_vast(self) -> bool:
        """Whether very many organisations are below the asked one."""
        return await self._stands() is not None and self._below >= VAST

    async def _stands_for(self, measures: Sequence[str]) -> _Standing | None:
        """Where the sums of these measures stand; small organisations have none of spells."""
        standing = await self._stands()
        return standing if self._is_large or not _of_spells(measures) else None

    async def _stands(self) -> _Standing | None:
        if not self._asked:
            self._asked = True
            self._standing = await self._read_standing()
        return self._standing

    async def _read_standing(self) -> _Standing | None:
        """Where the sums stand, if they answer the question at all."""
        question = self._question
        row = (await self._connection.execute(SQL["standing"], {"organisation_id": question.root})).one_or_none()
        if row is None:
            return None
        self._below = row.below
        self._is_large = row.is_summed
        if row.position <= question.known:
            standing = _Standing(row.position, None)
        else:
            block = question.known // running_sums.BLOCK
            standing = _Standing(block * running_sums.BLOCK, block)
            if not self._is_large or standing.position < row.known_since:
                return None
        if question.known - standing.position > MOST_BEHIND:
            return None
        if standing.position < question.known:
            self._moved = await moved(self._connection, standing.position, question.known)
            if len(self._moved) > MOST_MOVED:
                return None
        if question.hierarchy == "current":
            asked = {"known": question.known, "today": question.today, "limit": MOST_MOVED + 1}
            self._elsewhere = sorted((await self._connection.execute(SQL["elsewhere"], asked)).scalars())
            if len(self._elsewhere) > MOST_MOVED:
                return None
        return standing

    async def _read_besides(self, standing: _Standing, *, about_places: bool) -> _Besides:
        """What is not in the sums: read once for all that the question asks, places only if it asks for them."""
        if about_places not in self._besides:
            steps = await self._place_steps(standing) if about_places else self._steps(standing)
            only = {**MEANING, "only": [self._question.root, *(self._summed or ())], "today": self._question.today}
            found = defaultdict[tuple[str, str], list[tuple[date, int]]](list)
            for statement, parameters, sign in steps:
                for row in await self._connection.execute(statement, {**only, **parameters}):
                    found[(row.at, row.measure)].append((row.day, sign * row.amount))
            self._besides[about_places] = found
        return self._besides[about_places]

    def _steps(self, standing: _Standing) -> list[_Step]:
        """What became known since the sums; on the tree of today, out of where it was and in where it is."""
        known, steps = self._question.known, list[_Step]()
        if standing.position < known:
            new = {"affected": self._moved, "after": standing.position, "known": known}
            steps.append((_NEW, new, 1))
            if self._moved:
                steps.append((_MOVED, {"affected": self._moved, "known": standing.position}, -1))
                steps.append((_MOVED, {"affected": self._moved, "known": known}, 1))
        if self._elsewhere:
            elsewhere = {"affected": self._elsewhere, "known": known}
            steps += [(_MOVED, elsewhere, -1), (_MOVED_TODAY, elsewhere, 1)]
        return steps

    async def _place_steps(self, standing: _Standing) -> list[_Step]:
        """The same of places."""
        known, steps = self._question.known, list[_Step]()
        if standing.position < known:
            places = await changed_places(self._connection, standing.position, known, self._moved)
            for position, sign in ((standing.position, -1), (known, 1)):
                steps.append((_PLACES, {"known": position, "knowns": [position], "places": places}, sign))
        if self._elsewhere:
            asked = {"affected": self._elsewhere, "known": known}
            places = list((await self._connection.execute(SQL["places_of"], asked)).scalars())
            there = {"known": known, "knowns": [known], "places": places}
            steps += [(_PLACES, there, -1), (_PLACES_TODAY, there, 1)]
        return [step for step in steps if step[1]["places"]]


def _of_spells(measures: Sequence[str]) -> bool:
    return any(measure.partition(".")[0] in MEANING["spells"] for measure in measures)
