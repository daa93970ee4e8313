"""An event is followed by its id through the logs of all services, and by one trace from publish to projection."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import msgspec
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from deploy.publishing import publish
from deploy.stack.nats import NatsServer
from services.reporting.position import Watch
from services.reporting.projector.consumer import Consumer
from services.reporting.projector.projector import Projector
from shared.runtime import tracing
from shared.runtime.broker import create_broker
from shared.runtime.database import create_engine
from shared.runtime.progress import Progress
from shared.runtime.served_log import Page, ServedLog
from shared.runtime.tasks import ended
from tests.conftest import Database
from tests.connected.conftest import RunningRegistry
from tests.faults.parts import Parts
from tests.faults.system import eventually
from tests.given import admitted, encoded, new_uuid, organisation, root


class AskedInProcess(ServedLog):
    """The registry's log, asked of the application that the test runs."""

    def __init__(self, http: Any) -> None:
        self._http = http

    async def page(self, after: int, limit: int = 1000) -> Page:
        answer = await self._http.get("/v1/events", params={"after": after, "limit": limit})
        return Page(msgspec.json.encode(answer.json()["events"]))


async def test_one_trace_leads_from_publishing_to_the_projection(registry: RunningRegistry) -> None:
    await registry.source()
    seed = await registry.nats_server.add_source("dien-bien")
    engine = create_engine(registry.database.url("ketnap_reporting"), "test")
    broker = create_broker(registry.nats_server.url, registry.nats_server.seed("reporting"), "reporting")
    projector = Projector(engine, Watch())
    consumer = Consumer(broker, AskedInProcess(registry.http), projector, Progress("the projector"))
    running = asyncio.create_task(consumer.run())
    events = [root(), organisation("cell"), organisation("other")]
    exporter = InMemorySpanExporter()
    # Nothing of this is traced: reporting must be at the end of the log, or it would fetch what follows over HTTP.
    await publish(registry.nats_server.url, "dien-bien", seed, [encoded([events[0]])[1:-1]])
    await eventually(_reached(projector, 1), "the first event is projected")

    provider = tracing.begin_with("test", SimpleSpanProcessor(exporter))
    try:
        for each in events[1:]:
            await publish(registry.nats_server.url, "dien-bien", seed, [encoded([each])[1:-1]])
        await eventually(_reached(projector, 3), "all is projected")
        spans = await eventually(_spans(exporter, "project", 2), "both projections are traced")
    finally:
        tracing.end()
        provider.shutdown()
        await ended(running)
        await broker.stop()
        await engine.dispose()

    traces = {span.context.trace_id for span in spans}
    assert len(traces) == 2
    for trace in traces:
        one = {span.name: span for span in spans if span.context.trace_id == trace}
        assert set(one) == {"publish", "decide", "relay", "project"}
        for parent, child in (("publish", "decide"), ("decide", "relay"), ("relay", "project")):
            assert one[child].parent.span_id == one[parent].context.span_id, child
        assert one["publish"].parent is None
        assert one["decide"].attributes["recorded"] == 1
        assert one["project"].attributes["first"] == one["relay"].attributes["first"]


def _reached(projector: Projector, position: int) -> Any:
    async def look() -> bool | None:
        return True if projector.position >= position else None

    return look


def _spans(exporter: InMemorySpanExporter, name: str, number: int) -> Any:
    async def look() -> Any:
        spans = exporter.get_finished_spans()
        return spans if sum(span.name == name for span in spans) == number else None

    return look


async def test_at_level_debug_the_id_of_an_event_stands_in_the_log_of_every_service(
    tmp_path: Path, database: Database, nats_server: NatsServer
) -> None:
    parts = Parts(tmp_path, database, nats_server)
    try:
        parts.launch("registry", log_level="debug")
        parts.launch("reporting", log_level="debug")
        parts.launch("notifier", log_level="info")
        for name in ("registry", "reporting", "notifier"):
            await parts.becomes(name, 200)
        seed = await parts.add_source("dien-bien", "root")
        events = [root(), organisation("cell"), admitted(new_uuid(), "2022-06-01")]

        await publish(nats_server.url, "dien-bien", seed, [encoded([each])[1:-1] for each in events])

        def told(service: str, event: dict[str, Any]) -> dict[str, dict[str, Any]]:
            lines = [json.loads(line) for line in parts.log_of(service).splitlines() if event["id"] in line]
            return {line["event"]: line for line in lines}

        async def projected() -> bool | None:
            return True if told("reporting", events[1]) else None

        await eventually(projected, "reporting tells of the second event")
        registry, reporting = told("registry", events[1]), told("reporting", events[1])
        waiting = told("registry", events[2])["an event has its outcome"]
        async with httpx.AsyncClient() as http:
            await eventually(_position(http, parts.url("notifier"), 2), "the notifier has applied both")
    finally:
        await parts.close()

    outcome = registry["an event has its outcome"]
    assert (outcome["outcome"], outcome["position"], outcome["source"]) == ("recorded", 2, "dien-bien")
    assert registry["an event was relayed"]["position"] == 2
    assert reporting["an event was projected"]["position"] == 2
    assert (waiting["outcome"], waiting["code"], waiting["level"]) == ("quarantined", "unknown-subject", "debug")
    assert events[1]["id"] not in parts.log_of("notifier"), "at level info nothing is told of single events"


def _position(http: httpx.AsyncClient, url: str, position: int) -> Any:
    async def look() -> bool | None:
        found = (await http.get(f"{url}/metrics")).text
        return True if f"ketnap_notifier_position {position:.1f}" in found else None

    return look
