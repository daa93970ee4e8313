"""HTTP: a Litestar application behind its gate, with problem details, health and its OpenAPI document."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus
from pathlib import Path
from types import FrameType
from typing import Any

import structlog
import uvicorn
from litestar import Litestar, Request, Response, Router
from litestar.di import Provide
from litestar.exceptions import HTTPException, NotFoundException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.routes import HTTPRoute
from litestar.types import ControllerRouterHandler, Guard

from shared.runtime import health
from shared.runtime.access import rules
from shared.runtime.access.gate import Gate
from shared.runtime.access.local import AnyConnection
from shared.runtime.access.principal import Principal
from shared.runtime.access.rules import OPTION, Rule
from shared.runtime.database import TOO_LATE, is_away
from shared.runtime.patience import CONNECTIONS, PatientProtocol
from shared.runtime.tls import ServerCertificates
from shared.runtime.unread import is_body_unreadable, only_offered, why_unread

log = structlog.get_logger(__name__)

AnyRequest = Request[Any, Any, Any]
PROBLEM = "application/problem+json"
LOOK_AT_CERTIFICATES = 5.0
"""Seconds between two looks whether the certificate was renewed."""


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
    checks: health.Checks,
    gate: Gate,
    *,
    warnings: health.Checks = lambda _: {},
    max_body: int = 2 * 1024 * 1024,
    guards: Sequence[Guard] = (),
    dependencies: Mapping[str, Provide] | None = None,
    astray: Callable[[AnyRequest, HTTPException], Response[Any] | None] = lambda *_: None,
) -> Litestar:
    """The application of one service. `checks` gives the readiness checks once `lifespan` has begun.

    `warnings` are shown beside them and turn nothing red: what somebody should mend, but no restart would.
    `astray` is asked for a page where an address leads to no route; if it has none, the answer is a problem.
    Raises Ungated for a route that does not say who may ask it (`opt=`, see `shared.runtime.access.rules`).
    """

    def too_large(_: AnyRequest, error: RequestEntityTooLarge) -> Response[dict[str, Any]]:
        return problem(error.status_code, f"expected a body of at most {max_body:,} bytes, found a larger one")

    def nowhere(request: AnyRequest, error: NotFoundException) -> Response[Any]:
        return astray(request, error) or _answer_http(request, error)

    app = Litestar(
        [*health.routes(checks, warnings), *route_handlers],
        lifespan=[lifespan],
        guards=[gate.guard, only_offered, *guards],
        dependencies={"principal": Provide(_principal, sync_to_thread=False), **(dependencies or {})},
        exception_handlers={
            Problem: _answer,
            RequestEntityTooLarge: too_large,
            NotFoundException: nowhere,
            HTTPException: _answer_http,
            Exception: _answer_unforeseen,
        },
        openapi_config=OpenAPIConfig(
            title=f"ketnap {name}",
            version="1",
            use_handler_docstrings=True,
            components=Components(security_schemes={"key": SecurityScheme(type="http", scheme="bearer")}),
            security=[{"key": []}],
            openapi_router=Router(
                "/schema", route_handlers=[], opt=dict(rules.any_key()), include_in_schema=False
            ),
            render_plugins=[JsonRenderPlugin(path=("/", "/openapi.json"))],
        ),
        request_max_body_size=max_body,
        logging_config=None,
    )
    app.state.gate = gate
    ungated = sorted(f"{path} {method}" for path, method, rule in ruled_routes(app) if rule is None)
    if ungated:
        raise Ungated(f"expected a rule for every route, found none for {', '.join(ungated)}: say `opt=` there")
    return app


class Ungated(Exception):
    """A route that does not say who may ask it."""


def ruled_routes(app: Litestar) -> Iterator[tuple[str, str, Rule | None]]:
    """Every route with each method, but OPTIONS, and its rule."""
    for each in app.routes:
        for handler in each.route_handlers if isinstance(each, HTTPRoute) else [each.route_handler]:
            rule = handler.opt.get(OPTION)
            methods = handler.http_methods if isinstance(handler, HTTPRouteHandler) else {"any"}
            for method in sorted(map(str, methods)):
                if method != "OPTIONS":
                    yield each.path, method, rule if isinstance(rule, Rule) else None


def without_nul(connection: AnyConnection, _: BaseRouteHandler) -> None:
    """A guard: refuses the character that PostgreSQL's text cannot hold, wherever it stands in the address."""
    if "\0" in connection.scope["path"] or b"%00" in connection.scope["query_string"]:
        raise HTTPException(
            detail="expected an address without NUL characters, found one with %00",
            status_code=HTTPStatus.BAD_REQUEST,
        )


def _principal(request: AnyRequest) -> Principal:
    found = request.scope["user"]
    assert isinstance(found, Principal), "a route for everyone has no principal"
    return found


def serve(app: Litestar, host: str, port: int, tls_dir: str | None = None) -> None:
    """Serve until SIGTERM, over TLS with the certificate in `tls_dir` if there is one.

    Raises SettingsError for an address that others could reach without any key, and for a certificate that cannot
    be shown.
    """
    app.state.gate.open_at(host)
    app.state.certificates = certificates = ServerCertificates(Path(tls_dir)) if tls_dir else None
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=PatientProtocol,
        limit_concurrency=CONNECTIONS,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=3,
        ws="none",
        ssl_context_factory=(lambda *_: certificates.context) if certificates else None,
    )
    _Server(config, app, certificates).run()


class _Server(uvicorn.Server):
    """Says when the end begins, so that streams without an end of their own can close first."""

    def __init__(self, config: uvicorn.Config, app: Litestar, certificates: ServerCertificates | None) -> None:
        super().__init__(config)
        self._app = app
        self._certificates = certificates

    async def on_tick(self, counter: int) -> bool:
        if self._certificates is not None and counter % int(10 * LOOK_AT_CERTIFICATES) == 0:  # ten ticks a second
            self._certificates.look()
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        for end in self._app.state.get("at_exit", ()):
            end()
        super().handle_exit(sig, frame)


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> Response[dict[str, Any]]:
    """A problem details answer."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": int(status), "detail": detail}
    return Response(body, status_code=status, media_type=PROBLEM, headers=headers)


def _answer(_: AnyRequest, error: Problem) -> Response[dict[str, Any]]:
    return problem(error.status, error.detail, error.headers)


def _answer_http(request: AnyRequest, error: HTTPException) -> Response[dict[str, Any]]:
    detail = error.detail
    extra = getattr(error, "extra", None)
    if isinstance(extra, list) and extra:
        detail = why_unread(request, extra)
    return problem(error.status_code, detail, dict(error.headers or {}))


def unanswerable(request: AnyRequest, error: Exception) -> Problem | None:
    """What is answered where the database is away, or has not answered in time; None for any other error."""
    if is_away(error):
        log.warning("the database is away", path=request.url.path, error=" ".join(str(error).split())[:300])
        changes = request.method not in ("GET", "HEAD")
        unsure = " Whether a change was kept is not known: look before you repeat it." if changes else ""
        return Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "expected the database to answer, found it away, being started or out of room: ask again in a few "
            f"seconds.{unsure} If it goes on, the operator looks at `ketnap doctor` and /health/ready",
            {"Retry-After": "5"},
        )
    if isinstance(error, TOO_LATE):
        log.warning("the database did not answer in time", path=request.url.path)
        return Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "expected the database to answer in time, found that it did not: ask for less at once (fewer rows or "
            "events, a shorter period, one level further down, not all children), or again when it is less busy",
        )
    return None


def _answer_unforeseen(request: AnyRequest, error: Exception) -> Response[dict[str, Any]]:
    if is_body_unreadable(error):
        expected = "expected a body of JSON, found one that is nested too deep or is not UTF-8"
        return problem(HTTPStatus.BAD_REQUEST, expected)
    found = unanswerable(request, error)
    if found is not None:
        return _answer(request, found)
    log.error("a request failed", path=request.url.path, exc_info=error)
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "the service failed at this; its log says why. Try again, and tell its operator if it goes on",
    )
