"""How long `ketnap up` takes until it is ready on a log with history: after a clean stop, and after a kill.

The log is filled the whole way, as sources fill it, so that everything is there which a start may look at:
streams, folds, head counts, sums, admissions, the notifier's tables. A million events would take ten minutes, most
of them until what follows beside the projector has caught up.
"""

import asyncio
from itertools import islice

from benchmarks.goals import Figure
from benchmarks.province import Province, batches
from benchmarks.system import System, publish, running

EVENTS = 300_000
AT_A_TIME = 20_000
"""Events that are published before the next are made up: more of them would have to be kept in memory."""
AHEAD = 40_000
"""Events that may wait on their way."""


def measure() -> dict[str, Figure]:
    """`start_clean` and `start_after_kill`, in seconds."""
    note = f"with {EVENTS:,} events instead of 1,000,000, published in batches"
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
    province = Province("starting", communes=100, grassroots=1_500)
    payloads = batches(province.events(EVENTS), 500)
    published = 0
    async with system.sources({province.source: province.root}) as (client,):
        while chunk := [("batch", payload) for payload in islice(payloads, AT_A_TIME // 500)]:
            await publish(client, province.source, chunk, in_flight=8)
            published += AT_A_TIME
            await system.visible(min(published, EVENTS) - AHEAD)
        await system.visible(EVENTS)
        await system.settled(EVENTS, patience=600.0)


async def _touch(system: System) -> None:
    """Leave something to recover: a few thousand events, killed on their way."""
    province = Province("killed", communes=5, grassroots=60)
    messages = [("batch", payload) for payload in batches(province.events(5_000), 500)]
    async with system.sources({province.source: province.root}) as (client,):
        await publish(client, province.source, messages, in_flight=8)
