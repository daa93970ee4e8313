"""Whatever part is killed while events are published: nothing is lost, nothing is counted twice."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from deploy.stack.nats import connect
from shared.events.subjects import ingest_stream
from tests.faults.checks import figures_are_right, log_is_complete, settled, the_goal_is_announced_once
from tests.faults.province import BATCH, Province
from tests.faults.system import PARTS, System, eventually

UP = "ketnap up"
EVERYTHING = "everything at once"


@pytest.fixture(scope="module")
def one_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """One data directory for all cases: each begins with what the killings before it left."""
    system = System(tmp_path_factory.mktemp("faults"))
    yield system
    if system.running:
        system.stop()


@pytest.fixture
def system(one_system: System) -> System:
    """A system that runs."""
    if not one_system.running:
        one_system.start()
    return one_system


@pytest.mark.parametrize("part", [*PARTS, UP, EVERYTHING])
async def test_killed_while_events_are_published_it_loses_nothing_and_counts_nothing_twice(
    system: System, part: str
) -> None:
    province = Province(part.replace(" ", "-"))
    seed = system.add_source(province.source, province.root)
    third = len(province.batches) // 3

    async with province.connected(system.addresses.nats_url, seed) as client:
        await province.publish(client, province.batches[:third])
        meanwhile = asyncio.create_task(province.publish(client, province.batches[third : 2 * third]))
        await asyncio.to_thread(_kill, system, part)
        await meanwhile
        await eventually(lambda: _ready(system), "every service is ready again")
        await province.publish(client, province.batches[2 * third :])

    messages = await _messages(system, province)
    await settled(system, province, messages)
    positions = await log_is_complete(system, province)
    await _every_delivery_has_its_receipt(system, province, messages * BATCH, positions)
    await figures_are_right(system, province, max(positions.values()))
    await the_goal_is_announced_once(system, province)


def _kill(system: System, part: str) -> None:
    if part == EVERYTHING:
        for each in PARTS:
            system.kill(each)
    system.kill(UP if part == EVERYTHING else part)
    if not system.running:
        system.start()


async def _ready(system: System) -> bool | None:
    answers = [await system.look(service, "/health/ready") for service in ("registry", "reporting", "notifier")]
    return all(answer is not None for answer in answers) or None


async def _messages(system: System, province: Province) -> int:
    """How many messages the source's stream holds; all are batches of BATCH, some perhaps sent twice."""
    client = await connect(system.addresses.nats_url, system.addresses.nats_seed)
    try:
        state = (await client.jetstream().stream_info(ingest_stream(province.source))).state
    finally:
        await client.close()
    assert (state.first_seq, state.last_seq) == (1, state.messages)
    assert set(province.acknowledged) <= set(range(1, state.messages + 1))
    return state.messages


async def _every_delivery_has_its_receipt(
    system: System, province: Province, deliveries: int, positions: dict[str, int]
) -> None:
    receipts: dict[tuple[int, int], dict[str, Any]] = {}
    after: int | None = 0
    while after is not None:
        asked = {"source": province.source, "after_stream_sequence": after, "limit": 300}
        page = await system.get("registry", "/v1/receipts", **asked)
        for receipt in page["receipts"]:
            place = (receipt["stream_sequence"], receipt["batch_index"])
            assert place not in receipts
            # A duplicate of an event that still waited has no position to tell.
            known = receipt.get("position") if receipt["outcome"] == "duplicate" else receipt["position"]
            assert known in (None, positions[receipt["event_id"]])
            receipts[place] = receipt
        after = page["next"]
    assert len(receipts) == deliveries
    recorded = [receipt["event_id"] for receipt in receipts.values() if receipt["outcome"] == "recorded"]
    assert len(recorded) == len(set(recorded)) == len(province.events)
    for sequence, batch in province.acknowledged.items():
        kept = [receipts[sequence, index]["event_id"] for index in range(BATCH)]
        assert kept == [event["id"] for event in batch]
