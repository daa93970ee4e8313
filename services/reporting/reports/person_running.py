"""Reads the person sums: the quick way to `funnel` and `retention` of a large tree, as known at any position.

The sums are of trees as they were. They answer for the tree of today too, as long as nothing stands elsewhere
on it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import astuple
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.projector import person_sums
from services.reporting.projector.person_sums import SQL, composed, touched
from services.reporting.projector.running_sums import SQL as RUNNING
from services.reporting.projector.running_sums import moved
from services.reporting.reports.figures import REASONS
from services.reporting.reports.organisations import always_children
from services.reporting.reports.question import OWN, WHOLE, Question
from services.reporting.reports.running import MOST_BEHIND
from shared.timeline.person import STAGES

_REST = composed("of_persons_between", "rest")
_DAY = timedelta(days=1)
_LAST = len(STAGES) - 1
ENDS = ("closed", "otherwise")
"""How a candidacy ends without an admission."""
_KINDS = {
    "cohort.": [
        f"cohort.{begins}.{ends}"
        for begins in ("", *map(str, range(len(STAGES))))
        for ends in (*map(str, range(len(STAGES) + 1)), *ENDS)
    ],
    "went_on.": [f"went_on.{stage}" for stage in range(len(STAGES))],
    "retention.": [f"retention.{what}" for what in ("admitted", *REASONS)],
}


class _Sum(Struct, frozen=True):
    at: str
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


Rows = list[Taken] | list[Became]


def left(rows: Rows) -> Rows:
    """What belongs to no child: what the whole has, without what all of the children have."""
    amounts = Counter[tuple[Any, ...]]()
    for row in rows:
        part, *what, amount = astuple(row)
        amounts[(type(row), *what)] += amount if part == WHOLE else -amount
    return [kind(OWN, *what, amount) for (kind, *what), amount in amounts.items() if amount]


class _Standing(Struct, frozen=True):
    """The position that the sums are of, the blocks that make them, and which organisations have them."""

    position: int
    blocks: int
    organisations: frozenset[str]


_ALL_BLOCKS = 2**31 - 1


class PersonRunning:
    """The sums of one question's organisations. Needs a connection whose statements all see the same moment."""

    def __init__(self, connection: AsyncConnection, question: Question) -> None:
        self._connection = connection
        self._question = question
        self._standing: _Standing | None = None
        self._asked = False

    async def children(self, first: date, last: date) -> list[str]:
        """Children whose part of what began or was done on these days is their sums.

        They have some, and were the asked one's throughout.
        """
        standing, question = await self._stands(), self._question
        if standing is None:
            return []
        summed = [child.id for child in question.children if child.id in standing.organisations]
        return await always_children(self._connection, question.root, summed, first, last, question.known)

    async def cohort(
        self, organisations: Sequence[str], measures: Sequence[str], first: date, last: date, until: date
    ) -> Mapping[str, Counter[str]] | None:
        """Some measures of candidacies that began on some days, for each of some organisations that have sums.

        None where this must be added up otherwise. Months are summed whole. One that `until` cuts off is whole
        too: who begins later takes no step before.
        """
        after = last + _DAY
        if first.day != 1 or (after.day != 1 and last < until):
            return None
        counted = {
            kind: changes for kind, changes in _OF_COHORT.items() if any(each in measures for each, _ in changes)
        }
        rows = await self._rows(organisations, "cohort.", first, last, date.min, until, kinds=list(counted))
        if rows is None:
            return None
        found = {each: Counter[str]() for each in organisations}
        for row in rows:
            for measure, change in counted.get(row.kind, ()):
                if measure in measures:
                    found[row.at][measure] += change * row.amount
        return found

    async def days_taken(self, organisations: Sequence[str], first: date, last: date) -> list[Taken] | None:
        """How many steps went on from each stage after how many days, on the days `first` to `last`."""
        rows = await self._rows(organisations, "went_on.", date.min, date.max, first, last)
        if rows is None:
            return None
        return [Taken(self._part(row.at), int(row.kind.partition(".")[2]), row.days, row.amount) for row in rows]

    async def cohorts(self, organisations: Sequence[str], until: date) -> list[Became] | None:
        """What has become of all admissions by the evening of `until`, by year."""
        rows = await self._rows(organisations, "retention.", date.min, date.max, date.min, until)
        if rows is None:
            return None
        return [
            Became(self._part(row.at), row.cohort.year, row.kind.partition(".")[2], row.amount) for row in rows
        ]

    async def went_on(
        self, organisations: Sequence[str], first: date, last: date
    ) -> Mapping[str, Counter[str]] | None:
        """How many steps went on from each stage on the days `first` to `last`, for each of some organisations."""
        rows = await self._rows(organisations, "went_on.", date.min, date.max, first, last)
        return _counted(organisations, rows)

    async def retention(
        self, organisations: Sequence[str], first: date, last: date, until: date
    ) -> Mapping[str, Counter[str]] | None:
        """Measures of admissions from the year of `first` to that of `last`, as far as they were by `until`.

        Years are summed whole, so `first` begins one, and `last` ends one or is `until`.
        """
        rows = await self._rows(organisations, "retention.", first, last, date.min, until)
        found = _counted(organisations, rows)
        for amounts in (found or {}).values():
            ended = amounts.total() - amounts["retention.admitted"]
            amounts["retention.still_members"] = amounts["retention.admitted"] - ended
        return found

    def _part(self, organisation: str) -> str:
        return WHOLE if organisation == self._question.root else organisation

    async def _rows(
        self,
        organisations: Sequence[str],
        prefix: str,
        first_cohort: date,
        last_cohort: date,
        first: date,
        last: date,
        *,
        kinds: list[str] | None = None,
    ) -> list[_Sum] | None:
        """Sums of all kinds that begin so, or of some of these, of which what came since may have others too."""
        standing = await self._stands()
        if standing is None:
            return None
        asked: dict[str, Any] = {
            "only": list(organisations),
            "first_cohort": first_cohort,
            "last_cohort": last_cohort,
            "first": first,
            "last": last,
        }
        question = self._question
        read = {**asked, "kinds": kinds or _KINDS[prefix], "block": standing.blocks}
        rows = list((await self._connection.execute(SQL["read"], read)).all())
        sums: Counter[tuple[str, str, date, int]] = Counter()
        if standing.position < question.known:
            persons = await touched(self._connection, standing.position, question.known)
            rest = {"prefix": prefix, "persons": persons, "before": standing.position, "known": question.known}
            if persons:
                rows += (await self._connection.execute(_REST, asked | rest)).all()
        for row in rows:
            sums[row.at, row.kind, row.cohort, row.days] += row.amount
        # What was taken out again is not there: a median is not made of it, and no cohort either.
        return [_Sum(*key, amount) for key, amount in sums.items() if amount]

    async def _stands(self) -> _Standing | None:
        """Where the sums stand, if they answer the question at all."""
        if not self._asked:
            self._asked = True
            self._standing = await self._read_standing()
        return self._standing

    async def _read_standing(self) -> _Standing | None:
        question, connection = self._question, self._connection
        names = [question.root, *(child.id for child in question.children)]
        rows = (await connection.execute(SQL["standing"], {"organisations": names})).all()
        organisations = frozenset(row.organisation_id for row in rows)
        if question.root not in organisations:
            return None
        position, blocks = int(rows[0].position), _ALL_BLOCKS
        if position > question.known:
            blocks = question.known // person_sums.BLOCK
            position = blocks * person_sums.BLOCK
        if question.known - position > MOST_BEHIND or await moved(connection, position, question.known):
            return None
        if question.hierarchy == "current":
            asked = {"known": question.known, "today": question.today, "limit": 1}
            if (await connection.execute(RUNNING["elsewhere"], asked)).scalars().all():
                return None
        return _Standing(position, blocks, organisations)


def _counted(organisations: Sequence[str], rows: Iterable[_Sum] | None) -> Mapping[str, Counter[str]] | None:
    if rows is None:
        return None
    found = {each: Counter[str]() for each in organisations}
    for row in rows:
        found[row.at][row.kind] += row.amount
    return found


def measures_of_step(begins: int | None, ends: str) -> Iterator[tuple[str, int]]:
    """What a step of a candidacy adds to the measures of a cohort, as the piece `cohort` says it in SQL.

    begins: the stage before it; None where the candidacy begins. ends: the stage after it, or how it ends.
    """
    if begins is not None:
        yield f"cohort.waiting.{begins}", -1
    if ends in ENDS:
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


_OF_COHORT = {
    kind: tuple(measures_of_step(int(begins) if begins else None, ends))
    for kind, begins, ends in ((kind, *kind.split(".")[1:]) for kind in _KINDS["cohort."])
}
"""Kind of the sums of candidacies → what each of its steps adds to which measures."""
