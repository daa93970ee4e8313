"""Query parameters: read with their defaults, refused with a sentence that says what was expected."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from http import HTTPStatus
from zoneinfo import ZoneInfo

from litestar.datastructures import MultiDict
from msgspec import Struct

from services.reporting.reports.question import Hierarchy
from shared.events.vocabulary import ORGANISATION_KINDS, OUTER_ID
from shared.runtime.http import Problem

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
MAX_POSITION = 2**63 - 2
MOST_CANDIDATES = 1000
PAGE = 100
MAX_PAGE = 1000

SHARED = ("as_of", "known_at", "hierarchy", "from", "to", "by", "min_position", "format", "lang")
"""Parameters that every call takes, whether or not they make a difference to it."""

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SPACE_FOR_PLUS = re.compile(r"(?<=\d) (?=\d\d:?\d\d\Z)")


def today_in_vietnam() -> date:
    """The day it is in Vietnam, which is what `today` means everywhere."""
    return datetime.now(VIETNAM).date()


class Parameters(Struct, frozen=True):
    """What all reports are asked with. `known_at` is a position, a time, or None for now."""

    as_of: date
    known_at: int | datetime | None
    hierarchy: Hierarchy
    from_: date
    to: date
    by_child: bool
    min_position: int


class Refused(Problem):
    """The answer to a parameter that cannot be read: which one, and what it was."""

    def __init__(self, parameter: str, found: str, detail: str) -> None:
        super().__init__(HTTPStatus.BAD_REQUEST, detail)
        self.parameter = parameter
        self.found = found


def refuse(name: str, expected: str, found: str) -> Refused:
    """The answer to a parameter that cannot be read."""
    return Refused(name, found, f"{name}: expected {expected}, found {found!r}")


def single(query: MultiDict[str], allowed: tuple[str, ...]) -> dict[str, str]:
    """The parameters of a request, each at most once, none unknown: a mistyped one must not be ignored."""
    found: dict[str, str] = {}
    for name, value in query.multi_items():
        if name not in allowed:
            detail = f"query: expected parameters among {', '.join(allowed)}, found {name!r}"
            raise Refused(name, query[name], detail)
        if name in found and found[name] != value:
            raise refuse(name, "one value", f"{found[name]}, {value}")
        found[name] = value
    return found


def read(query: Mapping[str, str], today: date) -> Parameters:
    """Parameters with their defaults. Raises Problem."""
    as_of = day(query, "as_of", today)
    from_ = day(query, "from", date(as_of.year, 1, 1))
    to = day(query, "to", date(as_of.year, 12, 31))
    if to < from_:
        raise refuse("to", f"a day on or after `from` ({from_})", str(to))
    return Parameters(
        as_of=as_of,
        known_at=position_or_time(query, "known_at"),
        hierarchy="current"
        if one_of(query, "hierarchy", ("as_was", "current"), "as_was") == "current"
        else "as_was",
        from_=from_,
        to=to,
        by_child=one_of(query, "by", ("child",), None) == "child",
        min_position=number(query, "min_position", 0, 0, MAX_POSITION),
    )


def day(query: Mapping[str, str], name: str, default: date) -> date:
    """A date, within the years that a calendar of this kind can be asked for."""
    raw = query.get(name)
    if raw is None:
        return default
    try:
        # `fromisoformat` takes weeks too.
        if not _DAY.fullmatch(raw):
            raise ValueError(raw)
        found = date.fromisoformat(raw)
    except ValueError:
        raise refuse(name, "a date such as 2022-11-30", raw) from None
    if not 1900 <= found.year <= 2200:
        raise refuse(name, "a date between 1900 and 2200", raw)
    return found


def number(query: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    """A whole number from `least` to `most`."""
    raw = query.get(name)
    if raw is None:
        return default
    if not re.fullmatch(r"[0-9]{1,19}", raw) or not least <= int(raw) <= most:
        raise refuse(name, f"a whole number from {least} to {most}", raw)
    return int(raw)


def at_least(query: Mapping[str, str]) -> int:
    """How many open candidates a cell has that is asked for."""
    return number(query, "at_least", 1, 1, MOST_CANDIDATES)


def one_of(query: Mapping[str, str], name: str, allowed: tuple[str, ...], default: str | None) -> str | None:
    """One of a few words."""
    raw = query.get(name)
    if raw is None:
        return default
    if raw not in allowed:
        raise refuse(name, " or ".join(allowed), raw)
    return raw


def words(query: Mapping[str, str], name: str) -> str | None:
    """Free text to look for."""
    raw = query.get(name)
    if raw is not None and (len(raw) > 200 or not raw.isprintable()):
        raise refuse(name, "at most 200 printable characters", raw[:200])
    return raw


def outer_id(query: Mapping[str, str], name: str) -> str | None:
    """The id of an organisation."""
    raw = query.get(name)
    if raw is not None and not is_outer_id(raw):
        raise refuse(name, "the id of an organisation", raw[:200])
    return raw


def is_outer_id(raw: str) -> bool:
    """Whether an organisation can have this id."""
    return re.fullmatch(OUTER_ID, raw) is not None


def kind(query: Mapping[str, str]) -> str | None:
    """A kind of organisation."""
    return one_of(query, "kind", ORGANISATION_KINDS, None)


def position_or_time(query: Mapping[str, str], name: str) -> int | datetime | None:
    """A position of the log, or a time with its offset."""
    raw = query.get(name)
    if raw is None:
        return None
    if re.fullmatch(r"[0-9]{1,18}", raw):
        return int(raw)
    try:
        # In a query an unescaped + is a space.
        found = datetime.fromisoformat(_SPACE_FOR_PLUS.sub("+", raw))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None or not 1900 <= found.year <= 2200:
        expected = "a position, or a time with its offset such as 2022-11-30T23:59:59+07:00"
        raise refuse(name, expected, raw[:200])
    return found
