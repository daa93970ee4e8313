"""Versions and schemas that are not of the same age: what works on what, and what is said where it does not."""

import asyncio
import re
from collections.abc import Callable
from importlib.resources import files

import asyncpg
import pytest
from structlog.testing import capture_logs

from deploy.stack.errors import StackError
from deploy.stack.migrating import migrate
from shared.runtime import migrations, schemas
from shared.runtime.database import create_engine
from shared.runtime.progress import Progress
from tests.conftest import PACKAGES, Database

REGISTRY = "services.registry"


async def _set_version(database: Database, version: str) -> None:
    await database.fetch("UPDATE registry.alembic_version SET version_num = $1", version)


async def _as_first_released(database: Database) -> None:
    """The registry's schema as its first migration leaves it."""
    first = files(f"{REGISTRY}.migrations.versions").joinpath("r0001_first_path.sql").read_text(encoding="utf-8")
    connection = await asyncpg.connect(database.url())
    try:
        await connection.execute("DROP SCHEMA registry CASCADE; CREATE SCHEMA registry")
        await connection.execute(first)
        await connection.execute("CREATE TABLE registry.alembic_version (version_num varchar(32) PRIMARY KEY)")
        await connection.execute("INSERT INTO registry.alembic_version VALUES ('r0001')")
        await connection.execute("GRANT SELECT ON registry.alembic_version TO ketnap_registry")
    finally:
        await connection.close()


async def _until(seen: Callable[[], bool], task: asyncio.Task[None]) -> None:
    """Until `seen`, while `task` goes on."""
    while not seen():
        await asyncio.wait([task], timeout=0.01)
        assert not task.done(), task


async def _standing(database: Database) -> schemas.Standing:
    engine = create_engine(database.url("ketnap_registry"), "test")
    try:
        return await schemas.standing(engine, REGISTRY)
    finally:
        await engine.dispose()


async def test_a_schema_is_told_from_an_older_and_a_newer_one(database: Database) -> None:
    assert await _standing(database) == "current"

    await _set_version(database, "r0001")
    assert await _standing(database) == "older"

    await _set_version(database, "r9999")
    assert await _standing(database) == "newer"

    await database.fetch("DROP TABLE registry.alembic_version")
    assert await _standing(database) == "absent"


async def test_an_older_version_works_on_a_newer_schema_and_leaves_it_alone(database: Database) -> None:
    await _set_version(database, "r9999")

    await migrations.upgrade_async(PACKAGES, database.url())

    assert schemas.too_old(REGISTRY, await _standing(database)) is None
    assert [row[0] for row in await database.fetch("SELECT version_num FROM registry.alembic_version")] == [
        "r9999"
    ]


async def test_a_service_does_not_begin_on_an_older_schema_and_says_what_to_do(database: Database) -> None:
    await _set_version(database, "r0001")
    engine = create_engine(database.url("ketnap_registry"), "test")
    progress = Progress("the writer")
    waiting = asyncio.create_task(schemas.until_migrated(engine, REGISTRY, progress))
    try:
        await _until(lambda: "older" in (progress.problem() or ""), waiting)
        assert re.search(r"the schema of registry is older, .* needs r\d+ or newer; run", progress.problem() or "")

        await _set_version(database, "r9999")

        await asyncio.wait_for(waiting, 10)
    finally:
        waiting.cancel()
        await engine.dispose()


async def test_a_migration_that_cannot_take_the_data_along_says_so_and_leaves_the_schema_as_it_was(
    database: Database,
) -> None:
    await _as_first_released(database)
    await database.fetch("INSERT INTO registry.succession VALUES ('commune', '2025-07-01', 'heir')")

    with pytest.raises(StackError) as refused:
        await asyncio.to_thread(migrate, database.url())

    assert str(refused.value) == (
        "the schema of registry cannot be brought to this version and stays as it was: this registry was filled "
        "by a version before reorganisations, whose head counts differ. Start with an empty data directory and "
        "publish the events again."
    )
    assert [row[0] for row in await database.fetch("SELECT version_num FROM registry.alembic_version")] == [
        "r0001"
    ]


async def test_a_table_that_stays_in_use_is_said_in_words(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "_LOCK_WAIT", "1ms")
    monkeypatch.setattr(migrations, "_ATTEMPTS", 1)
    await _as_first_released(database)
    long = await asyncpg.connect(database.url())
    try:
        await long.execute("BEGIN; SELECT * FROM registry.head")

        with pytest.raises(StackError, match=r"stays as it was: a table that the migration changes stays in use"):
            await asyncio.to_thread(migrate, database.url())
    finally:
        await long.close()


async def test_a_migration_gives_way_to_a_long_query_and_comes_through_after_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "_LOCK_WAIT", "100ms")
    await _as_first_released(database)
    long = await asyncpg.connect(database.url())
    with capture_logs() as said:
        await long.execute("BEGIN; SELECT * FROM registry.head")
        migrating = asyncio.create_task(migrations.upgrade_async([REGISTRY], database.url()))
        try:
            await _until(lambda: len(said) >= 2, migrating)
            await database.fetch("SELECT position FROM registry.head")
            assert not migrating.done()

            await long.execute("ROLLBACK")

            await asyncio.wait_for(migrating, 30)
        finally:
            migrating.cancel()
            await long.close()
    assert {line["event"] for line in said} == {"a table that the migration changes is in use; trying again"}
    assert await _standing(database) == "current"
