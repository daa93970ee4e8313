"""Reporting: events come over NATS in order, holes are filled from the registry, nothing is skipped."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from faststream.nats import NatsBroker
from nats.js.api import StreamConfig
from nats.js.errors import NotFoundError
from prometheus_client import REGISTRY
from sqlalchemy.ext.asyncio import AsyncEngine

from deploy.stack.nats import NatsServer, connect
from services.reporting.position import Watch
from services.reporting.projector.batch import Batch
from services.reporting.projector.consumer import DURABLE, Consumer
from services.reporting.projector.projector import Projector
from shared.events import recorded
from shared.events.catalogue import CATALOGUE
from shared.events.recorded import Recorded, write_batch
from shared.events.subjects import FIRST_HEADER, LAST_HEADER, LOG_STREAM, LOG_SUBJECT
from shared.runtime.broker import create_broker
from shared.runtime.database import create_engine
from shared.runtime.progress import Progress
from shared.runtime.served_log import LogUnavailable, Page, ServedLog
from tests.conftest import Database
from tests.given import balance, organisation, root
from tests.integration.reporting_given import FIRST_RECORDED

PATIENCE = 15.0


class PlayedRegistry(ServedLog):
    """The registry as reporting sees it: a log over HTTP that the test fills, and the relay."""

    def __init__(self, broker: NatsBroker) -> None:
        self.log: list[bytes] = []
        self.answers = True
        self.asked = 0
        self._broker = broker

    async def page(self, after: int, limit: int = 1000) -> Page:
        self.asked += 1
        if not self.answers:
            raise LogUnavailable("it is down")
        return Page(write_batch(self.log[after : after + limit]))

    def record(self, *events: dict[str, Any]) -> tuple[int, int]:
        """Record events without relaying them; gives the first and the last position."""
        first = len(self.log) + 1
        for position, event in enumerate(events, start=first):
            content = {**event, "position": position, "recordedat": FIRST_RECORDED.isoformat()}
            self.log.append(msgspec.json.encode(content))
        return first, len(self.log)

    async def relay(self, first: int, last: int) -> None:
        """Publish recorded positions as one message."""
        await self._broker.publish(
            write_batch(self.log[first - 1 : last]),
            LOG_SUBJECT,
            stream=LOG_STREAM,
            headers={FIRST_HEADER: str(first), LAST_HEADER: str(last)},
        )


class Running:
    """A consumer with all that it needs."""

    def __init__(self, engine: AsyncEngine, broker: NatsBroker, registry: NatsBroker) -> None:
        self.broker = broker
        self.registry_broker = registry
        self.registry = PlayedRegistry(registry)
        self.watch = Watch()
        self.progress = Progress("the projector")
        self.projector = Projector(engine, self.watch)
        self.consumer = Consumer(broker, self.registry, self.projector, self.progress)

    @asynccontextmanager
    async def consuming(self) -> AsyncIterator[None]:
        """While this lasts."""
        task = asyncio.create_task(self.consumer.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def make_stream(self) -> None:
        """What the registry does when it starts."""
        await self.registry_broker.connection.jetstream().add_stream(
            StreamConfig(name=LOG_STREAM, subjects=[LOG_SUBJECT])
        )

    async def until_reading(self) -> None:
        """Wait until its durable consumer exists."""
        async with asyncio.timeout(PATIENCE):
            while True:
                with contextlib.suppress(NotFoundError):
                    await self.broker.connection.jetstream().consumer_info(LOG_STREAM, DURABLE)
                    return
                await asyncio.sleep(0.01)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something to become true."""
        async with asyncio.timeout(PATIENCE):
            while not condition():  # noqa: ASYNC110 - conditions of any kind
                await asyncio.sleep(0.01)


@pytest.fixture
async def running(database: Database, nats_server: NatsServer) -> AsyncIterator[Running]:
    engine = create_engine(database.url("ketnap_reporting"), "reporting")
    broker = create_broker(nats_server.url, nats_server.seed("reporting"), "reporting")
    registry = create_broker(nats_server.url, nats_server.seed("registry"), "registry")
    await broker.connect()
    await registry.connect()
    yield Running(engine, broker, registry)
    await registry.stop()
    await broker.stop()
    await engine.dispose()


async def test_what_is_relayed_is_projected(running: Running) -> None:
    await running.make_stream()
    async with running.consuming():
        await running.registry.relay(*running.registry.record(root(), organisation("cell")))
        assert await running.watch.reached(2, PATIENCE)
        await running.registry.relay(*running.registry.record(balance("cell", "2022-01-01", 3)))
        assert await running.watch.reached(3, PATIENCE)
        assert running.progress.problem() is None


async def test_it_waits_for_a_stream_that_does_not_exist_yet(running: Running) -> None:
    async with running.consuming():
        await running.until(lambda: "NotFoundError" in (running.progress.problem() or ""))
        await running.make_stream()
        await running.registry.relay(*running.registry.record(root()))
        assert await running.watch.reached(1, PATIENCE)
        await running.until(lambda: running.progress.problem() is None)


async def test_an_empty_database_is_filled_from_the_registry(running: Running) -> None:
    await running.make_stream()
    running.registry.record(root(), *(organisation(f"cell-{number}") for number in range(1500)))
    async with running.consuming():
        assert await running.watch.reached(1501, PATIENCE)


async def test_a_gap_is_filled_and_a_repeat_passed_over(running: Running, database: Database) -> None:
    await running.make_stream()
    async with running.consuming():
        await running.registry.relay(*running.registry.record(root()))
        assert await running.watch.reached(1, PATIENCE)
        running.registry.record(organisation("a"), organisation("b"))
        running.registry.record(organisation("c"))
        await running.registry.relay(4, 4)
        await running.registry.relay(1, 4)
        await running.registry.relay(3, 4)
        await running.registry.relay(*running.registry.record(organisation("d")))
        assert await running.watch.reached(5, PATIENCE)

    positions = await database.fetch("SELECT position FROM reporting.fact ORDER BY 1")
    assert [row["position"] for row in positions] == [1, 2, 3, 4, 5]


async def test_messages_are_acknowledged_once_they_are_projected(running: Running) -> None:
    await running.make_stream()
    async with running.consuming():
        await running.registry.relay(*running.registry.record(root()))
        assert await running.watch.reached(1, PATIENCE)
        await running.until_reading()
        await running.registry.relay(*running.registry.record(organisation("cell")))
        assert await running.watch.reached(2, PATIENCE)
        await asyncio.sleep(0.2)
        info = await running.broker.connection.jetstream().consumer_info(LOG_STREAM, DURABLE)
        assert info.num_ack_pending == 0
        assert info.ack_floor is not None
        assert info.ack_floor.stream_seq == 2


STOPPED = "SELECT position, stopped_at, stopped_why FROM reporting.checkpoint"


async def test_an_event_that_cannot_be_read_stops_it_there_until_an_upgrade(
    running: Running, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.reporting.projector.consumer.STOPPED_RETRY", 0.1)
    await running.make_stream()
    later = {**organisation("later"), "type": "OrganisationTwinned.v1"}
    running.registry.record(root(), organisation("cell"), later, organisation("after"))
    async with running.consuming():
        await running.registry.relay(1, 4)
        await running.until(lambda: "stopped" in (running.progress.problem() or ""))

        assert "before position 3: position 3 holds OrganisationTwinned.v1" in (running.progress.problem() or "")
        assert running.watch.checkpoint.position == 2
        assert REGISTRY.get_sample_value("ketnap_reporting_stopped_position") == 3
        [row] = await database.fetch(STOPPED)
        assert (row["position"], row["stopped_at"]) == (2, 3)
        assert "OrganisationTwinned.v1" in row["stopped_why"]

        entry = CATALOGUE["OrganisationEstablished.v1"]
        monkeypatch.setitem(recorded._DATA, "OrganisationTwinned.v1", msgspec.json.Decoder(entry.data))
        monkeypatch.setattr(recorded, "NEWEST", {**recorded.NEWEST, "OrganisationTwinned": entry})
        assert await running.watch.reached(4, PATIENCE)
        await running.until(lambda: running.progress.problem() is None)
        assert REGISTRY.get_sample_value("ketnap_reporting_stopped_position") == 0
        [row] = await database.fetch(STOPPED)
        assert (row["position"], row["stopped_at"], row["stopped_why"]) == (4, None, None)


async def test_data_of_a_later_version_stops_it_too(running: Running) -> None:
    await running.make_stream()
    later = organisation("later")
    later["data"] = {**later["data"], "emblem": "a member that this version does not know"}
    running.registry.record(root(), later)
    async with running.consuming():
        await running.until(lambda: "stopped" in (running.progress.problem() or ""))

    assert "before position 2" in (running.progress.problem() or "")
    assert "emblem" in (running.progress.problem() or "")


async def test_a_mistake_in_applying_stops_it_before_that_event_with_all_before_it_projected(
    running: Running, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.reporting.projector.consumer.STOPPED_RETRY", 0.1)
    apply = Batch.apply

    def mistaken(batch: Batch, event: Recorded) -> None:
        if event.subject == "organisation/odd":
            raise ZeroDivisionError("no member left to divide by")
        apply(batch, event)

    await running.make_stream()
    running.registry.record(root(), organisation("cell"), organisation("odd"), organisation("after"))
    with monkeypatch.context() as patched:
        patched.setattr(Batch, "apply", mistaken)
        async with running.consuming():
            await running.until(lambda: "stopped" in (running.progress.problem() or ""))
    [row] = await database.fetch(STOPPED)
    assert (row["position"], row["stopped_at"]) == (2, 3)
    assert "no member left" in row["stopped_why"]

    async with running.consuming():
        assert await running.watch.reached(4, PATIENCE)


async def test_a_consumer_that_somebody_deletes_is_made_anew(
    running: Running, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.reporting.projector.consumer.FETCH", 0.2)
    await running.make_stream()
    async with running.consuming():
        await running.registry.relay(*running.registry.record(root()))
        assert await running.watch.reached(1, PATIENCE)
        await running.until_reading()
        operator = await connect(nats_server.url, nats_server.seed("operator"))
        await operator.jetstream().delete_consumer(LOG_STREAM, DURABLE)
        await operator.close()
        await running.registry.relay(*running.registry.record(organisation("cell")))
        assert await running.watch.reached(2, PATIENCE)


async def test_events_come_from_the_registry_while_nats_is_away(
    running: Running, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.reporting.projector.consumer.FETCH", 0.2)
    await running.make_stream()
    async with running.consuming():
        await running.registry.relay(*running.registry.record(root()))
        assert await running.watch.reached(1, PATIENCE)
        nats_server.stop()
        running.registry.record(organisation("cell"))
        assert await running.watch.reached(2, PATIENCE)
        nats_server.start()
        await running.until(lambda: running.registry_broker.connection.is_connected)
        await running.registry.relay(*running.registry.record(organisation("other")))
        assert await running.watch.reached(3, PATIENCE)
        await running.until(lambda: running.progress.problem() is None)
