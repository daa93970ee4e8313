"""The read log: who read rows about single persons or figures by attribute. Only ever added to."""

from datetime import date
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.reports.question import Question
from shared.runtime.access.principal import Principal
from shared.runtime.access.trail import read_rows
from shared.runtime.sql import Statements

SQL = Statements("services.reporting.sql", "reads.sql")

BY_ATTRIBUTE = ("profile",)
"""Reports whose figures say what persons are like."""


async def note(
    connection: AsyncConnection, principal: Principal, report: str, question: Question, body: dict[str, Any]
) -> None:
    """Note an answer before it goes out, if it is about single persons, and commit that.

    Rows about single persons are those that name events, or mentors. What cannot be noted is not
    answered: errors pass on.
    """
    parts = (body, *body.get("children", ()), body.get("own", {}), *body.get("figures", ()))
    lists = [each[rows] for each in parts for rows in ("events", "mentors") if rows in each]
    if not lists and report not in BY_ATTRIBUTE:
        return
    number = sum(map(len, lists)) if lists else None
    measure = body.get("measure")
    read_rows(principal, report, number, organisation=question.organisation.id, measure=measure)
    parameters = {
        "key": principal.name,
        "role": principal.role,
        "organisation_id": question.organisation.id,
        "report": report,
        "measure": measure,
        "period_from": question.from_,
        "period_to": question.to,
        "as_of": question.as_of,
        "known_at": question.known,
        "rows": number,
    }
    await connection.rollback()  # the answer is worked out; it may have been read-only
    await connection.execute(SQL["noting"])
    await connection.execute(SQL["note"], parameters)
    await connection.commit()


async def reads(
    connection: AsyncConnection, *, since: date, key: str | None, organisation: str | None, after: int, limit: int
) -> tuple[list[dict[str, Any]], int | None]:
    """A page of the read log in its order, and the `after` of the next page.

    `connection` begins with it, and each of its statements sees what is committed by then. No entry comes to be
    seen later that belongs before the page's last one: numbers are given before entries are committed.
    """
    await connection.execute(SQL["nobody_notes"])
    parameters = {"since": since, "key": key, "organisation": organisation, "after": after, "limit": limit + 1}
    rows = (await connection.execute(SQL["reads"], parameters)).all()
    found = [dict(row._mapping) for row in rows[:limit]]
    return found, found[-1]["id"] if len(rows) > limit else None
