"""The log as the registry serves it: where events come from that did not come through NATS."""

import httpx
import msgspec
from msgspec import Raw, Struct

from shared.runtime.access.principal import as_service
from shared.runtime.tls import trusting

PAGE = 1000
TIMEOUT = 30.0


class LogUnavailable(Exception):
    """The registry does not serve its log now; try again."""


class _Page(Struct):
    events: Raw
    next: int | None = None


class Log:
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

    async def page(self, after: int, limit: int = PAGE) -> bytes:
        """A JSON array of the recorded events after a position, at most `limit`. Raises LogUnavailable."""
        try:
            response = await self._client.get("/v1/events", params={"after": after, "limit": limit})
        except httpx.TransportError as error:
            raise LogUnavailable(f"the registry does not answer at {self._client.base_url}: {error!r}") from error
        if response.status_code != httpx.codes.OK:
            raise LogUnavailable(f"the registry answered {response.status_code}: {response.text[:200]}")
        return bytes(msgspec.json.decode(response.content, type=_Page).events)

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()
