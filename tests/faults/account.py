"""What must hold after any fault, looked up in the tables and the streams, not in what the product says."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import asyncpg
from nats.aio.client import Client
from nats.js import JetStreamContext

from shared.events.recorded import read_recorded
from shared.events.subjects import ingest_stream
from shared.timeline import fold
from shared.timeline.fact import Fact
from shared.timeline.lineage import Lineage, Succession

MAX_MESSAGE = 1024 * 1024
AT_ONCE = 200

Place = tuple[int, int]
"""Stream sequence and index in the batch."""


@dataclass(frozen=True)
class Outcome:
    """The current outcome of one delivery."""

    outcome: str
    event_id: str | None
    code: str | None


@dataclass(frozen=True)
class Stored:
    """One message of an ingest stream."""

    sequence: int
    event_name: str
    payload: bytes


async def everything_adds_up(database_url: str, operator: Client, sources: Iterable[str]) -> None:
    """Each event of each stored message has exactly one outcome, the log is gapless, a replay gives the state."""
    connection = await asyncpg.connect(database_url)
    try:
        for source in sources:
            messages = await stored_messages(operator.jetstream(), source)
            found = await outcomes(connection, source)
            assert set(found) == {place for message in messages for place in places(message, found)}
        await _counts_agree(connection)
        await _the_log_is_gapless(connection)
        await _replay_equals_state(connection)
    finally:
        await connection.close()


async def stored_messages(stream: JetStreamContext, source: str) -> list[Stored]:
    """All that the source's stream holds."""
    name = ingest_stream(source)
    state = (await stream.stream_info(name)).state
    wanted = list(range(state.first_seq, state.last_seq + 1)) if state.messages else []
    found: list[Stored] = []
    for first in range(0, len(wanted), AT_ONCE):
        chunk = wanted[first : first + AT_ONCE]
        for message in await asyncio.gather(*(stream.get_msg(name, sequence) for sequence in chunk)):
            assert message.seq is not None
            assert message.subject is not None
            found.append(Stored(message.seq, message.subject.split(".", 2)[2], message.data or b""))
    return found


async def outcomes(connection: "asyncpg.Connection[Any]", source: str) -> dict[Place, Outcome]:
    """Place → outcome of all deliveries of a source; fails if one has two."""
    rows = await connection.fetch(
        "SELECT stream_sequence, batch_index, outcome, event_id, code FROM registry.delivery WHERE source = $1",
        source,
    )
    found = {
        (row["stream_sequence"], row["batch_index"]): Outcome(
            row["outcome"], str(row["event_id"]) if row["event_id"] else None, row["code"]
        )
        for row in rows
    }
    assert len(found) == len(rows), "a delivery has two outcomes"
    return found


def places(message: Stored, found: dict[Place, Outcome]) -> list[Place]:
    """Where the outcomes of a message must stand: one for each event, or one for a batch that cannot be read."""
    number = 1
    if message.event_name == "batch" and len(message.payload) <= MAX_MESSAGE:
        first = found.get((message.sequence, 0))
        refused_whole = first is not None and (message.sequence, 1) not in found and first.event_id is None
        try:
            events = json.loads(message.payload)
        except (ValueError, RecursionError):
            # No JSON to Python; the registry may still tell its events apart, and then judges each.
            while (message.sequence, number) in found:
                number += 1
        else:
            # Python reads some JSON that is none, such as NaN; the registry then refuses the message as a whole.
            if isinstance(events, list) and 1 <= len(events) <= 1000 and not refused_whole:
                number = len(events)
    return [(message.sequence, index) for index in range(number)]


async def _counts_agree(connection: "asyncpg.Connection[Any]") -> None:
    counted = await connection.fetch("SELECT source, outcome, count(*) FROM registry.delivery GROUP BY 1, 2")
    kept = await connection.fetch("SELECT source, outcome, number FROM registry.outcome_count WHERE number <> 0")
    assert {tuple(row) for row in counted} == {tuple(row) for row in kept}


async def _the_log_is_gapless(connection: "asyncpg.Connection[Any]") -> None:
    rows = await connection.fetch("SELECT position, recordedat, source, event_id FROM registry.log ORDER BY 1")
    assert [row["position"] for row in rows] == list(range(1, len(rows) + 1))
    assert await connection.fetchval("SELECT position FROM registry.head") == len(rows)
    moments = [row["recordedat"] for row in rows]
    assert moments == sorted(moments)
    repeated = Counter((row["source"], row["event_id"]) for row in rows)
    assert not rows or max(repeated.values()) == 1


async def _replay_equals_state(connection: "asyncpg.Connection[Any]") -> None:
    timelines: dict[str, list[Fact]] = {}
    targets: dict[str, str] = {}
    for row in await connection.fetch("SELECT event::text FROM registry.log ORDER BY position"):
        for event in read_recorded(b"[%s]" % row["event"].encode()):
            timelines.setdefault(event.subject, []).append(Fact.of_recorded(event))
            if event.entry.name == "TargetAssigned":
                targets[event.data.target_id] = event.subject.partition("/")[2]  # type: ignore[attr-defined]
    successions = await connection.fetch(
        "SELECT organisation_id, day, successor_id, targets FROM registry.succession"
    )
    lineage = Lineage(Succession(*row) for row in successions)
    replayed = {subject: fold.fold(fold.kind_of(subject), facts, lineage) for subject, facts in timelines.items()}
    kept = {
        row["subject"]: fold.decode(fold.kind_of(row["subject"]), row["folded"])
        for row in await connection.fetch("SELECT subject, folded FROM registry.subject")
    }
    assert replayed == kept
    rows = await connection.fetch("SELECT target_id, organisation_id FROM registry.target")
    assert {row["target_id"]: row["organisation_id"] for row in rows} == targets
