"""The log as the registry serves it: where services get events that did not come through NATS."""

import httpx
import msgspec
from msgspec import Raw, Struct

from shared.runtime.access.principal import as_service
from shared.runtime.tls import trusting

PAGE = 1000
TIMEOUT = 30.0
POSITION_HEADER = "Ketnap-Position"


class LogUnavailable(Exception):
    """The registry does not serve its log now; try again."""


class Page(Struct, frozen=True):
    """A JSON array of recorded events in log order, and what there is besides."""

    events: bytes
    next: int | None = None
    """The position after which there are more; None: there are none."""
    head: int | None = None
    """The last position of the log; None: it was not said."""


class _Answer(Struct):
    events: Raw
    next: int | None = None


class ServedLog:
    """Pages of recorded events over HTTP."""

    def __init__(self, registry_url: str, service_key: str | None = None, ca: str | None = None) -> None:
        """`ca` certifies the registry of an `https://` address (PEM)."""
        self._client = httpx.AsyncClient(
            base_url=registry_url,
            timeout=TIMEOUT,
            trust_env=False,
            headers=as_service(service_key),
            verify=trusting(ca),
        )

    async def page(self, after: int, limit: int = PAGE) -> Page:
        """The recorded events after a position, at most `limit`. Raises LogUnavailable."""
        try:
            response = await self._client.get("/v1/events", params={"after": after, "limit": limit})
        except httpx.TransportError as error:
            raise LogUnavailable(f"the registry does not answer at {self._client.base_url}: {error!r}") from error
        if response.status_code != httpx.codes.OK:
            raise LogUnavailable(f"the registry answered {response.status_code}: {response.text[:200]}")
        found = msgspec.json.decode(response.content, type=_Answer)
        head = response.headers.get(POSITION_HEADER)
        return Page(bytes(found.events), found.next, None if head is None else int(head))

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()
