"""Which organisation a page is about, where it stands, the roots of the tree, and organisations by name."""

from datetime import date
from http import HTTPStatus

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.api import reach
from services.reporting.dashboard.address import Address, UnknownThen, unknown_organisation
from services.reporting.dashboard.view import SQL, names
from services.reporting.naming import name_order, patterns
from services.reporting.reports import organisations, reader
from services.reporting.reports.question import Organisation, Question
from services.reporting.reports.reader import KnownAt, UnknownOrganisation
from shared.events.vocabulary import ORGANISATION_KINDS
from shared.runtime.access.principal import Principal

SHOWN = 100
"""Organisations that a list on the first page shows at most."""


class Found(Struct, frozen=True):
    """An organisation in a list, with the name of what it belongs to."""

    organisation: Organisation
    parent: str | None = None
    nearest: date | None = None
    """The nearest day on which it was, or will be, active under such a name, if it is not on the day asked for."""


class Place(Struct, frozen=True):
    """Where an organisation stands on the tree of the view."""

    active: bool
    path: list[Organisation]
    successor: Organisation | None
    stands_for: Organisation | None
    """Whose figures these are on the tree of today, if it is not the organisation itself."""


async def asked_about(
    connection: AsyncConnection, organisation_id: str, address: Address, known: KnownAt, today: date
) -> Question:
    """The question of a page, with the children by kind and name, as Vietnamese sorts them. Raises Problem."""
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
        known_since = await connection.scalar(SQL["known_since"], {"organisation_id": organisation_id})
        if known_since is None:
            raise unknown_organisation(organisation_id) from None
        raise UnknownThen(
            HTTPStatus.NOT_FOUND,
            f"expected a known_at from position {known_since} on, where {organisation_id!r} is known; "
            f"found position {known.position}",
        ) from None
    # Committees first: the way down goes on with them.
    children = sorted(
        question.children,
        key=lambda child: (ORGANISATION_KINDS.index(child.kind), name_order(child.name), child.id),
    )
    return replace(question, children=tuple(children))


async def place_of(connection: AsyncConnection, question: Question, known: KnownAt, principal: Principal) -> Place:
    """The way down to an organisation, as far as it is the asker's, and who took over from it."""
    row = await organisations.organisation(connection, question.organisation.id, question.as_of, known.position)
    assert row is not None
    tree = _day(question.hierarchy, question.as_of, question.today)
    path = await organisations.ancestors(connection, question.root, tree, known.position)
    stands_for = question.root if question.root != question.organisation.id else None
    successor = await reach.told(connection, row.successor_id, principal, question.today)
    others = {each for each in (successor, stands_for) if each}
    named = await names(connection, others, question.as_of, known)

    def other(organisation_id: str | None) -> Organisation | None:
        if not organisation_id:
            return None
        return Organisation(organisation_id, named.get(organisation_id, organisation_id), "")

    return Place(row.active, reach.way_down(path, principal), other(successor), other(stands_for))


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
    """The asker's organisations with all words of `query` in name or id, first those active on the tree's day.

    Accents and case do not matter, nor is đ another letter than d. Of those active: one more than `SHOWN` where
    there are more; then, as far as there is room, those that have these words on other days only.
    """
    day = _day(address.asked.hierarchy, address.asked.as_of, today)
    allowed = await reach.organisations_of(connection, principal, today)
    parameters = {
        "day": day,
        "known": known.position,
        "allowed": allowed,
        "patterns": patterns(query),
        "kinds": list(ORGANISATION_KINDS),
        "limit": SHOWN + 1,
    }
    rows = list(await connection.execute(SQL["named"], parameters))
    above = {row.parent_id for row in rows if row.parent_id}
    parents = await names(connection, above if allowed is None else above.intersection(allowed), day, known)
    rows.sort(key=lambda row: (ORGANISATION_KINDS.index(row.kind), name_order(row.name), row.organisation_id))
    found = [
        Found(Organisation(row.organisation_id, row.name, row.kind), parents.get(row.parent_id)) for row in rows
    ]
    if len(found) >= SHOWN:
        return found
    then = await connection.execute(SQL["named_then"], parameters | {"limit": SHOWN - len(found)})
    return found + [
        Found(Organisation(row.organisation_id, row.name, row.kind), nearest=row.nearest) for row in then
    ]


def _day(hierarchy: str, as_of: date, today: date) -> date:
    """The day of the tree."""
    return today if hierarchy == "current" else as_of
