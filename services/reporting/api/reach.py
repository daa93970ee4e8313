"""Reach: which organisations belong to whoever asks with a key, on the tree of today as known now."""

from datetime import date
from http import HTTPStatus

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.reports.question import Organisation, Question
from shared.runtime.access.principal import Principal
from shared.runtime.http import Problem
from shared.runtime.sql import Statements

log = structlog.get_logger(__name__)

SQL = Statements("services.reporting.sql", "access.sql")


async def holds(connection: AsyncConnection, within: str, organisation_id: str, today: date) -> bool:
    """Whether the subtree of `within` holds an organisation, itself or through who took over from it."""
    if within == organisation_id:
        return True
    if "\x00" in organisation_id:
        return False
    parameters = {"within": within, "organisation_id": organisation_id, "today": today}
    return bool(await connection.scalar(SQL["holds"], parameters))


async def organisations_of(connection: AsyncConnection, principal: Principal, today: date) -> list[str] | None:
    """All organisations that an answer may name; None: no limit."""
    if principal.subtree is None:
        return None
    found = await connection.scalars(SQL["subtree"], {"within": principal.subtree, "today": today})
    return list(found)


async def refuse_what_took_over(connection: AsyncConnection, question: Question, principal: Principal) -> None:
    """Refuse a question that the figures of another organisation would answer, which is not the asker's.

    On the tree of today who took over stands in the place of one that has ended, with all that it has besides.
    Raises Problem.
    """
    if question.root == question.organisation.id:
        return  # the gate has looked
    if await told(connection, question.root, principal, question.today) is None:
        reason = (
            f"expected an organisation in the subtree of {principal.organisation}, which this key is for; found "
            f"that on the tree of today another one stands in the place of {question.organisation.id!r}: "
            "hierarchy=as_was tells it as it was"
        )
        log.warning("a request was refused", status=int(HTTPStatus.FORBIDDEN), reason=reason, key=principal.name)
        raise Problem(HTTPStatus.FORBIDDEN, reason)


async def told(
    connection: AsyncConnection, organisation_id: str | None, principal: Principal, today: date
) -> str | None:
    """An organisation's id, if it is the asker's to know; else None."""
    if organisation_id is None or principal.subtree is None:
        return organisation_id
    return organisation_id if await holds(connection, principal.subtree, organisation_id, today) else None


def way_down(path: list[Organisation], principal: Principal) -> list[Organisation]:
    """The part of the way down to an organisation that lies in the asker's subtree."""
    if principal.subtree is None:
        return path
    ids = [each.id for each in path]
    return path[ids.index(principal.subtree) :] if principal.subtree in ids else []
