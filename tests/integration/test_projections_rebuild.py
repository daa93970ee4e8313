"""A projection is rebuilt beside the one in service, compared with it and put in its place, while it is read."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest
from click.testing import Result
from sqlalchemy import text
from typer.testing import CliRunner

from deploy.cli import application
from deploy.projections import stretch
from deploy.projections.comparing import Compared
from deploy.projections.filling import Filling
from deploy.projections.rebuild import Rebuilt, rebuild
from deploy.projections.standing import Standing, standings
from deploy.projections.stretch import Stretch, Task
from deploy.projections.tables import PROJECTIONS, beside_is, create_beside
from deploy.stack.errors import StackError
from services.notifier import store as notifier_store
from services.notifier.clock import system_clock
from services.notifier.projector import Projector as NotifierProjector
from services.reporting.projector import store as reporting_store
from services.reporting.projector import whole_timelines
from services.reporting.projector.batch import Batch
from services.reporting.projector.person_steps import PersonStep, person_step
from services.reporting.reports import profile, reader
from shared.events.person import MemberAdmitted
from shared.events.recorded import Recorded
from shared.runtime.database import create_engine
from shared.timeline.fold import Step
from tests.conftest import Database
from tests.given import (
    admitted,
    balance,
    corrected,
    identified,
    merged,
    new_uuid,
    organisation,
    root,
    target,
)
from tests.integration.reporting_given import RunningReporting, running_reporting
from tests.until import until

rebuilding = sys.modules[rebuild.__module__]
REPORTING = PROJECTIONS["reporting"]
NOTIFIER = PROJECTIONS["notifier"]
TOTALS = "root/totals?as_of=2023-12-31&by=child"


@dataclass
class System:
    """The log, and both projections of it in service."""

    database: Database
    reporting: RunningReporting
    notifier: NotifierProjector

    async def record(self, *events: dict[str, Any], as_type: str | None = None) -> list[Recorded]:
        """Put events into the registry's log, `as_type` as a later version would."""
        recorded = self.reporting.record(*events)
        lines = self.reporting.log[-len(recorded) :]
        if as_type:
            lines = [
                line.replace(each.type.encode(), as_type.encode())
                for each, line in zip(recorded, lines, strict=True)
            ]
        connection = await asyncpg.connect(self.database.url("ketnap_registry"))
        try:
            await connection.executemany(
                "INSERT INTO registry.log (position, recordedat, source, event_id, stream_sequence, batch_index, "
                "type, subject, content_hash, event) VALUES ($1, $2, $3, $4, $1, 0, $5, $6, '', $7)",
                [
                    (
                        each.position,
                        each.recordedat,
                        each.source,
                        each.event_id,
                        each.type,
                        each.subject,
                        line.decode(),
                    )
                    for each, line in zip(recorded, lines, strict=True)
                ],
            )
        finally:
            await connection.close()
        return recorded

    async def happen(self, *events: dict[str, Any]) -> None:
        """Record events and apply them in both services."""
        recorded = await self.record(*events)
        await self.reporting.service.projector.project(recorded)
        await self.notifier.apply(recorded)

    async def rebuild(self, name: str = "reporting", *, agree: bool = False, keep: bool = False) -> Rebuilt:
        """As the operator does."""
        return await rebuild(self.database.url(), PROJECTIONS[name], lambda _: agree, keep=keep)

    async def one(self, query: str) -> Any:
        """The only value of a query, asked as the owner."""
        return (await self.database.fetch(query))[0][0]

    async def built(self, schema: str = "reporting") -> int:
        """Which tables are in service."""
        return int(await self.one(f"SELECT tableoid::bigint FROM {schema}.checkpoint"))  # noqa: S608

    async def beside(self) -> list[str]:
        """Schemas beside those in service."""
        rows = await self.database.fetch("SELECT nspname FROM pg_namespace WHERE nspname ~ '_(next|old)$'")
        return [row[0] for row in rows]


HISTORY = [
    root(),
    organisation("north"),
    organisation("south"),
    balance("north", "2022-01-01", 5),
    balance("south", "2022-01-01", 7),
    target("root", value=2),
]


@pytest.fixture
async def system(database: Database) -> AsyncIterator[System]:
    engine = create_engine(database.url("ketnap_notifier"), "notifier")
    async with running_reporting(database) as reporting:
        system = System(database, reporting, NotifierProjector(engine, system_clock, lambda: None))
        await system.happen(*HISTORY)
        for number in range(4):
            person = new_uuid()
            await system.happen(
                identified(person, "2022-02-01", "north"), admitted(person, f"2022-03-0{number + 1}", "north")
            )
        late = identified(new_uuid(), "2022-01-15", "south")
        await system.happen(late)
        await system.happen(corrected(late, None))
        yield system
    await engine.dispose()


DESCRIBED = """
SELECT 'index', indexname::text, replace(indexdef, schemaname || '.', '') FROM pg_indexes WHERE schemaname = $1
UNION ALL
SELECT 'constraint', conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = CAST($1 AS regnamespace)
UNION ALL
SELECT 'right', relname, array_to_string(relacl, ' ') FROM pg_class
WHERE relnamespace = CAST($1 AS regnamespace) AND relkind = 'r'
UNION ALL
SELECT 'comment', c.relname || coalesce('.' || a.attname, ''), d.description
FROM pg_description d JOIN pg_class c ON c.oid = d.objoid AND d.classoid = 'pg_class'::regclass
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.objsubid AND d.objsubid > 0
WHERE c.relnamespace = CAST($1 AS regnamespace) AND c.relkind = 'r'
UNION ALL
SELECT 'column', table_name || '.' || column_name,
       concat_ws(' ', ordinal_position, data_type, is_nullable, column_default, is_generated, is_identity)
FROM information_schema.columns WHERE table_schema = $1
ORDER BY 1, 2, 3
"""


@pytest.mark.parametrize("name", ["reporting", "notifier"])
async def test_the_same_version_is_rebuilt_without_a_difference_and_takes_the_place_of_the_old_one(
    system: System, name: str
) -> None:
    before, described = await system.built(name), await system.database.fetch(DESCRIBED, name)
    alerts = await system.database.fetch("SELECT * FROM notifier.alert")
    evaluated = await system.one("SELECT evaluated FROM notifier.checkpoint")
    totals = await system.reporting.get(TOTALS)

    rebuilt = await system.rebuild(name)

    assert (rebuilt.switched, rebuilt.differing) == (True, 0)
    assert (
        rebuilt.position
        == await system.one(f"SELECT position FROM {name}.checkpoint")  # noqa: S608
        == len(system.reporting.log)
    )
    assert {"delta" if name == "reporting" else "tally", "fact"} <= {
        each.table for each in rebuilt.compared if each.rows
    }
    assert await system.built(name) != before
    assert await system.database.fetch(DESCRIBED, name) == described
    assert await system.reporting.get(TOTALS) == totals
    assert len(alerts) == 2
    assert await system.database.fetch("SELECT * FROM notifier.alert") == alerts
    assert await system.one("SELECT evaluated FROM notifier.checkpoint") == evaluated
    assert await system.beside() == []


async def test_the_running_services_go_on_with_the_new_version(system: System) -> None:
    await system.happen(merged("south", "2022-06-01", "north"))
    # As a mistake of an earlier version would have it: what is in memory must not matter afterwards.
    await system.database.fetch("DELETE FROM reporting.succession")
    assert (await system.rebuild("reporting", agree=True)).differing == 1
    await system.rebuild("notifier")
    person = new_uuid()
    await system.happen(
        identified(person, "2022-06-02", "south"),
        admitted(person, "2023-06-02", "south"),
        organisation("east", "2023-01-01"),
    )

    again = await system.rebuild("reporting")
    assert (await system.rebuild("notifier")).differing == 0
    assert again.differing == 0
    assert await system.reporting.members("root?as_of=2023-12-31") == 5 + 7 + 4 + 1


async def test_differences_are_listed_and_without_consent_the_old_version_stays(system: System) -> None:
    before = await system.built()
    await system.database.fetch(
        "UPDATE reporting.delta SET change = 50 WHERE measure = 'balance.official' AND change = 5"
    )
    await system.database.fetch("DELETE FROM reporting.holding_version WHERE organisation_id = 'south'")
    asked: list[list[Compared]] = []

    def refuse(compared: list[Compared]) -> bool:
        asked.append(compared)
        return False

    rebuilt = await rebuild(system.database.url(), REPORTING, refuse)

    assert not rebuilt.switched
    assert asked == [rebuilt.compared]
    found = {each.table: each for each in rebuilt.compared if each.differing}
    assert set(found) == {"delta", "holding_version"}
    [delta] = found["delta"].examples
    assert (delta.before, delta.after) == (50, 5)
    assert msgspec.json.decode(delta.what) == {
        "organisation_id": "north",
        "measure": "balance.official",
        "day": "2022-01-01",
        "position": 4,
    }
    [holding] = found["holding_version"].examples
    assert (holding.before, holding.after) == (0, 1)
    assert '"holder_id":"south"' in holding.what.replace(" ", "")
    assert await system.built() == before
    assert await system.beside() == []


async def test_with_consent_the_new_figures_are_in_service(system: System) -> None:
    await system.database.fetch(
        "UPDATE reporting.delta SET change = 50 WHERE measure = 'balance.official' AND change = 5"
    )
    had = await system.reporting.ask("north/totals?as_of=2023-12-31")
    assert had.json()["members"]["total"] == 54

    assert (await system.rebuild(agree=True)).switched

    # The position is the same; who has the former answer must not be told that it still holds.
    mended = await system.reporting.ask(
        "north/totals?as_of=2023-12-31", 200, {"If-None-Match": had.headers["etag"]}
    )
    assert mended.json()["members"]["total"] == 9
    assert mended.json()["known_at"] == had.json()["known_at"]


async def test_a_version_that_differs_can_be_kept_until_the_next_rebuild(system: System) -> None:
    await system.database.fetch(
        "UPDATE reporting.delta SET change = 50 WHERE measure = 'balance.official' AND change = 5"
    )

    await system.rebuild(keep=True)
    assert await system.beside() == ["reporting_next"]
    assert await system.one("SELECT max(change) FROM reporting_next.delta") == 7

    assert (await system.rebuild(agree=True)).switched
    assert await system.beside() == []


async def test_reads_and_events_go_on_during_a_rebuild_and_no_answer_is_of_both_versions(system: System) -> None:
    # The old version has a mistake in each cell, so that an answer from both would be a third figure.
    await system.database.fetch(
        "UPDATE reporting.delta SET change = change + 1000 WHERE measure = 'balance.official'"
    )
    answers: list[tuple[int, int, int]] = []
    over = asyncio.Event()

    async def read() -> None:
        while not over.is_set():
            body = await system.reporting.get(TOTALS)
            north, south = (each["members"]["total"] for each in body["children"])
            answers.append((body["members"]["total"], north, south))

    async def happening() -> None:
        while not over.is_set():
            await system.happen(organisation(f"more-{len(system.reporting.log)}", "2024-06-01"))

    asking = [asyncio.create_task(each) for each in (read(), read(), happening())]
    rebuilt = await system.rebuild(agree=True)
    number = len(answers)
    while len(answers) < number + 4:  # noqa: ASYNC110 - what there is to wait for is an answer
        await asyncio.sleep(0.01)
    over.set()
    await asyncio.gather(*asking)

    assert rebuilt.switched
    assert set(answers) == {(2016, 1009, 1007), (16, 9, 7)}
    changes = [one != following for one, following in pairwise(answers)]
    assert sum(changes) <= 3  # two readers, who may end in another order than they began
    assert (await system.rebuild()).differing == 0


async def test_the_switch_waits_for_an_answer_under_way_and_lets_others_by(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.projections.rebuild.PAUSE", 0.05)
    monkeypatch.setattr("deploy.projections.rebuild.READERS_WAIT", 50)
    await system.database.fetch(
        "UPDATE reporting.delta SET change = change + 1000 WHERE measure = 'balance.official'"
    )
    read = (
        "SELECT sum(change)::int FROM reporting.delta WHERE organisation_id = $1 AND measure = 'balance.official'"
    )
    slow = await asyncpg.connect(system.database.url("ketnap_reporting"))
    transaction = slow.transaction()
    await transaction.start()
    first = await slow.fetchval(read, "north")

    steps: list[str] = []
    task = asyncio.create_task(rebuild(system.database.url(), REPORTING, lambda _: True, step=steps.append))
    while "switching" not in steps:  # noqa: ASYNC110 - a step has no event
        await asyncio.sleep(0.01)
    for _ in range(10):
        assert (await system.reporting.get(TOTALS))["members"]["total"] == 2016
    assert not task.done()
    second = await slow.fetchval(read, "south")
    await transaction.commit()
    await slow.close()

    assert (first, second) == (1005, 1007)
    assert (await task).switched
    assert (await system.reporting.get(TOTALS))["members"]["total"] == 16


async def test_an_answer_that_is_withheld_in_part_is_of_one_version_too(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.projections.rebuild.PAUSE", 0.05)
    monkeypatch.setattr("deploy.projections.rebuild.READERS_WAIT", 50)
    found: list[str] = []
    read = profile._read
    rebuilds = list[asyncio.Task[Rebuilt]]()
    waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'"

    async def rebuilt_meanwhile(reading: Any) -> Any:
        monkeypatch.setattr(profile, "_read", read)
        rebuilds.append(asyncio.create_task(rebuild(system.database.url(), REPORTING, lambda _: True)))

        async def held_up_or_done() -> bool:
            return rebuilds[0].done() or bool(await system.one(waits))

        await until(held_up_or_done, 60)
        found.append("the new version" if rebuilds[0].done() else "the old version")
        return await read(reading)

    monkeypatch.setattr(profile, "_read", rebuilt_meanwhile)
    body = await system.reporting.get("root/profile?from=2022-01-01&to=2022-12-31")

    assert (found, body["admitted"]) == (["the old version"], 4)
    assert (await rebuilds[0]).switched


async def test_an_answer_that_waited_for_the_switch_does_not_go_back(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    switch, read = rebuilding._switch, reader.read_checkpoint
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def held(*asked: Any) -> None:
        reached.set()
        await go_on.wait()
        await switch(*asked)

    async def sees_what_was_before_the_switch(connection: Any) -> Any:
        monkeypatch.setattr(reader, "read_checkpoint", read)
        # From here on its transaction sees nothing newer, and no table is its own yet.
        await connection.execute(text("SELECT txid_current_snapshot()"))
        go_on.set()
        assert (await task).switched
        return await read(connection)

    monkeypatch.setattr(rebuilding, "_switch", held)
    task = asyncio.create_task(system.rebuild())
    await reached.wait()
    await system.happen(balance("north", "2022-05-01", 3))
    monkeypatch.setattr(reader, "read_checkpoint", sees_what_was_before_the_switch)
    last = len(system.reporting.log)

    body = await system.reporting.get(f"{TOTALS}&min_position={last}")

    assert (body["known_at"]["position"], body["members"]["total"]) == (last, 19)


async def test_what_a_killed_rebuild_left_is_removed_by_the_next(system: System) -> None:
    before = await system.built()
    for schema in ("reporting_next", "reporting_old"):
        await system.database.fetch(f"CREATE SCHEMA {schema}")
        await system.database.fetch(f"CREATE TABLE {schema}.delta (half boolean)")

    assert (await system.reporting.get(TOTALS))["members"]["total"] == 16
    assert (await system.rebuild()).differing == 0

    assert await system.built() != before
    assert await system.beside() == []


@asynccontextmanager
async def held_back(system: System) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """A rebuild fills, and cannot bring both versions to one position; gives what waits until it is there."""

    async def waits() -> None:
        there = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'reporting.checkpoint'::regclass"
        async with asyncio.timeout(60):
            while not await system.one(there):  # noqa: ASYNC110 - a lock in the database has no event
                await asyncio.sleep(0.05)

    holding = await asyncpg.connect(system.database.url())
    try:
        async with holding.transaction():
            await holding.execute("LOCK TABLE reporting.checkpoint IN ROW EXCLUSIVE MODE")
            yield waits
    finally:
        await holding.close()


async def begun_rebuild(system: System, stderr: int) -> asyncio.subprocess.Process:
    """`ketnap projections rebuild reporting` as a process of its own."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from deploy.cli import main; main()", "projections", "rebuild", "reporting",
        env={**os.environ, "KETNAP_OWNER_DATABASE_URL": system.database.url()},
        stderr=stderr,
    )  # fmt: skip


async def test_a_rebuild_that_is_killed_harms_nothing_and_the_next_one_begins_anew(system: System) -> None:
    before, totals = await system.built(), await system.reporting.get(TOTALS)
    async with held_back(system) as waits:
        killed = await begun_rebuild(system, asyncio.subprocess.DEVNULL)
        await waits()
        killed.kill()
        await killed.wait()

        assert await system.one("SELECT position FROM reporting_next.checkpoint") == 16
        assert await system.reporting.get(TOTALS) == totals
        assert await system.built() == before
    async with asyncio.timeout(60):
        while (await standings(system.database.url()))[0].rebuilding:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.05)
    assert (await system.rebuild()).switched
    assert await system.beside() == []


async def test_one_that_lost_its_connection_and_was_overtaken_puts_nothing_in_service(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, switch = await system.built(), rebuilding._switch
    held, others = AsyncExitStack(), list[asyncio.Task[Rebuilt]]()

    async def overtaken(*asked: Any) -> None:
        monkeypatch.undo()
        # As while an operator is asked for consent, and something on the way drops what is idle.
        await system.database.fetch("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
        waits = await held.enter_async_context(held_back(system))
        others.append(asyncio.create_task(system.rebuild()))
        await waits()
        await switch(*asked)

    monkeypatch.setattr(rebuilding, "_switch", overtaken)
    async with held:
        with pytest.raises(StackError, match="another rebuild of reporting has begun"):
            await system.rebuild()
        assert await system.built() == before
        assert await system.beside() == ["reporting_next"]

    assert (await others[0]).switched
    assert await system.beside() == []


async def test_what_a_killed_rebuild_still_works_out_gets_into_no_tables_of_the_next_one(system: System) -> None:
    engine = create_engine(system.database.url(), "test", durable=False)
    try:
        async with engine.begin() as connection:
            await create_beside(connection, REPORTING)
            theirs = await beside_is(connection, REPORTING)
        async with engine.begin() as connection:
            await create_beside(connection, REPORTING)
            ours = await beside_is(connection, REPORTING)
    finally:
        await engine.dispose()
    assert theirs is not None
    assert ours is not None
    everybody, place = Stretch("person/", "person0"), (system.database.url(), REPORTING.beside)
    rows = await system.database.fetch("SELECT subject FROM registry.log WHERE type ^@ 'FactCorrected'")
    apart = frozenset(row["subject"] for row in rows)
    left, next_one = (Task(*place, tables, len(system.reporting.log), apart) for tables in (theirs, ours))
    connection = await stretch.connect(left)
    try:
        with pytest.raises(StackError, match="those of another rebuild"):
            await stretch.fill(connection, left, everybody)
        assert await system.one("SELECT count(*) FROM reporting_next.fact") == 0
        await stretch.fill(connection, next_one, everybody)
        assert await system.one("SELECT count(*) FROM reporting_next.fact") > 0
    finally:
        await connection.close()


async def test_a_migration_that_ends_as_the_switch_waits_for_its_tables_is_not_undone(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    switch, migrating = rebuilding._switch, await asyncpg.connect(system.database.url())
    waits = (
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock' "
        "AND relation = 'reporting.delta'::regclass"
    )

    async def commit(migration: Any) -> None:
        await until(lambda: system.one(waits), 60)
        await migration.commit()

    async def migrated_meanwhile(*asked: Any) -> None:
        migration = migrating.transaction()
        await migration.start()
        await migrating.execute("ALTER TABLE reporting.delta ADD COLUMN later int")
        await migrating.execute("UPDATE reporting.alembic_version SET version_num = 'p9999'")
        await asyncio.gather(switch(*asked), commit(migration))

    monkeypatch.setattr(rebuilding, "_switch", migrated_meanwhile)
    with pytest.raises(StackError, match="was migrated meanwhile"):
        await system.rebuild()
    await migrating.close()

    assert await system.one("SELECT count(later) FROM reporting.delta") == 0
    assert await system.beside() == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_a_rebuild_that_a_signal_ends_says_so_and_drops_what_it_has_built(
    system: System, number: signal.Signals, code: int
) -> None:
    before = await system.built()
    async with held_back(system) as waits:
        ended = await begun_rebuild(system, asyncio.subprocess.PIPE)
        await waits()
        ended.send_signal(number)
        _, said = await ended.communicate()

    assert ended.returncode == code
    assert b"Traceback" not in said
    assert b"the figures in service are those of before; `ketnap projections rebuild reporting`" in said
    assert await system.built() == before
    assert await system.beside() == []


async def test_a_rebuild_that_is_interrupted_leaves_nothing_and_the_old_version_in_service(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, reached = await system.built(), asyncio.Event()

    async def endless(self: Filling, until: int, told: Any = None) -> None:
        reached.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(Filling, "fill", endless)
    task = asyncio.create_task(system.rebuild())
    await reached.wait()
    assert await system.beside() == ["reporting_next"]
    with pytest.raises(StackError, match="under way already"):
        await system.rebuild()
    task.cancel()
    await asyncio.wait({task})

    assert await system.beside() == []
    assert await system.built() == before


async def test_a_new_version_that_cannot_apply_an_event_says_which_and_is_dropped(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply = Batch.apply

    def mistaken(batch: Batch, each: Recorded) -> None:
        if each.position == 3:
            raise ZeroDivisionError("no member left to divide by")
        apply(batch, each)

    monkeypatch.setattr(Batch, "apply", mistaken)
    before = await system.built()
    with pytest.raises(StackError, match=r"stops before position 3: .*no member left"):
        await system.rebuild()

    assert await system.beside() == []
    assert await system.built() == before


async def test_so_it_does_at_a_person_who_is_worked_out_apart_from_others(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mistaken(person_id: UUID, step: Step) -> PersonStep:
        if isinstance(step.fact.data, MemberAdmitted) and step.fact.effectiveon.day == 2:
            raise ZeroDivisionError("no member left to divide by")
        return person_step(person_id, step)

    monkeypatch.setattr(whole_timelines, "person_step", mistaken)
    before = await system.built()
    with pytest.raises(StackError, match=r"stops before position 10: .*no member left"):
        await system.rebuild()

    assert await system.beside() == []
    assert await system.built() == before


async def test_a_process_that_cannot_read_an_event_says_which(system: System) -> None:
    [new] = await system.record(identified(new_uuid(), "2022-02-01"), as_type="CandidateDiscovered.v1")
    await system.database.fetch("UPDATE reporting.checkpoint SET position = $1", new.position)

    with pytest.raises(StackError, match=f"stops before position {new.position}: .*CandidateDiscovered.v1"):
        await rebuild(system.database.url(), REPORTING, lambda _: False, workers=2)

    assert await system.beside() == []


async def test_one_that_has_stopped_is_rebuilt_up_to_there(system: System) -> None:
    await system.record(organisation("later"), as_type="OrganisationTwinned.v1")

    assert (await system.rebuild()).position == len(system.reporting.log) - 1


async def test_an_empty_log_is_rebuilt_too(database: Database) -> None:
    assert await rebuild(database.url(), REPORTING, lambda _: False) == Rebuilt(
        0, (await _nothing(database)), True
    )


async def _nothing(database: Database) -> list[Compared]:
    rows = await database.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'reporting' ORDER BY 1")
    left_out = REPORTING.working | REPORTING.kept
    return [Compared(row[0], 0, 0, ()) for row in rows if row[0] not in left_out]


async def test_status_says_how_far_projections_are_what_stopped_them_and_what_lies_beside(system: System) -> None:
    await system.database.fetch("UPDATE registry.head SET position = 20")
    reporting, notifier = await standings(system.database.url())
    assert (reporting.name, reporting.position, reporting.lag) == ("reporting", 16, 4)
    assert (reporting.at_fault, reporting.beside, reporting.rebuilding) == (False, None, False)
    assert min(reporting.size, notifier.size) > 100_000

    await system.database.fetch(
        "UPDATE notifier.checkpoint SET stopped_at = 17, stopped_why = 'of a later version'"
    )
    await system.database.fetch("UPDATE reporting.delta SET change = 50 WHERE change = 5")
    rebuilt = await rebuild(system.database.url(), REPORTING, lambda _: False, keep=True)
    assert rebuilt.differing == 2

    reporting, notifier = await standings(system.database.url())
    assert (reporting.beside, reporting.rebuilding) == (16, False)
    assert (notifier.stopped_at, notifier.stopped_why, notifier.at_fault) == (17, "of a later version", True)


async def test_a_version_into_which_an_older_one_still_projects_is_due_for_a_rebuild_again(system: System) -> None:
    for schema in ("reporting", "notifier"):
        await system.database.fetch(f"UPDATE {schema}.checkpoint SET version = version + 1")  # noqa: S608
    newer = [each.version for each in await standings(system.database.url())]

    await system.happen(organisation("another"))

    # As that one will find them: it makes figures that this one does not know of.
    versions = [each.version for each in await standings(system.database.url())]
    assert versions == [reporting_store.VERSION, notifier_store.VERSION] == [each - 1 for each in newer]


@pytest.mark.parametrize(
    ("name", "made_by"),
    # Between these and the versions after them, code made other figures of the same log for a while without saying
    # so: orders of one day, parents of targets, named cells and corrected links; places with ids of organisations.
    [("reporting", 4), ("notifier", 2)],
)
async def test_what_was_made_before_figures_changed_unsaid_is_due_for_a_rebuild(
    database: Database, name: str, made_by: int
) -> None:
    await database.fetch(f"UPDATE {name}.checkpoint SET position = 7, version = $1", made_by)  # noqa: S608 - ours

    found = {each.name: each for each in await standings(database.url())}

    assert found[name].outdated


async def test_status_says_that_a_rebuild_is_under_way(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[Standing] = []

    def looked_at(fill: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        async def look_and_fill(self: Filling, until: int, *more: Any) -> None:
            found.extend(await standings(system.database.url()))
            await fill(self, until, *more)

        return look_and_fill

    monkeypatch.setattr(Filling, "begin", looked_at(Filling.begin))
    monkeypatch.setattr(Filling, "fill", looked_at(Filling.fill))
    await system.rebuild()

    assert [each.rebuilding for each in found[:2]] == [True, False]
    assert (found[0].beside, found[-2].beside) == (0, 16)


async def ketnap(system: System, *arguments: str) -> Result:
    """`ketnap projections …` against the test's database."""
    environment = {"KETNAP_OWNER_DATABASE_URL": system.database.url(), "COLUMNS": "200"}
    return await asyncio.to_thread(CliRunner(env=environment).invoke, application("projections"), [*arguments])


async def test_the_command_lists_differences_asks_for_consent_and_switches(system: System) -> None:
    await system.database.fetch("UPDATE reporting.delta SET change = 50 WHERE change = 5")

    refused = await ketnap(system, "projections", "rebuild", "reporting")
    assert refused.exit_code == 1
    assert "delta: 2 differences" in refused.output
    assert "the old version stays, the new one is dropped" in refused.output

    agreed = await ketnap(system, "projections", "rebuild", "--yes")
    assert agreed.exit_code == 0
    assert "reporting: " in agreed.output
    assert "2 differ; the new version is in service" in agreed.output
    assert "0 differ; the new version is in service" in agreed.output
    assert (await ketnap(system, "projections", "rebuild", "registry")).exit_code == 2


async def test_the_command_shows_how_they_stand_and_fails_for_one_that_has_stopped(system: System) -> None:
    fine = await ketnap(system, "projections", "status")
    assert (fine.exit_code, "up to date" in fine.output) == (0, True)

    await system.database.fetch(
        "UPDATE notifier.checkpoint SET stopped_at = 17, stopped_why = 'of a later version'"
    )
    stopped = await ketnap(system, "projections", "status")
    assert stopped.exit_code == 1
    assert "STOPPED before position 17: of a later version" in stopped.output
