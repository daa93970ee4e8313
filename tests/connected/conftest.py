"""A running registry over real servers, and a source that publishes to it."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec
import nats
import pytest
from litestar.testing import AsyncTestClient
from nats.aio.client import Client
from nats.js.api import DiscardPolicy, StreamConfig

from deploy.stack.layout import Layout
from deploy.stack.nats import NatsServer
from services.registry.app import create_app
from services.registry.settings import RegistrySettings
from shared.events.subjects import ingest_stream
from shared.runtime.tls import trusting
from tests.conftest import Database
from tests.faults.system import System
from tests.given import encoded

SOURCE = "dien-bien"
"""The source of the locked system."""
TIMEOUT = 20.0
UNSEAL_TOKEN = "made-up-token-for-tests-of-unsealing"


@dataclass
class Source:
    """A source with its own credentials: publishes, and waits for its receipts."""

    name: str
    client: Client
    receipts: list[dict[str, Any]] = field(default_factory=list)
    _subscription: Any = None

    async def listen(self) -> None:
        """Subscribe to its own receipts."""
        self._subscription = await self.client.subscribe(f"receipt.{self.name}.>")
        await self.client.flush()

    async def send(self, payload: bytes, event_name: str = "batch") -> int:
        """Publish bytes as they are; gives the stream sequence."""
        acknowledged = await self.client.jetstream().publish(f"ingest.{self.name}.{event_name}", payload)
        return acknowledged.seq

    async def publish(self, *events: dict[str, Any]) -> list[dict[str, Any]]:
        """Publish a batch and wait until each event has a receipt; gives them in the batch's order."""
        sequence = await self.send(encoded(events))
        return await self.outcomes(sequence, len(events))

    async def outcomes(self, sequence: int, number: int = 1) -> list[dict[str, Any]]:
        """The first receipts of the deliveries of one message."""
        while True:
            found: dict[int, dict[str, Any]] = {}
            for receipt in self.receipts:
                if receipt["stream_sequence"] == sequence:
                    found.setdefault(receipt["batch_index"], receipt)
            if len(found) >= number:
                return [found[index] for index in sorted(found)]
            await self.next_receipt()

    async def next_receipt(self) -> dict[str, Any]:
        """Wait for one more receipt."""
        message = await self._subscription.next_msg(timeout=TIMEOUT)
        receipt: dict[str, Any] = msgspec.json.decode(message.data)
        self.receipts.append(receipt)
        return receipt


@dataclass
class RunningRegistry:
    """The registry's HTTP client, and how to make sources."""

    http: AsyncTestClient[Any]
    nats_server: NatsServer
    database: Database
    _clients: list[Client] = field(default_factory=list)

    async def get(self, path: str, **parameters: Any) -> Any:
        """The JSON of a successful GET."""
        response = await self.http.get(path, params=parameters)
        assert response.status_code == 200, response.text
        return response.json()

    async def source(self, name: str = "dien-bien", root: str = "root") -> Source:
        """Register a source: row, stream and credentials."""
        await self.database.fetch(
            "INSERT INTO registry.source (source, root, public_key) VALUES ($1, $2, '')", name, root
        )
        operator = await self.connect(self.nats_server.seed("operator"))
        config = StreamConfig(name=ingest_stream(name), subjects=[f"ingest.{name}.>"], discard=DiscardPolicy.NEW)
        await operator.jetstream().add_stream(config)
        seed = await self.nats_server.add_source(name)
        source = Source(name, await self.connect(seed, f"_INBOX_{name}"))
        await source.listen()
        return source

    async def connect(self, seed: str, inbox: str = "_INBOX") -> Client:
        """A NATS client that is closed when the test ends."""
        client = await nats.connect(self.nats_server.url, nkeys_seed_str=seed, inbox_prefix=inbox)
        self._clients.append(client)
        return client

    async def close(self) -> None:
        """Close all clients."""
        for client in self._clients:
            await client.close()


@dataclass(frozen=True)
class Secured:
    """A running system over TLS that asks for keys: `ketnap up --tls` with a source and three keys."""

    system: System
    ca: str
    seed: str
    keys: dict[str, str]

    def client(self, service: str, role: str | None = None, timeout: float = 20) -> httpx.AsyncClient:
        """A client of a service with the key of `operator`, `source` or `viewer`, or with none."""
        headers = {"Authorization": f"Bearer {self.keys[role]}"} if role else {}
        return httpx.AsyncClient(
            base_url=self.system.url(service),
            timeout=timeout,
            trust_env=False,
            headers=headers,
            verify=trusting(self.ca),
        )


@pytest.fixture(scope="session")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """One for all tests that only try what must not work."""
    system = System(tmp_path_factory.mktemp("secured"), tls=True)
    system.start()
    try:
        seed = system.add_source(SOURCE, "root")
        keys = {}
        for role, about in (
            ("operator", ()),
            ("source", ("--source", SOURCE)),
            ("viewer", ("--organisation", "nowhere")),
        ):
            made = system.ketnap("key", "add", role, "--role", role, *about)
            assert made.returncode == 0, made.stderr
            keys[role] = made.stdout.strip()
        yield Secured(system, Layout(system.data_dir).ca_file.read_text(encoding="utf-8"), seed, keys)
    finally:
        if system.running:
            system.stop()


def registry_settings(database: Database, nats_server: NatsServer) -> RegistrySettings:
    """Settings for a registry on a test's own servers."""
    return RegistrySettings(
        database_url=database.url("ketnap_registry"),
        nats_url=nats_server.url,
        nats_seed=nats_server.seed("registry"),
        content_key="c0" * 32,
        master_key="5e" * 32,
        unseal_token=UNSEAL_TOKEN,
    )


@pytest.fixture
async def registry(database: Database, nats_server: NatsServer) -> AsyncIterator[RunningRegistry]:
    """A registry that runs while the test does."""
    app = create_app(registry_settings(database, nats_server))
    async with AsyncTestClient(app, base_url="http://127.0.0.1") as http:
        running = RunningRegistry(http, nats_server, database)
        try:
            yield running
        finally:
            await running.close()
