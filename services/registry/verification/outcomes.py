"""Whether outcomes add up: exactly one for each delivery, whole messages, and the numbers kept of them."""

from collections.abc import Callable
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from services.registry.verification.check import Check, attempted
from shared.runtime.sql import Statements

SQL = Statements("services.registry.sql", "verification.sql")

_FROM_BACKUP = "rows were changed outside the registry: find out by whom, then restore from a backup"


def _told(row: Any) -> str:
    return f"{row.source} message {row.stream_sequence} event {row.batch_index}"


_CHECKS: tuple[tuple[str, str, str, str, Callable[[Any], str | None]], ...] = (
    (
        "one-outcome", "each delivery has exactly one current outcome", _FROM_BACKUP, "twice",
        lambda row: f"{_told(row)} is {' and '.join(row.outcomes)}",
    ),
    (
        "whole-messages", "the events of a message have outcomes from the first to the last", _FROM_BACKUP,
        "holes",
        lambda row: f"{row.source} message {row.stream_sequence}: {row.number:,} outcomes, "
        f"of events {row.first} to {row.last}",
    ),
    (
        "settled", "outcomes are of registered sources, and of messages up to where those are settled",
        _FROM_BACKUP, "unsettled",
        lambda row: f"{_told(row)} is {row.outcome}, "
        + ("the source is not registered" if row.settled is None else f"settled is {row.settled:,}"),
    ),
    (
        "outcome-counts", "the kept numbers of outcomes are those of the rows", _FROM_BACKUP, "counts",
        lambda row: None
        if row.kept == row.found
        else f"{row.source} {row.outcome}: {row.kept:,} kept, {row.found:,} found",
    ),
    (
        "held-once", "no id is held by the log and by the quarantine at once", _FROM_BACKUP, "in_both",
        lambda row: f"{row.source} {row.event_id} is at position {row.position:,} and waits",
    ),
    (
        "duplicates", "a duplicate names the position of the event that it repeats", _FROM_BACKUP, "astray",
        lambda row: f"{_told(row)} names position {row.position:,}, where another event stands or none",
    ),
    (
        "erased", "who is erased has no key, and never gets one again",
        "destroy these keys: note the persons in registry.erased_person, and delete their rows of "
        "registry.person_key",
        "unburied",
        lambda row: f"{row.subject}, erased at position {row.position:,}, "
        + ("still has a key" if row.has_key else "could get a new key"),
    ),
)  # fmt: skip

OUTCOME_CHECKS = len(_CHECKS)


async def check_outcomes(connection: AsyncConnection, advance: Callable[[int], None]) -> list[Check]:
    """All checks that tables alone answer; `advance` is told of each that is done, in parts of 1."""
    checks = []
    deliveries = int(await connection.scalar(SQL["deliveries"]) or 0)
    for name, promise, remedy, statement, judge in _CHECKS:
        check = Check(name, promise, remedy, deliveries, "deliveries")
        with attempted(check):
            async with connection.begin_nested():
                result = await connection.stream(SQL[statement])
                async for row in result:
                    found = judge(row)
                    if found is not None:
                        check.fault(found)
        checks.append(check)
        advance(1)
    return checks
