"""Alembic, one environment and one schema per service: `<package>/migrations/versions`.

Migrations run forward, while the version before them still works: they only add. So a version works on its own
schema and on every newer one; on an older one it does not begin.
"""

import asyncio
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from asyncpg import PostgresError
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.runtime.database import create_engine
from shared.runtime.schemas import found_standing, schema_of

log = structlog.get_logger(__name__)

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
    return f"the schema of {schema_of(package)} cannot be brought to this version and stays as it was: {why}"


def _config(package: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(str(files(package))) / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def _upgrade(connection: Connection, package: str) -> None:
    if found_standing(connection, package) == "newer":
        log.warning("the schema is newer than this version; it stays as it is", schema=schema_of(package))
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
