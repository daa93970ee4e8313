"""Alembic, one environment and one schema per service: `<package>/migrations/versions`."""

import asyncio
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.runtime.database import create_engine


def upgrade(packages: Sequence[str], url: str) -> None:
    """Bring the schema of each service package to its newest version, with the owner's `url`."""
    asyncio.run(upgrade_async(packages, url))


async def upgrade_async(packages: Sequence[str], url: str) -> None:
    """The same inside a running loop."""
    engine = create_engine(url, "migrations")
    try:
        async with engine.begin() as connection:
            # Two `up` at once, or two containers: one migrates, the other finds nothing left to do.
            await connection.execute(text("SELECT pg_advisory_xact_lock(7531)"))
            for package in packages:
                await connection.run_sync(_upgrade, package)
    finally:
        await engine.dispose()


async def is_current(engine: AsyncEngine, package: str) -> bool:
    """Whether the schema of a service package is at its newest version."""
    schema = package.rpartition(".")[2]
    async with engine.connect() as connection:
        table = await connection.scalar(text("SELECT to_regclass(:name)"), {"name": f"{schema}.alembic_version"})
        if table is None:
            return False
        version = await connection.scalar(text(f"SELECT version_num FROM {schema}.alembic_version"))  # noqa: S608 - our own package name
    return bool(version == ScriptDirectory.from_config(_config(package)).get_current_head())


def _config(package: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(str(files(package))) / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def _upgrade(connection: Connection, package: str) -> None:
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
