"""Real servers for the tests: one PostgreSQL a session, a database a test, a NATS server a test."""

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import asyncpg
import pytest
from hypothesis import HealthCheck, settings

from deploy.stack import ports
from deploy.stack.nats import NatsServer
from deploy.stack.postgres import PostgresServer
from shared.runtime.migrations import upgrade

PACKAGES = [
    f"services.{name}"
    for name in ("registry", "reporting", "notifier")
    if (Path(__file__).parent.parent / "services" / name / "migrations").exists()
]
TEMPLATE = "migrated"
MEMORY = Path("/dev/shm")  # noqa: S108 - looked at before it is used
ROOM = 2 * 1024**3
"""Bytes that are free in memory if the databases of one session are to lie there; they take a tenth of it."""

# Begun in the background of a script, all that tests begin would take no notice of Ctrl-C either.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says how busy the machine is, and nothing about the code.
settings.register_profile("ketnap", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ketnap")


def pytest_configure(config: pytest.Config) -> None:
    """Workers that run beside each other look for free ports in ranges of their own.

    Between a worker's look and the start of its server another one could take the port.
    """
    worker = getattr(config, "workerinput", None)
    if worker is not None:
        number, workers = int(worker["workerid"].removeprefix("gw")), worker["workercount"]
        each = len(ports.PORTS) // workers
        ports.PORTS = ports.PORTS[number * each : (number + 1) * each]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what only a long run has: `long("FAULTS")` runs where FAULTS is `all`, as in `make faults`."""
    left_out = [
        item
        for item in items
        if (mark := item.get_closest_marker("long")) is not None and os.environ.get(mark.args[0]) != "all"
    ]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@dataclass(frozen=True)
class Database:
    """An empty, migrated database of a test's own."""

    server: PostgresServer
    name: str

    def url(self, role: str = "ketnap_owner") -> str:
        """`postgresql://…` for a role."""
        return self.server.url(role, self.name)

    async def fetch(self, query: str, *arguments: object, role: str = "ketnap_owner") -> list[asyncpg.Record]:
        """Rows of one query, asked as `role`."""
        connection = await asyncpg.connect(self.url(role))
        try:
            return list(await connection.fetch(query, *arguments))
        finally:
            await connection.close()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A PostgreSQL with a migrated template database. It need not survive a power cut: memory will do."""
    in_memory = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOM
    with tempfile.TemporaryDirectory(
        prefix="ketnap-tests-", dir=MEMORY if in_memory else tmp_path_factory.getbasetemp()
    ) as directory:
        server = PostgresServer(Path(directory), settings={"fsync": "off", "max_wal_size": "256MB"})
        server.start()
        try:
            asyncio.run(_create(server, TEMPLATE, "template0"))
            upgrade(PACKAGES, server.url(database=TEMPLATE))
            yield server
        finally:
            server.stop()


_numbers = count(1)


@asynccontextmanager
async def fresh_database(postgres: PostgresServer) -> AsyncIterator[Database]:
    """A fresh copy of the template database."""
    name = f"test_{next(_numbers)}"
    await _create(postgres, name, TEMPLATE)
    yield Database(postgres, name)
    await _run(postgres, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
async def database(postgres: PostgresServer) -> AsyncIterator[Database]:
    """A fresh copy of the template database."""
    async with fresh_database(postgres) as found:
        yield found


@pytest.fixture
def nats_server(tmp_path: Path) -> Iterator[NatsServer]:
    """A NATS server with JetStream and the accounts of the product."""
    server = NatsServer(tmp_path / "nats")
    server.start()
    try:
        yield server
    finally:
        server.stop()


async def _create(server: PostgresServer, name: str, template: str) -> None:
    # Copying files takes half of what writing each page to the WAL does, of a database as small as this.
    await _run(server, f'CREATE DATABASE "{name}" OWNER ketnap_owner TEMPLATE "{template}" STRATEGY file_copy')


async def _run(server: PostgresServer, statement: str) -> None:
    connection = await asyncpg.connect(server.url("postgres", "postgres"))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
