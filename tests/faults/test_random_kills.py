"""Parts killed at random moments under load, again and again: nothing is lost, nothing is counted twice.

The relay is no process of its own: it dies with the registry, in the middle of whatever it publishes.
"""

import asyncio
import itertools
import json
import os
import random
import signal
import time
from pathlib import Path

import pytest

from deploy.stack.layout import Layout
from deploy.stack.nats import connect
from deploy.stack.process import process_start
from shared.events.subjects import ingest_stream
from tests.faults.account import everything_adds_up
from tests.faults.checks import figures_are_right, log_is_complete, settled, the_goal_is_announced_once
from tests.faults.conftest import ALL
from tests.faults.province import Province
from tests.faults.system import PARTS, System, eventually

KILLS = 60 if ALL else 12
PROVINCES = 3
SEED = int(os.environ.get("FAULTS_SEED") or time.time_ns() % 1_000_000)


@pytest.mark.timeout(900)
async def test_parts_killed_at_random_moments_lose_nothing_and_count_nothing_twice(tmp_path: Path) -> None:
    print(f"the same moments again: FAULTS_SEED={SEED}")  # noqa: T201 - what repeats a failure
    chance = random.Random(SEED)
    system = System(tmp_path)
    system.start()
    try:
        provinces = [Province(f"province-{number}") for number in range(PROVINCES)]
        seeds = [system.add_source(each.source, each.root) for each in provinces]
        over = asyncio.Event()
        load = [asyncio.create_task(_publish(system, *each, over)) for each in zip(provinces, seeds, strict=True)]
        killed = await _kill(system, chance)
        over.set()
        await asyncio.gather(*load)
        assert sum(killed.values()) == KILLS

        for service in ("registry", "reporting", "notifier"):
            await eventually(lambda service=service: _ready(system, service), f"{service} is ready again", 60)
        operator = await connect(system.addresses.nats_url, system.addresses.nats_seed)
        try:
            for province in provinces:
                info = await operator.jetstream().stream_info(ingest_stream(province.source))
                await settled(system, province, info.state.messages, within=90)
                positions = await log_is_complete(system, province)
                await figures_are_right(system, province, max(positions.values()))
                await the_goal_is_announced_once(system, province)
            sources = [province.source for province in provinces]
            await everything_adds_up(system.addresses.database_url, operator, sources)
        finally:
            await operator.close()
        print(f"killed: {killed}")  # noqa: T201 - the account of the run
    finally:
        if system.running:
            await asyncio.to_thread(system.stop)


async def _publish(system: System, province: Province, seed: str, over: asyncio.Event) -> None:
    """All its batches once, and from the beginning again until it is over: what comes again changes nothing."""
    async with province.connected(system.addresses.nats_url, seed) as client:
        for number, batch in enumerate(itertools.cycle(province.batches)):
            if over.is_set() and number >= len(province.batches):
                return
            await province.publish(client, [batch])
            await asyncio.sleep(0.1)


async def _kill(system: System, chance: random.Random) -> dict[str, int]:
    """Kill KILLS times, each time a part that lives at that moment; gives how often each was killed."""
    killed = dict.fromkeys(PARTS, 0)
    while sum(killed.values()) < KILLS:
        await asyncio.sleep(chance.uniform(0, 1.5))
        part = chance.choice(PARTS)
        # One that is dead is awaited, rather than another one taken: all shall have their share.
        await eventually(lambda part=part: _lives(system, part), f"{part} lives again")
        os.kill(system.pid_of(part), signal.SIGKILL)
        killed[part] += 1
    return killed


async def _lives(system: System, part: str) -> bool | None:
    layout = Layout(system.data_dir)
    directory = {"postgres": layout.postgres, "nats": layout.nats}.get(part, layout.run)
    try:
        mark = json.loads((directory / f"{part}.pid").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return (mark["started"] and process_start(mark["pid"]) == mark["started"]) or None


async def _ready(system: System, service: str) -> bool | None:
    return (await system.health(service))[0] == 200 or None
