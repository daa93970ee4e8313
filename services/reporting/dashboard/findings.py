"""What pages read: an organisation with its reports, the roots of the tree, and organisations by name."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.api import reach
from services.reporting.dashboard.address import Address, unknown_organisation
from services.reporting.reports import organisations, reader
from services.reporting.reports.additive import Bodies, movements_report, totals
from services.reporting.reports.attainment import attainment
from services.reporting.reports.question import Organisation, Question
from services.reporting.reports.reader import KnownAt, UnknownOrganisation
from services.reporting.reports.reading import Reading
from shared.runtime.access.principal import Principal
from shared.runtime.sql import Statements

SQL = Statements("services.reporting.dashboard", "queries.sql")

SHOWN = 100
"""Organisations that a list on the first page shows at most."""


class Found(Struct, frozen=True):
    """An organisation in a list, with the name of what it belongs to."""

    organisation: Organisation
    parent: str | None = None


class Findings(Struct, frozen=True):
    """All that a page about an organisation shows."""

    question: Question
    active: bool
    path: list[Organisation]
    successor: str | None
    totals: Bodies
    attainment: Bodies
    movements: dict[str, Any]
    names: dict[str, str]


async def about(
    connection: AsyncConnection,
    organisation_id: str,
    address: Address,
    known: KnownAt,
    today: date,
    principal: Principal,
) -> Findings:
    """An organisation in the view of an address. Raises Problem where it is not known."""
    asked = address.asked
    try:
        question = await reader.question(
            connection,
            organisation_id,
            known,
            as_of=asked.as_of,
            hierarchy=asked.hierarchy,
            from_=asked.from_,
            to=asked.to,
            today=today,
            by_child=True,
        )
    except UnknownOrganisation:
        raise unknown_organisation(organisation_id) from None
    row = await organisations.organisation(connection, organisation_id, asked.as_of, known.position)
    assert row is not None
    reading = Reading(connection, question)
    alone = Reading(connection, replace(question, by_child=False, children=()))
    judged = await attainment(reading)
    named = {each["issuer_id"] for body in judged.values() for each in body["targets"]}
    named |= {question.root} | ({row.successor_id} if row.successor_id else set())
    tree = _day(question.hierarchy, asked.as_of, today)
    path = await organisations.ancestors(connection, question.root, tree, known.position)
    return Findings(
        question=question,
        active=row.active,
        path=reach.way_down(path, principal),
        successor=row.successor_id,
        totals=await totals(reading),
        attainment=judged,
        movements=(await movements_report(alone))["*"],
        names=await _names(connection, named, asked.as_of, known),
    )


async def roots(
    connection: AsyncConnection, address: Address, known: KnownAt, today: date, principal: Principal
) -> list[Found]:
    """Where the asker's tree begins: one more than `SHOWN` where there are more."""
    day = _day(address.asked.hierarchy, address.asked.as_of, today)
    if principal.subtree is not None:
        row = await organisations.organisation(connection, principal.subtree, day, known.position)
        return [Found(Organisation(row.organisation_id, row.name, row.kind))] if row is not None else []
    parameters = {"day": day, "known": known.position, "limit": SHOWN + 1}
    rows = (await connection.execute(SQL["roots"], parameters)).all()
    return [Found(Organisation(row.organisation_id, row.name, row.kind)) for row in rows]


async def named(
    connection: AsyncConnection, query: str, address: Address, known: KnownAt, today: date, principal: Principal
) -> list[Found]:
    """The asker's organisations with `query` in name or id: one more than `SHOWN` where there are more."""
    day = _day(address.asked.hierarchy, address.asked.as_of, today)
    allowed = await reach.organisations_of(connection, principal, today)
    rows, _ = await organisations.search(
        connection, day, known.position, query, None, None, None, SHOWN + 1, allowed
    )
    above = {row["parent_id"] for row in rows if row["parent_id"]}
    parents = await _names(connection, above if allowed is None else above.intersection(allowed), day, known)
    return [
        Found(Organisation(row["id"], row["name"], row["kind"]), parents.get(row["parent_id"])) for row in rows
    ]


def _day(hierarchy: str, as_of: date, today: date) -> date:
    """The day of the tree."""
    return today if hierarchy == "current" else as_of


async def _names(
    connection: AsyncConnection, organisation_ids: Iterable[str], day: date, known: KnownAt
) -> dict[str, str]:
    parameters = {"organisations": sorted(organisation_ids), "day": day, "known": known.position}
    return {row.organisation_id: row.name for row in await connection.execute(SQL["names"], parameters)}
