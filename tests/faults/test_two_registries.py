"""Two registries: one writes, the other takes over within 5 s, and one that was replaced writes nothing more."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest

from tests.faults.account import everything_adds_up
from tests.faults.checks import figures_are_right, log_is_complete, settled
from tests.faults.parts import Parts
from tests.faults.province import Province
from tests.faults.system import eventually
from tests.given import encoded, new_uuid

PEOPLE = 200
TAKEN_OVER = 5.0
REGISTRIES = ("registry", "second")
STANDS_BY = "this one stands by"


@pytest.fixture(scope="module")
async def registries(parts: Parts) -> AsyncIterator[Parts]:
    """Two registries, and reporting."""
    await parts.start(*REGISTRIES, "reporting", second="registry")
    yield parts
    await parts.close()


async def _writer(parts: Parts) -> str:
    """Which one writes: one that stands by does not even look for what it is asked to retry."""

    async def look() -> str | None:
        for name in REGISTRIES:
            async with httpx.AsyncClient(base_url=parts.url(name), timeout=10, trust_env=False) as client:
                answer = await client.post(f"/v1/quarantine/nobody/{new_uuid()}/retry")
            if answer.status_code == 404:
                return name
        return None

    return await eventually(look, "one of the registries writes")


async def _epoch(parts: Parts) -> int:
    return int((await parts.database.fetch("SELECT epoch FROM registry.head"))[0]["epoch"])


async def _taken_over(parts: Parts, epoch: int, since: float) -> int:
    """Wait until another epoch begins, which must be soon enough after `since`; gives it."""

    async def look() -> int | None:
        found = await _epoch(parts)
        return found if found > epoch else None

    found = await eventually(look, "the other registry has taken over", 2 * TAKEN_OVER)
    assert time.monotonic() - since < TAKEN_OVER
    return found


async def _all_is_right(parts: Parts, province: Province) -> None:
    await settled(parts, province, len(province.acknowledged))
    positions = await log_is_complete(parts, province)
    await figures_are_right(parts, province, max(positions.values()))
    async with parts.operator() as operator:
        await everything_adds_up(parts.database.url(), operator, [province.source])


def _said(parts: Parts, name: str) -> int:
    return parts.log_of(name).count(STANDS_BY)


async def _stands_by(parts: Parts, name: str, said: int) -> None:
    """Wait until it has said so once more than before."""

    async def look() -> bool | None:
        return _said(parts, name) > said or None

    await eventually(look, f"{name} says that it {STANDS_BY[9:]}")
    await parts.becomes(name, 200)


@pytest.mark.parametrize("time_to_stop", [0.0, 0.2, 0.5])
async def test_a_writer_that_is_stopped_for_a_while_is_replaced_and_writes_nothing_when_it_goes_on(
    registries: Parts, time_to_stop: float
) -> None:
    province = Province(f"stopped-{int(time_to_stop * 10)}", PEOPLE)
    seed = await registries.add_source(province.source, province.root)
    writer = await _writer(registries)
    pid, epoch, said = registries.pid_of(writer), await _epoch(registries), _said(registries, writer)

    async with province.connected(registries.nats_server.url, seed) as client:
        half = len(province.batches) // 2
        publishing = asyncio.create_task(province.publish(client, province.batches[:half]))
        await asyncio.sleep(time_to_stop)
        os.kill(pid, signal.SIGSTOP)
        try:
            epoch = await _taken_over(registries, epoch, time.monotonic())
            await publishing
        finally:
            os.kill(pid, signal.SIGCONT)
        await province.publish(client, province.batches[half:])

    await _stands_by(registries, writer, said)
    await _all_is_right(registries, province)
    assert await _epoch(registries) == epoch


async def test_a_writer_that_is_stopped_in_the_middle_of_its_commit_keeps_nobody_from_taking_over(
    registries: Parts,
) -> None:
    province = Province("mid-commit", PEOPLE)
    seed = await registries.add_source(province.source, province.root)
    writer = await _writer(registries)
    pid, epoch, said = registries.pid_of(writer), await _epoch(registries), _said(registries, writer)
    gate = await asyncpg.connect(registries.database.url())

    async def at_the_gate() -> bool | None:
        blocked = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'registry.outbox'::regclass"
        return bool(await gate.fetchval(blocked)) or None

    async with province.connected(registries.nats_server.url, seed) as client:
        await gate.execute("BEGIN; LOCK TABLE registry.outbox IN EXCLUSIVE MODE")
        await client.jetstream().publish(f"ingest.{province.source}.batch", encoded(province.batches[0]))
        await eventually(at_the_gate, "the turn has moved the head and is about to post its receipts")
        os.kill(pid, signal.SIGSTOP)
        try:
            await gate.execute("ROLLBACK")
            await _taken_over(registries, epoch, time.monotonic())
        finally:
            os.kill(pid, signal.SIGCONT)
            await gate.close()
        province.acknowledged[1] = province.batches[0]
        await province.publish(client, province.batches[1:])

    await _stands_by(registries, writer, said)
    await _all_is_right(registries, province)


async def test_a_lease_from_before_the_clock_was_set_back_does_not_outlive_its_writer(registries: Parts) -> None:
    province = Province("set-back", PEOPLE)
    seed = await registries.add_source(province.source, province.root)
    writer = await _writer(registries)
    epoch = await _epoch(registries)

    registries.kill(writer)
    died = time.monotonic()
    # What the writer wrote when PostgreSQL's clock was still an hour ahead.
    await registries.database.fetch("UPDATE registry.lease SET until = now() + interval '1 hour'")
    await _taken_over(registries, epoch, died)

    await registries.start(writer, second="registry")
    async with province.connected(registries.nats_server.url, seed) as client:
        await province.publish(client, province.batches)
    await _all_is_right(registries, province)
