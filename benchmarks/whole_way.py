"""From a source's publishing to what reporting shows, on `ketnap up` as users run it; and what memory that takes.

Visible is an event when reporting's checkpoint has passed it: every answer from then on counts it in.
"""

import asyncio
from itertools import pairwise
from statistics import quantiles
from time import perf_counter
from typing import Any

import httpx
import msgspec

from benchmarks.goals import Figure
from benchmarks.province import Province, batches
from benchmarks.system import System, publish, running

EVENTS = 60_000
BATCH = 500
SOURCES = 8
SINGLES = 1_500
"""Events of each of the sources that send one a message."""
FRESH_SECONDS, FRESH_RATE = 20, 200
BUSY_SOURCES, BUSY_EVENTS = 24, 6_000
"""Sources that publish large batches all at once, while the registry stands still: it finds them all waiting."""

Message = tuple[str, bytes]


def measure() -> dict[str, Figure]:
    """`whole_way_…`, `freshness_…` and `memory_…`."""
    with running("whole_way") as system:
        return asyncio.run(_measure(system))


async def _measure(system: System) -> dict[str, Figure]:
    found = {"whole_way_batch": await _batches(system)}
    found["whole_way_single_vs_intake"] = await _singles(system)
    found |= await _freshness(system)
    lean = system.peak_memory("registry")
    await _busy(system)
    note = f"{lean} MiB before {BUSY_SOURCES} sources at once"
    found["memory_registry"] = Figure(system.peak_memory("registry"), "MiB", note=note)
    found["memory_reporting"] = Figure(system.peak_memory("reporting"), "MiB")
    return found


async def _batches(system: System) -> Figure:
    province = Province("whole-way")
    messages = [("batch", payload) for payload in batches(province.events(EVENTS), BATCH)]
    async with system.sources({province.source: province.root}) as (client,):
        begin = perf_counter()
        await publish(client, province.source, messages, in_flight=8)
        seconds = await system.visible(EVENTS) - begin
    return Figure(round(EVENTS / seconds), "events/s")


async def _singles(system: System) -> Figure:
    """As many messages go into the streams twice: while all services stand still, and while they run."""
    silent = [Province(f"silent-{number}", communes=5, grassroots=60) for number in range(SOURCES)]
    heard = [Province(f"heard-{number}", communes=5, grassroots=60) for number in range(SOURCES)]
    before = await system.position()
    async with system.sources({each.source: each.root for each in (*silent, *heard)}) as clients:
        # Sources are looked for every half second.
        await asyncio.sleep(1)
        for part in ("registry", "reporting", "notifier"):
            system.halt(part)
        try:
            messages = [_singly(each) for each in silent]
            begin = perf_counter()
            await _at_once(clients[:SOURCES], silent, messages)
            intake = SOURCES * SINGLES / (perf_counter() - begin)
        finally:
            for part in ("registry", "reporting", "notifier"):
                system.go_on(part)
        await system.visible(before + SOURCES * SINGLES)
        messages = [_singly(each) for each in heard]
        begin = perf_counter()
        await _at_once(clients[SOURCES:], heard, messages)
        published = perf_counter()
        visible = await system.visible(before + 2 * SOURCES * SINGLES)
    value = SOURCES * SINGLES / (visible - begin)
    note = f"drained {visible - published:.1f} s after the last was published"
    return Figure(round(value), "events/s", round(intake), round(value / intake, 3), note)


async def _at_once(clients: list[Any], provinces: list[Province], messages: list[list[Message]]) -> None:
    await asyncio.gather(
        *(
            publish(client, province.source, each, in_flight=64)
            for client, province, each in zip(clients, provinces, messages, strict=True)
        )
    )


def _singly(province: Province) -> list[Message]:
    return [_single(event) for event in province.events(SINGLES)]


def _single(event: bytes) -> Message:
    return (msgspec.json.decode(event)["type"].partition(".")[0], event)


async def _freshness(system: System) -> dict[str, Figure]:
    """Events at a steady rate; each is visible with the first position of `/v1/live` that has passed it."""
    province = Province("fresh", communes=5, grassroots=60, late=0)
    events = [_single(event) for event in province.events(FRESH_SECONDS * FRESH_RATE)]
    base = await system.position()
    sent: list[float] = []
    seen: list[tuple[int, float]] = []
    async with system.sources({province.source: province.root}) as (client,):
        await asyncio.sleep(1)
        listening = asyncio.create_task(_listen(system, seen, base + len(events)))
        stream = client.jetstream(timeout=30)
        begin = perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for number, (name, payload) in enumerate(events):
                await asyncio.sleep(max(0.0, begin + number / FRESH_RATE - perf_counter()))
                sent.append(perf_counter())
                tasks.create_task(stream.publish(f"ingest.{province.source}.{name}", payload))
        await asyncio.wait_for(listening, 60)
    delays = [
        (moment - sent[position - base - 1]) * 1000
        for (before, _), (until, moment) in pairwise([(base, 0.0), *seen])
        for position in range(before + 1, until + 1)
    ]
    cuts = quantiles(delays, n=100)
    note = f"{FRESH_RATE} events/s for {FRESH_SECONDS} s, one a message"
    return {
        "freshness_p50": Figure(round(cuts[49], 1), "ms", note=note),
        "freshness_p99": Figure(round(cuts[98], 1), "ms", note=note),
    }


async def _listen(system: System, seen: list[tuple[int, float]], last: int) -> None:
    """Note (position, moment) whenever reporting says that it has moved, up to `last`."""
    url = f"{system.addresses.reporting_url}/v1/live"
    async with httpx.AsyncClient(timeout=60, trust_env=False) as client, client.stream("GET", url) as response:
        async for line in response.aiter_lines():
            if line.startswith("id: "):
                position = int(line[4:])
                if not seen or position > seen[-1][0]:
                    seen.append((position, perf_counter()))
                if position >= last:
                    return


async def _busy(system: System) -> None:
    """Many sources at once, in batches of a thousand, all waiting when the registry goes on."""
    provinces = [Province(f"busy-{number}", communes=5, grassroots=60) for number in range(BUSY_SOURCES)]
    before = await system.position()
    async with system.sources({each.source: each.root for each in provinces}) as clients:
        await asyncio.sleep(1)
        system.halt("registry")
        try:
            messages = [[("batch", each) for each in batches(one.events(BUSY_EVENTS), 1000)] for one in provinces]
            await _at_once(clients, provinces, messages)
        finally:
            system.go_on("registry")
        await system.visible(before + BUSY_SOURCES * BUSY_EVENTS)
