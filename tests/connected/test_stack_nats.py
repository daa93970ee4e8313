"""NATS as we configure it: what a source can do, and what it cannot, whatever it names as reply."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from nats.aio.client import Client
from nats.errors import NoRespondersError
from nats.js.api import StreamConfig

from deploy.stack.nats import NatsServer
from tests.connected.heard import Connect, connections

STREAMS = {"LOG": "log.>", "RECEIPTS": "receipt.>", "INGEST_one": "ingest.one.>", "INGEST_two": "ingest.two.>"}


@pytest.fixture
async def connect(nats_server: NatsServer) -> AsyncIterator[Connect]:
    async with connections(nats_server) as connect:
        yield connect


@pytest.fixture
async def operator(nats_server: NatsServer, connect: Connect) -> Client:
    client = (await connect(nats_server.seed("operator"))).client
    for name, subject in STREAMS.items():
        await client.jetstream().add_stream(StreamConfig(name=name, subjects=[subject]))
    return client


@pytest.fixture
async def registry(nats_server: NatsServer, connect: Connect, operator: Client) -> Client:
    return (await connect(nats_server.seed("registry"), "registry")).client


async def _messages(operator: Client) -> dict[str, int]:
    jetstream = operator.jetstream()
    return {name: (await jetstream.stream_info(name)).state.messages for name in STREAMS}


async def test_a_source_publishes_under_its_own_subject_and_is_acknowledged(
    nats_server: NatsServer, connect: Connect, registry: Client
) -> None:
    one = await connect(await nats_server.add_source("one"), "one")
    acknowledged = await one.client.jetstream().publish("ingest.one.MemberAdmitted", b"{}")
    assert (acknowledged.stream, acknowledged.seq) == ("INGEST_one", 1)
    assert one.errors == []


@pytest.mark.parametrize(
    "subject",
    [
        "ingest.two.MemberAdmitted",
        "ingest.one",
        "log.recorded",
        "receipt.one.recorded",
        "$JS.API.STREAM.DELETE.LOG",
    ],
)
async def test_a_source_publishes_nowhere_else(
    nats_server: NatsServer, connect: Connect, registry: Client, subject: str
) -> None:
    one = await connect(await nats_server.add_source("one"), "one")
    await one.client.publish(subject, b"{}")
    (refusal,) = await one.refusals(1)
    assert f'publish to "{subject.lower()}"' in refusal.lower()
    assert await _messages(registry) == dict.fromkeys(STREAMS, 0)


@pytest.mark.parametrize(
    "reply",
    [
        "log.recorded",
        "ingest.two.MemberAdmitted",
        "receipt.two.recorded",
        "$JS.API.STREAM.DELETE.LOG",
        "ingest.one.x",
    ],
)
async def test_no_reply_subject_carries_anything_into_a_stream(
    nats_server: NatsServer, connect: Connect, registry: Client, reply: str
) -> None:
    one = await connect(await nats_server.add_source("one"), "one")
    await one.client.publish("ingest.one.MemberAdmitted", b"{}", reply=reply)
    # Acknowledged after the first: what that one's answer did has happened by now.
    await one.client.jetstream().publish("ingest.one.MemberAdmitted", b"{}")
    assert await _messages(registry) == dict.fromkeys(STREAMS, 0) | {"INGEST_one": 2}


async def test_a_source_hears_its_own_receipts_and_nobody_elses(
    nats_server: NatsServer, connect: Connect, registry: Client
) -> None:
    one = await connect(await nats_server.add_source("one"), "one")
    own = await one.client.subscribe("receipt.one.>")
    for foreign in ("receipt.two.>", "receipt.>", "ingest.>", "log.>", "_INBOX.>", "_INBOX_two.>", "$JS.>", ">"):
        await one.client.subscribe(foreign)
    assert len(await one.refusals(8)) == 8
    await registry.publish("receipt.two.recorded", b"two")
    await registry.publish("receipt.one.recorded", b"one")
    assert (await own.next_msg(timeout=5)).data == b"one"


async def test_a_source_has_no_jetstream_of_its_own(nats_server: NatsServer, connect: Connect) -> None:
    one = await connect(await nats_server.add_source("one"), "one")
    with pytest.raises((NoRespondersError, TimeoutError)):
        await one.client.request("$JS.API.INFO", timeout=0.5)


async def test_a_new_source_disconnects_nobody(
    nats_server: NatsServer, connect: Connect, registry: Client
) -> None:
    services = [
        await connect(nats_server.seed(user), user) for user in ("registry", "reporting", "notifier", "operator")
    ]
    one = await connect(await nats_server.add_source("one"), "one")
    receipts = await one.client.subscribe("receipt.one.>")
    await one.client.flush()
    for name in ("two", "three", "four"):
        await connect(await nats_server.add_source(name), name)
    await one.client.jetstream().publish("ingest.one.x", b"{}")
    await registry.publish("receipt.one.recorded", b"still here")
    assert (await receipts.next_msg(timeout=5)).data == b"still here"
    assert [heard.disconnects for heard in (*services, one)] == [0] * 5


async def test_what_was_acknowledged_outlives_a_kill(
    nats_server: NatsServer, connect: Connect, registry: Client
) -> None:
    seed = await nats_server.add_source("one")
    one = await connect(seed, "one")
    await one.client.jetstream().publish("ingest.one.x", b"kept")
    nats_server.kill()
    nats_server.start()
    again = await connect(nats_server.seed("operator"))
    assert (await again.client.jetstream().get_msg("INGEST_one", 1)).data == b"kept"
    await (await connect(seed, "one")).client.jetstream().publish("ingest.one.x", b"more")


async def test_streams_are_encrypted_on_disk(nats_server: NatsServer, connect: Connect, registry: Client) -> None:
    one = await connect(await nats_server.add_source("one"), "one")
    await one.client.jetstream().publish("ingest.one.x", b"a profile in plain text")
    nats_server.stop()
    stored = [path.read_bytes() for path in (nats_server.directory / "jetstream").rglob("*") if path.is_file()]
    assert stored
    assert not any(b"a profile in plain text" in content for content in stored)
    assert " key:" not in (nats_server.directory / "nats.conf").read_text()


async def test_a_message_over_the_contracts_limit_still_arrives(
    nats_server: NatsServer, connect: Connect, registry: Client
) -> None:
    one = await connect(await nats_server.add_source("one"), "one")
    await one.client.jetstream().publish("ingest.one.batch", bytes(2 * 1024 * 1024))
    assert one.client.max_payload == 4 * 1024 * 1024


async def test_a_server_that_an_earlier_run_left_is_replaced(tmp_path: Path) -> None:
    left = NatsServer(tmp_path / "left")
    left.start()
    again = NatsServer(tmp_path / "left")
    again.start()
    assert (left.running, again.running, again.port) == (False, True, left.port)
    again.stop()
