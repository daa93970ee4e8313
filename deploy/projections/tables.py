"""The tables that a projection is made of, and the same ones, empty, in another schema."""

from collections.abc import Iterable
from typing import Any

from msgspec import Struct
from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from deploy.stack.errors import StackError


class Sums(Struct, frozen=True):
    """A table whose rows add up: what counts is `amount`, summed for each combination of `keys`."""

    keys: tuple[str, ...]
    amount: str


class Projection(Struct, frozen=True):
    """What one service makes from the log, in the schema of its name; all tables there but `kept`."""

    name: str
    kept: frozenset[str]
    """Not made from the log: a rebuild leaves them as they are."""
    sums: dict[str, Sums]
    unlike: dict[str, frozenset[str]]
    """Columns of tables that may differ without a figure being another one."""
    working: frozenset[str]
    """Tables that no figure is read from: state that the projector can make anew, in whatever form."""
    late_indexes: frozenset[str]
    """Indexes that the projector does not read by, and are cheaper to make once the tables are full."""

    @property
    def beside(self) -> str:
        """The schema in which a new version is filled."""
        return f"{self.name}_next"

    @property
    def former(self) -> str:
        """The schema in which the tables that were replaced end."""
        return f"{self.name}_old"


LOCKS = 7532
"""First key of the advisory locks that are held while a projection is rebuilt."""

_FACT = frozenset({"type", "data"})  # an earlier version of a service may have written them in another way

PROJECTIONS = {
    each.name: each
    for each in (
        Projection(
            "reporting",
            kept=frozenset({"alembic_version"}),
            sums={
                "delta": Sums(("organisation_id", "measure", "day", "counterpart", "position"), "change"),
                "spell_edge": Sums(
                    ("organisation_id", "kind", "how", "day", "first", "last", "mentor", "position"), "change"
                ),
            },
            # Null in what was written before there was such a column.
            unlike={
                "fact": _FACT,
                "organisation_version": frozenset({"name_order"}),
                "place_version": frozenset({"named_cell_id"}),
            },
            # Running sums follow from the deltas, those of persons from their steps.
            working=frozenset(
                {
                    *("checkpoint", "subject", "traveller", "running_sum", "running_sum_progress", "summed"),
                    *("known_sum", "yearly_sum"),
                    *("step_sum", "step_sum_progress", "step_summed"),
                    *("standing_sum", "standing_charge", "standing_progress"),
                    *("standing_mark", "standing_charge_mark"),
                    *("waymark", "belated_step", "waymark_progress"),
                }
            ),
            late_indexes=frozenset(
                {
                    *("delta_sum", "delta_position", "delta_counterpart", "delta_rare", "delta_often"),
                    *("person_step_organisation", "person_step_began"),
                    *("person_step_known_from", "person_step_known_to"),
                    *("spell_edge_organisation", "spell_edge_position", "spell_edge_charge"),
                }
            ),
        ),
        Projection(
            "notifier",
            kept=frozenset({"alembic_version", "alert", "subscription", "delivery", "attempt"}),
            sums={"tally": Sums(("organisation_id", "measure", "day"), "amount")},
            unlike={"fact": _FACT},
            working=frozenset({"checkpoint", "subject", "traveller"}),
            late_indexes=frozenset(),
        ),
    )
}


def sql(statement: str) -> TextClause:
    """A statement with names in it: of schemas, tables and columns of our own migrations, never from outside."""
    return text(statement.replace(":", r"\:"))


async def tables(connection: AsyncConnection, projection: Projection) -> list[str]:
    """The tables in service, in the order of their names."""
    rows = await connection.scalars(
        text("SELECT tablename FROM pg_tables WHERE schemaname = :schema ORDER BY tablename"),
        {"schema": projection.name},
    )
    return [name for name in rows if name not in projection.kept]


async def columns(connection: AsyncConnection, projection: Projection, table: str) -> list[str]:
    """The columns of a table in service by which it is compared."""
    rows = await connection.scalars(
        text(
            "SELECT column_name FROM information_schema.columns "
            "WHERE table_schema = :schema AND table_name = :table ORDER BY ordinal_position"
        ),
        {"schema": projection.name, "table": table},
    )
    return [name for name in rows if name not in projection.unlike.get(table, ())]


async def schema_version(connection: AsyncConnection, projection: Projection) -> str:
    """The last migration of the schema in service."""
    return str(await connection.scalar(sql(f"SELECT version_num FROM {projection.name}.alembic_version")))  # noqa: S608 - names of our own


async def create_beside(connection: AsyncConnection, projection: Projection) -> list[str]:
    """Make the tables anew, empty, in the schema beside; gives the statements for the indexes that come later.

    They are made after those in service, so that whatever migrations did is in them: columns, constraints, indexes
    under the same names, rights and comments. Raises StackError for what cannot be made so.
    """
    await drop(connection, projection)
    await connection.execute(sql(f"CREATE SCHEMA {projection.beside}"))
    later: list[str] = []
    for table in await tables(connection, projection):
        later += await _create(connection, projection, table)
    await connection.execute(sql(f"INSERT INTO {projection.beside}.checkpoint DEFAULT VALUES"))
    return later


async def drop(connection: AsyncConnection, projection: Projection) -> None:
    """Remove what lies beside the tables in service: a version that was not finished, or one that was replaced."""
    for schema in (projection.beside, projection.former):
        await connection.execute(sql(f"DROP SCHEMA IF EXISTS {schema} CASCADE"))


async def beside_is(connection: AsyncConnection, projection: Projection) -> int | None:
    """Which tables lie beside, held to the end of the transaction; None where none do.

    Another rebuild makes others, under the same names.
    """
    checkpoint = f"{projection.beside}.checkpoint"
    if not await connection.scalar(text("SELECT to_regclass(:name)"), {"name": checkpoint}):
        return None
    return int(await connection.scalar(sql(f"SELECT tableoid::bigint FROM {checkpoint}")) or 0)  # noqa: S608 - names of our own


async def _create(connection: AsyncConnection, projection: Projection, table: str) -> list[str]:
    old, new = f"{projection.name}.{table}", f"{projection.beside}.{table}"
    await connection.execute(sql(f"CREATE TABLE {new} (LIKE {old} INCLUDING ALL EXCLUDING INDEXES)"))
    later = []
    for statement in await _definitions(connection, projection, table):
        if any(f"INDEX {name} ON" in statement for name in projection.late_indexes):
            later.append(statement)
        else:
            await connection.execute(sql(statement))
    return later


async def drop_indexes(connection: AsyncConnection, projection: Projection, names: Iterable[str]) -> list[str]:
    """Remove all indexes of tables beside, keys too; gives the statements that make them again."""
    again: list[str] = []
    for name in names:
        table = f"{projection.beside}.{name}"
        constraints = (await connection.execute(text(_CONSTRAINTS), {"table": table})).all()
        indexes = (await connection.execute(text(_INDEXES), {"table": table})).all()
        for each in constraints:
            again.append(f"ALTER TABLE {table} ADD CONSTRAINT {each.name} {each.definition}")
            await connection.execute(sql(f"ALTER TABLE {table} DROP CONSTRAINT {each.name}"))
        for each in indexes:
            again.append(each.definition)
            await connection.execute(sql(f"DROP INDEX {each.name}"))
    return again


_UNKNOWN = """
SELECT tgname AS name FROM pg_trigger WHERE tgrelid = CAST(:table AS regclass) AND NOT tgisinternal
UNION ALL
SELECT conname FROM pg_constraint
WHERE contype = 'f' AND CAST(:table AS regclass) IN (conrelid, confrelid)
UNION ALL
SELECT DISTINCT r.ev_class::regclass::text FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid
WHERE d.refobjid = CAST(:table AS regclass) AND d.classid = 'pg_rewrite'::regclass
"""

_CONSTRAINTS = """
SELECT conname AS name, pg_get_constraintdef(oid) AS definition FROM pg_constraint
WHERE conrelid = CAST(:table AS regclass) AND contype IN ('p', 'u') ORDER BY conname
"""

_INDEXES = """
SELECT pg_get_indexdef(i.indexrelid) AS definition, i.indexrelid::regclass::text AS name FROM pg_index i
WHERE i.indrelid = CAST(:table AS regclass)
  AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)
ORDER BY i.indexrelid
"""

_RIGHTS = """
SELECT quote_ident(r.rolname) AS role, string_agg(a.privilege_type, ', ') AS rights
FROM pg_class c CROSS JOIN aclexplode(c.relacl) a JOIN pg_roles r ON r.oid = a.grantee
WHERE c.oid = CAST(:table AS regclass) AND a.grantee <> c.relowner
GROUP BY r.rolname
"""

_REST = """
SELECT array_to_string(reloptions, ', ') AS options, quote_literal(obj_description(oid, 'pg_class')) AS comment
FROM pg_class WHERE oid = CAST(:table AS regclass)
"""


async def _definitions(connection: AsyncConnection, projection: Projection, table: str) -> list[str]:
    """What `LIKE` leaves out."""
    old, new = f"{projection.name}.{table}", f"{projection.beside}.{table}"

    async def ask(query: str) -> Any:
        return (await connection.execute(text(query), {"table": old})).all()

    unknown = [row.name for row in await ask(_UNKNOWN)]
    if unknown:
        raise StackError(
            f"{old} has {', '.join(unknown)}, and deploy/projections/tables.py does not know how to make "
            "triggers, foreign keys or views beside it"
        )
    found = [f"ALTER TABLE {new} ADD CONSTRAINT {row.name} {row.definition}" for row in await ask(_CONSTRAINTS)]
    found += [row.definition.replace(f" ON {old} ", f" ON {new} ", 1) for row in await ask(_INDEXES)]
    found += [f"GRANT {row.rights} ON {new} TO {row.role}" for row in await ask(_RIGHTS)]
    [rest] = await ask(_REST)
    if rest.options:
        found.append(f"ALTER TABLE {new} SET ({rest.options})")
    if rest.comment:
        found.append(f"COMMENT ON TABLE {new} IS {rest.comment}")
    return found
