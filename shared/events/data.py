"""The data of an event: read as its type says, with every check that needs nothing but the event itself."""

from collections.abc import Callable
from contextlib import suppress
from datetime import date
from operator import attrgetter
from typing import Any

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import fields, replace

from shared.events.catalogue import CATALOGUE, NEWEST, EventType
from shared.events.correction import FactCorrected, Replacement
from shared.events.person import Profile
from shared.events.receipts import Reason
from shared.events.refusing import invalid
from shared.events.upcasting import newest

EARLIEST, LATEST = date(1900, 1, 1), date(2199, 12, 31)
"""Days outside are slips of the pen, and would lead calendars and databases past their ends."""


def _days(data: type[Struct]) -> list[tuple[str, str]]:
    """Where data of this shape has days: the dotted attributes that lead there, and the JSON path within data."""
    found: list[tuple[str, str]] = []
    for field in fields(data):
        if field.type in (date, date | None):
            found.append((field.name, f".{field.encode_name}"))
        elif isinstance(field.type, type) and issubclass(field.type, Struct):
            found += [(f"{field.name}.{name}", f".{field.encode_name}{path}") for name, path in _days(field.type)]
    return found


DAYS: dict[str, list[tuple[Callable[[Any], date | None], str]]] = {
    type_: [(attrgetter(name), path) for name, path in _days(entry.data)] for type_, entry in CATALOGUE.items()
}
"""By type, what gives the days in its data, each with its JSON path there."""
_VERSIONS: dict[type[Struct], list[EventType]] = {
    NEWEST[name].data: [entry for entry in reversed(list(CATALOGUE.values())) if entry.name == name]
    for name in NEWEST
}
"""Data of the newest version → all versions of the name, the newest first."""


def read_submitted(entry: EventType, content: object, effectiveon: date) -> Struct | Reason:
    """The data of an event that a source sent, in the newest version of its type; or why it is `invalid-data`."""
    data = read_data_as(entry, content, effectiveon)
    if isinstance(getattr(data, "profile", None), str):
        return Reason("invalid-data", "expected an object or null, found a string", "$.data.profile")
    if isinstance(data, FactCorrected) and data.replacement is not None:
        return _wrong_at_once(data.replacement) or data
    return data


def read_data_as(entry: EventType, value: object, effectiveon: date, path: str = "$.data") -> Struct | Reason:
    """JSON value `value` as data of this type and version, given in the newest version.

    `effectiveon` is the day of the fact that the data belongs to, `path` where the value stands in the event.
    Gives the reason of an `invalid-data` instead, where it is no such data.
    """
    try:
        data: Struct = msgspec.convert(value, entry.data)
    except msgspec.ValidationError as error:
        return invalid("invalid-data", error, path)
    return judged(entry, data, effectiveon, path)


def judged(entry: EventType, data: Struct, effectiveon: date, path: str = "$.data") -> Struct | Reason:
    """Data that has the shape of this type, in the newest version; or what is wrong with the days in it."""
    for day_of, where in DAYS[entry.type]:
        day = day_of(data)
        if day is not None and not EARLIEST <= day <= LATEST:
            return Reason("invalid-data", outside(day), path + where)
    if entry.same_day is not None:
        day = getattr(data, entry.same_day)
        if day != effectiveon:
            message = f"expected {entry.same_day} to equal effectiveon ({effectiveon}), found {day}"
            return Reason("invalid-data", message, f"{path}.{entry.same_day}")
    return newest(data)


def _wrong_at_once(replacement: Replacement) -> Reason | None:
    """What is wrong with a replacement whatever it replaces; a profile must be one, since it is sealed at once."""
    day = replacement.effectiveon
    if day is not UNSET and not EARLIEST <= day <= LATEST:
        return Reason("invalid-data", outside(day), "$.data.replacement.effectiveon")
    if replacement.data is not UNSET and "profile" in replacement.data:
        try:
            msgspec.convert(replacement.data["profile"], Profile | None)
        except msgspec.ValidationError as error:
            return invalid("invalid-data", error, "$.data.replacement.data.profile")
    return None


def outside(day: date) -> str:
    """What to say of a day that no event can have."""
    return f"expected a day from {EARLIEST} to {LATEST}, found {day}"


def replaced(original: Struct, effectiveon: date, replacement: Replacement) -> tuple[date, Struct] | Reason:
    """What a fact says and from when, once corrected; or why the replacement is `invalid-data` for it.

    `original` is the data of the fact, whose day is `effectiveon`. The replacement may be in any version of its
    type. The member of the data that must equal `effectiveon` follows it, and the other way round.
    """
    versions = _VERSIONS[type(original)]
    day = effectiveon if replacement.effectiveon is UNSET else replacement.effectiveon
    same_day = versions[0].same_day
    if replacement.data is UNSET:
        return day, original if same_day is None else replace(original, **{same_day: day})
    if same_day is not None and replacement.effectiveon is UNSET:
        with suppress(msgspec.ValidationError):  # what is wrong with it is said below
            day = msgspec.convert(replacement.data.get(same_day), date)
    path = "$.data.replacement.data"
    found = [read_data_as(entry, replacement.data, day, path) for entry in versions]
    data = next((each for each in found if not isinstance(each, Reason)), found[0])
    return data if isinstance(data, Reason) else (day, data)
