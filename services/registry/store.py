"""The registry's tables, written: a turn in one transaction, all of it or nothing."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import asyncpg
import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from services.registry import log_copy
from services.registry.appending import held_already
from services.registry.deliveries import SourceProgress
from services.registry.lease import Fenced, Head
from services.registry.turn import Turn
from shared.runtime.database import array, copy_encoded
from shared.runtime.sql import Statements, write_rows
from shared.timeline import fold

SQL = Statements("services.registry.sql", "turn.sql")

_REPLACED = "another registry has become the writer; this one stands by"


async def claim_head(connection: AsyncConnection, head: Head) -> None:
    """Lock the head row for the transaction of `connection`. Raises Fenced."""
    if await connection.scalar(SQL["claim_head"], {"epoch": head.epoch, "position": head.position}) is None:
        raise Fenced(_REPLACED)


async def commit(
    connection: AsyncConnection,
    head: Head,
    turn: Turn,
    at: datetime,
    progress: Iterable[SourceProgress],
    appended: int = 0,
) -> None:
    """Write a turn, in the transaction of `connection`. Raises Fenced or HeldAlready, and nothing is written.

    appended: how many of its log rows are there already; the head was claimed before them.
    """
    moved = await connection.scalar(
        SQL["advance_head"],
        {"epoch": head.epoch, "position": head.position, "new_position": turn.position, "recordedat": at},
    )
    if moved is None:
        raise Fenced(_REPLACED)
    await _write_outcomes(connection, turn, at, appended)
    await _write_state(connection, turn)
    await write_rows(
        connection,
        SQL["settle"],
        ("source", "settled", "last_seen", "sequences", "lost"),
        [
            (each.source, each.settled, each.last_seen, _json(each.sequences), _json(each.lost))
            for each in progress
        ],
    )
    if turn.outcomes.told:
        await connection.execute(SQL["post"], {"receipts": _json(turn.outcomes.told)})


async def _write_outcomes(connection: AsyncConnection, turn: Turn, at: datetime, appended: int) -> None:
    outcomes = turn.outcomes
    # In one transaction: no reader finds an id both in the quarantine and on the log.
    await write_rows(connection, SQL["let_go"], ("source", "event_id"), [each.key for each in outcomes.released])
    if rows := outcomes.log[appended:]:
        try:
            await copy_encoded(connection, "registry", "log", log_copy.COLUMNS, log_copy.encoded(rows))
        except asyncpg.UniqueViolationError as error:
            raise held_already(error) from error
    await write_rows(
        connection,
        SQL["append_refused"],
        ("source", "stream_sequence", "batch_index", "event_id", "outcome", "position", "code", "message", "path",
         "at"),
        [
            (row.delivery.source, row.delivery.stream_sequence, row.delivery.batch_index, row.event_id,
             row.outcome, row.position, row.reason and row.reason.code, row.reason and row.reason.message,
             row.reason and row.reason.path, at)
            for row in outcomes.refused
        ],
    )  # fmt: skip
    await write_rows(
        connection,
        SQL["hold"],
        ("source", "event_id", "stream_sequence", "batch_index", "type", "subject", "effectiveon", "time",
         "content_hash", "code", "message", "waits_for", "event", "at"),
        [
            (each.delivery.source, each.fact.event_id, each.delivery.stream_sequence, each.delivery.batch_index,
             each.type, each.fact.subject, each.fact.effectiveon, each.fact.time, each.content_hash,
             each.reason.code, each.reason.message, _json(sorted(each.waits_for)), each.content.decode(),
             each.at)
            for each in outcomes.held.values()
        ],
    )  # fmt: skip

    numbers = sorted(outcomes.numbers().items())
    await write_rows(
        connection,
        SQL["count_outcomes"],
        ("source", "outcome", "number"),
        [(source, outcome, number) for (source, outcome), number in numbers if number],
    )


async def _write_state(connection: AsyncConnection, turn: Turn) -> None:
    situation = turn.situation
    folds = situation.changed_folds()
    if folds:
        # In one order, whoever writes: two that lock the same rows never wait for each other.
        subjects = sorted(folds)
        encoded = [fold.encode(folds[subject]) for subject in subjects]
        await connection.execute(SQL["put_subjects"], {"subject": array(subjects), "folded": encoded})
    await write_rows(
        connection, SQL["put_targets"], ("target_id", "organisation_id"), list(situation.new_targets.items())
    )
    await write_rows(
        connection, SQL["drop_successions"], ("organisation_id",), [(each,) for each in situation.successions]
    )
    await write_rows(
        connection,
        SQL["put_successions"],
        ("organisation_id", "day", "successor_id", "targets"),
        [
            (each.organisation_id, each.day, each.successor_id, each.targets)
            for each in situation.successions.values()
            if each is not None
        ],
    )
    await write_rows(connection, SQL["put_about"], ("subject", "position"), turn.about)
    await write_rows(connection, SQL["put_travellers"], ("organisation_id", "subject"), situation.new_travels)
    counts = sorted((key, amount) for key, amount in situation.headcount_changes.items() if amount)
    if counts:
        organisations, measures, days = zip(*(key for key, _ in counts), strict=True)
        changes = {"organisation_id": array(organisations), "measure": array(measures), "day": array(days)}
        changes["amount"] = array([amount for _, amount in counts])
        await connection.execute(SQL["add_headcounts"], changes)
    keys = [(person, wrapped.master, wrapped.key) for person, wrapped in turn.profiles.new_keys.items()]
    await write_rows(connection, SQL["put_person_keys"], ("person", "master", "wrapped"), keys)
    if turn.profiles.erased:
        # In the transaction of the event: once it is on the log, the key is not in the table.
        erased = {"persons": sorted(turn.profiles.erased), "at": turn.at}
        await connection.execute(SQL["bury"], erased)
        await connection.execute(SQL["destroy_keys"], {"persons": erased["persons"]})


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
