"""What each service may say and hear on NATS: its own work, and neither another's streams nor consumers."""

from collections.abc import AsyncIterator

import pytest
from nats.aio.client import Client
from nats.js.api import AckPolicy, ConsumerConfig, StreamConfig

from deploy.stack.nats import NatsServer
from tests.connected.heard import Connect, Heard, connections

STREAMS = {
    "LOG": "log.>",
    "RECEIPTS": "receipt.>",
    "INGEST_one": "ingest.one.>",
    "KV_access": "$KV.access.>",
}
READERS = ("reporting", "notifier")
API = "$JS.API"

OTHERS = [
    "log.recorded",
    "ingest.one.batch",
    "receipt.one.recorded",
    f"{API}.STREAM.CREATE.MINE",
    f"{API}.STREAM.UPDATE.LOG",
    f"{API}.STREAM.DELETE.LOG",
    f"{API}.STREAM.PURGE.LOG",
    f"{API}.STREAM.MSG.GET.INGEST_one",
    f"{API}.STREAM.MSG.DELETE.LOG",
    f"{API}.DIRECT.GET.INGEST_one",
    f"{API}.STREAM.RESTORE.LOG",
    f"{API}.STREAM.SNAPSHOT.INGEST_one",
    f"{API}.CONSUMER.CREATE.INGEST_one",
    f"{API}.CONSUMER.CREATE.INGEST_one.mine",
    f"{API}.CONSUMER.DURABLE.CREATE.INGEST_one.mine",
    f"{API}.CONSUMER.CREATE.LOG",
    f"{API}.CONSUMER.CREATE.LOG.other",
    f"{API}.CONSUMER.DELETE.LOG.other",
    f"{API}.CONSUMER.MSG.NEXT.LOG.other",
    f"{API}.CONSUMER.PAUSE.LOG.other",
    "$JS.ACK.LOG.other.1.1.1.1.1",
    "$KV.access.keys.json",
    f"{API}.DIRECT.GET.KV_access.$KV.access.keys.json",
    f"{API}.CONSUMER.CREATE.KV_access",
]
"""What no reader may say; `other` stands for the other reader."""

NOT_THE_REGISTRYS = [
    "ingest.one.batch",
    f"{API}.STREAM.CREATE.INGEST_two",
    f"{API}.STREAM.UPDATE.INGEST_one",
    f"{API}.STREAM.DELETE.LOG",
    f"{API}.STREAM.DELETE.INGEST_one",
    f"{API}.STREAM.PURGE.INGEST_one",
    f"{API}.STREAM.MSG.DELETE.INGEST_one",
    f"{API}.CONSUMER.CREATE.LOG",
    f"{API}.CONSUMER.CREATE.LOG.mine.log.recorded",
    f"{API}.CONSUMER.DELETE.LOG.reporting",
    f"{API}.CONSUMER.MSG.NEXT.LOG.reporting",
    f"{API}.CONSUMER.DURABLE.CREATE.INGEST_one.mine",
    "$JS.ACK.LOG.reporting.1.1.1.1.1",
    "$KV.access.keys.json",
    f"{API}.DIRECT.GET.KV_access.$KV.access.keys.json",
    f"{API}.CONSUMER.CREATE.KV_access",
    f"{API}.CONSUMER.CREATE.KV_access.mine",
]


@pytest.fixture
async def connect(nats_server: NatsServer) -> AsyncIterator[Connect]:
    async with connections(nats_server) as connect:
        yield connect


@pytest.fixture
async def operator(nats_server: NatsServer, connect: Connect) -> Heard:
    """Has made all streams, and the durables that the readers make."""
    operator = await connect(nats_server.seed("operator"))
    jetstream = operator.client.jetstream()
    for name, subject in STREAMS.items():
        await jetstream.add_stream(StreamConfig(name=name, subjects=[subject]))
    for reader in READERS:
        await jetstream.add_consumer("LOG", ConsumerConfig(durable_name=reader, ack_policy=AckPolicy.EXPLICIT))
    return operator


async def _standing(operator: Heard) -> dict[str, object]:
    """All streams with their consumers, limits and messages."""
    jetstream = operator.client.jetstream()
    return {
        str(info.config.name): (
            info.config.max_bytes,
            info.state.messages,
            sorted(
                (each.name, each.ack_floor, each.paused)
                for each in await jetstream.consumers_info(str(info.config.name))
            ),
        )
        for info in await jetstream.streams_info()
    }


async def _is_refused(heard: Heard, operator: Heard, subjects: list[str]) -> None:
    before = await _standing(operator)
    inbox = heard.client.new_inbox()
    for subject in subjects:
        await heard.client.publish(subject, b"{}", reply=inbox)
    refusals = await heard.refusals(len(subjects))
    assert [each for each in subjects if not any(f'"{each.lower()}"' in said.lower() for said in refusals)] == []
    assert await _standing(operator) == before


@pytest.mark.parametrize("reader", READERS)
async def test_a_reader_says_nothing_but_what_reads_the_log_with_its_own_consumer(
    nats_server: NatsServer, connect: Connect, operator: Heard, reader: str
) -> None:
    [other] = set(READERS) - {reader}
    heard = await connect(nats_server.seed(reader), reader)

    await _is_refused(heard, operator, [subject.replace(".other", f".{other}") for subject in OTHERS])


@pytest.mark.parametrize("reader", READERS)
async def test_a_reader_makes_its_own_consumer_anew_and_reads_with_it(
    nats_server: NatsServer, connect: Connect, operator: Heard, registry: Client, reader: str
) -> None:
    await operator.client.jetstream().delete_consumer("LOG", reader)
    heard = await connect(nats_server.seed(reader), reader)

    subscription = await heard.client.jetstream().pull_subscribe("log.recorded", reader, "LOG")
    await registry.jetstream().publish("log.recorded", b"said")
    [message] = await subscription.fetch(timeout=5)
    await message.ack_sync()

    assert message.data == b"said"
    assert heard.errors == []


@pytest.fixture
async def registry(nats_server: NatsServer, connect: Connect, operator: Heard) -> Client:
    return (await connect(nats_server.seed("registry"), "registry")).client


async def test_the_registry_publishes_for_no_source_and_touches_no_readers_consumer(
    nats_server: NatsServer, connect: Connect, operator: Heard
) -> None:
    heard = await connect(nats_server.seed("registry"), "registry")

    await _is_refused(heard, operator, NOT_THE_REGISTRYS)


async def test_the_registry_sees_how_full_each_stream_is(registry: Client) -> None:
    """Its metrics are made of this."""
    assert {info.config.name for info in await registry.jetstream().streams_info()} == set(STREAMS)


async def test_the_operator_speaks_for_nobody_else(operator: Heard) -> None:
    await _is_refused(operator, operator, ["ingest.one.batch", "log.recorded", "receipt.one.recorded"])


@pytest.mark.parametrize("user", ["registry", *READERS, "operator"])
async def test_nobody_listens_to_what_is_said_to_others(
    nats_server: NatsServer, connect: Connect, operator: Heard, user: str
) -> None:
    """Sources' messages above all: their profiles are not sealed yet."""
    heard = await connect(nats_server.seed(user), user if user != "operator" else None)
    foreign = {"ingest.>", "log.>", "receipt.>", "$JS.>", ">", "_INBOX_one.>"}
    foreign |= {f"_INBOX_{each}.>" for each in ("registry", *READERS) if each != user}
    foreign |= {"_INBOX.>"} - ({"_INBOX.>"} if user == "operator" else set())
    for subject in foreign:
        await heard.client.subscribe(subject)

    assert len(await heard.refusals(len(foreign))) == len(foreign)
