"""What Prometheus is told: figures of real servers, read beside the scrape, which itself asks nobody."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import asyncpg
import pytest
from prometheus_client import REGISTRY

from deploy.stack.ports import HOST, free_port
from services.registry.api.metrics import RegistryCollector
from services.registry.api.readings import Readings
from services.registry.api.waiting import WaitingReadings
from shared.runtime.collecting import Reading, collecting, sizes
from shared.runtime.database import create_engine
from shared.runtime.lag import lag
from shared.runtime.served_log import LogUnavailable, ServedLog
from tests.connected.conftest import RunningRegistry
from tests.given import organisation, root


def metric(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"ketnap_{name}", labels)


async def test_the_registry_tells_the_log_its_sources_streams_and_backups(registry: RunningRegistry) -> None:
    before = time.time()
    source = await registry.source()
    await source.publish(root(), organisation("cell"))
    await registry.database.fetch(
        "INSERT INTO registry.backup VALUES ('2026-01-01T00:00:00Z', 1, 10), ('2026-02-01T00:00:00Z', 2, 10)"
    )
    operator = await registry.connect(registry.nats_server.seed("operator"))
    stream = operator.jetstream()
    engine = create_engine(registry.database.url("ketnap_registry"), "metrics")
    collector = RegistryCollector(Readings(engine), WaitingReadings(engine), lambda: stream, lambda: True)

    await collector.collect()
    await collector.collect_streams()

    assert metric("registry_position") == 2
    assert metric("registry_writer") == 1
    assert metric("registry_backup_timestamp_seconds") == 1769904000
    assert metric("registry_deliveries", source="dien-bien", outcome="recorded") == 2
    for name in ("registry_recorded_timestamp_seconds", "registry_last_seen_timestamp_seconds"):
        told = metric(name, **({"source": "dien-bien"} if "seen" in name else {}))
        assert told is not None
        assert before - 1 <= told <= time.time() + 1
    assert metric("registry_lag_messages", source="dien-bien") == 0
    assert metric("registry_stream_messages", stream="INGEST_dien-bien") == 1
    assert (metric("registry_stream_bytes", stream="INGEST_dien-bien") or 0) > 0
    assert metric("registry_stream_limit_bytes", stream="LOG") == 1024**3

    # What is published and not settled is the lag.
    await registry.database.fetch("UPDATE registry.source SET settled = 0")
    await collector.collect()
    await collector.collect_streams()
    assert metric("registry_lag_messages", source="dien-bien") == 1
    # One that was removed is not silent: it is not expected to say anything.
    await registry.database.fetch("UPDATE registry.source SET removed_at = now()")
    await collector.collect()
    assert metric("registry_last_seen_timestamp_seconds", source="dien-bien") is None
    await engine.dispose()


async def test_sizes_are_told_by_table(registry: RunningRegistry) -> None:
    engine = create_engine(registry.database.url("ketnap_registry"), "metrics")

    await sizes(engine, ["registry"]).read()

    await engine.dispose()
    assert (metric("table_bytes", schema="registry", table="log") or 0) > 0
    assert (metric("database_bytes") or 0) > (metric("table_bytes", schema="registry", table="log") or 0)
    assert metric("table_bytes", schema="reporting", table="delta") is None


async def test_a_reader_tells_its_lag_in_events_and_in_seconds(registry: RunningRegistry) -> None:
    from services.reporting.metrics import EVENTS, SECONDS

    position = 0

    async def at() -> int:
        return position

    source = await registry.source()
    await source.publish(root(), organisation("cell"), organisation("other"))
    async with _served(registry) as url:
        behind = lag(ServedLog(url), at, EVENTS, SECONDS)
        await asyncio.sleep(0.01)  # so that the age is more than nothing
        await behind.read()
        first = metric("reporting_lag_events"), metric("reporting_lag_seconds")
        position = 3
        await behind.read()
        then = metric("reporting_lag_events"), metric("reporting_lag_seconds")
    with pytest.raises(LogUnavailable):
        await behind.read()
    gone = metric("reporting_lag_events")

    assert first[0] == 3
    assert 0 < (first[1] or 0) < 60
    assert then == (0, 0)
    assert gone != gone, "a lag that nobody can know is told as NaN"


async def test_a_scrape_asks_no_server(registry: RunningRegistry) -> None:
    source = await registry.source()
    await source.publish(root())
    nats = registry.nats_server.child.pid
    assert nats is not None
    holder = await asyncpg.connect(registry.database.url())
    try:
        async with holder.transaction():
            # Whoever asks PostgreSQL now, or NATS, gets no answer.
            await holder.execute(
                "LOCK TABLE registry.head, registry.relayed, registry.source, registry.outcome_count, "
                "registry.quarantine, registry.backup IN ACCESS EXCLUSIVE MODE"
            )
            os.kill(nats, signal.SIGSTOP)
            async with asyncio.timeout(5):
                answers = [await registry.http.get("/metrics") for _ in range(3)]
    finally:
        os.kill(nats, signal.SIGCONT)
        await holder.close()

    assert [answer.status_code for answer in answers] == [200] * 3
    assert "ketnap_registry_position" in answers[0].text


async def test_what_is_slow_to_read_is_read_less_often() -> None:
    read: list[float] = []
    enough = asyncio.Event()

    async def slow() -> None:
        read.append(time.monotonic())
        await asyncio.sleep(0.02)
        if len(read) == 3:
            enough.set()

    async with collecting(Reading("slow", 0.001, slow)), asyncio.timeout(20):
        await enough.wait()

    assert min(later - earlier for earlier, later in pairwise(read)) >= 1.0


@asynccontextmanager
async def _served(registry: RunningRegistry) -> AsyncIterator[str]:
    """The registry's application at an address of its own, for clients that need one."""
    port = free_port()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
        found: Any = await registry.http.get(path)
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(found.content)}\r\nConnection: close\r\n"
        writer.write(f"{head}Ketnap-Position: {found.headers['ketnap-position']}\r\n\r\n".encode() + found.content)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, HOST, port)
    try:
        yield f"http://{HOST}:{port}"
    finally:
        server.close()
        await server.wait_closed()
