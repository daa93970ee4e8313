"""Parts of a system on servers of the test's own."""

import os
from collections.abc import AsyncIterator

import pytest

from deploy.stack.nats import NatsServer
from deploy.stack.postgres import PostgresServer
from tests.conftest import fresh_database
from tests.faults.parts import Parts

ALL = os.environ.get("FAULTS") == "all"
"""Whether this is the long run, `make faults`: all kills, all messages, and the tests marked `long`."""


@pytest.fixture(scope="module")
async def parts(tmp_path_factory: pytest.TempPathFactory, postgres: PostgresServer) -> AsyncIterator[Parts]:
    """Empty servers for the tests of a module; no service runs yet, and those that a test starts run on."""
    directory = tmp_path_factory.mktemp("parts")
    server = NatsServer(directory / "nats")
    server.start()
    try:
        async with fresh_database(postgres) as database:
            found = Parts(directory, database, server)
            yield found
            await found.close()
    finally:
        server.stop()
