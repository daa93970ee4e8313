"""A database that serves history after history: emptied in between, which takes milliseconds."""

from collections.abc import Sequence

import asyncpg

from tests.conftest import Database

_TABLES = """
SELECT format('DELETE FROM %I.%I', schemaname, tablename) AS clear,
       CASE WHEN kept IS NOT NULL
            THEN format('INSERT INTO %I.%I TABLE %s', schemaname, tablename, kept) END AS fill,
       format('SELECT FROM %I.%I LIMIT 1', schemaname, tablename) AS look,
       format('CREATE TABLE pristine.%I AS TABLE %I.%I', name, schemaname, tablename) AS keep
FROM pg_tables
CROSS JOIN LATERAL (SELECT schemaname || '_' || tablename) AS n (name)
CROSS JOIN LATERAL (SELECT to_regclass(format('pristine.%I', name))) AS k (kept)
WHERE schemaname = ANY ($1) AND tablename <> 'alembic_version'
"""


async def keep_pristine(database: Database, schemas: Sequence[str]) -> None:
    """Copies of those tables that hold anything before the first event."""
    await database.fetch("CREATE SCHEMA pristine", role="postgres")
    for row in await database.fetch(_TABLES, list(schemas), role="postgres"):
        if await database.fetch(row["look"], role="postgres"):
            await database.fetch(row["keep"], role="postgres")


async def empty(database: Database, schemas: Sequence[str]) -> None:
    """As `keep_pristine` found it. The log is closed to its owner too; the server's superuser is not stopped."""
    connection = await asyncpg.connect(database.url("postgres"))
    try:
        await connection.execute("SET session_replication_role = replica")
        rows = await connection.fetch(_TABLES, list(schemas))
        await connection.execute("; ".join(row["clear"] for row in rows))
        await connection.execute("; ".join(row["fill"] for row in rows if row["fill"]))
    finally:
        await connection.close()
