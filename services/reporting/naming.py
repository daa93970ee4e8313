"""How names are looked for, without accents and case, and how they are sorted: as a Vietnamese dictionary does."""

import re
import unicodedata
from functools import lru_cache

_MARKS = dict.fromkeys(range(0x300, 0x370))


def search_name(name: str) -> str:
    """`dang bo co so` of `Đảng bộ  cơ sở`: small letters without their marks, single spaces."""
    letters = unicodedata.normalize("NFD", name.casefold()).translate(_MARKS).replace("đ", "d")
    return " ".join(letters.split())


def patterns(query: str) -> list[str]:
    """LIKE patterns of which a `search_name` has to match all: one for each word, whatever their order."""
    escaped = search_name(query).replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return [f"%{word}%" for word in escaped.split()]


_LETTERS = {letter: place for place, letter in enumerate("aăâbcdđeêfghijklmnoôơpqrstuưvwxyz")}
_TONES = {mark: place for place, mark in enumerate("\u0300\u0309\u0303\u0301\u0323", 1)}
"""Tones in the order of dictionaries: level, huyền, hỏi, ngã, sắc, nặng."""
_PARTS = re.compile(r"\d+|\D")

_SIGN, _NUMBER, _LETTER, _OTHER = "0123"
"""Signs and spaces before numbers, numbers before letters, letters of other alphabets last."""
_END = "!"
"""Before all of these, so that a name comes before those that begin with it."""


def name_order(name: str) -> str:
    """A key that sorts names, code point by code point, as Vietnamese does.

    By letters, a before ă before â, then by tones; numbers by their size.
    """
    plain = unicodedata.normalize("NFC", " ".join(name.casefold().split()))
    keys, tones = zip(*map(_sorted_by, _PARTS.findall(plain)), strict=True) if plain else ((), ())
    return f"{''.join(keys)}{_END}{''.join(tones)}{_END}{name}"


@lru_cache(maxsize=4096)
def _sorted_by(part: str) -> tuple[str, str]:
    """What a number or a letter is sorted by, and its tone."""
    if part.isdecimal():
        digits = "".join(str(unicodedata.decimal(digit)) for digit in part).lstrip("0")
        return f"{_NUMBER}{len(digits):03}{digits}", ""
    marks = unicodedata.normalize("NFD", part)
    tone = next((_TONES[mark] for mark in marks if mark in _TONES), 0)
    letter = unicodedata.normalize("NFC", "".join(mark for mark in marks if mark not in _TONES))
    place = _LETTERS.get(letter)
    if place is not None:
        return f"{_LETTER}{chr(ord('A') + place)}", str(tone)
    return f"{_OTHER if letter.isalpha() else _SIGN}{letter}", str(tone)
