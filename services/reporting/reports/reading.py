"""Reading figures: sums of signed deltas within a question's scope, and the events behind them."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import TextClause
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.projector.standing_sums import SQL as STANDING
from services.reporting.reports.person_running import PersonRunning
from services.reporting.reports.planning import planned
from services.reporting.reports.question import WHOLE, Question
from services.reporting.reports.running import Running
from services.reporting.reports.statements import (
    FIRST_OF,
    OF_STANDING,
    OF_STEPS,
    PIECES,
    Contribution,
    first_of,
    of_named,
    of_rest,
    statement,
)
from services.reporting.reports.walking import Walk
from services.reporting.reports.walks import WALKED, walk
from services.reporting.reports.wanted import DAY, Wanted
from shared.timeline.measures import CANDIDATE_LEVELS, MEMBER_LEVELS

Amounts = Mapping[str, Counter[str]]
"""Part of the answer → measure → amount."""

_RUNNING: Mapping[Contribution, bool] = {
    "levels": True,
    "flows": False,
    "own_flows": False,
    "movements": False,
    "places_without_members": True,
    "places": True,
    "spell_levels": True,
    "spell_days": True,
    "spell_flows": False,
}
"""Contributions that running sums are kept of, and whether they are levels: sums over all days up to one."""
_SERIES = frozenset({"level_steps", "flows", "own_flows", "movements", "spell_flows"})
"""Contributions of which running sums have a series."""
_WITHOUT = "places.without_members"
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
        self._running = Running(connection, question) if quick else None
        self._persons = PersonRunning(connection, question) if quick else None
        self._small: bool | None = None
        """Whether the tree is small; not asked for yet."""

    async def sums(self, wanted: Wanted) -> Amounts:
        """What the wanted measures amount to, in each part of the answer."""
        quick = await self._quick(wanted)
        if quick is not None:
            return quick
        found: dict[str, Counter[str]] = {part: Counter() for part in self.question.parts}
        if not wanted.empty:
            _add(found, await self._ask(wanted, "sums"))
        return found

    async def value(self, wanted: Wanted) -> int:
        """What all the wanted measures amount to in the whole."""
        running = await self._run(wanted, [self.question.root])
        if running is not None:
            return running[self.question.root].total()
        return 0 if wanted.empty else int((await self._ask(wanted, "value"))[0][0])

    async def events(self, wanted: Wanted, after: int, limit: int) -> Sequence[Any]:
        """Rows (position, source, event_id, change) of the events behind it, after a position.

        Of contributions made of persons' steps also `days`: how many the step took, where that is what is counted.
        """
        if wanted.empty:
            return []
        walk = await self.walk(wanted)
        if walk is not None:
            return await walk.events(after, limit)
        asked = "events_of_steps" if wanted.contribution in OF_STEPS else "events"
        return await self._ask(wanted, asked, after=after, limit=limit)

    async def series(self, wanted: Wanted, starts: Sequence[date]) -> Mapping[str, list[int]]:
        """What all the wanted measures amount to in each part and span of days; spans by their first days.

        What lies before the first span is added to it.
        """
        quick = await self._quick_series(wanted, starts)
        if quick is not None:
            return {WHOLE: quick}
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
            quick = await self._quick_steps(wanted, asked)
            if quick is not None:
                return quick
        if asked in FIRST_OF and not self.question.by_child and len(wanted.days) == 1 and await self.is_vast():
            first = await self._first_of(wanted, asked, **more)
            if first is not None:
                return first
        return await self._ask(wanted, asked, **more)

    async def _first_of(self, wanted: Wanted, asked: str, **more: Any) -> Sequence[Any] | None:
        """A page of a vast tree's list: of the items that come first those in it; None where these are few."""
        question = self.question
        some = 4 * more["limit"]
        parameters = {**wanted.parameters(), **more, **scope_parameters(question), "some": some}
        standing = await self._standing(wanted.contribution)
        found = await planned(self.connection, "of_whole_tables", first_of(asked), parameters | standing)
        named = {"named": sorted({row.organisation_id for row in found})}
        of_these = of_named(question.hierarchy, wanted.contribution, asked)
        rows = (await self.connection.execute(of_these, parameters | named)).all()
        # These organisations have other items too, which come after some that have not been looked at.
        if len(found) == some:
            last = (found[-1].number, found[-1].id.encode())
            number = "members" if asked == "listed_places" else "rank"
            if len(rows) < more["limit"] or (getattr(rows[-1], number), rows[-1].id.encode()) > last:
                return None
        return rows

    async def _quick(self, wanted: Wanted) -> Amounts | None:
        """All parts, by running sums where there are any; None where they say nothing of the whole."""
        question = self.question
        if not question.by_child:
            whole = await self._run(wanted, [question.root])
            return None if whole is None else {WHOLE: whole[question.root]}
        if wanted.contribution in OF_STEPS:
            children = await self._children_of_steps(wanted)
        elif self._running is None or not self._runs(wanted):
            return None
        else:
            children = await self._running.children(wanted.measures, wanted.parameters()["lower"], wanted.last)
        running = await self._run(wanted, [question.root, *children])
        if running is None:
            return None
        found: dict[str, Counter[str]] = {part: Counter() for part in question.parts}
        _add(found, await self._ask_rest(wanted, "sums", children))
        return found | {child: running[child] for child in children} | {WHOLE: running[question.root]}

    async def _quick_steps(self, wanted: Wanted, asked: str) -> Sequence[Any] | None:
        """What steps come to in all parts, by the sums of persons; None where they say nothing of the whole."""
        if self._persons is None:
            return None
        question = self.question
        children = await self._children_of_steps(wanted) if question.by_child else []
        organisations = [question.root, *children]
        rows: Sequence[Any] | None
        if asked == "days_taken":
            rows = await self._persons.days_taken(organisations, wanted.first, wanted.last)
        else:
            rows = await self._persons.cohorts(organisations, wanted.days[-1])
        if rows is None or not question.by_child:
            return rows
        return [*rows, *await self._ask_rest(wanted, asked, children)]

    async def _children_of_steps(self, wanted: Wanted) -> list[str]:
        return [] if self._persons is None else await self._persons.children(wanted.first, wanted.last)

    async def _ask_rest(self, wanted: Wanted, asked: str, children: Sequence[str]) -> Sequence[Any]:
        """What is asked of all parts but the whole and these children."""
        question = self.question
        parameters = {**wanted.parameters(), **scope_parameters(question), "skipped": list(children)}
        return await self.look_up(of_rest(question.hierarchy, wanted.contribution, asked), parameters)

    async def _quick_series(self, wanted: Wanted, starts: Sequence[date]) -> list[int] | None:
        """The whole's series, by running sums; None where they say nothing of it."""
        if self._running is None or self.question.by_child or wanted.contribution not in _SERIES:
            return None
        days = await self._running.by_day(
            wanted.measures, starts[0], wanted.last, own=wanted.contribution == "own_flows"
        )
        if days is None:
            return None
        found = [0] * len(starts)
        if wanted.contribution == "level_steps":
            before = await self._running.sums(wanted.measures, date.min, starts[0] - DAY, own=False)
            found[0] = before.total() if before is not None else 0
        for day, amount in days.items():
            found[bisect_right(starts, day) - 1] += amount
        return found

    def _runs(self, wanted: Wanted) -> bool:
        """Whether running sums are kept of what is wanted."""
        of_a_day = wanted.contribution == "spell_days" or wanted.days == (wanted.last,)
        return wanted.contribution in _RUNNING and not wanted.empty and of_a_day

    async def _run(self, wanted: Wanted, organisations: Sequence[str]) -> Mapping[str, Counter[str]] | None:
        """What the running sums say of organisations; None where they say nothing."""
        if wanted.contribution in OF_STEPS:
            return await self._run_steps(wanted, organisations)
        if self._running is None or not self._runs(wanted):
            return None
        places = wanted.contribution == "places_without_members"
        first = date.min if _RUNNING[wanted.contribution] else wanted.first
        found = {each: Counter[str]() for each in organisations}
        for day in wanted.days if wanted.contribution == "spell_days" else (wanted.last,):
            sums = await self._running.of(
                organisations,
                [_WITHOUT] if places else wanted.measures,
                first,
                day,
                own=wanted.contribution == "own_flows",
            )
            if sums is None:
                return None
            for organisation, amounts in sums.items():
                found[organisation].update(amounts)
        if places:
            return {each: Counter({wanted.contribution: sums[_WITHOUT]}) for each, sums in found.items()}
        return found

    async def _run_steps(self, wanted: Wanted, organisations: Sequence[str]) -> Mapping[str, Counter[str]] | None:
        """The same by the sums of persons."""
        if self._persons is None or wanted.empty:
            return None
        first, last, until = wanted.first, wanted.last, wanted.days[-1]
        match wanted.contribution:
            case "cohort":
                found = await self._persons.cohort(organisations, wanted.measures, first, last, until)
            case "went_on":
                found = await self._persons.went_on(organisations, first, last)
            case _:
                found = await self._persons.retention(organisations, first, last, until)
        return found and {
            part: Counter({each: amounts[each] for each in wanted.measures}) for part, amounts in found.items()
        }

    async def walk(self, wanted: Wanted, *, few: bool = False) -> Walk | None:
        """Where its events are found sooner one after the other: how.

        That is so where the tree is vast, or where only a few positions are gone through.
        """
        if self._running is None or wanted.contribution not in WALKED:
            return None
        is_vast = await self.is_vast()
        if not few and not is_vast:
            return None
        return await walk(self.connection, self.question, wanted, scope_parameters(self.question), is_vast=is_vast)

    async def is_vast(self) -> bool:
        """Whether the tree is so large that whole tables are gone through sooner than its organisations."""
        return self._running is not None and await self._running.is_vast()

    async def is_small(self) -> bool:
        """Whether so few organisations belong to the tree that looking them up is always right."""
        if self._small is None:
            tree = {"organisation_id": self.question.root, "known": self.question.known, "most": SMALL}
            self._small = not await self.is_vast() and bool(await self.connection.scalar(PIECES["few"], tree))
        return self._small

    async def _standing(self, contribution: Contribution) -> dict[str, Any]:
        """What statements made of standing sums ask for besides: which kind of these, and where they stand."""
        kind = OF_STANDING[contribution]
        kept = await self.connection.scalar(STANDING["kept"])
        return {"kept": kept, "kind": kind, "kind_levels": _LEVELS.get(kind, [])}

    async def _ask(self, wanted: Wanted, asked: str, **more: Any) -> Sequence[Any]:
        question = self.question
        parameters = {**wanted.parameters(), **more, **scope_parameters(question)}
        vast = await self.is_vast() and (wanted.contribution not in OF_STANDING or len(wanted.days) == 1)
        # Standing sums do not say which events a mentor's charges came with.
        vast = vast and not (wanted.contribution == "mentors" and asked == "events")
        asking = statement(question.hierarchy, wanted.contribution, asked, vast=vast)
        if vast and wanted.contribution in OF_STANDING:
            parameters |= await self._standing(wanted.contribution)
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
