"""HTTP: a Litestar application with problem details, health, metrics and its OpenAPI document."""

import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus
from types import FrameType
from typing import Any

import structlog
import uvicorn
from litestar import Litestar, MediaType, Request, Response, get
from litestar.exceptions import HTTPException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.types import ControllerRouterHandler
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from shared.runtime.settings import SettingsError

log = structlog.get_logger(__name__)

AnyRequest = Request[Any, Any, Any]
Check = Callable[[], Awaitable[str | None]]
"""A readiness check: what is wrong and what to do, as one sentence, or None."""

PROBLEM = "application/problem+json"


class Problem(Exception):
    """An answer that is a problem (RFC 9457): a status, and a detail that says what was expected."""

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers or {}


def create_api(
    name: str,
    route_handlers: Sequence[ControllerRouterHandler],
    lifespan: Callable[[Litestar], AbstractAsyncContextManager[None]],
    checks: Callable[[Litestar], dict[str, Check]],
    *,
    warnings: Callable[[Litestar], dict[str, Check]] = lambda _: {},
    max_body: int = 2 * 1024 * 1024,
    **options: Any,
) -> Litestar:
    """The application of one service. `checks` gives the readiness checks once `lifespan` has begun.

    `warnings` are shown beside them and turn nothing red: what somebody should mend, but no restart would.
    """

    @get("/health/live", sync_to_thread=False, summary="Whether the process answers")
    def live() -> dict[str, str]:
        return {"status": "ok"}

    @get("/health/ready", summary="Whether the service does its work, and if not, what keeps it")
    async def ready(request: AnyRequest) -> Response[dict[str, Any]]:
        found = {what: await _checked(check) for what, check in checks(request.app).items()}
        worth_saying = {what: await _checked(check) for what, check in warnings(request.app).items()}
        wrong = {what: problem for what, problem in found.items() if problem is not None}
        body: dict[str, Any] = {
            "status": "failing" if wrong else "ok",
            "checks": {what: found[what] or "ok" for what in found},
        }
        if any(worth_saying.values()):
            body["warnings"] = {what: said for what, said in worth_saying.items() if said is not None}
        return Response(body, status_code=HTTPStatus.SERVICE_UNAVAILABLE if wrong else HTTPStatus.OK)

    @get("/metrics", media_type=MediaType.TEXT, sync_to_thread=False, summary="Metrics in Prometheus' format")
    def metrics() -> Response[bytes]:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    def too_large(_: AnyRequest, error: RequestEntityTooLarge) -> Response[dict[str, Any]]:
        return problem(error.status_code, f"expected a body of at most {max_body:,} bytes, found a larger one")

    return Litestar(
        [live, ready, metrics, *route_handlers],
        lifespan=[lifespan],
        before_request=_only_asked_for_by_a_local_name,
        exception_handlers={
            Problem: _answer,
            RequestEntityTooLarge: too_large,
            HTTPException: _answer_http,
            Exception: _answer_unforeseen,
        },
        openapi_config=OpenAPIConfig(
            title=f"ketnap {name}",
            version="1",
            path="/schema",
            use_handler_docstrings=True,
            render_plugins=[JsonRenderPlugin(path=("/", "/openapi.json"))],
        ),
        request_max_body_size=max_body,
        logging_config=None,
        **options,
    )


async def _checked(check: Check) -> str | None:
    try:
        return await check()
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:300]


def serve(app: Litestar, host: str, port: int) -> None:
    """Serve until SIGTERM. Raises SettingsError for an address that others could reach without any key."""
    if not is_loopback(host):
        raise SettingsError(
            f"KETNAP_HTTP_HOST is {host}, but no key is configured: without one, only the loopback address is "
            "served; set KETNAP_HTTP_HOST=127.0.0.1"
        )
    config = uvicorn.Config(
        app, host=host, port=port, log_config=None, access_log=False, timeout_graceful_shutdown=3, ws="none"
    )
    _Server(config, app).run()


class _Server(uvicorn.Server):
    """Says when the end begins, so that streams without an end of their own can close first."""

    def __init__(self, config: uvicorn.Config, app: Litestar) -> None:
        super().__init__(config)
        self._app = app

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        for end in self._app.state.get("at_exit", ()):
            end()
        super().handle_exit(sig, frame)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _only_asked_for_by_a_local_name(request: AnyRequest) -> Response[Any] | None:
    # A page elsewhere can point its own name at 127.0.0.1 and let a visitor's browser ask: the name gives it away.
    host = request.headers.get("host", "localhost").rsplit("@")[-1]
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() and ":" in host else host
    if is_loopback(name):
        return None
    return problem(HTTPStatus.MISDIRECTED_REQUEST, f"expected a request to localhost, found one to {name!r}")


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> Response[dict[str, Any]]:
    """A problem details answer."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": int(status), "detail": detail}
    return Response(body, status_code=status, media_type=PROBLEM, headers=headers)


def _answer(_: AnyRequest, error: Problem) -> Response[dict[str, Any]]:
    return problem(error.status, error.detail, error.headers)


def _answer_http(_: AnyRequest, error: HTTPException) -> Response[dict[str, Any]]:
    detail = error.detail
    extra = getattr(error, "extra", None)
    if isinstance(extra, list) and extra:
        reasons = "; ".join(f"{each.get('key', '?')}: {each.get('message', '')}" for each in extra)
        detail = f"{reasons}"
    return problem(error.status_code, detail, dict(error.headers or {}))


def _answer_unforeseen(request: AnyRequest, error: Exception) -> Response[dict[str, Any]]:
    log.error("a request failed", path=request.url.path, exc_info=error)
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "the service failed at this; its log says why. Try again, and tell its operator if it goes on",
    )
