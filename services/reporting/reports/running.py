"""Reads the running sums: the quick way to a figure of a large tree as it was, as known now."""

from collections import Counter
from datetime import date, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.projector.running_sums import MEANING, SQL, composed
from services.reporting.reports.question import Question

MOST_BEHIND = 2_000
"""Positions that the sums may be behind: to add the deltas of more takes longer than to do without."""
OWN = "own."
"""Before measures of what organisations themselves did, wherever what was theirs has gone."""

_REST = composed("new_ones", "selected", "places", "wanted_only", "contributions", "rest")
_DAY = timedelta(days=1)


class Running:
    """The sums of one question's whole. Needs a connection whose statements all see the same moment."""

    def __init__(self, connection: AsyncConnection, question: Question) -> None:
        self._connection = connection
        self._question = question
        self._position: int | None = None
        self._asked = False

    async def sums(self, measures: list[str], first: date, last: date, *, own: bool) -> Counter[str] | None:
        """What measures come to on the days `first` to `last`; None where this must be added up otherwise."""
        position = await self._standing()
        if position is None:
            return None
        parameters: dict[str, Any] = {
            "organisation_id": self._question.root,
            "measures": [OWN + each for each in measures] if own else measures,
            "first": first,
            "last": last,
        }
        rows = (await self._connection.execute(SQL["read"], parameters | whole_months(first, last))).all()
        if position < self._question.known:
            rest = {
                **MEANING,
                **parameters,
                "only": [self._question.root],
                "affected": [],
                "after": position,
                "known": self._question.known,
            }
            rows = [*rows, *(await self._connection.execute(_REST, rest)).all()]
        found: Counter[str] = Counter()
        for row in rows:
            found[row.measure.removeprefix(OWN)] += row.amount
        return found

    async def _standing(self) -> int | None:
        """The position that the sums are of, where they answer the question at all."""
        if not self._asked:
            self._asked = True
            question = self._question
            if question.hierarchy == "as_was":
                asked = {"organisation_id": question.root, "known": question.known}
                position = await self._connection.scalar(SQL["standing"], asked)
                if position is not None and question.known - position <= MOST_BEHIND:
                    self._position = position
        return self._position


def whole_months(first: date, last: date) -> dict[str, date]:
    """The months within the days `first` to `last`: from `months_from` to before `months_to`, both first days.

    Without a whole month both are the day after `last`, so that all its days come before them.
    """
    after = last + _DAY
    months_to = after.replace(day=1)
    months_from = first if first.day == 1 else (first.replace(day=28) + 4 * _DAY).replace(day=1)
    if months_from >= months_to:
        return {"months_from": after, "months_to": after}
    return {"months_from": months_from, "months_to": months_to}
