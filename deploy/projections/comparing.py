"""Compares a new version of a projection with the one in service, figure by figure."""

from msgspec import Struct
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from deploy.projections.tables import Projection, Sums, columns, sql, tables

SHOWN = 20
"""Differences of a table that are listed; all are counted."""


class Difference(Struct, frozen=True):
    """What differs: of a sum its amounts; of a row how often it is there."""

    table: str
    what: str
    before: int
    after: int


class Compared(Struct, frozen=True):
    """What was found of one table."""

    table: str
    rows: int
    """In the version that is in service."""
    differing: int
    examples: tuple[Difference, ...]


async def compare(connection: AsyncConnection, projection: Projection) -> list[Compared]:
    """All tables that figures are read from; both versions stand at one position in what `connection` sees."""
    found = []
    for table in await tables(connection, projection):
        if table in projection.working:
            continue
        if table in projection.sums:
            found.append(await _sums(connection, projection, table, projection.sums[table]))
        else:
            names = await columns(connection, projection, table)
            found.append(await _rows(connection, projection, table, names))
    return found


async def _sums(connection: AsyncConnection, projection: Projection, table: str, sums: Sums) -> Compared:
    keys = ", ".join(sums.keys)
    # Linear in the amounts: the same however they are split up into rows.
    mark = f"sum(hashtextextended(ROW({keys})::text, 0)::numeric * {sums.amount})"
    what = ", ".join(f"'{key}', {key}" for key in sums.keys)
    return await _differences(
        connection,
        projection,
        table,
        mark,
        f"json_strip_nulls(json_build_object({what}))::text",
        keys,
        f"{keys}, {sums.amount} AS amount",
        "coalesce(sum(amount) FILTER (WHERE {side}), 0)::bigint",
    )


async def _rows(connection: AsyncConnection, projection: Projection, table: str, names: list[str]) -> Compared:
    keys = ", ".join(names)
    row = f"ROW({keys})::text"
    what = ", ".join(f"'{name}', {name}" for name in names)
    return await _differences(
        connection,
        projection,
        table,
        f"sum(hashtextextended({row}, 0)::numeric)",
        "what",
        "what",
        f"json_strip_nulls(json_build_object({what}))::text AS what",
        "count(*) FILTER (WHERE {side})",
    )


async def _differences(
    connection: AsyncConnection,
    projection: Projection,
    table: str,
    mark: str,
    what: str,
    keys: str,
    row: str,
    amount: str,
) -> Compared:
    old, new = f"{projection.name}.{table}", f"{projection.beside}.{table}"
    marks = [
        (await connection.execute(sql(f"SELECT count(*) AS rows, coalesce({mark}, 0) AS mark FROM {each}"))).one()  # noqa: S608 - names of our own
        for each in (old, new)
    ]
    if marks[0].mark == marks[1].mark:
        return Compared(table, marks[0].rows, 0, ())
    before, after = amount.format(side="NOT later"), amount.format(side="later")
    statement = (
        f"SELECT {what} AS what, {before} AS before, {after} AS after, count(*) OVER () AS differing "  # noqa: S608
        f"FROM (SELECT {row}, false AS later FROM {old} UNION ALL SELECT {row}, true FROM {new}) AS both_ "
        f"GROUP BY {keys} HAVING {before} <> {after} ORDER BY 1 LIMIT {SHOWN}"
    )
    rows = (await connection.execute(sql(statement))).all()
    examples = tuple(Difference(table, each.what, each.before, each.after) for each in rows)
    return Compared(table, marks[0].rows, rows[0].differing if rows else 0, examples)


async def see_one_moment(connection: AsyncConnection) -> None:
    """Let a connection see everything as it is now, whatever is written from here on."""
    await connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
    await connection.execute(text("SELECT txid_current_snapshot()"))
