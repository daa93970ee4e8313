"""The rule pack: values of legal rules as data, each with its validity and the regulation it rests on."""

from datetime import date
from importlib.resources import files
from typing import Literal

import msgspec

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


class RuleValue(msgspec.Struct, frozen=True, rename={"from_": "from"}):
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


class RulePack:
    """Answers which value a rule had on a day."""

    def __init__(self, values: list[RuleValue]) -> None:
        self._values = values

    @classmethod
    def shipped(cls) -> "RulePack":
        """The pack that comes with this version."""
        packed = files("shared.law").joinpath("rulepack.json").read_bytes()
        return cls(msgspec.json.decode(packed, type=list[RuleValue]))

    def on(self, rule: Rule, day: date) -> RuleValue | None:
        """The value on `day`; None where no regulation in the pack says one."""
        for value in self._values:
            if value.rule == rule and value.from_ <= day and (value.to is None or day <= value.to):
                return value
        return None

    def all(self, rule: Rule) -> list[RuleValue]:
        """Every value that the rule has had."""
        return [value for value in self._values if value.rule == rule]
