"""The dashboard's pages: where to begin, those about an organisation, and what is seen when none can be shown."""

from collections.abc import Mapping
from datetime import date
from http import HTTPStatus
from typing import Any

import structlog
from litestar import MediaType, Request, Response, get
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException, NotAuthorizedException
from litestar.params import FromPath
from litestar.types import ExceptionHandlersMap
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.api import answers, parameters, reach
from services.reporting.dashboard import findings, rendering
from services.reporting.dashboard.address import (
    Address,
    AnyRequest,
    language_of,
    read_address,
    unknown_organisation,
)
from services.reporting.dashboard.assets import FORM
from services.reporting.dashboard.contents import OVERVIEW, PAGES
from services.reporting.dashboard.entry import way_in
from services.reporting.dashboard.security import HEADERS
from services.reporting.dashboard.view import View
from services.reporting.persons.reads import BY_ATTRIBUTE, note
from services.reporting.reports import reader
from services.reporting.reports.profile import revision
from services.reporting.reports.reader import AheadOfLog, KnownAt
from services.reporting.service import Reporting
from shared.runtime.access.principal import Principal
from shared.runtime.access.rules import own_subtree, selecting
from shared.runtime.http import Problem, unanswerable

log = structlog.get_logger(__name__)


def _failed(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    if isinstance(error, NotAuthorizedException):
        return way_in(request)
    error = unanswerable(request, error) or error
    status: int = HTTPStatus.INTERNAL_SERVER_ERROR
    detail = ""
    headers: Mapping[str, str] = {}
    if isinstance(error, Problem):
        status, detail, headers = error.status, error.detail, error.headers
    elif isinstance(error, HTTPException):
        status, detail, headers = error.status_code, error.detail, error.headers or {}
    else:
        log.error("a page failed", path=request.url.path, exc_info=error)
    content = rendering.error(request, status, detail, error)
    return _html(request, content, {"Cache-Control": "no-store", **headers}, status)


def no_such_page(request: AnyRequest, error: HTTPException) -> Response[Any] | None:
    """The answer to a browser that asks for an address where nothing is; None for whoever else asks."""
    reads_pages = "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/v1/")
    return _failed(request, error) if reads_pages else None


HUMAN: ExceptionHandlersMap = {
    Problem: _failed,
    HTTPException: _failed,
    Exception: _failed,
}


@get("/", include_in_schema=False, exception_handlers=HUMAN, opt=selecting("viewer", "source"))
async def start(
    request: AnyRequest,
    reporting: NamedDependency[Reporting],
    today: NamedDependency[date],
    principal: NamedDependency[Principal],
) -> Response[Any]:
    """The roots of the tree, or the organisations that were searched for."""
    address = read_address(request, today, "query")
    query = parameters.words(address.given, "query") or ""
    seen = reporting.watch.checkpoint.position
    async with reporting.reader.connection() as connection:
        known = await _known(connection, address, seen)
        tag, had = _tag(request, address, known, today)
        if had:
            return _not_modified(known, tag)
        if query:
            found = await findings.named(connection, query, address, known, today, principal)
        else:
            found = await findings.roots(connection, address, known, today, principal)
    return _html(request, rendering.start(request, query, found, address, known), answers.headers(known, tag))


@get(
    ["/organisations/{organisation_id:str}", "/organisations/{organisation_id:str}/{page:str}"],
    include_in_schema=False,
    exception_handlers=HUMAN,
    opt=own_subtree("organisation_id"),
)
async def organisation(
    request: AnyRequest,
    organisation_id: FromPath[str],
    reporting: NamedDependency[Reporting],
    today: NamedDependency[date],
    principal: NamedDependency[Principal],
    page: FromPath[str] = OVERVIEW,
) -> Response[Any]:
    """A page about an organisation: the overview, or one of its reports."""
    asked = PAGES.get(page)
    if asked is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"expected a page among {', '.join(PAGES)}; found {page[:200]!r}")
    address = read_address(request, today, *asked.parameters)
    if not parameters.is_outer_id(organisation_id):
        raise unknown_organisation(organisation_id)
    seen = reporting.watch.checkpoint.position
    async with reporting.reader.connection() as connection:
        known = await _known(connection, address, seen)
        about_persons = await revision(connection) if asked.report in BY_ATTRIBUTE else None
        tag, had = _tag(request, address, known, today, about_persons)
        if had:
            return _not_modified(known, tag)
        question = await findings.asked_about(connection, organisation_id, address, known, today)
        await reach.refuse_what_took_over(connection, question, principal)
        place = await findings.place_of(connection, question, known, principal)
        own = {**asked.defaults, **address.own}
        view = View(connection, question, known, address, language_of(request), principal, own)
        sections = await asked.build(view)
        for report, body in view.about_persons:
            await note(connection, principal, report, view.question, body)
    content = rendering.organisation(request, view, asked, place, sections)
    return _html(request, content, answers.headers(known, tag))


async def _known(connection: AsyncConnection, address: Address, seen: int) -> KnownAt:
    try:
        return await reader.known_at(connection, address.asked.known_at, seen)
    except AheadOfLog as ahead:
        found = str(address.asked.known_at)
        raise parameters.Refused(
            "known_at", found, f"known_at: expected a position up to {ahead.position}, found {found}"
        ) from None


def _tag(
    request: AnyRequest, address: Address, known: KnownAt, today: date, about_persons: int | None = None
) -> tuple[str, bool]:
    language = language_of(request).code
    # Who asks is part of it: a page says what is theirs, and whether they can leave.
    asker = request.scope["user"], "cookie" in request.headers
    tag = answers.etag(
        known, FORM, address.path, sorted(address.given.items()), today, language, *asker, about_persons
    )
    return tag, answers.is_had(tag, request.headers.get("if-none-match"))


def _not_modified(known: KnownAt, tag: str) -> Response[Any]:
    had = answers.not_modified(known, tag)
    had.headers.update(HEADERS)
    return had


def _html(
    request: AnyRequest, content: str, headers: Mapping[str, str], status: int = HTTPStatus.OK
) -> Response[str]:
    language = language_of(request).code
    return Response(
        content,
        status_code=status,
        media_type=MediaType.HTML,
        headers={**HEADERS, "Content-Language": language, **headers},
    )
