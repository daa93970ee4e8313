"""Whatever a source publishes: each event gets exactly one outcome, and what is well-formed is recorded."""

import asyncio
from typing import Any

import asyncpg
import nats
import pytest

from tests.faults.account import AT_ONCE, everything_adds_up, outcomes
from tests.faults.conftest import ALL
from tests.faults.hostile import CELL, SOURCE, Hostile, hostile_messages
from tests.faults.parts import Parts
from tests.faults.system import eventually
from tests.given import encoded, organisation, root

MESSAGES = 10_000 if ALL else 600


@pytest.mark.timeout(600)
async def test_hostile_messages_have_one_outcome_each_and_the_sound_events_among_them_are_recorded(
    parts: Parts,
) -> None:
    messages = hostile_messages(MESSAGES)
    assert len(messages) >= 0.9 * MESSAGES
    await parts.start("registry")
    seed = await parts.add_source(SOURCE, f"{SOURCE}-root")
    client = await nats.connect(
        parts.nats_server.url, nkeys_seed_str=seed, inbox_prefix=f"_INBOX_{SOURCE}", pending_size=64 * 1024 * 1024
    )
    founding = [root(f"{SOURCE}-root", source=SOURCE), organisation(CELL, parent=f"{SOURCE}-root", source=SOURCE)]
    try:
        stream = client.jetstream(timeout=30)
        await stream.publish(f"ingest.{SOURCE}.batch", encoded(founding))
        places: list[tuple[int, Hostile]] = []
        for first in range(0, len(messages), AT_ONCE):
            chunk = messages[first : first + AT_ONCE]
            published = await asyncio.gather(
                *(stream.publish(f"ingest.{SOURCE}.{each.event_name}", each.payload) for each in chunk)
            )
            places += [(answer.seq, each) for answer, each in zip(published, chunk, strict=True)]
    finally:
        await client.close()

    async def settled() -> dict[str, Any] | None:
        source = await parts.look("registry", f"/v1/sources/{SOURCE}")
        return source if source and source["settled"] >= len(messages) + 1 else None

    source = await eventually(settled, "all of it is settled", 300)
    assert (await parts.health("registry"))[0] == 200
    assert (source["lag"], source["lost"]) == (0, [])
    async with parts.operator() as operator:
        await everything_adds_up(parts.database.url(), operator, [SOURCE])
    connection = await asyncpg.connect(parts.database.url())
    try:
        found = await outcomes(connection, SOURCE)
    finally:
        await connection.close()
    by_message: dict[int, dict[str | None, str]] = {}
    for (sequence, _), outcome in found.items():
        by_message.setdefault(sequence, {})[outcome.event_id] = outcome.outcome
    missing = [
        (sequence, each, by_message[sequence])
        for sequence, each in places
        if any(by_message[sequence].get(event_id) not in ("recorded", "duplicate") for event_id in each.sound)
    ]
    assert not missing
    assert sum(len(each.sound) for each in messages) > len(messages) / 4
