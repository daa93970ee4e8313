"""Values of the rule pack and its calendar, as their data files have them."""

import json
from calendar import monthrange
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

_DATA = Path(__file__).parents[3] / "shared" / "law"
_RULES: list[dict[str, Any]] = json.loads((_DATA / "rulepack.json").read_text())
_HOLIDAYS: list[dict[str, Any]] = json.loads((_DATA / "holidays.json").read_text())


def rule(name: str, day: date) -> dict[str, Any] | None:
    """The rule of this name that is in force on a day."""
    for each in _RULES:
        until = each["to"] or "9999-12-31"
        if each["rule"] == name and each["from"] <= day.isoformat() <= until:
            return each
    return None


def amount(name: str, day: date) -> int | None:
    """Its number of years, months, days or persons."""
    found = rule(name, day)
    return None if found is None else int(found["value"])


def share(name: str, day: date) -> Fraction | None:
    """Its share of a whole."""
    found = rule(name, day)
    return None if found is None else Fraction(found["value"], found["of"])


def months_after(day: date, number: int) -> date:
    """So many months later, at the latest the last day of that month."""
    year, month = divmod(day.year * 12 + day.month - 1 + number, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def working_days_after(day: date, number: int) -> date:
    """So many working days later."""
    while number > 0:
        day += timedelta(days=1)
        free = any(each["from"] <= day.isoformat() <= each["to"] for each in _HOLIDAYS)
        if day.weekday() < 5 and not free:
            number -= 1
    return day
