"""How the schema of a service in the database stands to the version that runs here.

Read without Alembic, which services need for nothing else: it would make each larger and its start longer.
"""

import asyncio
from functools import cache
from importlib.resources import files
from typing import Literal

import structlog
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.runtime.causes import in_public
from shared.runtime.progress import Progress

log = structlog.get_logger(__name__)

Standing = Literal["absent", "older", "current", "newer"]
"""Of a schema in the database, as the running version sees it."""

_RETRY = 0.5  # seconds


async def standing(engine: AsyncEngine, package: str) -> Standing:
    """How the schema of a service package stands to the version that runs here."""
    async with engine.connect() as connection:
        return await connection.run_sync(found_standing, package)


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
        # Whoever migrates is another process, which tells nobody when it is done.
        await asyncio.sleep(_RETRY)


def too_old(package: str, found: Standing) -> str | None:
    """What to do about a schema that this version cannot work on; None if it can."""
    if found in ("current", "newer"):
        return None
    return (
        f"the schema of {schema_of(package)} is {found}, this version needs {revisions(package)[-1]} or newer; "
        "run the migrations: `ketnap up` does on its start, compose with `docker compose run --rm setup`"
    )


def found_standing(connection: Connection, package: str) -> Standing:
    """What `standing` says, for who is inside a connection's `run_sync`."""
    schema = schema_of(package)
    if connection.scalar(text("SELECT to_regclass(:name)"), {"name": f"{schema}.alembic_version"}) is None:
        return "absent"
    # A name of a schema cannot be a parameter; this one is our own package's, nobody's input.
    version = connection.scalar(text(f"SELECT version_num FROM {schema}.alembic_version"))  # noqa: S608
    if version is None:
        return "absent"
    known = revisions(package)
    if version not in known:
        # Revisions are never taken back, so what this version does not know was added after it.
        return "newer"
    return "current" if version == known[-1] else "older"


@cache
def revisions(package: str) -> tuple[str, ...]:
    """The revisions of a service package that this version knows, oldest first, by the names of their files."""
    scripts = (each.name for each in files(f"{package}.migrations.versions").iterdir())
    return tuple(sorted(name.partition("_")[0] for name in scripts if name.endswith(".py") and name[0] != "_"))


def schema_of(package: str) -> str:
    """The schema in which the service package keeps everything."""
    return package.rpartition(".")[2]
