"""How names are looked for, without accents and case, and how they are sorted: as a Vietnamese dictionary does."""

import re
import unicodedata

_MARKS = dict.fromkeys(range(0x300, 0x370))


def search_name(name: str) -> str:
    """`dang bo co so` of `Đảng bộ  cơ sở`: small letters without their marks, single spaces."""
    letters = unicodedata.normalize("NFD", name.casefold()).translate(_MARKS).replace("đ", "d")
    return " ".join(letters.split())


_LETTERS = {letter: place for place, letter in enumerate("aăâbcdđeêfghijklmnoôơpqrstuưvwxyz")}
_TONES = {mark: place for place, mark in enumerate("\u0300\u0309\u0303\u0301\u0323", 1)}
"""Tones in the order of dictionaries: level, huyền, hỏi, ngã, sắc, nặng."""
_PARTS = re.compile(r"\d+|\D")

NameOrder = tuple[tuple[tuple[int, int], ...], tuple[int, ...], str]


def name_order(name: str) -> NameOrder:
    """Sorts names as Vietnamese does: by letters, a before ă before â, then by tones; numbers by their size."""
    letters: list[tuple[int, int]] = []
    tones: list[int] = []
    for part in _PARTS.findall(unicodedata.normalize("NFC", name.casefold())):
        if part.isdecimal():
            letters.append((1, int(part)))
            continue
        marks = unicodedata.normalize("NFD", part)
        tone = next((_TONES[mark] for mark in marks if mark in _TONES), 0)
        letter = unicodedata.normalize("NFC", "".join(mark for mark in marks if mark not in _TONES))
        place = _LETTERS.get(letter)
        # Signs and spaces before numbers, numbers before letters, letters of other alphabets last.
        other = 0 if not letter.isalpha() else 3
        letters.append((other, ord(letter[0])) if place is None else (2, place))
        tones.append(tone)
    return tuple(letters), tuple(tones), name
