"""Asks services over HTTP, while they come and go."""

import json
from typing import Any

import httpx


class Asked:
    """Services that are asked; who derives from this says where they are."""

    def url(self, service: str) -> str:
        """`http://…` of a service, whether or not it runs now."""
        raise NotImplementedError

    async def get(self, service: str, path: str, **parameters: Any) -> Any:
        """The JSON of a successful GET, asked once."""
        response = await self._get(service, path, parameters)
        assert response.status_code == 200, f"{path}: {response.status_code} {response.text}"
        return response.json()

    async def look(self, service: str, path: str, **parameters: Any) -> Any | None:
        """The JSON of a successful GET, or None while the service or what it stands on is away."""
        try:
            response = await self._get(service, path, parameters)
        except httpx.TransportError:
            return None
        return response.json() if response.status_code == 200 else None

    async def log(self) -> list[dict[str, Any]]:
        """All recorded events, in log order."""
        response = await self._get("registry", "/v1/events", {}, accept="application/x-ndjson")
        assert response.status_code == 200
        return [json.loads(line) for line in response.text.splitlines()]

    async def health(self, service: str) -> tuple[int, dict[str, Any]]:
        """What a service says of its readiness, as (status, body); status 0 while nobody answers."""
        try:
            response = await self._get(service, "/health/ready", {})
        except httpx.TransportError:
            return 0, {}
        return response.status_code, response.json()

    async def _get(
        self, service: str, path: str, parameters: dict[str, Any], accept: str = "application/json"
    ) -> httpx.Response:
        async with httpx.AsyncClient(base_url=self.url(service), timeout=20, trust_env=False) as client:
            return await client.get(path, params=parameters or None, headers={"Accept": accept})
