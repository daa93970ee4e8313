"""Consumers deleted, streams emptied, events delivered again, the clock set back: outcomes and figures stay."""

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from shared.events.subjects import LOG_STREAM, ingest_stream
from tests.faults.account import everything_adds_up
from tests.faults.checks import figures_are_right, log_is_complete, settled, the_goal_is_announced_once
from tests.faults.parts import Parts
from tests.faults.province import Province
from tests.faults.system import eventually

PEOPLE = 100


@pytest.fixture(scope="module")
async def system(parts: Parts) -> AsyncIterator[Parts]:
    """All three services."""
    await parts.start("registry", "reporting", "notifier")
    yield parts
    await parts.close()


async def _published(parts: Parts, province: Province, seed: str, first: int = 0, last: int | None = None) -> None:
    async with province.connected(parts.nats_server.url, seed) as client:
        await province.publish(client, province.batches[first:last])


async def _all_is_right(parts: Parts, province: Province) -> None:
    await settled(parts, province, len(province.acknowledged))
    positions = await log_is_complete(parts, province)
    await figures_are_right(parts, province, max(positions.values()))
    await the_goal_is_announced_once(parts, province)
    async with parts.operator() as operator:
        await everything_adds_up(parts.database.url(), operator, [province.source])


async def test_consumers_that_somebody_deletes_are_made_anew(system: Parts) -> None:
    province = Province("consumers", PEOPLE)
    seed = await system.add_source(province.source, province.root)
    await _published(system, province, seed, 0, 3)

    async with system.operator() as operator:
        stream = operator.jetstream()
        for name in (ingest_stream(province.source), LOG_STREAM):
            for consumer in await stream.consumers_info(name):
                assert await stream.delete_consumer(name, consumer.name)
    await _published(system, province, seed, 3)

    await _all_is_right(system, province)
    for service in ("registry", "reporting", "notifier"):
        await system.becomes(service, 200)


async def test_what_is_purged_from_the_log_before_it_is_read_comes_from_the_registry(system: Parts) -> None:
    province = Province("log-purged", PEOPLE)
    seed = await system.add_source(province.source, province.root)
    readers = [system.pid_of(service) for service in ("reporting", "notifier")]

    for pid in readers:
        os.kill(pid, signal.SIGSTOP)
    try:
        await _published(system, province, seed)
        await settled(system, province, len(province.batches))
        async with system.operator() as operator:
            await _relayed(system)
            await operator.jetstream().purge_stream(LOG_STREAM)
    finally:
        for pid in readers:
            os.kill(pid, signal.SIGCONT)

    await _all_is_right(system, province)


async def test_what_is_purged_from_an_ingest_stream_after_it_is_settled_is_no_loss(system: Parts) -> None:
    province = Province("settled-purged", PEOPLE)
    seed = await system.add_source(province.source, province.root)
    half = len(province.batches) // 2
    await _published(system, province, seed, 0, half)
    await _until_settled(system, province, half)

    async with system.operator() as operator:
        await operator.jetstream().purge_stream(ingest_stream(province.source))
    await _published(system, province, seed, half)

    await settled(system, province, len(province.batches))
    positions = await log_is_complete(system, province)
    await figures_are_right(system, province, max(positions.values()))


async def test_what_is_purged_from_an_ingest_stream_unread_is_named_and_may_be_published_again(
    system: Parts,
) -> None:
    province = Province("unread-purged", PEOPLE)
    seed = await system.add_source(province.source, province.root)
    await _published(system, province, seed, 0, 2)
    await _until_settled(system, province, 2)

    await system.stop("registry")
    await _published(system, province, seed, 2, 5)
    async with system.operator() as operator:
        await operator.jetstream().purge_stream(ingest_stream(province.source))
    await system.start("registry")
    await _until_settled(system, province, 5)
    found = await system.get("registry", f"/v1/sources/{province.source}")
    status, health = await system.health("registry")

    assert (found["lost"], found["lag"]) == ([[3, 5]], 0)
    assert status == 200
    assert f"3 to 5 of {province.source}" in health["warnings"]["sources"]

    await _published(system, province, seed, 2)
    await _until_settled(system, province, 3 + len(province.batches))
    positions = await log_is_complete(system, province)
    await figures_are_right(system, province, max(positions.values()))
    found = await system.get("registry", f"/v1/sources/{province.source}")
    assert found["lost"] == [[3, 5]]
    assert found["outcomes"]["recorded"] == len(province.events)


async def test_a_hole_in_an_ingest_stream_is_named_too(system: Parts) -> None:
    province = Province("hole", PEOPLE)
    seed = await system.add_source(province.source, province.root)
    await _published(system, province, seed, 0, 2)
    await _until_settled(system, province, 2)

    await system.stop("registry")
    await _published(system, province, seed, 2, 6)
    async with system.operator() as operator:
        await operator.jetstream().delete_msg(ingest_stream(province.source), 4)
    await system.start("registry")
    await _until_settled(system, province, 6)

    found = await system.get("registry", f"/v1/sources/{province.source}")
    assert (found["lost"], found["lag"]) == ([[4, 4]], 0)


async def test_everything_delivered_again_is_a_duplicate_and_no_figure_moves(system: Parts) -> None:
    province = Province("again", PEOPLE)
    seed = await system.add_source(province.source, province.root)
    await _published(system, province, seed)
    await _all_is_right(system, province)

    await _published(system, province, seed)

    assert len(province.acknowledged) == 2 * len(province.batches)
    await _all_is_right(system, province)


async def test_recordedat_never_decreases_though_the_clock_is_set_back(system: Parts, tmp_path: Path) -> None:
    clock = tmp_path / "clock"
    clock.write_text("86400", encoding="ascii")
    province = Province("clock", PEOPLE)
    seed = await system.add_source(province.source, province.root)
    await system.stop("registry")
    system.launch("registry", module="tests.faults.shifted_clock", test_clock=str(clock))
    await system.becomes("registry", 200)
    await _published(system, province, seed, 0, 3)
    await _until_settled(system, province, 3)
    ahead = (await system.log())[-1]["recordedat"]

    clock.write_text("-86400", encoding="ascii")
    await _published(system, province, seed, 3)

    await _all_is_right(system, province)
    assert (await system.log())[-1]["recordedat"] == ahead


async def _until_settled(parts: Parts, province: Province, sequence: int) -> None:
    async def look() -> dict[str, Any] | None:
        source = await parts.look("registry", f"/v1/sources/{province.source}")
        return source if source and source["settled"] >= sequence else None

    await eventually(look, f"stream sequence {sequence} of {province.source} is settled")


async def _relayed(parts: Parts) -> None:
    async def look() -> bool | None:
        rows = await parts.database.fetch(
            "SELECT h.position = r.position AS done FROM registry.head h, registry.relayed r"
        )
        return rows[0]["done"] or None

    await eventually(look, "all events are relayed")
