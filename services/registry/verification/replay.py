"""Whether the state that decisions need is what the log makes of it: each whole timeline is folded anew.

The tables were written fact by fact, in the order of positions and by way of the book. Here nothing of that is
repeated: a subject's facts are taken all at once, in timeline order, with what the log knows in the end. So a
fault of the way would show as well as a row that somebody changed. Subjects go by in pages, organisations first,
since their ends decide where transfers of persons lead.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any
from uuid import UUID

from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncResult

from services.registry.situation import HEADCOUNTS, headcounts
from services.registry.store_reader import SQL as TURN
from services.registry.verification.check import Check, attempted
from services.registry.verification.contents import ROWS
from services.registry.verification.outcomes import SQL
from shared.events.correction import FactCorrected
from shared.events.data import EARLIEST
from shared.events.organisation import OrganisationSplit, TargetAssigned
from shared.events.person import TransferAccepted, TransferInitiated
from shared.events.receipts import Reason
from shared.events.recorded import read_recorded
from shared.timeline import fold
from shared.timeline.book import Book, Unloaded
from shared.timeline.correcting import as_corrected
from shared.timeline.course import Course
from shared.timeline.fact import Fact
from shared.timeline.fold import Folded, kind_of, steps
from shared.timeline.lineage import Lineage, Succession
from shared.timeline.measures import changes
from shared.timeline.organisation import OrganisationState, succession_of
from shared.timeline.person import PersonState
from shared.timeline.perspective import others

_START_OF_DAY_ENDS = datetime(EARLIEST.year - 1, 1, 1, tzinfo=UTC)
"""In order keys: what comes at the start of its day has an earlier time, and everything else a later one."""
SUBJECTS = 500
"""Subjects whose facts are in memory at a time."""

_REMEDY = (
    "where `hashes` holds, the log is right and this table is not: `ketnap log refold` makes it anew. That is "
    "all after an upgrade that changed rules; else, if nobody changed a table by hand, keep a copy first, and "
    "report it as an error of ours"
)


class Sums:
    """Adds up amounts under keys without keeping the keys: equal sums in all groups, equal tables.

    A group, such as an organisation, is what a difference can be pinned to.
    """

    def __init__(self) -> None:
        self._sums: dict[str, int] = {}

    def add(self, group: str, key: str, amount: int = 1) -> None:
        """Add an amount under a key of a group."""
        weight = int.from_bytes(blake2b(key.encode(), digest_size=16).digest())
        self._sums[group] = (self._sums.get(group, 0) + weight * amount) % 2**128

    def __len__(self) -> int:
        """How many groups there are."""
        return len(self._sums)

    def differing(self, other: "Sums") -> Iterator[str]:
        """Groups whose sums are not the same, in order."""
        for group in sorted(self._sums.keys() | other._sums.keys()):
            if self._sums.get(group, 0) != other._sums.get(group, 0):
                yield group


class Replay:
    """Goes through all subjects once."""

    def __init__(
        self, amounts: Sums | None = None, travels: Sums | None = None, about: Sums | None = None
    ) -> None:
        """What the log says is added up in sums of one's own, or in these."""
        self.folds = Check("folds", "each stored fold is that of its subject's timeline", _REMEDY, unit="subjects")
        self.successions = Check("successions", "they are those that the folds say", _REMEDY, unit="successions")
        self.targets = Check(
            "targets", "each target's owner is the one it was last assigned to", _REMEDY, unit="targets"
        )
        self.headcounts = Check(
            "headcounts", "they add up from what each fact changes", _REMEDY, unit="organisations"
        )
        self.travellers = Check(
            "travellers", "they are those whose transfers and splits name it", _REMEDY, unit="organisations"
        )
        self.also_about = Check(
            "also-about", "they are whom events name besides their own", _REMEDY, unit="subjects"
        )
        self._lineage = Lineage()
        self._successions: dict[str, Succession] = {}
        self._amounts = Sums() if amounts is None else amounts
        self._travels = Sums() if travels is None else travels
        self._about = Sums() if about is None else about
        self._assigned = 0

    @property
    def checks(self) -> list[Check]:
        """All that this pass answers."""
        return [self.folds, self.successions, self.targets, self.headcounts, self.travellers, self.also_about]

    async def go(self, connection: AsyncConnection, advance: Callable[[int], None]) -> None:
        """Fold everything; `advance` is told how many facts were done since it was told last."""
        with attempted(self.folds):
            async with connection.begin_nested():
                after = ""
                while page := await self._page(connection, after):
                    advance(await self._subjects(connection, page))
                    after = page[-1].subject
                for row in await connection.execute(SQL["unfolded"]):
                    self._differs(self.folds, row.subject, "on the log, and without a fold")
        for check, compare in (
            (self.successions, self._compare_successions),
            (self.targets, self._compare_targets),
            (self.headcounts, self._compare_headcounts),
            (self.travellers, self._compare_travellers),
            (self.also_about, self._compare_about),
        ):
            with attempted(check):
                async with connection.begin_nested():
                    await compare(connection)

    async def _page(self, connection: AsyncConnection, after: str) -> Sequence[Any]:
        return (await connection.execute(SQL["folds"], {"after": after, "limit": SUBJECTS})).all()

    async def _subjects(self, connection: AsyncConnection, page: Sequence[Any]) -> int:
        book = Book(self._lineage)
        facts = await self._facts(connection, book, [row.subject for row in page])
        assigned: dict[tuple[str, str], int] = {}
        for row in page:
            subject = row.subject
            while True:
                try:
                    timeline = book.timeline(subject)
                    break
                except Unloaded as missing:
                    await self._load(connection, book, missing)
            self._fold(subject, timeline, row.folded)
            self._named(book, subject, facts[subject], assigned)
        await self._owners(connection, assigned)
        self.folds.looked_at += len(page)
        return sum(map(len, facts.values()))

    async def _facts(
        self, connection: AsyncConnection, book: Book, subjects: Sequence[str]
    ) -> dict[str, list[tuple[int, Fact]]]:
        """What names these subjects, with its position, put into the book too."""
        facts: dict[str, list[tuple[int, Fact]]] = {subject: [] for subject in subjects}
        for row in await connection.execute(TURN["timelines"], {"subjects": list(subjects)}):
            (event,) = read_recorded(b"[%s]" % row.event.encode())
            facts[row.wanted].append((row.position, Fact.of_recorded(event)))
        for subject, found in facts.items():
            book.put_facts(subject, [fact for _, fact in found])
        return facts

    async def _load(self, connection: AsyncConnection, book: Book, missing: Unloaded) -> None:
        """Facts of persons linked to a subject, and what a correction corrects elsewhere."""
        if missing.kind == "timeline":
            await self._facts(connection, book, missing.keys)
        elif missing.kind == "event":
            for key in missing.keys:
                source, _, event_id = key.partition("/")
                wanted = {"source": source, "event_id": UUID(event_id)}
                row = (await connection.execute(TURN["recorded_event"], wanted)).one_or_none()
                found = read_recorded(b"[%s]" % row.event.encode()) if row is not None else []
                book.put_event(source, UUID(event_id), Fact.of_recorded(found[0]) if found else None)
        else:
            raise missing

    def _fold(self, subject: str, timeline: Sequence[Fact], stored: bytes) -> None:
        kind = kind_of(subject)
        counting = list(steps(kind, timeline, self._lineage))
        folded = fold.folded(kind, timeline, counting)
        if fold.encode(folded) != stored and _decisive(folded) != _decisive(fold.decode(kind, stored)):
            said = f"{len(timeline):,} facts, {len(counting):,} of them count, fold otherwise"
            self._differs(self.folds, subject, said, folded if timeline else None)
        if isinstance(folded.state, OrganisationState):
            organisation_id = subject.partition("/")[2]
            succession = succession_of(organisation_id, folded.state)
            if succession is not None:
                self._successions[organisation_id] = succession
                self._lineage.put(organisation_id, succession)
        for step in counting:
            for (organisation_id, measure, day), amount in headcounts(changes(step)).items():
                self._amounts.add(organisation_id, f"{measure} {day}", amount)

    def _named(
        self, book: Book, subject: str, facts: Sequence[tuple[int, Fact]], assigned: dict[tuple[str, str], int]
    ) -> None:
        """What tables keep of whom a subject's events name, those included that were corrected since.

        `assigned` is told the position at which each target was last assigned to the subject.
        """
        travelled: set[str] = set()
        for position, fact in facts:
            divided = book.as_said(fact)
            if isinstance(divided.data, OrganisationSplit) and subject in others(divided):
                travelled.add(divided.subject_id)
            if fact.subject != subject:
                continue
            if not isinstance(fact.data, FactCorrected):
                for other in others(fact):
                    self._about.add(other, str(position))
        for position, said in _said_of(subject, facts):
            match said.data:
                case TargetAssigned(target_id=target_id):
                    assigned[target_id, said.subject_id] = position
                case TransferInitiated(from_=from_, to=to):
                    travelled |= {from_, to}
                case TransferAccepted(organisation_id=organisation_id):
                    travelled.add(organisation_id)
        for organisation_id in travelled:
            self._travels.add(organisation_id, subject)

    async def _owners(self, connection: AsyncConnection, assigned: dict[tuple[str, str], int]) -> None:
        if not assigned:
            return
        rows = await connection.execute(TURN["target_owners"], {"ids": sorted({each for each, _ in assigned})})
        stored = {row.target_id: row.organisation_id for row in rows}
        for (target_id, owner), position in sorted(assigned.items()):
            kept = stored.get(target_id)
            if kept == owner:
                self._assigned += 1
            elif kept is None or await self._last_assigned(connection, target_id, kept) < position:
                self.targets.fault(f"{target_id} is kept as {kept or 'nobody'}'s, expected {owner}'s")

    async def _last_assigned(self, connection: AsyncConnection, target_id: str, owner: str) -> int:
        """Where the owner that is kept was assigned the target: anew, if an earlier assignment counts nothing."""
        subject = f"organisation/{owner}"
        facts = await self._facts(connection, Book(self._lineage), [subject])
        return max(
            (
                position
                for position, said in _said_of(subject, facts[subject])
                if isinstance(said.data, TargetAssigned) and said.data.target_id == target_id
            ),
            default=0,
        )

    async def _compare_successions(self, connection: AsyncConnection) -> None:
        rows = await connection.execute(TURN["successions"])
        stored = {
            row.organisation_id: Succession(row.organisation_id, row.day, row.successor_id, row.targets)
            for row in rows
        }
        expected = self._successions
        for organisation_id in sorted(stored.keys() | expected.keys()):
            kept, said = stored.get(organisation_id), expected.get(organisation_id)
            if kept != said:
                what = f"{_told(kept)} is kept, expected {_told(said)}"
                self._differs(self.successions, organisation_id, what, said)
        self.successions.looked_at = len(expected)

    async def _compare_targets(self, connection: AsyncConnection) -> None:
        kept = await connection.scalar(SQL["number_of_targets"])
        if kept != self._assigned and not self.targets.faults:
            self.targets.fault(f"{kept:,} targets are kept, {self._assigned:,} were assigned")
        self.targets.looked_at = self._assigned

    async def _compare_headcounts(self, connection: AsyncConnection) -> None:
        stored = Sums()
        async for row in await _rows(connection, "headcounts"):
            # Earlier versions kept candidates by stage: added up, they are as many.
            measure = HEADCOUNTS.get(row.measure, row.measure)
            stored.add(row.organisation_id, f"{measure} {row.day}", row.amount)
        self._compare(self.headcounts, self._amounts, stored)

    async def _compare_travellers(self, connection: AsyncConnection) -> None:
        stored = Sums()
        async for row in await _rows(connection, "travellers"):
            stored.add(row.organisation_id, row.subject)
        self._compare(self.travellers, self._travels, stored)

    async def _compare_about(self, connection: AsyncConnection) -> None:
        stored = Sums()
        # A correction names whom the fact was about when it was recorded, which is no more to be told.
        async for row in await _rows(connection, "also_about"):
            stored.add(row.subject, str(row.position))
        self._compare(self.also_about, self._about, stored)

    def _compare(self, check: Check, expected: Sums, stored: Sums) -> None:
        check.looked_at = len(expected)
        for group in expected.differing(stored):
            self._differs(check, group, "what is kept is not what its events say")

    def _differs(self, check: Check, group: str, what: str, expected: object = None) -> None:
        """What a table says of a subject or an organisation is not what the log makes of it: `expected`."""
        check.fault(f"{group}: {what}")


def _decisive(folded: Folded) -> Folded:
    """What decisions follow from, whichever version wrote the fold.

    Not a person's course, which folds of before it was followed lack; nor at what time of the start of its day a
    reorganisation came, for which there was one time only.
    """
    state, last = folded.state, folded.last
    if last is not None and last[1] < _START_OF_DAY_ENDS:
        folded = replace(folded, last=(last[0], _START_OF_DAY_ENDS, last[2]))
    return replace(folded, state=replace(state, course=Course())) if isinstance(state, PersonState) else folded


async def _rows(connection: AsyncConnection, statement: str) -> AsyncResult[Any]:
    return await connection.stream(SQL[statement], execution_options={"yield_per": ROWS})


def _said_of(subject: str, facts: Sequence[tuple[int, Fact]]) -> Iterator[tuple[int, Fact]]:
    """What the events about a subject said, each with its position, and each correction what it said instead."""
    originals = {(fact.source, fact.event_id): fact for _, fact in facts}
    for position, fact in facts:
        if fact.subject != subject:
            continue
        said: Fact | Reason | None = fact
        if isinstance(fact.data, FactCorrected):
            said = as_corrected(originals[(fact.source, fact.data.corrects)], fact)
        if isinstance(said, Fact):
            yield position, said


def _told(succession: Succession | None) -> str:
    if succession is None:
        return "no succession"
    return f"{succession.successor_id} from {succession.day}, targets {succession.targets}"
