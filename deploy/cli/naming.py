"""Names that are given to commands: what no source or organisation can be called is wrong usage, exit code 2."""

import re
from typing import Annotated

import typer

from shared.events.vocabulary import OUTER_ID, SOURCE_NAME


def _source(value: str) -> str:
    if not re.fullmatch(SOURCE_NAME, value):
        raise typer.BadParameter(
            f"{value!r} cannot name a source: expected 2 to 32 of a-z, 0-9 and -, the first a letter or digit"
        )
    return value


def _organisation(value: str) -> str:
    if not re.fullmatch(OUTER_ID, value):
        raise typer.BadParameter(
            f"{value!r} cannot be a root organisation: expected 1 to 64 letters, digits, '.', '_' and '-'"
        )
    return value


SourceArgument = Annotated[
    str, typer.Argument(metavar="SOURCE", help="The source's name, e.g. dien-bien.", callback=_source)
]
SourceOption = Annotated[
    str, typer.Option("--source", metavar="SOURCE", help="Whose events they are.", callback=_source)
]
RootOption = Annotated[
    str,
    typer.Option("--root", metavar="ORGANISATION", help="Its topmost organisation's id.", callback=_organisation),
]
