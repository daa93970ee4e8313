"""A JSON array taken apart: each element as it was written, so that one that cannot be read harms no other."""

import json
import re
from typing import NoReturn

import msgspec
from msgspec import Raw

_ARRAY = msgspec.json.Decoder(list[Raw])
_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
_BETWEEN = re.compile(r"[ \t\n\r]*")


def elements(payload: bytes) -> list[Raw]:
    """The elements of a JSON array, undecoded.

    Raises msgspec.ValidationError for JSON that is no array, and msgspec.DecodeError, UnicodeDecodeError or
    RecursionError for what is no JSON.
    """
    try:
        return _ARRAY.decode(payload)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        # Half a character (`\\ud800` alone) is none, but no fault of the grammar: it ends the array for msgspec,
        # and yet only the element that it stands in cannot be read.
        found = _by_grammar(payload) if _HALF.search(payload) else None
        if found is None:
            raise
        return found


def _by_grammar(payload: bytes) -> list[Raw] | None:
    """The same of an array that JSON's grammar allows; None: it does not."""
    text = payload.decode(errors="surrogateescape")
    found: list[Raw] = []
    try:
        at = _after("[", text, 0)
        while True:
            _, end = _GRAMMAR.raw_decode(text, at)
            found.append(Raw(text[at:end].encode(errors="surrogateescape")))
            at = _over(text, end)
            if text[at : at + 1] == "]":
                return found if _over(text, at + 1) == len(text) else None
            at = _after(",", text, at)
    except (ValueError, RecursionError):
        return None


def _after(sign: str, text: str, at: int) -> int:
    at = _over(text, at)
    if text[at : at + 1] != sign:
        raise ValueError(f"expected {sign} at {at}")
    return _over(text, at + 1)


def _over(text: str, at: int) -> int:
    between = _BETWEEN.match(text, at)
    assert between is not None
    return between.end()


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


_GRAMMAR = json.JSONDecoder(parse_constant=_no_constant, parse_int=len, parse_float=len)
"""Only to find where an element ends: its numbers may be of any length."""
