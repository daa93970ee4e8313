"""A cluster as processes: three NATS servers, two PostgreSQL, two of each service, a table of sources for all."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from nats.aio.client import Client

from deploy.stack import postgres, provisioning, replication
from deploy.stack.errors import StackError
from deploy.stack.layout import Addresses
from deploy.stack.nats import NatsServer
from deploy.stack.nats_cluster import Member
from deploy.stack.ports import HOST, free_port
from deploy.stack.postgres import PostgresServer
from deploy.stack.replication import Server
from deploy.stack.service import ServiceProcess
from shared.events.subjects import ingest_stream
from shared.runtime.connection import connect
from shared.runtime.migrations import upgrade_async
from shared.runtime.tasks import ended
from tests.conftest import Database
from tests.faults.asked import Asked
from tests.faults.parts import Parts
from tests.faults.system import eventually

SERVICES = ("registry", "reporting", "notifier")
REPLICAS = 3


class Cluster(Parts):
    """Everything of one installation; services are named `registry-1`, `registry-2` and so on."""

    def __init__(self, directory: Path) -> None:
        self.secrets = directory / "secrets"
        routes = [f"{HOST}:{free_port()}" for _ in range(REPLICAS)]
        self.nats_servers = [
            NatsServer(
                directory / f"machine-{number}" / "nats",
                secrets=self.secrets,
                member=Member(f"n{number}", route, [each for each in routes if each != route], "made-up"),
            )
            for number, route in enumerate(routes)
        ]
        self.primary, self.replica = self._pair(directory, free_port(together=2))
        super().__init__(directory, Database(self.primary, postgres.DATABASE), self.nats_servers[0])
        self._following: list[asyncio.Task[None]] = []

    def _pair(self, directory: Path, port: int) -> list[PostgresServer]:
        return [
            PostgresServer(
                directory / f"postgres-{number}",
                port + number,
                secrets=self.secrets,
                other=Server(HOST, port + 1 - number),
                first=number == 0,
            )
            for number in range(2)
        ]

    @property
    def nats_url(self) -> str:
        """All three, as clients get them."""
        return ",".join(server.url for server in self.nats_servers)

    def database_url(self, role: str) -> str:
        """Both, of which the one counts that takes writes."""
        places = f"{HOST}:{self.primary.port},{HOST}:{self.replica.port}"
        return postgres.url(self.secrets, role, places)

    async def begin(self) -> None:
        """Start the servers, then all services, and wait until they are ready."""
        for server in self.nats_servers:
            server.start()
        self.primary.start()
        replication.ensure_replicator(Server(HOST, self.primary.port), self.superuser, self.secrets)
        self.replica.start()
        await upgrade_async([f"services.{name}" for name in SERVICES], self.database_url(postgres.OWNER))
        for number in range(REPLICAS):
            following = provisioning.follow_sources(self.addresses(number))
            self._following.append(asyncio.create_task(following))
        names = {f"{service}-{number}": service for service in SERVICES for number in (1, 2)}
        for name in names:
            self.launch(name)
        for name in names:
            await self.becomes(name, 200)

    def launch(self, name: str, **_: Any) -> ServiceProcess:
        service, _, number = name.partition("-")
        settings = {
            "nats_url": self.nats_url,
            "database_url": self.database_url(f"ketnap_{service}"),
            **({"stream_replicas": str(REPLICAS)} if service == "registry" else {}),
            **({"registry_url": self.url(f"registry-{number}")} if service != "registry" else {}),
        }
        return super().launch(name, service=service, **settings)

    def relaunch(self, name: str) -> None:
        """Start one again that was killed, where it was."""
        self._processes[name].launch()

    def seen_from(self, number: int) -> Asked:
        """The services of one machine, for whoever asks for `registry`, `reporting` or `notifier`."""
        return _OneMachine(self, number)

    async def settled(self, source: str) -> int:
        """The stream sequence up to which a source's messages have their outcomes, as the registries say it."""
        for number in (1, 2):
            found = await self.look(f"registry-{number}", f"/v1/sources/{source}")
            if found is not None:
                return int(found["settled"])
        return 0

    @property
    def superuser(self) -> str:
        """The superuser's password, the same on both."""
        return postgres.password(self.secrets, postgres.SUPERUSER)

    def addresses(self, number: int) -> Addresses:
        """As commands find the system on one of the machines."""
        server = self.nats_servers[number]
        return Addresses(
            data_dir=server.directory.parent,
            reporting_url="",
            registry_url="",
            notifier_url="",
            nats_url=server.url,
            database_url=self.database_url(postgres.OWNER),
            nats_seed=server.seed("operator"),
            nats_system_seed=server.seed("system"),
        )

    async def add_source(self, source: str, root: str) -> str:
        """Register it on one machine, and wait until all NATS servers know it; gives its seed."""

        async def added() -> str | None:
            try:
                return await provisioning.add_source(self.addresses(0), source, root)
            except StackError as error:
                # A server that has come back holds its streams again before others give it new ones.
                if "no suitable peers" not in str(error):
                    raise
                return None

        seed = await eventually(added, "a new stream on all NATS servers")
        for server in self.nats_servers:

            async def accepted(url: str = server.url) -> bool | None:
                with contextlib.suppress(Exception):
                    await (
                        await connect(url, nkeys_seed_str=seed, inbox_prefix=f"_INBOX_{source}", **ONCE)
                    ).close()
                    return True
                return None

            await eventually(accepted, f"{server.url} knows {source}")
        return seed

    async def replicated(self, source: str) -> None:
        """Wait until every replica of the streams is there and has all that the leader has."""

        async def look() -> bool | None:
            with contextlib.suppress(Exception):
                async with self.operator() as operator:
                    for name in (ingest_stream(source), "LOG", "RECEIPTS"):
                        cluster = (await operator.jetstream().stream_info(name)).cluster
                        others = (cluster.replicas or []) if cluster else []
                        if len(others) != REPLICAS - 1 or not all(each.current for each in others):
                            return None
                    return True
            return None

        await eventually(look, f"all replicas have what {source} published", 60)

    @asynccontextmanager
    async def operator(self) -> AsyncIterator[Client]:
        client = await connect(self.nats_url, nkeys_seed_str=self.nats_server.seed("operator"), **ONCE)
        try:
            yield client
        finally:
            await client.close()

    async def close(self) -> None:
        for following in self._following:
            await ended(following)
        await super().close()
        for server in (*self.nats_servers, self.replica, self.primary):
            await asyncio.to_thread(server.stop)


class _OneMachine(Asked):
    def __init__(self, cluster: Cluster, number: int) -> None:
        self._cluster = cluster
        self._number = number

    def url(self, service: str) -> str:
        return self._cluster.url(f"{service}-{self._number}")


async def _quiet(error: Exception) -> None:
    """A server that is away is what this is about."""


ONCE: dict[str, Any] = {"allow_reconnect": False, "connect_timeout": 2, "error_cb": _quiet}
