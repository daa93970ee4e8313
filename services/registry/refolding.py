"""Makes anew what decisions need of the log, where another version made it otherwise.

Each version keeps folds, successions and head counts as its rules make them of what is recorded. When rules
change, those of before stay until a late fact folds them again, and `ketnap log verify` names them. Here they
become what this version makes of the log, which is only read.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import date
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.registry import lease, store
from services.registry.store_reader import SQL as TURN
from services.registry.verification.check import Check
from services.registry.verification.outcomes import SQL
from services.registry.verification.replay import Replay, Sums
from shared.runtime.database import array
from shared.runtime.sql import write_rows
from shared.timeline import fold
from shared.timeline.fold import Folded, kind_of
from shared.timeline.lineage import Succession

RENEW = 1.0
"""Seconds between two renewals of the lease."""


class NotRefolded(Exception):
    """The state could not be made anew; nothing was written. The message says why."""


async def refold(engine: AsyncEngine, advance: Callable[[int, int], None]) -> dict[str, int]:
    """Make the state anew that is not what the log makes of it; gives of how many it was, by check.

    The registry stands by meanwhile and takes over again afterwards; what sources publish waits in their streams.
    `advance` is told how many more facts were read, and how many the log has. `engine` is the tables' owner's.
    Raises NotRefolded, and Fenced where a registry has taken over all the same.
    """
    async with _writing(engine) as head, engine.connect() as connection, connection.begin():

        def read(done: int) -> None:
            advance(done, head.position)

        # The replay goes through folds, so whoever lacks one gets one of nothing, which is found to differ.
        lacking = [row.subject for row in (await connection.execute(SQL["unfolded"])).all()]
        await _put_folds(connection, {each: fold.folded(kind_of(each), (), ()) for each in lacking})
        found = await _found(connection, read)
        changed = found.changed
        if about := found.others.get("also-about"):
            # Which facts are on whose timeline follows from these: the folds are to be judged again with them.
            collected = await _collected(connection, read, {"also-about": about})
            await collected.write(connection)
            found = await _found(connection, read)
            changed |= found.changed
        await _put_folds(connection, found.folded)
        await connection.execute(SQL["drop_folds"], {"subjects": sorted(found.strangers)})
        await _put_successions(connection, found.succeeded)
        if found.others or found.targets.faults:
            collected = await _collected(connection, read, found.others)
            await collected.write(connection)
            if found.targets.faults:
                await collected.write_owners(connection)
        # Whoever took over meanwhile has written by other tables than these.
        await store.claim_head(connection, head)
        return changed


@asynccontextmanager
async def _writing(engine: AsyncEngine) -> AsyncIterator[lease.Head]:
    """Be the only one who writes the registry's tables."""
    head = await lease.seize(engine)

    async def stay() -> None:
        while True:
            await asyncio.sleep(RENEW)
            await lease.renew(engine, head.epoch)

    staying = asyncio.create_task(stay())
    try:
        yield head
    finally:
        staying.cancel()
        with suppress(asyncio.CancelledError, lease.Fenced):
            await staying
        await lease.step_down(engine, head.epoch)


class _Whole(Replay):
    """Knows whether everything was looked at."""

    def __init__(self, *sums: Sums) -> None:
        super().__init__(*sums)
        self._noted: Counter[str] = Counter()

    def _differs(self, check: Check, group: str, what: str, expected: object = None) -> None:
        super()._differs(check, group, what, expected)
        self._noted[check.name] += 1

    def complete(self) -> None:
        """Raises NotRefolded where something could not be looked at, which a check tells as a fault."""
        for check in self.checks:
            if check is not self.targets and check.faults != self._noted[check.name]:
                raise NotRefolded(f"{check.name}: {check.examples[-1]}")


class _Finding(_Whole):
    """Notes what differs: folds and successions with what they should be, and of other tables whose rows do."""

    def __init__(self) -> None:
        super().__init__()
        self.folded: dict[str, Folded] = {}
        self.strangers: set[str] = set()
        """Subjects with a fold, of whom the log does not know."""
        self.succeeded: dict[str, Succession | None] = {}
        self.others: dict[str, set[str]] = {}
        """Check → organisations or subjects."""

    def _differs(self, check: Check, group: str, what: str, expected: object = None) -> None:
        super()._differs(check, group, what, expected)
        if check is self.successions:
            assert expected is None or isinstance(expected, Succession)
            self.succeeded[group] = expected
        elif check is not self.folds:
            self.others.setdefault(check.name, set()).add(group)
        elif isinstance(expected, Folded):
            self.folded[group] = expected
        else:
            self.strangers.add(group)

    @property
    def changed(self) -> dict[str, int]:
        """Check → how much differs."""
        return {check.name: check.faults for check in self.checks if check.faults}


class _Kept(Sums):
    """Keeps the amounts of some groups, by key."""

    def __init__(self, wanted: set[str]) -> None:
        super().__init__()
        self.kept: dict[str, Counter[str]] = {each: Counter() for each in wanted}

    def add(self, group: str, key: str, amount: int = 1) -> None:
        if group in self.kept:
            self.kept[group][key] += amount

    def rows(self) -> list[tuple[str, str, int]]:
        """Group, key and amount, but for what adds up to nothing."""
        return [
            (group, key, amount)
            for group, amounts in sorted(self.kept.items())
            for key, amount in sorted(amounts.items())
            if amount
        ]


class _Collected(_Whole):
    """What some organisations' and subjects' rows should be, and whose each target is."""

    def __init__(self, others: dict[str, set[str]]) -> None:
        self._amounts_kept = _Kept(others.get("headcounts", set()))
        self._travels_kept = _Kept(others.get("travellers", set()))
        self._about_kept = _Kept(others.get("also-about", set()))
        super().__init__(self._amounts_kept, self._travels_kept, self._about_kept)
        self._assignments: dict[str, tuple[int, str]] = {}

    async def _owners(self, connection: AsyncConnection, assigned: dict[tuple[str, str], int]) -> None:
        for (target_id, owner), position in assigned.items():
            self._assignments[target_id] = max(self._assignments.get(target_id, (0, "")), (position, owner))

    async def write(self, connection: AsyncConnection) -> None:
        """Put the rows in the place of those that are there."""
        organisations = sorted(self._amounts_kept.kept)
        await connection.execute(SQL["drop_headcounts"], {"organisations": organisations})
        if counts := [(each, *key.split(" "), amount) for each, key, amount in self._amounts_kept.rows()]:
            of, measures, days, amounts = zip(*counts, strict=True)
            parts: tuple[Sequence[Any], ...] = (of, measures, [date.fromisoformat(each) for each in days], amounts)
            names = ("organisation_id", "measure", "day", "amount")
            await connection.execute(
                TURN["add_headcounts"], {name: array(part) for name, part in zip(names, parts, strict=True)}
            )
        await connection.execute(SQL["drop_travellers"], {"organisations": sorted(self._travels_kept.kept)})
        travels = [(each, subject) for each, subject, _ in self._travels_kept.rows()]
        await write_rows(connection, TURN["put_travellers"], ("organisation_id", "subject"), travels)
        await connection.execute(SQL["drop_about"], {"subjects": sorted(self._about_kept.kept)})
        about = [(subject, int(position)) for subject, position, _ in self._about_kept.rows()]
        await write_rows(connection, TURN["put_about"], ("subject", "position"), about)

    async def write_owners(self, connection: AsyncConnection) -> None:
        """Give each target to the one to whom it was assigned last, and drop what nobody was assigned."""
        rows = (await connection.execute(SQL["all_targets"])).all()
        stored = {row.target_id: row.organisation_id for row in rows}
        owners = {target_id: owner for target_id, (_, owner) in self._assignments.items()}
        await connection.execute(SQL["drop_targets"], {"ids": sorted(stored.keys() - owners.keys())})
        others = sorted((each, owner) for each, owner in owners.items() if stored.get(each) != owner)
        await write_rows(connection, TURN["put_targets"], ("target_id", "organisation_id"), others)


async def _found(connection: AsyncConnection, read: Callable[[int], None]) -> _Finding:
    found = _Finding()
    await found.go(connection, read)
    found.complete()
    return found


async def _collected(
    connection: AsyncConnection, read: Callable[[int], None], others: dict[str, set[str]]
) -> _Collected:
    collected = _Collected(others)
    await collected.go(connection, read)
    collected.complete()
    return collected


async def _put_folds(connection: AsyncConnection, folds: dict[str, Folded]) -> None:
    if folds:
        subjects = sorted(folds)
        encoded = [fold.encode(folds[subject]) for subject in subjects]
        await connection.execute(TURN["put_subjects"], {"subject": array(subjects), "folded": encoded})


async def _put_successions(connection: AsyncConnection, succeeded: dict[str, Succession | None]) -> None:
    await write_rows(
        connection, TURN["drop_successions"], ("organisation_id",), [(each,) for each in sorted(succeeded)]
    )
    rows = [
        (each.organisation_id, each.day, each.successor_id, each.targets)
        for each in succeeded.values()
        if each is not None
    ]
    await write_rows(
        connection, TURN["put_successions"], ("organisation_id", "day", "successor_id", "targets"), rows
    )
