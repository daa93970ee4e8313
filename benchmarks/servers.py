"""Real servers for the benchmarks, with the settings of `ketnap up`: every commit and every message is on disk."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import asyncpg

from deploy.stack.postgres import SERVICES, PostgresServer
from shared.runtime.migrations import upgrade_async

DIRECTORY = Path(".bench")
TEMPLATE = "migrated"
_numbers = count(1)


@dataclass(frozen=True)
class Database:
    """A migrated database of a benchmark's own."""

    server: PostgresServer
    name: str

    def url(self, role: str = "ketnap_owner") -> str:
        """`postgresql://…` for a role."""
        return self.server.url(role, self.name)


@contextmanager
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL of our own for the length of a `with`, in a directory that is removed afterwards."""
    directory = DIRECTORY / "postgres"
    shutil.rmtree(directory, ignore_errors=True)
    server = PostgresServer(directory)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)


async def migrated(server: PostgresServer) -> Database:
    """A fresh database with all tables, empty."""
    connection = await asyncpg.connect(server.url("postgres", "postgres"))
    try:
        if not await connection.fetchval("SELECT count(*) FROM pg_database WHERE datname = $1", TEMPLATE):
            await connection.execute(f'CREATE DATABASE "{TEMPLATE}" OWNER ketnap_owner TEMPLATE template0')
            await upgrade_async([f"services.{name}" for name in SERVICES], server.url(database=TEMPLATE))
        name = f"bench_{next(_numbers)}"
        await connection.execute(f'CREATE DATABASE "{name}" OWNER ketnap_owner TEMPLATE "{TEMPLATE}"')
        # Every part of the comparison begins with an empty write-ahead log before it.
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()
    return Database(server, name)


async def drop(database: Database) -> None:
    """Remove it, so that what comes next finds the same disk."""
    connection = await asyncpg.connect(database.server.url("postgres", "postgres"))
    try:
        await connection.execute(f'DROP DATABASE "{database.name}" WITH (FORCE)')
    finally:
        await connection.close()


async def add_source(database: Database, source: str, root: str) -> None:
    """Register a source in the registry's table, without NATS."""
    connection = await asyncpg.connect(database.url())
    try:
        await connection.execute(
            "INSERT INTO registry.source (source, root, public_key) VALUES ($1, $2, '')", source, root
        )
    finally:
        await connection.close()
