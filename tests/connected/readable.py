"""Everything that a running system keeps, as bytes to search: tables, a dump, files of its servers, streams."""

import os
import subprocess
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import httpx
from nats.js.errors import NotFoundError

from deploy.stack.layout import Layout
from deploy.stack.nats import connect
from deploy.stack.postgres_programs import binaries
from tests.faults.system import System


class Search:
    """Looks for values, as they are and as PostgreSQL prints them in hexadecimal."""

    def __init__(self, values: Iterable[str]) -> None:
        self._wanted = {value: (value.encode(), value.encode().hex().encode()) for value in values}
        self.found: dict[str, str] = {}
        """Value → where it was found first."""
        self.looked_at = 0
        """Bytes."""

    def look(self, where: str, content: bytes) -> None:
        """Search one piece."""
        self.looked_at += len(content)
        for value, forms in self._wanted.items():
            if value not in self.found and any(form in content for form in forms):
                self.found[value] = where


async def tables(database_url: str) -> AsyncIterator[tuple[str, bytes]]:
    """All rows of all tables of all our schemas, as text."""
    connection = await asyncpg.connect(database_url)
    try:
        names = await connection.fetch(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('registry', 'reporting', 'notifier')"
        )
        assert len(names) > 20
        for schema, table in names:
            rows = await connection.fetch(f'SELECT t::text AS row FROM "{schema}"."{table}" t')  # noqa: S608 - named by PostgreSQL
            yield f"table {schema}.{table}", "\n".join(row["row"] for row in rows).encode()
    finally:
        await connection.close()


def dump(database_url: str) -> bytes:
    """What pg_dump writes of the whole database, keys of persons included."""
    parts = urlsplit(database_url)
    where = [f"--host={parts.hostname}", f"--port={parts.port}", f"--username={parts.username}"]
    done = subprocess.run(
        [str(binaries() / "pg_dump"), *where, f"--dbname={parts.path[1:]}"],
        env=os.environ | {"PGPASSWORD": parts.password or "", "LC_ALL": "C"},
        capture_output=True,
        check=True,
    )
    return done.stdout


async def settle(layout: Layout, database_url: str) -> None:
    """Let PostgreSQL write everything out and clear dead rows away."""
    password = (layout.secrets / "postgres-postgres.password").read_text(encoding="utf-8").strip()
    parts = urlsplit(database_url)
    connection = await asyncpg.connect(
        host=parts.hostname, port=parts.port, user="postgres", password=password, database=parts.path[1:]
    )
    try:
        await connection.execute("CHECKPOINT")
        await connection.execute("VACUUM")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


def files(directory: Path) -> Iterator[tuple[str, bytes]]:
    """All files below a directory. One that goes away meanwhile is passed over."""
    for path in sorted(directory.rglob("*")):
        try:
            if path.is_file():
                yield f"file {path.relative_to(directory.parent)}", path.read_bytes()
        except FileNotFoundError:
            continue


async def streams(system: System) -> AsyncIterator[tuple[str, bytes]]:
    """All messages of all streams of NATS."""
    addresses = system.addresses
    client = await connect(addresses.nats_url, addresses.nats_seed)
    try:
        jetstream = client.jetstream()
        for info in await jetstream.streams_info():
            name, state = str(info.config.name), info.state
            for sequence in range(state.first_seq, state.last_seq + 1) if state.messages else ():
                try:
                    message = await jetstream.get_msg(name, sequence)
                except NotFoundError:
                    continue  # its time was over meanwhile
                yield f"stream {name}", message.data or b""
    finally:
        await client.close()


async def answers(system: System) -> AsyncIterator[tuple[str, bytes]]:
    """What the registry's API says of events, receipts and quarantine."""
    async with httpx.AsyncClient(base_url=system.url("registry"), timeout=20, trust_env=False) as client:
        for path in ("/v1/events?limit=1000", "/v1/receipts?source=dien-bien", "/v1/quarantine", "/v1/sources"):
            response = await client.get(path)
            assert response.status_code == 200, response.text
            yield path, response.content
