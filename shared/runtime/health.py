"""Health: whether a service lives and does its work, and its metrics, for whoever watches it."""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from litestar import HttpMethod, Litestar, MediaType, Request, Response, route
from litestar.handlers import HTTPRouteHandler
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from shared.runtime.access import rules
from shared.runtime.causes import in_public
from shared.runtime.tls import ServerCertificates

Check = Callable[[], Awaitable[str | None]]
"""A readiness check: what is wrong and what to do, as one sentence, or None."""
Checks = Callable[[Litestar], dict[str, Check]]
"""Checks by name, of an application whose lifespan has begun."""

PATIENCE = 5.0
"""Seconds that a check has: whoever asks for health wants an answer now, above all when something hangs."""
_WATCHED = [HttpMethod.GET, HttpMethod.HEAD]
"""How health and metrics are asked: load balancers and monitors often want the status only."""


def routes(checks: Checks, warnings: Checks) -> list[HTTPRouteHandler]:
    """Liveness, readiness and metrics; `warnings` are shown beside the checks and turn nothing red."""

    @route(
        "/health/live",
        http_method=_WATCHED,
        sync_to_thread=False,
        summary="Whether the process answers",
        opt=rules.everyone(),
    )
    def live() -> dict[str, str]:
        return {"status": "ok"}

    @route(
        "/health/ready",
        http_method=_WATCHED,
        summary="Whether the service does its work, and if not, what keeps it",
        opt=rules.everyone(),
    )
    async def ready(request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
        certificates: ServerCertificates | None = request.app.state.get("certificates")
        worth_knowing = warnings(request.app) | ({"certificate": certificates.warning} if certificates else {})
        found, worth_saying = await asyncio.gather(examined(checks(request.app)), examined(worth_knowing))
        wrong = {what: problem for what, problem in found.items() if problem is not None}
        body: dict[str, Any] = {
            "status": "failing" if wrong else "ok",
            "checks": {what: found[what] or "ok" for what in found},
        }
        if any(worth_saying.values()):
            body["warnings"] = {what: said for what, said in worth_saying.items() if said is not None}
        return Response(body, status_code=HTTPStatus.SERVICE_UNAVAILABLE if wrong else HTTPStatus.OK)

    @route(
        "/metrics",
        http_method=_WATCHED,
        media_type=MediaType.TEXT,
        sync_to_thread=False,
        summary="Metrics in Prometheus' format",
        opt=rules.watchers(),
    )
    def metrics() -> Response[bytes]:
        # Litestar adds a charset to every text: said twice, some readers of the header refuse it.
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST.partition("; charset=")[0])

    return [live, ready, metrics]


async def examined(checks: dict[str, Check]) -> dict[str, str | None]:
    """What each of these checks says; one that does not answer in time, or fails, is a problem itself."""
    return dict(zip(checks, await asyncio.gather(*map(_checked, checks.values())), strict=True))


async def _checked(check: Check) -> str | None:
    asked = asyncio.ensure_future(check())
    done, _ = await asyncio.wait({asked}, timeout=PATIENCE)
    if not done:
        # Not waited for: what does not answer may not let itself be cancelled at once either.
        asked.cancel()
        asked.add_done_callback(_unheard)
        return f"has not answered for {PATIENCE:.0f} s; look at the server behind it and the way there"
    error = asked.exception()
    return asked.result() if error is None else in_public(error)


def _unheard(asked: "asyncio.Future[str | None]") -> None:
    if not asked.cancelled():
        asked.exception()  # looked at, so that asyncio does not warn that nobody did
