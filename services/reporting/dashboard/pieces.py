"""What pages are made of: cells, tables, tiles, charts and sections. Knows no report; templates draw them."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct


class Cell(Struct, frozen=True):
    """What stands in one place of a page: a figure, a name, a status."""

    text: str
    link: str | None = None
    figure: bool = False
    """A number, which stands at the right; its link leads to the events behind it."""
    made: bool = False
    """A number that is made of others, a ratio or a median; its link leads to these and their events."""
    note: str = ""
    status: str = ""
    sign: str = ""
    """Stands before the text: of a status, or of what is added and taken away."""
    quiet: bool = False
    share: float | None = None
    """Length of a bar, in percent of the longest."""
    lines: Sequence[Sequence["Cell"]] = ()
    """Several things one below the other, each of some cells side by side; instead of the text."""


class Column(Struct, frozen=True):
    """The head of a column."""

    name: str
    figure: bool = False
    bar: bool = False
    """Its cells have bars, and so it is wide."""


class Row(Struct, frozen=True):
    """A row; one of its cells names it (`Table.naming`).

    `kind`: `whole` for sums, `nothing` for what is all zero, or none.
    """

    cells: Sequence[Cell]
    kind: str = ""


class Table(Struct, frozen=True):
    """A table with its caption; `name` says it where the section's title does not."""

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    foot: Sequence[Row] = ()
    empty: str = ""
    """What is said where there are no rows."""
    more: Sequence[Cell] = ()
    """Links to the rest of a list that comes in pages."""
    folded: bool = False
    """Closed at first: what only some readers want to see."""
    naming: int = 0
    """The column whose cells name their rows: read out with figures, and in sight where others scroll."""

    @property
    def width(self) -> str:
        """What room it takes, for the style: few columns, a name and three figures, or many or wordy ones."""
        if len(self.columns) < 4:
            return "slim"
        is_four = len(self.columns) == 4 and sum(column.figure for column in self.columns) >= 2
        return "four" if is_four else ""


class Tile(Struct, frozen=True):
    """A figure that stands out, with smaller ones beside it."""

    name: str
    main: Cell
    beside: Sequence[Cell] = ()


class Chart(Struct, frozen=True):
    """A drawing of what a table of the same section says; `drawn` is what chart.js takes."""

    name: str
    drawn: dict[str, Any]

    @property
    def json(self) -> str:
        """`drawn` for an attribute of the page."""
        return msgspec.json.encode(self.drawn).decode()


class Section(Struct, frozen=True):
    """A part of a page under a heading; `half` ones stand side by side where there is room."""

    name: str
    title: str
    lead: str = ""
    half: bool = False
    tiles: Sequence[Tile] = ()
    chart: Chart | None = None
    tables: Sequence[Table] = ()
    note: str = ""
    more: Cell | None = None
    """Where the note leads to."""


class Choice(Struct, frozen=True):
    """A field of the form above a page, for a parameter of that page: options, or a day where there are none."""

    name: str
    label: str
    value: str
    groups: Sequence[tuple[str, Sequence[tuple[str, str]]]] = ()
    """Groups of options: their name (empty: none), and each option's value and text."""
    hint: str = ""


def shares(amounts: Sequence[float | None], least: float = 0.0) -> list[float | None]:
    """Lengths of bars: the longest is 100, or shorter where no amount reaches `least`."""
    longest = max([least, *(abs(each) for each in amounts if each is not None)])
    return [None if each is None or not longest else round(abs(each) / longest * 100, 1) for each in amounts]
