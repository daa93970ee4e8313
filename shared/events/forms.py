"""The forms that members of events have, in words for whoever has to send them and need not know Python."""

import re
from ast import literal_eval
from typing import Any, get_args

from shared.events.envelope import MAX_DIGITS, MediaType, SequenceNumber
from shared.events.person import Attribute
from shared.events.vocabulary import REFERENCE, Category, Code, Name, OuterId, Reference, SourceName, Tag

CATEGORIES = f"one of {', '.join(REFERENCE.categories)}"


def _pattern(form: Any) -> str:
    return str(next(each.pattern for each in get_args(form)[1:] if each.pattern))


WORDS = {
    _pattern(
        OuterId
    ): "an id of 1 to 64 letters without accents, digits, '.', '_' and '-', no mark at its beginning",
    _pattern(SourceName): "a source's name of 2 to 32 small letters, digits and '-'",
    _pattern(Code): "a code of 1 to 64 small letters, digits and '_', a letter at its beginning",
    _pattern(Category): CATEGORIES,
    _pattern(Reference): "text without line breaks or other control characters",
    _pattern(Name): "text without line breaks or other control characters",
    _pattern(Tag): "a tag of 1 to 64 small letters, digits, '_' and '-', no mark at its beginning",
    _pattern(Attribute): "a code of 1 to 64 letters, digits, '_', '.', '/' and '-', no mark at its beginning",
    _pattern(SequenceNumber): f"a string of 1 to {MAX_DIGITS} digits",
    _pattern(MediaType): "a JSON media type such as application/json",
}
"""Pattern → the strings that match it."""

_KINDS = {
    "str": "a string",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "null": "null",
    "object": "an object",
    "array": "an array",
    "uuid": "a UUID",
    "date": "a calendar date such as 2022-11-30",
    "datetime": "a time with its offset such as 2022-11-18T09:00:00+07:00",
}
_LENGTHS = {"str": "a string of {} characters", "array": "a list of {}", "int": "a whole number of {}"}

_MISSING = re.compile(r"Object missing required field `(.+)`\Z")
_UNKNOWN = re.compile(r"(?s)Object contains unknown field `(.+)`\Z")
_KIND = re.compile(r"Expected `([^`]+)`, got `([^`]+)`\Z")
_MATCHING = re.compile(r"(?s)Expected `str` matching regex (.+)\Z")
_BOUND = re.compile(r"Expected `(str|array|int)`(?: of length)? (>=|<=) (-?\d+)\Z")
_NO_DATE = re.compile(r"Invalid RFC3339 encoded date\Z")
_ENUM = re.compile(r"(?s)Invalid enum value .*\Z")


def in_words(message: str) -> str:
    """What msgspec says of a value, in the words of JSON and without the value; other messages as they are.

    What stands in an event may be a name where a code is meant: it is not repeated, nor stored.
    """
    if found := _MISSING.match(message):
        return f"expected the member `{found[1]}`, found none"
    if found := _UNKNOWN.match(message):
        return f"expected no unknown member, found `{found[1]}`: the JSON Schema of the type lists what it has"
    if found := _KIND.match(message):
        kinds = found[1].split(" | ")
        if "object" in kinds:  # a profile, which only the registry writes as a string
            kinds = [each for each in kinds if each != "str"]
        expected = " or ".join(_KINDS.get(each, each) for each in kinds)
        return (
            f"expected {expected}, found {'a boolean' if found[2] == 'bool' else _KINDS.get(found[2], found[2])}"
        )
    if found := _MATCHING.match(message):
        pattern = str(literal_eval(found[1]))
        if pattern.startswith("^sealed:"):  # the form that only the registry writes
            return "expected an object or null, found a string"
        return f"expected {WORDS.get(pattern, f'a string that matches {pattern}')}, found another string"
    if found := _BOUND.match(message):
        bound = f"at {'least' if found[2] == '>=' else 'most'} {found[3]}"
        return f"expected {_LENGTHS[found[1]].format(bound)}"
    if _NO_DATE.match(message):
        return f"expected {_KINDS['date']}, found a string that is none"
    if message == "Invalid UUID":
        return "expected a UUID, found a string that is none"
    if _ENUM.match(message):
        return "expected one of the codes that the JSON Schema of this type lists, found another string"
    return message
