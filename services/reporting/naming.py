"""How names are looked for and sorted: without accents and case, đ as d."""

import unicodedata

_MARKS = dict.fromkeys(range(0x300, 0x370))


def search_name(name: str) -> str:
    """`dang bo co so` of `Đảng bộ  cơ sở`: small letters without their marks, single spaces."""
    letters = unicodedata.normalize("NFD", name.casefold()).translate(_MARKS).replace("đ", "d")
    return " ".join(letters.split())
