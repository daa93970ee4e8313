"""Organisations as the tree has them: who is asked about, its children, its place, and the search for it."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.naming import name_order, patterns
from services.reporting.reports.question import Organisation
from shared.runtime.sql import Statements

SQL = Statements("services.reporting.sql", "organisations.sql")


async def organisation(connection: AsyncConnection, organisation_id: str, day: date, known: int) -> Any | None:
    """The row of an organisation as on `day`; None where it is not known."""
    parameters = {"organisation_id": organisation_id, "day": day, "known": known}
    return (await connection.execute(SQL["organisation"], parameters)).one_or_none()


async def stands_for(connection: AsyncConnection, organisation_id: str, today: date, known: int) -> str:
    """Who has today what was this organisation's: itself, or the last of its successors."""
    parameters = {"organisation_id": organisation_id, "today": today, "known": known}
    return str(await connection.scalar(SQL["stands_for"], parameters))


async def children(
    connection: AsyncConnection, organisation_id: str, day: date, known: int
) -> tuple[Organisation, ...]:
    """Active organisations directly under one on `day`, in the order of their names."""
    parameters = {"organisation_id": organisation_id, "day": day, "known": known}
    rows = await connection.execute(SQL["children"], parameters)
    return tuple(Organisation(row.organisation_id, row.name, row.kind) for row in rows)


async def ancestors(
    connection: AsyncConnection, organisation_id: str, day: date, known: int
) -> list[Organisation]:
    """The way down to an organisation on `day`, the root first."""
    parameters = {"organisation_id": organisation_id, "day": day, "known": known}
    rows = (await connection.execute(SQL["ancestors"], parameters)).all()
    return [Organisation(row.organisation_id, row.name, row.kind) for row in reversed(rows)]


async def had_parent(
    connection: AsyncConnection, organisation_id: str, first: date, last: date, known: int
) -> bool:
    """Whether an organisation was under another one on any of the days `first` to `last`."""
    parameters = {"organisation_id": organisation_id, "first": first, "last": last, "known": known}
    return bool(await connection.scalar(SQL["had_parent"], parameters))


async def always_children(
    connection: AsyncConnection, organisation_id: str, children: Sequence[str], first: date, last: date, known: int
) -> list[str]:
    """Those of `children` that belong to an organisation on all of the days `first` to `last`.

    Days on which one of them is not founded yet do not count.
    """
    if not children:
        return []
    parameters = {
        "organisation_id": organisation_id,
        "children": list(children),
        "first": first,
        "last": last,
        "known": known,
    }
    return list((await connection.execute(SQL["always_children"], parameters)).scalars())


async def search(
    connection: AsyncConnection,
    day: date,
    known: int,
    query: str | None,
    kind: str | None,
    parent: str | None,
    after: tuple[str, str] | None,
    limit: int,
    allowed: list[str] | None = None,
) -> tuple[list[dict[str, Any]], tuple[str, str] | None]:
    """A page of organisations active on `day`, by name, and where the next page begins after.

    `allowed` names those that may be found, or told as a parent; None: all.
    """
    parameters = {
        "day": day,
        "known": known,
        "kind": kind,
        "parent": parent,
        "patterns": patterns(query or ""),
        "after_name": after and name_order(after[0]),
        "after_id": after and after[1],
        "allowed": allowed,
        "limit": limit + 1,
    }
    rows = (await connection.execute(SQL["search"], parameters)).all()
    told = None if allowed is None else set(allowed)
    found = [
        {
            "id": row.organisation_id,
            "name": row.name,
            "kind": row.kind,
            "sector": row.sector,
            "parent_id": row.parent_id if told is None or row.parent_id in told else None,
        }
        for row in rows[:limit]
    ]
    following = (rows[limit - 1].name, rows[limit - 1].organisation_id) if len(rows) > limit else None
    return found, following
