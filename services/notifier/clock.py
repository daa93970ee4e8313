"""The clock: what time it is, and which day that is where targets are set."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

Clock = Callable[[], datetime]
"""Gives the time, with its zone."""

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")


def system_clock() -> datetime:
    """The time of this machine."""
    return datetime.now(UTC)


def day_of(moment: datetime) -> date:
    """The day in Vietnam."""
    return moment.astimezone(ZONE).date()
