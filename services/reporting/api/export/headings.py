"""Headings: the words for the paths and codes of an answer, in Vietnamese and English."""

import json
from collections.abc import Mapping
from importlib.resources import files

from services.reporting.api.negotiation import Language

WORDS: Mapping[str, tuple[str, str]] = {
    key: (words[0], words[1])
    for key, words in json.loads(
        files("services.reporting.api.export").joinpath("headings.json").read_text(encoding="utf-8")
    ).items()
}
"""Step of a path, or code → Vietnamese, English."""

CODED = frozenset(
    {
        "kind",
        "sector",
        "metric",
        "basis",
        "comparison",
        "status",
        "hierarchy",
        "what",
        "because",
        "closed_by",
        "step",
        "stage",
        "rule",
        "unit",
    }
)
"""Columns whose cells are codes of ours and not somebody's words."""


def word(key: str, language: Language) -> str:
    """The word for one step or code; one that has none stands as it is."""
    found = WORDS.get(key)
    return key.replace("_", " ") if found is None else found[0 if language == "vi" else 1]


def heading(path: str, language: Language) -> str:
    """The heading of a column or figure: `Members – official` of `members.official`; it begins with a capital."""
    words = " – ".join(word(step, language) for step in path.split("."))
    return words[:1].upper() + words[1:]


def cell_word(column: str, cell: object, language: Language) -> object:
    """What a cell says: codes in words, everything else as it is.

    A code that means something else in its column than elsewhere has a word under both, `basis.own`.
    """
    code = column.rpartition(".")[2]
    if isinstance(cell, str) and code in CODED:
        of_column = f"{code}.{cell}"
        return word(of_column if of_column in WORDS else cell, language)
    return cell
