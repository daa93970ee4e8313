"""Tables of the command line, which cut nothing: what is too long for its column goes on in the next line."""

from rich.table import Column, Table


def uncut(*heads: str, title: str | None = None) -> Table:
    """A table without rows. A path in it can be read to its end, on any terminal and by any program."""
    return Table(*(Column(head, overflow="fold") for head in heads), title=title)
