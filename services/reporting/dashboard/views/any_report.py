"""Any report as files have it: figures in one table, each list in one more; for reports without a view.

Columns and codes are named as in files. A figure leads to its events where evidence is offered for its path.
"""

from datetime import date
from typing import Any

from services.reporting.api.export.headings import cell_word
from services.reporting.api.export.tables import FIGURES, tables
from services.reporting.api.offered import REPORTS
from services.reporting.dashboard.pieces import Cell, Column, Row, Section, Table
from services.reporting.dashboard.view import Body, View
from services.reporting.reports.evidence import UnknownMeasure, wanted

_ORGANISATION = ("organisation.name", "organisation.id")


async def any_report(view: View, name: str) -> list[Section]:
    """All tables of a report's answer."""
    own = {key: value for key, value in view.own.items() if key in REPORTS[name].parameters}
    body = await view.report(name, own)
    found = []
    for table in tables(body):
        upright = table.name == FIGURES
        title = view.word(name) if upright else view.heading(table.name)
        rows = _upright(view, name, table.rows) if upright else _listed(view, table.columns, table.rows)
        heads = [Column(view.word("figure")), Column(view.word("value"), figure=True)]
        if not upright:
            heads = [
                Column(view.heading(column), figure=_is_figure(table.rows, at)) for at, column in _shown(table)
            ]
        more = [] if upright else view.pages(body)
        found.append(Section(table.name.replace(".", "-"), title, tables=[Table("", heads, rows, more=more)]))
    return found or [Section(name, view.word(name), note=view.t("list.none"))]


def _upright(view: View, name: str, rows: list[list[Any]]) -> list[Row]:
    return [
        Row([Cell(view.heading(path)), _figure(view, name, path, value)], "" if value else "nothing")
        for path, value in rows
        if path != "next"
    ]


def _figure(view: View, name: str, path: str, value: Any) -> Cell:
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            wanted(f"{name}.{path}", view.question)
        except UnknownMeasure:
            return view.number(value)
        return view.figure(value, f"{name}.{path}")
    return _plain(view, path, value)


def _listed(view: View, columns: list[str], rows: list[list[Any]]) -> list[Row]:
    found = []
    for row in rows:
        cells = dict(zip(columns, row, strict=True))
        found.append(Row([_plain(view, column, cells[column], cells) for _, column in _columns(columns)]))
    return found


def _columns(columns: list[str]) -> list[tuple[int, str]]:
    """An organisation is told by its name, which leads to it."""
    named = {column.removesuffix(".name") for column in columns if column.endswith(".name")}
    return [
        (at, column)
        for at, column in enumerate(columns)
        if not (column.endswith((".id", ".kind")) and column.rpartition(".")[0] in named)
    ]


def _shown(table: Any) -> list[tuple[int, str]]:
    return _columns(table.columns)


def _is_figure(rows: list[list[Any]], at: int) -> bool:
    return any(isinstance(row[at], (int, float)) and not isinstance(row[at], bool) for row in rows)


def _plain(view: View, column: str, value: Any, row: Body | None = None) -> Cell:
    if value is None:
        return Cell("–")
    if isinstance(value, bool):
        return Cell(view.t("list.yes" if value else "list.no"))
    if isinstance(value, (int, float)):
        share = column.endswith("_percent")
        return view.percent(value) if share else view.number(value)
    if isinstance(value, date):
        return view.day(value)
    if row is not None and column.endswith("organisation.name"):
        return view.organisation({"id": row[column.removesuffix(".name") + ".id"], "name": value})
    return Cell(str(cell_word(column, value, view.language.code)))
