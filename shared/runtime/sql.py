"""Named SQL: statements live in `.sql` files, each under a `-- name` line that says what it does; their rows."""

import re
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

_HEAD = re.compile(r"^-- (?P<name>[a-z_]+): .+$", re.MULTILINE)


class Statements:
    """The statements of one file, or of several that belong together, by name: `statements["append_log"]`."""

    def __init__(self, package: str, *names: str) -> None:
        # Each ends its last statement with a semicolon, so one may follow the other.
        source = "\n".join(files(package).joinpath(name).read_text(encoding="utf-8") for name in names)
        heads = list(_HEAD.finditer(source))
        ends = [head.start() for head in heads[1:]] + [len(source)]
        self._statements = {
            head["name"]: text(source[head.end() : end].strip().rstrip(";"))
            for head, end in zip(heads, ends, strict=True)
        }

    def __getitem__(self, name: str) -> TextClause:
        return self._statements[name]


def columns(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, list[Any]]:
    """Rows, at least one, as a statement takes them that unnests arrays: by its name a list for each column."""
    return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))


async def write_rows(
    connection: AsyncConnection, statement: TextClause, names: Sequence[str], rows: Sequence[Sequence[Any]]
) -> None:
    """Execute a statement that unnests arrays for all rows at once; for none it does nothing."""
    if rows:
        await connection.execute(statement, columns(names, rows))


def instead(statement: str, part: str, other: str) -> str:
    """A statement with something other in the place of a part.

    Raises LookupError where the part is not there: somebody has written it otherwise, and left alone the statement
    would ask something else.
    """
    if part not in statement:
        raise LookupError(f"expected a statement with {part!r} in it, found {statement!r}")
    return statement.replace(part, other)
