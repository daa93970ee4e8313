"""Publishing through a real NATS server, with a registry played by the test."""

import asyncio
import base64
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import nats
import nkeys
import pytest
from nats.aio.msg import Msg

from deploy.publishing import Progress, Publication, PublishError, publish
from deploy.stack.ports import free_port

SERVER = Path(sys.executable).with_name("nats-server")
SEEDS = {
    source: nkeys.encode_seed(bytes([number] * 32), nkeys.PREFIX_BYTE_USER).decode()
    for number, source in enumerate(("alpha", "beta"), start=1)
}
CONFIG = """
listen: "127.0.0.1:%(port)d"
max_payload: 4194304
jetstream { store_dir: "%(store)s" }
accounts {
  SYSTEM {
    jetstream: enabled
    users: [{user: registry, password: registry}]
    exports: [{service: "ingest.>"}, {stream: "receipt.>"}]
  }
  SOURCES {
    users: [%(users)s]
    imports: [{service: {account: SYSTEM, subject: "ingest.>"}}, {stream: {account: SYSTEM, subject: "receipt.>"}}]
  }
}
"""
USER = (
    '{nkey: "%(key)s", permissions: {publish: ["ingest.%(source)s.>"], '
    'subscribe: ["receipt.%(source)s.>", "_INBOX_%(source)s.>"]}}'
)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("nats")
    port = free_port()
    users = ", ".join(
        USER % {"key": nkeys.from_seed(bytearray(seed.encode())).public_key.decode(), "source": source}
        for source, seed in SEEDS.items()
    )
    config = directory / "nats.conf"
    config.write_text(CONFIG % {"port": port, "store": directory / "store", "users": users}, encoding="utf-8")
    with subprocess.Popen([SERVER, "-c", config], stderr=subprocess.DEVNULL) as server:
        yield f"nats://127.0.0.1:{port}"
        server.terminate()


class Registry:
    """Answers every event of `alpha` by what `outcome` says of it."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.position = 0
        self.messages = 0
        self.outcome: Callable[[Any], list[str]] = lambda event: ["recorded"]
        self.deaf = False

    async def take(self, message: Msg) -> None:
        self.messages += 1
        receipts = [
            self.receipt(event["id"], outcome, message.metadata.sequence.stream, index)
            for index, event in enumerate(json.loads(message.data))
            for outcome in self.outcome(event)
        ]
        for receipt in receipts if not self.deaf else []:
            subject = f"receipt.alpha.{receipt['outcome']}"
            await self.connection.publish(subject, json.dumps(receipt).encode())

    def receipt(self, event_id: str, outcome: str, sequence: int, index: int) -> dict[str, Any]:
        answer: dict[str, Any] = {"event_id": event_id, "source": "alpha", "outcome": outcome, "findings": []}
        if outcome == "recorded":
            self.position += 1
            answer["position"] = self.position
        elif outcome != "duplicate":
            answer["reason"] = {"code": "wrong-stage", "message": "expected …, found …"}
        return {**answer, "stream_sequence": sequence, "batch_index": index, "at": "2022-11-30T09:00:00+07:00"}


@pytest.fixture
async def registry(url: str) -> AsyncIterator[Registry]:
    async with await nats.connect(url, user="registry", password="registry") as connection:
        stream = connection.jetstream()
        await stream.add_stream(name="INGEST_alpha", subjects=["ingest.alpha.>"])
        registry = Registry(connection)
        await stream.subscribe("ingest.alpha.>", cb=registry.take)
        yield registry
        await stream.delete_stream("INGEST_alpha")


@pytest.fixture
async def http_receipts() -> AsyncIterator[Callable[[list[dict[str, Any]]], str]]:
    """A registry's /v1/receipts that answers in two pages, the second one empty."""
    kept: list[dict[str, Any]] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1]
        first_page = b"after_stream_sequence=0" in request
        page = {"receipts": kept if first_page else [], "next": 1 if first_page else None}
        body = json.dumps(page).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    def serve(receipts: list[dict[str, Any]]) -> str:
        kept.extend(receipts)
        return f"http://127.0.0.1:{port}"

    yield serve
    server.close()
    await server.wait_closed()


def events(how_many: int, text: str = "") -> list[bytes]:
    return [
        json.dumps({"id": f"00000000-0000-0000-0000-{n:012}", "n": n, "text": text}).encode()
        for n in range(how_many)
    ]


async def go(url: str, payload: list[bytes], **options: Any) -> Publication:
    return await publish(url, "alpha", SEEDS["alpha"], payload, **options)


async def test_every_event_has_its_outcome_at_the_end(url: str, registry: Registry) -> None:
    seen: list[Progress] = []
    registry.outcome = lambda event: ["rejected"] if event["n"] in (3, 2345) else ["recorded"]

    publication = await go(url, events(2500), on_progress=seen.append)

    assert registry.messages == 3
    assert publication.outcomes == {"recorded": 2498, "rejected": 2}
    assert publication.events == 2500
    assert publication.unanswered == 0
    assert publication.last_position == 2498
    assert [problem.index for problem in publication.problems] == [3, 2345]
    assert seen[-1] == Progress(2500, 2500)


async def test_an_event_that_is_released_from_quarantine_counts_as_recorded(url: str, registry: Registry) -> None:
    registry.outcome = lambda event: ["quarantined", "recorded"] if event["n"] == 1 else ["recorded", "recorded"]

    publication = await go(url, events(3))

    assert publication.outcomes == {"recorded": 3}
    assert publication.released == 1
    assert publication.problems == ()


async def test_a_large_event_travels_alone(url: str, registry: Registry) -> None:
    large = events(1, "x" * 1_100_000)

    publication = await go(url, [*events(2), *large, *events(2)])

    assert publication.outcomes == {"recorded": 5}
    assert registry.messages == 3


async def test_an_event_larger_than_the_server_takes_is_named(url: str, registry: Registry) -> None:
    with pytest.raises(PublishError, match=r"event 2 has 5,000,\d+ bytes"):
        await go(url, [*events(1), *events(1, "x" * 5_000_000)])


async def test_missing_receipts_end_the_wait_and_are_counted(url: str, registry: Registry) -> None:
    registry.deaf = True

    publication = await go(url, events(7), patience=0.1)

    assert publication.outcomes == {}
    assert publication.unanswered == 7


async def test_missed_receipts_are_asked_of_the_registry(
    url: str, registry: Registry, http_receipts: Callable[[list[dict[str, Any]]], str]
) -> None:
    registry.deaf = True
    kept = [registry.receipt(f"00000000-0000-0000-0000-{n:012}", "recorded", 1, n) for n in range(4)]

    publication = await go(url, events(4), registry_url=http_receipts(kept))

    assert publication.outcomes == {"recorded": 4}
    assert publication.last_position == 4


async def test_credentials_of_another_source_are_refused(url: str, registry: Registry) -> None:
    with pytest.raises(PublishError, match="may not publish for source alpha"):
        await publish(url, "alpha", SEEDS["beta"], events(1), patience=2)


async def test_unknown_credentials_are_refused(url: str) -> None:
    stranger = nkeys.encode_seed(bytes([9] * 32), nkeys.PREFIX_BYTE_USER).decode()
    with pytest.raises(PublishError, match="refuses these credentials"):
        await publish(url, "alpha", stranger, events(1))


async def test_what_is_no_seed_is_said() -> None:
    with pytest.raises(PublishError, match="no nkey seed"):
        await publish("nats://127.0.0.1:1", "alpha", base64.b64encode(b"x" * 40).decode(), events(1))


async def test_a_server_that_is_away_is_said() -> None:
    with pytest.raises(PublishError, match="does not answer: is the system up"):
        await publish(f"nats://127.0.0.1:{free_port()}", "alpha", SEEDS["alpha"], events(1))


async def test_a_source_without_a_stream_is_said(url: str) -> None:
    with pytest.raises(PublishError, match="INGEST_beta"):
        await publish(url, "beta", SEEDS["beta"], events(1), patience=0.1)
