"""How far a reader is behind the registry's log, in events and in seconds, as the registry has it."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import msgspec
from prometheus_client import Gauge

from shared.runtime.collecting import Reading
from shared.runtime.served_log import POSITION_HEADER, LogUnavailable, ServedLog

UNKNOWN = float("nan")


class _Event(msgspec.Struct):
    recordedat: datetime


def lag(log: ServedLog, position: Callable[[], Awaitable[int]], events: Gauge, seconds: Gauge) -> Reading:
    """Ask for the first event after `position`: its age is the lag, 0 where there is none.

    Both gauges are NaN while the registry does not answer: nobody knows then, and an alert on them stays silent;
    that the registry is away is an alert of its own.
    """

    async def ask() -> tuple[float, float]:
        after = await position()
        page = await log.page(after, 1)
        if page.head is None:
            raise LogUnavailable(f"the registry, or what is before it, leaves {POSITION_HEADER} out")
        found = msgspec.json.decode(page.events, type=list[_Event])
        age = (datetime.now(UTC) - found[0].recordedat).total_seconds() if found else 0.0
        return max(0, page.head - after), max(0.0, age)

    async def read() -> None:
        behind = (UNKNOWN, UNKNOWN)
        try:
            behind = await ask()
        finally:
            events.set(behind[0])
            seconds.set(behind[1])

    return Reading("lag behind the log", 10.0, read)
