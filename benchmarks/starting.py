"""How long `ketnap up` takes until it is ready on a log with history: after a clean stop, and after a kill."""

import asyncio

from benchmarks.goals import Figure
from benchmarks.province import Province, batches
from benchmarks.system import System, publish, running

EVENTS = 50_000


def measure() -> dict[str, Figure]:
    """`start_clean` and `start_after_kill`, in seconds."""
    note = f"with {EVENTS:,} events instead of 1,000,000"
    with running("starting") as system:
        asyncio.run(_fill(system))
        system.stop()
        clean = system.start()
        asyncio.run(_touch(system))
        system.kill()
        killed = system.start()
    return {
        "start_clean": Figure(round(clean, 2), "s", note=note),
        "start_after_kill": Figure(round(killed, 2), "s", note=note),
    }


async def _fill(system: System) -> None:
    province = Province("starting")
    messages = [("batch", payload) for payload in batches(province.events(EVENTS), 500)]
    async with system.sources({province.source: province.root}) as (client,):
        await publish(client, province.source, messages, in_flight=8)
        await system.visible(EVENTS)


async def _touch(system: System) -> None:
    """Leave something to recover: a few thousand events, killed on their way."""
    province = Province("killed", communes=5, grassroots=60)
    messages = [("batch", payload) for payload in batches(province.events(5_000), 500)]
    async with system.sources({province.source: province.root}) as (client,):
        await publish(client, province.source, messages, in_flight=8)
