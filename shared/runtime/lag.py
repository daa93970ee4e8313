"""How far a reader is behind the registry's log, in events and in seconds, as the registry has it."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import httpx
import msgspec
from prometheus_client import Gauge

from shared.runtime.access.principal import as_service
from shared.runtime.collecting import Reading
from shared.runtime.tls import trusting

UNKNOWN = float("nan")
POSITION_HEADER = "ketnap-position"


class _Event(msgspec.Struct):
    recordedat: datetime


class _Page(msgspec.Struct):
    events: list[_Event]


def lag(
    registry_url: str,
    service_key: str | None,
    position: Callable[[], Awaitable[int]],
    events: Gauge,
    seconds: Gauge,
    ca: str | None = None,
) -> Reading:
    """Ask for the first event after `position`: its age is the lag, 0 where there is none.

    Both gauges are NaN while the registry does not answer: nobody knows then, and an alert on them stays silent;
    that the registry is away is an alert of its own. `ca` certifies the registry of an `https://` address (PEM).
    """

    trust = trusting(ca)

    async def ask() -> tuple[float, float]:
        after = await position()
        async with httpx.AsyncClient(
            base_url=registry_url, timeout=10, trust_env=False, headers=as_service(service_key), verify=trust
        ) as client:
            answer = await client.get("/v1/events", params={"after": after, "limit": 1})
        answer.raise_for_status()
        found = msgspec.json.decode(answer.content, type=_Page).events
        age = (datetime.now(UTC) - found[0].recordedat).total_seconds() if found else 0.0
        return max(0, int(answer.headers[POSITION_HEADER]) - after), max(0.0, age)

    async def read() -> None:
        behind = (UNKNOWN, UNKNOWN)
        try:
            behind = await ask()
        finally:
            events.set(behind[0])
            seconds.set(behind[1])

    return Reading("lag behind the log", 10.0, read)
