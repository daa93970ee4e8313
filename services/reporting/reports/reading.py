"""Reading figures: sums of signed deltas within a question's scope, and the events behind them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import TextClause
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.projector.standing_sums import nearest
from services.reporting.reports.kept_sums import KeptSums
from services.reporting.reports.person_running import left
from services.reporting.reports.planning import planned
from services.reporting.reports.question import OWN, WHOLE, Question
from services.reporting.reports.statements import (
    OF_STANDING,
    OF_STEPS,
    PIECES,
    Contribution,
    counting,
    first_places,
    of_few,
    of_named,
    of_rest,
    statement,
)
from services.reporting.reports.walking import Walk, WalkByMeasure
from services.reporting.reports.walks import WALKED, walk, walk_by_measure
from services.reporting.reports.wanted import Wanted
from shared.timeline.measures import CANDIDATE_LEVELS, MEMBER_LEVELS

Amounts = Mapping[str, Counter[str]]
"""Part of the answer → measure → amount."""

SMALL = 200
"""Organisations of a tree that are looked up one by one, whatever the planner takes it for."""
_LEVELS = {"members": list(MEMBER_LEVELS), "candidates": list(CANDIDATE_LEVELS)}
"""Measures that each kind of standing sums adds up."""


def scope_parameters(question: Question) -> dict[str, Any]:
    """What statements ask for about the scope itself, but for its days."""
    parameters: dict[str, Any] = {
        "organisation_id": question.root,
        "known": question.known,
        "by_child": question.by_child,
        "children": [child.id for child in question.children],
    }
    if question.hierarchy == "current":
        parameters["today"] = question.today
    return parameters


class Reading:
    """Answers for one question, on one connection.

    quick: whether running sums may answer; without, everything is added up from the deltas.
    """

    def __init__(self, connection: AsyncConnection, question: Question, *, quick: bool = True) -> None:
        self.connection = connection
        self.question = question
        self.quick = quick
        self._kept = KeptSums(connection, question) if quick else None
        self._small: bool | None = None
        """Whether the tree is small; not asked for yet."""

    async def sums(self, wanted: Wanted) -> Amounts:
        """What the wanted measures amount to, in each part of the answer."""
        kept = await self._kept_sums(wanted)
        if kept is not None:
            return kept
        found: dict[str, Counter[str]] = {part: Counter() for part in self.question.parts}
        if not wanted.empty:
            _add(found, await self._ask(wanted, "sums"))
        return found

    async def evidence(self, wanted: Wanted, after: int, limit: int) -> tuple[int, Sequence[Any]]:
        """What all the wanted measures amount to in the whole, and the events behind it after a position.

        Rows (position, source, event_id, change) in log order. Of contributions made of persons' steps also
        `days`: how many the step took, where that is what is counted.
        """
        if wanted.empty:
            return 0, []
        walk = await self.walk(wanted)
        if walk is not None:
            return await self._value(wanted), await walk.events(after, limit)
        asked = "evidence_of_steps" if wanted.contribution in OF_STEPS else "evidence"
        rows = await self._ask(wanted, asked, after=after, limit=limit)
        return rows[0].value, [row for row in rows if row.position is not None]

    async def _value(self, wanted: Wanted) -> int:
        kept = None if self._kept is None else await self._kept.of([self.question.root], wanted)
        if kept is not None:
            return kept[self.question.root].total()
        return int((await self._ask(wanted, "value"))[0][0])

    async def series(self, wanted: Wanted, starts: Sequence[date]) -> Mapping[str, list[int]]:
        """What all the wanted measures amount to in each part and span of days; spans by their first days.

        What lies before the first span is added to it.
        """
        kept = None if self._kept is None or self.question.by_child else await self._kept.series(wanted, starts)
        if kept is not None:
            return {WHOLE: kept}
        found = {part: [0] * len(starts) for part in self.question.parts}
        for row in await self._ask(wanted, "series", starts=list(starts)):
            if row.part in found:
                found[row.part][max(row.span, 1) - 1] += row.amount
        return found

    async def listed(self, wanted: Wanted, asked: str, **more: Any) -> Sequence[Any]:
        """A page of items, or what they come to in some other way, for each part."""
        if wanted.empty:
            return []
        if asked in ("days_taken", "cohorts"):
            kept = await self._kept_of_persons(wanted, asked)
            if kept is not None:
                return kept
        if asked == "listed_places" and not self.question.by_child and await self.is_vast():
            first = await self._first_places(wanted, **more)
            if first is not None:
                return first
        return await self._ask(wanted, asked, **more)

    async def _first_places(self, wanted: Wanted, **more: Any) -> Sequence[Any] | None:
        """A page of a vast tree's places: of the first of any tree those in it; None where these are few."""
        question = self.question
        some = 4 * more["limit"]
        parameters = {**wanted.parameters(), **more, **scope_parameters(question), "some": some}
        standing = await self.standing(wanted.contribution)
        found = await planned(self.connection, "of_whole_tables", first_places(), parameters | standing)
        named = {"named": sorted({row.organisation_id for row in found})}
        of_these = of_named(question.hierarchy, wanted.contribution, "listed_places")
        rows = (await self.connection.execute(of_these, parameters | named)).all()
        # These organisations have other places too, which come after some that have not been looked at.
        if len(found) == some:
            last = (found[-1].number, found[-1].id.encode())
            if len(rows) < more["limit"] or (rows[-1].members, rows[-1].id.encode()) > last:
                return None
        return rows

    async def _kept_sums(self, wanted: Wanted) -> Amounts | None:
        """All parts, by the sums that are kept where there are any; None where they say nothing of the whole."""
        question = self.question
        children = await self._kept_children(wanted)
        if self._kept is None or children is None:
            return None
        sums = await self._kept.of([question.root, *children], wanted)
        if sums is None:
            return None
        if not question.by_child:
            return {WHOLE: sums[question.root]}
        found: dict[str, Counter[str]] = {part: Counter() for part in question.parts}
        found[WHOLE] = Counter(sums[question.root])
        for child in children:
            found[child] = sums[child]
        if len(children) == len(question.children) and wanted.contribution != "movements":
            # What belongs to no child is what is left. Not so of movements: child to child is across a boundary.
            found[OWN] = Counter(found[WHOLE])
            for child in children:
                found[OWN].subtract(found[child])
        else:
            _add(found, await self._ask_rest(wanted, "sums", children))
        return found

    async def _kept_of_persons(self, wanted: Wanted, asked: str) -> Sequence[Any] | None:
        """What steps come to in all parts, in the same way."""
        children = await self._kept_children(wanted)
        if self._kept is None or children is None:
            return None
        rows = await self._kept.of_persons([self.question.root, *children], wanted, asked)
        if rows is None or not self.question.by_child:
            return rows
        if len(children) == len(self.question.children):
            return [*rows, *left(rows)]
        return [*rows, *await self._ask_rest(wanted, asked, children)]

    async def _kept_children(self, wanted: Wanted) -> list[str] | None:
        """Parts besides the whole that need not be added up; None where nothing is kept of what is wanted."""
        if self._kept is None:
            return None
        return await self._kept.children(wanted) if self.question.by_child else []

    async def _ask_rest(self, wanted: Wanted, asked: str, children: Sequence[str]) -> Sequence[Any]:
        """What is asked of all parts but the whole and these children."""
        question = self.question
        parameters = {**wanted.parameters(), **scope_parameters(question), "skipped": list(children)}
        rest = of_rest(question.hierarchy, wanted.contribution, asked)
        return await self.look_up(counting(rest, wanted.contribution, wanted.measures), parameters)

    async def walk(self, wanted: Wanted, *, few: bool = False) -> Walk | None:
        """Where its events are found sooner one after the other: how."""
        if wanted.contribution not in WALKED or not await self.is_walked(few=few):
            return None
        is_vast = await self.is_vast()
        return await walk(self.connection, self.question, wanted, scope_parameters(self.question), is_vast=is_vast)

    def walk_by_measure(self, wanted: Wanted) -> WalkByMeasure:
        """How events are gone through that change any of the measures of one of `OF_DELTAS`."""
        return walk_by_measure(self.connection, self.question, wanted, scope_parameters(self.question))

    async def is_walked(self, *, few: bool) -> bool:
        """Whether events are found sooner one after the other than in the tree.

        That is so where the tree is vast, or where only a few positions are gone through.
        """
        return self._kept is not None and (few or await self.is_vast())

    async def is_vast(self) -> bool:
        """Whether the tree is so large that whole tables are gone through sooner than its organisations."""
        return self._kept is not None and await self._kept.is_vast()

    async def is_small(self) -> bool:
        """Whether so few organisations belong to the tree that looking them up is always right."""
        if self._small is None:
            tree = {"organisation_id": self.question.root, "known": self.question.known, "most": SMALL}
            self._small = not await self.is_vast() and bool(await self.connection.scalar(PIECES["few"], tree))
        return self._small

    async def standing(self, contribution: Contribution, known: int | None = None) -> dict[str, Any]:
        """What statements made of standing sums ask for besides: which of these, and where they stand.

        `known`: another position than that of the question, as known at which something is asked.
        """
        kind = OF_STANDING[contribution]
        base = await nearest(self.connection, self.question.known if known is None else known)
        return {**base._asdict(), "kind": kind, "kind_levels": _LEVELS.get(kind, [])}

    async def _ask(self, wanted: Wanted, asked: str, **more: Any) -> Sequence[Any]:
        question = self.question
        parameters = {**wanted.parameters(), **more, **scope_parameters(question)}
        vast = await self.is_vast() and (wanted.contribution not in OF_STANDING or len(wanted.days) == 1)
        # Standing sums do not say which events a mentor's charges came with.
        vast = vast and not (wanted.contribution == "mentors" and asked == "evidence")
        if not vast and await self.is_small():
            asking = of_few(question.hierarchy, wanted.contribution, asked)
        else:
            whole = vast and not question.by_child
            asking = statement(question.hierarchy, wanted.contribution, asked, vast=vast, whole=whole)
        asking = counting(asking, wanted.contribution, wanted.measures)
        if vast and wanted.contribution in OF_STANDING:
            parameters |= await self.standing(wanted.contribution)
            return await planned(self.connection, "of_whole_tables", asking, parameters)
        return await self.look_up(asking, parameters)

    async def look_up(self, asking: TextClause, parameters: dict[str, Any]) -> Sequence[Any]:
        """Rows of a statement that goes down the tree, and looks each organisation up where these are few."""
        if await self.is_small():
            return await planned(self.connection, "of_each", asking, parameters)
        return (await self.connection.execute(asking, parameters)).all()


def _add(found: Mapping[str, Counter[str]], rows: Iterable[Any]) -> None:
    for part, measure, amount in rows:
        if part in found:
            found[part][measure] = amount
