"""What the sums that are kept beside the projections say of what is wanted; None where they say nothing of it."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date

from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.reports.person_running import PersonRunning, Rows
from services.reporting.reports.question import Question
from services.reporting.reports.running import Running, Sums
from services.reporting.reports.statements import OF_STEPS, Contribution
from services.reporting.reports.wanted import DAY, Wanted

_LEVELS: Mapping[Contribution, bool] = {
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


class KeptSums:
    """The sums of one question: running sums, and those of persons' steps.

    Needs a connection whose statements all see the same moment.
    """

    def __init__(self, connection: AsyncConnection, question: Question) -> None:
        self._running = Running(connection, question)
        self._persons = PersonRunning(connection, question)

    async def is_vast(self) -> bool:
        """Whether the tree is so large that whole tables are gone through sooner than its organisations."""
        return await self._running.is_vast()

    async def of(self, organisations: Sequence[str], wanted: Wanted) -> Sums | None:
        """What the wanted measures amount to in the asked organisation or some of `children`."""
        if wanted.contribution in OF_STEPS:
            return await self._of_steps(organisations, wanted)
        if not _are_kept(wanted):
            return None
        places = wanted.contribution == "places_without_members"
        first = date.min if _LEVELS[wanted.contribution] else wanted.first
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

    async def children(self, wanted: Wanted) -> list[str] | None:
        """Children whose part of what is wanted their sums are; None where nothing is kept of it."""
        if wanted.contribution in OF_STEPS:
            return await self._persons.children(wanted.first, wanted.last)
        if not _are_kept(wanted):
            return None
        return await self._running.children(wanted.measures, wanted.parameters()["lower"], wanted.last)

    async def of_persons(self, organisations: Sequence[str], wanted: Wanted, asked: str) -> Rows | None:
        """What steps come to: `days_taken` or `cohorts` of organisations, the asked one as the whole."""
        if asked == "days_taken":
            return await self._persons.days_taken(organisations, wanted.first, wanted.last)
        return await self._persons.cohorts(organisations, wanted.days[-1])

    async def series(self, wanted: Wanted, starts: Sequence[date]) -> list[int] | None:
        """What all the wanted measures amount to in the whole in each span of days; spans by their first days."""
        if wanted.contribution not in _SERIES:
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

    async def _of_steps(self, organisations: Sequence[str], wanted: Wanted) -> Sums | None:
        if wanted.empty:
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


def _are_kept(wanted: Wanted) -> bool:
    of_a_day = wanted.contribution == "spell_days" or wanted.days == (wanted.last,)
    return wanted.contribution in _LEVELS and not wanted.empty and of_a_day
