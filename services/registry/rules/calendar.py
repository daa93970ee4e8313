"""Working days: Monday to Friday, but for Vietnam's public holidays."""

from datetime import date, timedelta
from functools import cache, lru_cache

import holidays


@cache
def _public_holidays() -> holidays.HolidayBase:
    # Grows by the year as days are asked for.
    return holidays.country_holidays("VN")


@lru_cache(maxsize=10_000)
def is_working_day(day: date) -> bool:
    """Whether offices work on `day`."""
    return day.weekday() < 5 and day not in _public_holidays()


@lru_cache(maxsize=10_000)
def working_days_after(day: date, number: int) -> date:
    """The working day that is `number` of them after `day`, which does not count itself."""
    while number:
        day += timedelta(days=1)
        number -= is_working_day(day)
    return day
