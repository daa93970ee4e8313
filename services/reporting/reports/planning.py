"""Runs a statement while PostgreSQL's planner is told what it cannot know of it: `sql/planning.sql`."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sqlalchemy import TextClause
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.runtime.sql import Statements

SQL = Statements("services.reporting.sql", "planning.sql")

How = Literal["of_whole_tables", "of_each"]


async def planned(
    connection: AsyncConnection, how: How, statement: TextClause, parameters: Mapping[str, Any]
) -> Sequence[Any]:
    """Rows of a statement that is planned in another way than usual."""
    await connection.execute(SQL[how])
    rows = (await connection.execute(statement, parameters)).all()
    await connection.execute(SQL["as_usual"])
    return rows
