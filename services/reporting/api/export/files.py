"""Files: an answer's tables as CSV or XLSX, with what was asked at their head; never a formula."""

import csv
import io
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec
import xlsxwriter

from services.reporting.api.export.headings import cell_word, heading, word
from services.reporting.api.export.tables import FIGURES, Cell, Table, tables
from services.reporting.api.negotiation import Format, Language
from services.reporting.api.parameters import VIETNAM

BOM = "\ufeff"
"""By it spreadsheets know that the file is UTF-8."""

_BEGINS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_SETTLED = ("format", "lang", "min_position", "as_of", "known_at", "hierarchy", "by")
"""Parameters that the head tells otherwise, or that say nothing about the figures."""

_SHEET_NAME = 31
_SIGNS_IN_SHEET_NAME = str.maketrans(dict.fromkeys("[]:*?/\\'", " "))
_WIDEST = 60

Head = list[tuple[str, Cell]]


def written(
    body: Mapping[str, Any], format_: Format, language: Language, report: str, query: Mapping[str, str]
) -> bytes:
    """The file of an answer."""
    plain = msgspec.to_builtins(body)
    head, found = _head(plain, language, report, query), [_spoken(each, language) for each in tables(plain)]
    return _csv(head, found, language) if format_ == "csv" else _xlsx(head, found, language)


def file_name(body: Mapping[str, Any], format_: Format, report: str) -> str:
    """`ketnap-totals-ORGANISATION-2022-11-30-5123.csv`: of what, of whom, as of when, as known when."""
    plain = msgspec.to_builtins({"organisation": body.get("organisation"), "known_at": body["known_at"]})
    about = [plain["organisation"]["id"]] if plain["organisation"] else []
    return (
        "-".join(["ketnap", report, *about, str(body["as_of"]), str(plain["known_at"]["position"])])
        + f".{format_}"
    )


def _head(body: Mapping[str, Any], language: Language, report: str, query: Mapping[str, str]) -> Head:
    organisation, known = body.get("organisation"), body["known_at"]
    found: Head = [(word("report", language), word(report, language))]
    if organisation:
        found += [
            (word("organisation", language), organisation["name"]),
            (word("id", language), organisation["id"]),
            (word("kind", language), _cell("kind", organisation["kind"], language)),
        ]
    recorded = known["time"] and datetime.fromisoformat(known["time"]).astimezone(VIETNAM).isoformat(
        " ", "seconds"
    )
    found += [
        (word("as_of", language), body["as_of"]),
        (heading("known_at.position", language), known["position"]),
        (heading("known_at.time", language), recorded),
        (word("hierarchy", language), word(body["hierarchy"], language)),
    ]
    asked = {name: value for name, value in query.items() if name not in _SETTLED}
    return found + [(word(name, language), value) for name, value in asked.items()]


def _spoken(table: Table, language: Language) -> Table:
    """With texts that are there in both languages in one column; `_vi` ends the name of the Vietnamese one."""
    other = {each for each in table.columns if f"{each}_vi" in table.columns}
    said = {f"{each}_vi": each for each in other}
    left_out = other if language == "vi" else said.keys()
    kept = [at for at, column in enumerate(table.columns) if column not in left_out]
    columns = [said.get(table.columns[at], table.columns[at]) for at in kept]
    return Table(table.name, columns, [[row[at] for at in kept] for row in table.rows])


def _lines(table: Table, language: Language) -> Iterator[list[Cell]]:
    """The heading and the rows of a table, in words."""
    yield [heading(column, language) for column in table.columns]
    for row in table.rows:
        if table.name == FIGURES and table.columns == ["figure", "value"]:
            path, value = row
            yield [heading(str(path), language), _cell(str(path), value, language)]
        else:
            yield [_cell(column, cell, language) for column, cell in zip(table.columns, row, strict=True)]


def _cell(column: str, cell: Cell, language: Language) -> Cell:
    if column == "organisation.name" and cell == "own":
        return word("own", language)
    found = cell_word(column, cell, language)
    assert found is None or isinstance(found, (str, int, float))
    return found


def _csv(head: Head, found: list[Table], language: Language) -> bytes:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerows([_harmless(name), _harmless(value)] for name, value in head)
    for table in found:
        writer.writerow([])
        writer.writerow([_harmless(heading(table.name, language))])
        for line in _lines(table, language):
            writer.writerow([_harmless(cell) for cell in line])
    return (BOM + buffer.getvalue()).encode()


def _harmless(cell: Cell) -> Cell:
    """Text that a spreadsheet would take for a formula gets a quotation mark before it; figures stay figures."""
    if isinstance(cell, bool):
        return str(cell).upper()  # as spreadsheets write it
    if isinstance(cell, str) and cell.startswith(_BEGINS_FORMULA):
        return "'" + cell
    return cell


def _xlsx(head: Head, found: list[Table], language: Language) -> bytes:
    buffer = io.BytesIO()
    options = {
        "in_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(buffer, options) as workbook:
        # The same answer is the same file.
        workbook.set_properties({"created": datetime(2000, 1, 1)})  # noqa: DTZ001 - XLSX knows no time zones
        bold = workbook.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        names: set[str] = set()
        for number, table in enumerate(found or [Table(FIGURES, [], [])]):
            sheet = workbook.add_worksheet(_sheet_name(heading(table.name, language), names))
            sheet.set_landscape()
            sheet.set_paper(9)  # A4
            sheet.fit_to_pages(1, 0)
            top = head if number == 0 else head[:2]
            for at, (name, value) in enumerate(top):
                _put(sheet, at, 0, name, bold)
                _put(sheet, at, 1, value)
            lines = list(_lines(table, language)) if table.columns else []
            for at, line in enumerate(lines, len(top) + 1):
                for column, cell in enumerate(line):
                    _put(sheet, at, column, cell, bold if at == len(top) + 1 else None)
            for column, width in enumerate(_widths(top, lines)):
                sheet.set_column(column, column, width)
            sheet.repeat_rows(len(top) + 1)
    return buffer.getvalue()


def _put(sheet: Any, row: int, column: int, cell: Cell, form: Any = None) -> None:
    """Write by the cell's own kind, so that no text is read as anything else."""
    if cell is None:
        return
    if isinstance(cell, bool):
        sheet.write_boolean(row, column, cell, form)
    elif isinstance(cell, str):
        sheet.write_string(row, column, cell, form)
    else:
        sheet.write_number(row, column, cell, form)


def _widths(head: Head, lines: list[list[Cell]]) -> list[int]:
    columns = max([2, *(len(line) for line in lines)])
    cells: list[list[Cell]] = [list(each) for each in head] + lines
    return [
        min(
            _WIDEST, max(10, *(len(str(row[at])) + 2 for row in cells if at < len(row) and row[at] is not None), 0)
        )
        for at in range(columns)
    ]


def _sheet_name(wanted: str, taken: set[str]) -> str:
    """A name that spreadsheets take: short, without their signs, unlike the others whatever their case."""
    bare = wanted.translate(_SIGNS_IN_SHEET_NAME).strip() or "–"
    name, number = bare[:_SHEET_NAME], 1
    while name.casefold() in taken:
        number += 1
        name = f"{bare[: _SHEET_NAME - len(str(number)) - 1]} {number}"
    taken.add(name.casefold())
    return name
