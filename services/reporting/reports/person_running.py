"""Reads the person sums: the quick way to `funnel` and `retention` of a very large tree, as was, as known now."""

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.projector.person_sums import SQL, composed, touched
from services.reporting.reports.figures import REASONS
from services.reporting.reports.question import WHOLE, Question
from services.reporting.reports.running import MOST_BEHIND
from shared.timeline.person import STAGES

_REST = composed("rest")
_DAY = timedelta(days=1)
_LAST = len(STAGES) - 1
_ENDS = ("closed", "otherwise")
_KINDS = {
    "cohort.": [
        f"cohort.{begins}.{ends}"
        for begins in ("", *map(str, range(len(STAGES))))
        for ends in (*map(str, range(len(STAGES) + 1)), *_ENDS)
    ],
    "went_on.": [f"went_on.{stage}" for stage in range(len(STAGES))],
    "retention.": [f"retention.{what}" for what in ("admitted", *REASONS)],
}


class _Sum(Struct, frozen=True):
    kind: str
    cohort: date
    days: int
    amount: int


class Taken(Struct, frozen=True):
    """Steps that went on from a stage after so many days, as the statement `days_taken` has them."""

    part: str
    stage: int
    days: int
    steps: int


class Became(Struct, frozen=True):
    """What has become of memberships of a cohort, as the statement `cohorts` has it."""

    part: str
    cohort: int
    what: str
    memberships: int


class PersonRunning:
    """The sums of one question's whole. Needs a connection whose statements all see the same moment."""

    def __init__(self, connection: AsyncConnection, question: Question) -> None:
        self._connection = connection
        self._question = question
        self._position: int | None = None
        self._asked = False

    async def cohort(self, first: date, last: date, until: date) -> Counter[str] | None:
        """Measures of the candidacies that began on some days; None where this must be added up otherwise.

        Months are summed whole. One that `until` cuts off is whole too: who begins later takes no step before.
        """
        after = last + _DAY
        if first.day != 1 or (after.day != 1 and last < until):
            return None
        rows = await self._rows("cohort.", first, last, date.min, until)
        if rows is None:
            return None
        found: Counter[str] = Counter()
        for row in rows:
            _, begins, ends = row.kind.split(".")
            for measure, change in _measures(int(begins) if begins else None, ends):
                found[measure] += change * row.amount
        return found

    async def days_taken(self, first: date, last: date) -> list[Taken] | None:
        """How many steps went on from each stage after how many days, on the days `first` to `last`."""
        rows = await self._rows("went_on.", date.min, date.max, first, last)
        if rows is None:
            return None
        return [Taken(WHOLE, int(row.kind.partition(".")[2]), row.days, row.amount) for row in rows]

    async def cohorts(self, until: date) -> list[Became] | None:
        """What has become of all admissions by the evening of `until`, by year."""
        rows = await self._rows("retention.", date.min, date.max, date.min, until)
        if rows is None:
            return None
        return [Became(WHOLE, row.cohort.year, row.kind.partition(".")[2], row.amount) for row in rows]

    async def _rows(
        self, prefix: str, first_cohort: date, last_cohort: date, first: date, last: date
    ) -> list[_Sum] | None:
        position = await self._standing()
        if position is None:
            return None
        asked: dict[str, Any] = {
            "first_cohort": first_cohort,
            "last_cohort": last_cohort,
            "first": first,
            "last": last,
        }
        question = self._question
        read = {**asked, "organisation_id": question.root, "kinds": _KINDS[prefix]}
        rows = list((await self._connection.execute(SQL["read"], read)).all())
        sums: Counter[tuple[str, date, int]] = Counter()
        if position < question.known:
            persons = await touched(self._connection, position, question.known, [])
            rest = {**asked, "prefix": prefix, "persons": persons, "only": [question.root]}
            for known, sign in ((position, -1), (question.known, 1)) if persons else ():
                rows += (await self._connection.execute(_REST, rest | {"known": known, "sign": sign})).all()
        for row in rows:
            sums[row.kind, row.cohort, row.days] += row.amount
        # What was taken out again is not there: a median is not made of it, and no cohort either.
        return [_Sum(*key, amount) for key, amount in sums.items() if amount]

    async def _standing(self) -> int | None:
        """The position that the sums are of, where they answer the question at all."""
        if not self._asked:
            self._asked = True
            question = self._question
            if question.hierarchy == "as_was" and not question.by_child:
                asked = {"organisation_id": question.root, "known": question.known}
                position = await self._connection.scalar(SQL["standing"], asked)
                if position is not None and question.known - position <= MOST_BEHIND:
                    self._position = position
        return self._position


def _measures(begins: int | None, ends: str) -> Iterator[tuple[str, int]]:
    """What one step of a candidacy adds to the measures of a cohort: as the piece `cohort` says it in SQL."""
    if begins is not None:
        yield f"cohort.waiting.{begins}", -1
    if ends in _ENDS:
        yield f"cohort.{ends}.{begins}", 1
        return
    stage = int(ends)
    if stage <= _LAST:
        yield f"cohort.waiting.{stage}", 1
    for reached in range(0 if begins is None else begins + 1, min(stage, _LAST) + 1):
        yield f"cohort.reached.{reached}", 1
    if begins is not None:
        for went_on in range(begins, stage):
            yield f"cohort.went_on.{went_on}", 1
