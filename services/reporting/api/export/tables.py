"""Tables of an answer: its figures in one, each of its lists in one more. Knows no report; pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

Cell = str | int | float | bool | None
Row = dict[str, Cell]
"""Dotted path of a column → what stands there."""

FIGURES = "figures"
_HEAD = ("organisation", "as_of", "known_at", "hierarchy", "children", "own")


class Table(Struct, frozen=True):
    """Rows under columns, both in the order in which they came."""

    name: str
    columns: list[str]
    rows: list[list[Cell]]


def tables(body: Mapping[str, Any]) -> list[Table]:
    """All that an answer (as JSON has it) says beyond its head.

    With `children` every row begins with the organisation that it is about; without, the figures stand one below
    the other. A list within a row becomes a table of its own, whose rows repeat what they belong to.
    """
    by_child = "own" in body
    figures: list[Row] = []
    lists: dict[str, list[Row]] = {}
    for about, part in _parts(body):
        prefix = about if by_child else {}
        figures.append(prefix | dict(_scalars(part)))
        for name, rows in _lists(part, {}):
            lists.setdefault(name, []).extend(prefix | row for row in rows)
    found = [_table(FIGURES, figures)] if by_child else [_upright(figures[0])]
    found += [_table(name, rows) for name, rows in lists.items()]
    return [table for table in found if table.rows]


def _parts(body: Mapping[str, Any]) -> Iterator[tuple[Row, dict[str, Any]]]:
    organisation = body.get("organisation") or {}
    yield _about(organisation), {key: value for key, value in body.items() if key not in _HEAD}
    for child in body.get("children", ()):
        yield _about(child["organisation"]), {key: value for key, value in child.items() if key != "organisation"}
    if "own" in body:
        yield {"organisation.id": None, "organisation.name": "own", "organisation.kind": None}, body["own"]


def _about(organisation: Mapping[str, Any]) -> Row:
    return {f"organisation.{each}": organisation.get(each) for each in ("id", "name", "kind")}


def _scalars(value: Any, path: str = "") -> Iterator[tuple[str, Cell]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _scalars(inner, f"{path}.{key}" if path else key)
    elif not isinstance(value, list):
        yield path, value
    elif not any(isinstance(each, dict) for each in value):
        yield path, "; ".join(map(str, value))


def _lists(value: Any, belongs_to: Row, path: str = "") -> Iterator[tuple[str, list[Row]]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _lists(inner, belongs_to, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and any(isinstance(each, dict) for each in value):
        rows = [belongs_to | {f"{path}.{name}": cell for name, cell in _scalars(each)} for each in value]
        yield path, rows
        for row, each in zip(rows, value, strict=True):
            yield from _lists(each, row, path)


def _table(name: str, rows: list[Row]) -> Table:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    return Table(name, columns, [[row.get(column) for column in columns] for row in rows])


def _upright(row: Row) -> Table:
    return Table(FIGURES, ["figure", "value"], [[path, cell] for path, cell in row.items()])
