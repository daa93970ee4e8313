"""Services as processes on a test's own PostgreSQL and NATS, each with the addresses that the test gives it."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from nats.aio.client import Client
from nats.js.api import DiscardPolicy, StreamConfig

from deploy.stack.nats import NatsServer
from deploy.stack.ports import HOST, free_port
from deploy.stack.process import Child
from deploy.stack.service import ServiceProcess
from shared.events.subjects import ingest_stream
from shared.runtime.connection import connect
from tests.conftest import Database
from tests.faults.asked import Asked
from tests.faults.system import ROOT, eventually


class Parts(Asked):
    """Some services of one system, launched one by one; `close` stops what runs."""

    def __init__(self, directory: Path, database: Database, nats_server: NatsServer) -> None:
        self.database = database
        self.nats_server = nats_server
        self._directory = directory
        self._processes: dict[str, ServiceProcess] = {}

    def launch(
        self,
        name: str,
        *,
        service: str = "",
        database: str = "",
        nats: str = "",
        module: str = "",
        **settings: str,
    ) -> ServiceProcess:
        """Start a process under `name`, without waiting for it.

        service: which one it is, if `name` is another. database, nats: `HOST:PORT` to go through instead of the
        servers' own. module: what to run instead of the service's own. settings: further `KETNAP_…` by name.
        """
        service = service or name
        role = f"ketnap_{service}"
        server = self.database.server
        environment = {name: value for name, value in os.environ.items() if not name.startswith("KETNAP_")} | {
            "PYTHONPATH": str(ROOT),
            "KETNAP_DATABASE_URL": self.database.url(role).replace(
                f"{HOST}:{server.port}", database or f"{HOST}:{server.port}"
            ),
            "KETNAP_NATS_URL": f"nats://{nats}" if nats else self.nats_server.url,
            "KETNAP_NATS_SEED": self.nats_server.seed(service),
            "KETNAP_HTTP_PORT": str(free_port()),
        }
        if service == "registry":
            environment |= {"KETNAP_CONTENT_KEY": "c0" * 32, "KETNAP_MASTER_KEY": "5e" * 32}
        elif "registry_url" not in settings:
            environment["KETNAP_REGISTRY_URL"] = self.url("registry")
        environment |= {f"KETNAP_{setting.upper()}": value for setting, value in settings.items()}
        command = [sys.executable, "-P", "-m", module or f"services.{service}"]
        child = Child(name, self._directory / f"{name}.log", self._directory / f"{name}.pid")
        process = ServiceProcess(name, command, int(environment["KETNAP_HTTP_PORT"]), environment, child)
        process.launch()
        self._processes[name] = process
        return process

    async def start(self, *names: str, **services: str) -> None:
        """Launch these and wait until all are ready; `services` says which one it is, where a name is another."""
        for name in names:
            self.launch(name, service=services.get(name, ""))
        for name in names:
            await self.becomes(name, 200)

    def url(self, service: str) -> str:
        return self._processes[service].url

    def pid_of(self, name: str) -> int:
        """The process id of one that runs."""
        pid = self._processes[name].child.pid
        assert pid is not None
        return pid

    def log_of(self, name: str) -> str:
        """All that a process wrote."""
        return (self._directory / f"{name}.log").read_text(encoding="utf-8")

    async def becomes(self, name: str, status: int, within: float = 40.0) -> dict[str, Any]:
        """Wait until its readiness answers with `status`; gives what it says."""

        async def look() -> dict[str, Any] | None:
            found, body = await self.health(name)
            return body if found == status else None

        return await eventually(look, f"the readiness of {name} is {status}", within)

    def kill(self, name: str) -> None:
        """End one as a power cut would."""
        self._processes[name].child.kill()

    async def stop(self, name: str) -> None:
        """Stop one as an operator does. Not in this thread: it may need a proxy that runs here."""
        await asyncio.to_thread(self._processes.pop(name).stop)

    async def close(self) -> None:
        """Stop all."""
        for name in list(self._processes):
            await self.stop(name)

    async def add_source(self, source: str, root: str) -> str:
        """Register a source: row, stream and credentials; gives its seed."""
        await self.database.fetch(
            "INSERT INTO registry.source (source, root, public_key) VALUES ($1, $2, '')", source, root
        )
        config = StreamConfig(
            name=ingest_stream(source), subjects=[f"ingest.{source}.>"], discard=DiscardPolicy.NEW
        )
        async with self.operator() as operator:
            await operator.jetstream().add_stream(config)
        return await self.nats_server.add_source(source)

    @asynccontextmanager
    async def operator(self) -> AsyncIterator[Client]:
        """A client that may do all in the account of the services."""
        client = await connect(self.nats_server.url, nkeys_seed_str=self.nats_server.seed("operator"))
        try:
            yield client
        finally:
            await client.close()
