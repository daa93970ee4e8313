"""Alembic, one environment and one schema per service: `<package>/migrations/versions`.

Migrations run forward, while the version before them still works: they only add. So a version works on its own
schema and on every newer one; on an older one it does not begin.
"""

import asyncio
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Literal

import structlog
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from asyncpg import PostgresError
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.runtime.causes import in_public
from shared.runtime.database import create_engine
from shared.runtime.progress import Progress

log = structlog.get_logger(__name__)

Standing = Literal["absent", "older", "current", "newer"]
"""Of a schema in the database, as the running version sees it."""

_RETRY = 0.5  # seconds
_ATTEMPTS = 60
_LOCK_WAIT = "2s"
_LOCK_NOT_AVAILABLE = "55P03"
_REFUSED = "P0001"
"""What a migration itself raises: it says which data it cannot take along, and what to do."""


class NotMigrated(Exception):
    """A schema could not be brought to this version and stays as it was; the message says why and what to do."""


def upgrade(packages: Sequence[str], url: str) -> None:
    """Bring the schema of each service package to its newest version, with the owner's `url`.

    A schema that a newer version has migrated already stays as it is.
    """
    asyncio.run(upgrade_async(packages, url))


async def upgrade_async(packages: Sequence[str], url: str) -> None:
    """The same inside a running loop. Raises NotMigrated, also if a table stays in use for too long."""
    engine = create_engine(url, "migrations", command_timeout=None)
    try:
        # Each schema by itself: what one migration locks is free before the next begins.
        for package in packages:
            await _migrate(engine, package)
    finally:
        await engine.dispose()


async def _migrate(engine: AsyncEngine, package: str) -> None:
    for attempt in range(_ATTEMPTS):
        try:
            async with engine.begin() as connection:
                # Two `up` at once, or two containers: one migrates, the other finds nothing left to do.
                await connection.execute(text("SELECT pg_advisory_xact_lock(7531)"))
                # The version before goes on working. Whatever waits for a lock holds up all that comes after it,
                # so this gives way to a long query and tries again.
                await connection.execute(
                    text("SELECT set_config('lock_timeout', :wait, true)"), {"wait": _LOCK_WAIT}
                )
                await connection.run_sync(_upgrade, package)
            return
        except (DBAPIError, PostgresError) as error:  # scripts run below SQLAlchemy, which wraps nothing there
            cause = error.orig if isinstance(error, DBAPIError) else error
            state = getattr(cause, "sqlstate", None)
            if state == _REFUSED:
                why, _, hint = " ".join(str(cause).split()).partition(" HINT: ")
                raise NotMigrated(_stays(package, f"{why}. {hint}" if hint else why)) from error
            if state != _LOCK_NOT_AVAILABLE:
                raise
            if attempt == _ATTEMPTS - 1:
                why = (
                    "a table that the migration changes stays in use; end what asks it for so long, and try again"
                )
                raise NotMigrated(_stays(package, why)) from error
            log.warning("a table that the migration changes is in use; trying again", package=package)
            await asyncio.sleep(_RETRY)


def _stays(package: str, why: str) -> str:
    return f"the schema of {_schema(package)} cannot be brought to this version and stays as it was: {why}"


async def standing(engine: AsyncEngine, package: str) -> Standing:
    """How the schema of a service package stands to the version that runs here."""
    async with engine.connect() as connection:
        return await connection.run_sync(_standing, package)


async def until_migrated(engine: AsyncEngine, package: str, progress: Progress) -> None:
    """Wait until the schema of a service package is there and not older than this version; say what is wanted.

    Whoever migrates may come later, so this waits. Without its schema a service does nothing else.
    """
    told = ""
    while True:
        try:
            problem = too_old(package, await standing(engine, package))
        except Exception as error:
            problem = f"PostgreSQL is not reachable yet: {in_public(error)}"
        if problem is None:
            return
        progress.failing(f"waits: {problem}")
        if problem != told:
            log.error(problem)
            told = problem
        await asyncio.sleep(_RETRY)


def too_old(package: str, found: Standing) -> str | None:
    """What to do about a schema that this version cannot work on; None if it can."""
    if found in ("current", "newer"):
        return None
    head = _scripts(package).get_current_head()
    return (
        f"the schema of {_schema(package)} is {found}, this version needs {head} or newer; run the "
        "migrations: `ketnap up` does on its start, compose with `docker compose run --rm setup`"
    )


def _standing(connection: Connection, package: str) -> Standing:
    schema = _schema(package)
    if connection.scalar(text("SELECT to_regclass(:name)"), {"name": f"{schema}.alembic_version"}) is None:
        return "absent"
    version = connection.scalar(text(f"SELECT version_num FROM {schema}.alembic_version"))  # noqa: S608 - our own package name
    if version is None:
        return "absent"
    scripts = _scripts(package)
    if version not in {script.revision for script in scripts.walk_revisions()}:
        # Revisions are never taken back, so what this version does not know was added after it.
        return "newer"
    return "current" if version == scripts.get_current_head() else "older"


def _schema(package: str) -> str:
    return package.rpartition(".")[2]


@cache
def _scripts(package: str) -> ScriptDirectory:
    return ScriptDirectory.from_config(_config(package))


def _config(package: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(str(files(package))) / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def _upgrade(connection: Connection, package: str) -> None:
    if _standing(connection, package) == "newer":
        log.warning("the schema is newer than this version; it stays as it is", schema=_schema(package))
        return
    config = _config(package)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def run_script(package: str, name: str) -> None:
    """Run a `.sql` file of several statements inside the current migration."""
    from alembic import op

    script = files(package).joinpath(name).read_text(encoding="utf-8")
    adapted = op.get_bind().connection.dbapi_connection
    assert adapted is not None
    adapted.run_async(lambda connection: connection.execute(script))


def run_environment(schema: str) -> None:
    """What each service's `migrations/env.py` calls: migrate `schema` on the connection that was handed over."""
    from alembic import context

    connection = context.config.attributes["connection"]
    connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {schema}"))
    context.configure(
        connection=connection,
        version_table="alembic_version",
        version_table_schema=schema,
        transactional_ddl=True,
    )
    context.run_migrations()
