"""Reading figures: sums of signed deltas within a question's scope, and the events behind them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Literal, get_args

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.reports.question import Question
from shared.runtime.sql import Statements
from shared.timeline.measures import MEMBER_LEVELS

PIECES = Statements("services.reporting.sql", "reports.sql")

Contribution = Literal["levels", "flows", "own_flows", "movements", "places_without_members"]
Amounts = Mapping[str, Counter[str]]
"""Part of the answer → measure → amount."""

DAY = timedelta(days=1)

_CONTRIBUTIONS: tuple[Contribution, ...] = get_args(Contribution)


def _statement(hierarchy: str, contribution: str, asked: str) -> TextClause:
    pieces = (f"tree_{hierarchy}", "scope", f"held_{hierarchy}", contribution, asked)
    return text("\n".join(PIECES[piece].text for piece in pieces))


_STATEMENTS = {
    (tree, contribution, asked): _statement(tree, contribution, asked)
    for tree in ("as_was", "current")
    for contribution in _CONTRIBUTIONS
    for asked in ("sums", "value", "events")
}


class Wanted:
    """Contributions to read: which kind, of which measures, on which days."""

    def __init__(self, contribution: Contribution, measures: Iterable[str], first: date, last: date) -> None:
        self.contribution = contribution
        self.measures = sorted(measures)
        self.first = first
        self.last = last

    @property
    def empty(self) -> bool:
        """Whether there is no day to count."""
        return self.last < self.first

    def parameters(self) -> dict[str, Any]:
        """What the statements ask for. Movements begin the evening before, so that a crossing shows."""
        lower = self.first - DAY if self.contribution == "movements" else self.first
        days: dict[str, Any] = {"lower": lower, "upper": self.last + DAY}
        match self.contribution:
            case "levels":
                return {**days, "day": self.last, "measures": self.measures}
            case "flows" | "own_flows":
                return {**days, "first": self.first, "measures": self.measures}
            case "movements":
                return {
                    **days,
                    "first": self.first,
                    "measures": self.measures,
                    "member_levels": list(MEMBER_LEVELS),
                }
            case "places_without_members":
                return {**days, "day": self.last, "member_levels": list(MEMBER_LEVELS)}


def levels(day: date, measures: Iterable[str]) -> Wanted:
    """Levels on the evening of a day."""
    return Wanted("levels", measures, day, day)


def flows(first: date, last: date, measures: Iterable[str]) -> Wanted:
    """Flows of the days `first` to `last`, both included."""
    return Wanted("flows", measures, first, last)


def own_flows(first: date, last: date, measures: Iterable[str]) -> Wanted:
    """Flows of organisations themselves, such as their founding, where they were then."""
    return Wanted("own_flows", measures, first, last)


def movements(first: date, last: date, measures: Iterable[str]) -> Wanted:
    """Flows, and as `entered` and `left` the members of organisations that changed sides."""
    return Wanted("movements", measures, first, last)


def places_without_members(day: date) -> Wanted:
    """Places without members on the evening of a day."""
    return Wanted("places_without_members", (), day, day)


class Reading:
    """Answers for one question, on one connection."""

    def __init__(self, connection: AsyncConnection, question: Question) -> None:
        self.connection = connection
        self.question = question

    async def sums(self, wanted: Wanted) -> Amounts:
        """What the wanted measures amount to, in each part of the answer."""
        found: dict[str, Counter[str]] = {part: Counter() for part in self.question.parts}
        if not wanted.empty:
            for row in await self._ask(wanted, "sums"):
                if row.part in found:
                    found[row.part][row.measure] = row.amount
        return found

    async def value(self, wanted: Wanted) -> int:
        """What all the wanted measures amount to in the whole."""
        return 0 if wanted.empty else int((await self._ask(wanted, "value"))[0][0])

    async def events(self, wanted: Wanted, after: int, limit: int) -> Sequence[Any]:
        """Rows (position, source, event_id, change) of the events behind it, after a position."""
        return [] if wanted.empty else await self._ask(wanted, "events", after=after, limit=limit)

    async def _ask(self, wanted: Wanted, asked: str, **more: Any) -> Sequence[Any]:
        question = self.question
        parameters: dict[str, Any] = {
            **wanted.parameters(),
            **more,
            "organisation_id": question.root,
            "known": question.known,
            "by_child": question.by_child,
            "children": [child.id for child in question.children],
        }
        if question.hierarchy == "current":
            parameters["today"] = question.today
        statement = _STATEMENTS[(question.hierarchy, wanted.contribution, asked)]
        return (await self.connection.execute(statement, parameters)).all()
