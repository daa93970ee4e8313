"""Values of the rule pack and its calendar, as their data files have them, and what an operator adds to them."""

import json
from calendar import monthrange
from collections.abc import Iterable
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

Entry = dict[str, Any]

_DATA = Path(__file__).parents[3] / "shared" / "law"
_SHIPPED: list[Entry] = [
    entry for name in ("rulepack.json", "holidays.json") for entry in json.loads((_DATA / name).read_text())
]
_DAYS = ("holiday", "working_day")


class Law:
    """The pack in force: that of this version, and entries added to it, which have the same form."""

    def __init__(self, added: Iterable[Entry] = ()) -> None:
        self._entries = [*_SHIPPED, *added]

    def rule(self, name: str, day: date) -> Entry | None:
        """The rule of this name that is in force on a day: the one that began last ended all before it."""
        begun = [each for each in self._entries if each["rule"] == name and each["from"] <= day.isoformat()]
        last = max(begun, key=lambda each: str(each["from"]), default=None)
        for each in begun:
            if last is not None and each["from"] == last["from"]:
                last = each  # of those that began on one day, the one that was added last
        return last if last is not None and day.isoformat() <= (last["to"] or "9999-12-31") else None

    def amount(self, name: str, day: date) -> int | None:
        """Its number of years, months, days or persons."""
        found = self.rule(name, day)
        return None if found is None else int(found["value"])

    def share(self, name: str, day: date) -> Fraction | None:
        """Its share of a whole."""
        found = self.rule(name, day)
        return None if found is None else Fraction(found["value"], found["of"])

    def working_days_after(self, day: date, number: int) -> date:
        """So many working days later."""
        while number > 0:
            day += timedelta(days=1)
            number -= self._works(day)
        return day

    def _works(self, day: date) -> bool:
        said = [
            each["rule"]
            for each in self._entries
            if each["rule"] in _DAYS and each["from"] <= day.isoformat() <= each["to"]
        ]
        return said[-1] == "working_day" if said else day.weekday() < 5


def months_after(day: date, number: int) -> date:
    """So many months later, at the latest the last day of that month."""
    year, month = divmod(day.year * 12 + day.month - 1 + number, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
