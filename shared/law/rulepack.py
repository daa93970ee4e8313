"""The rule pack: values of legal rules and days off as data, with their validity and their regulation."""

import os
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec
from msgspec.structs import replace

ADDED = "KETNAP_RULE_PACK"
"""Environment variable: what is added to the shipped pack. With `_FILE` behind it: a file's name."""

Rule = Literal[
    "admission_age_minimum",
    "admission_age_maximum",
    "probation",
    "certificate",
    "introducers",
    "vote_threshold",
    "ceremony",
    "decision_admission",
    "decision_confirmation",
    "confirmation",
    "transfer",
    "mentor_report",
    "mentor_report_due",
    "mentor_assignment",
    "mentor_load",
]
DayRule = Literal["holiday", "working_day"]


LARGEST = 9999
"""No rule's value is larger: so many months after the last day of any event are still in the calendar."""
LONGEST = 366
"""Days of one entry of days off."""
_LENGTHS = frozenset({"mentor_report"})
"""Rules whose value is the length of a period that begins anew when it ends."""


class RulePackError(Exception):
    """What is added to the rule pack cannot be taken; the message says what was expected and what was found."""


class RuleValue(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """One value, valid from the day `from` to the day `to` (both included; null: until further notice)."""

    rule: Rule
    value: int
    unit: Literal["years", "months", "calendar_days", "working_days", "introducers", "share", "persons"]
    from_: date
    to: date | None
    regulation: str
    """What the value rests on, in English; `regulation_vi` says the same in Vietnamese."""
    regulation_vi: str
    of: int = 1
    """What a share's `value` is a part of: 2 of 3."""


class Days(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """Days from `from` to `to`, both included, on which offices are closed, or open although it is a weekend."""

    rule: DayRule
    from_: date
    to: date
    regulation: str
    regulation_vi: str


class RulePack:
    """Answers which value a rule had on a day, and which days are no usual ones."""

    def __init__(self, values: Iterable[RuleValue], days: Iterable[Days] = ()) -> None:
        """Of values that meet, the one that begins later ends the other; of days that do, the last one counts."""
        self._values: dict[Rule, list[RuleValue]] = {}
        for value in values:
            self._values.setdefault(value.rule, []).append(value)
        for rule, found in self._values.items():
            self._values[rule] = _one_after_the_other(found)
        self._days: dict[date, DayRule] = {}
        for each in days:
            for number in range((each.to - each.from_).days + 1):
                self._days[each.from_ + timedelta(days=number)] = each.rule

    @classmethod
    def shipped(cls) -> "RulePack":
        """The pack that comes with this version."""
        return cls(*_shipped())

    @classmethod
    def with_added(cls, added: str | bytes) -> "RulePack":
        """The shipped pack and what a JSON array of values and days adds. Raises RulePackError."""
        values, days = _shipped()
        units = {value.rule: value.unit for value in values}
        try:
            more = [_entry(each) for each in msgspec.json.decode(added, type=list[dict[str, Any]])]
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise RulePackError(f"expected a JSON array of values and days: {error}") from None
        for each in more:
            if each.to is not None and each.to < each.from_:
                raise RulePackError(f"expected `to` of {each.rule} on or after {each.from_}, found {each.to}")
            if isinstance(each, RuleValue):
                if each.unit != units[each.rule]:
                    raise RulePackError(f"expected {each.rule} in {units[each.rule]}, found {each.unit}")
                least = 1 if each.rule in _LENGTHS else 0
                if not least <= each.value <= LARGEST or each.of < 1:
                    raise RulePackError(
                        f"expected a value of {each.rule} of {least} or more, at most {LARGEST:,}, "
                        f"found {each.value}{f' of {each.of}' if each.of < 1 else ''}"
                    )
            elif (each.to - each.from_).days >= LONGEST:
                raise RulePackError(
                    f"expected at most {LONGEST} days of {each.rule} in one entry, found {each.from_} to {each.to}"
                )
        return cls(
            [*values, *(each for each in more if isinstance(each, RuleValue))],
            [*days, *(each for each in more if isinstance(each, Days))],
        )

    def on(self, rule: Rule, day: date) -> RuleValue | None:
        """The value on `day`; None where no regulation in the pack says one."""
        for value in self._values.get(rule, ()):
            if value.from_ <= day and (value.to is None or day <= value.to):
                return value
        return None

    def all(self, rule: Rule) -> Sequence[RuleValue]:
        """Every value that the rule has had, the earliest first."""
        return self._values.get(rule, ())

    def day(self, day: date) -> DayRule | None:
        """What the pack says of a day; None: nothing."""
        return self._days.get(day)


@cache
def law() -> RulePack:
    """The pack in force: the shipped one and what KETNAP_RULE_PACK or KETNAP_RULE_PACK_FILE adds.

    Raises RulePackError.
    """
    path = os.environ.get(f"{ADDED}_FILE")
    if path:
        try:
            added = Path(path).read_bytes()
        except OSError as error:
            raise RulePackError(f"{ADDED}_FILE: cannot read {path}: {error.strerror}") from None
    else:
        added = (os.environ.get(ADDED) or "[]").encode()
    try:
        return RulePack.with_added(added)
    except RulePackError as error:
        raise RulePackError(f"{ADDED}{'_FILE' if path else ''}: {error}") from None


@cache
def _shipped() -> tuple[list[RuleValue], list[Days]]:
    def packed(name: str) -> bytes:
        return files("shared.law").joinpath(name).read_bytes()

    values = msgspec.json.decode(packed("rulepack.json"), type=list[RuleValue])
    return values, msgspec.json.decode(packed("holidays.json"), type=list[Days])


def _entry(found: dict[str, Any]) -> RuleValue | Days:
    if found.get("rule") in get_args(DayRule):
        return msgspec.convert(found, Days)
    return msgspec.convert(found, RuleValue)


def _one_after_the_other(values: list[RuleValue]) -> list[RuleValue]:
    """Values of one rule by their first day, each ended at the latest when the next one begins."""
    latest = {value.from_: value for value in values}  # of the same first day, the last one
    ordered = [latest[first] for first in sorted(latest)]
    ends = [*(following.from_ - timedelta(days=1) for following in ordered[1:]), None]
    return [
        value if end is None or (value.to is not None and value.to <= end) else replace(value, to=end)
        for value, end in zip(ordered, ends, strict=True)
    ]
