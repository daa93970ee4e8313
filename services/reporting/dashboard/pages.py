"""The dashboard's pages: where to begin, an organisation, and what a reader sees when neither can be shown."""

from collections.abc import Mapping
from datetime import date
from http import HTTPStatus
from typing import Any

import structlog
from litestar import MediaType, Request, Response, get
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException
from litestar.params import FromPath
from litestar.types import ExceptionHandlersMap
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.api import answers, parameters
from services.reporting.dashboard import findings, rendering
from services.reporting.dashboard.address import (
    Address,
    AnyRequest,
    language_of,
    read_address,
    unknown_organisation,
)
from services.reporting.dashboard.assets import FORM
from services.reporting.reports import reader
from services.reporting.reports.reader import AheadOfLog, KnownAt
from services.reporting.service import Reporting
from shared.runtime.http import Problem

log = structlog.get_logger(__name__)

SECURITY = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Vary": "Accept-Language",
}
"""Nothing from elsewhere, nothing inline, in nobody's frame."""


def _failed(request: Request[Any, Any, Any], error: Exception) -> Response[str]:
    status: int = HTTPStatus.INTERNAL_SERVER_ERROR
    detail = ""
    headers: Mapping[str, str] = {}
    if isinstance(error, Problem):
        status, detail, headers = error.status, error.detail, error.headers
    elif isinstance(error, HTTPException):
        status, detail, headers = error.status_code, error.detail, error.headers or {}
    else:
        log.error("a page failed", path=request.url.path, exc_info=error)
    return _html(
        request, rendering.error(request, status, detail), {"Cache-Control": "no-store", **headers}, status
    )


HUMAN: ExceptionHandlersMap = {Problem: _failed, HTTPException: _failed, Exception: _failed}


@get("/", include_in_schema=False, exception_handlers=HUMAN)
async def start(
    request: AnyRequest, reporting: NamedDependency[Reporting], today: NamedDependency[date]
) -> Response[Any]:
    """The roots of the tree, or the organisations that were searched for."""
    address = read_address(request, today, "query")
    query = parameters.words(address.given, "query") or ""
    async with reporting.reader.connection() as connection:
        known = await _known(connection, address)
        tag, had = _tag(request, address, known, today)
        if had:
            return _not_modified(known, tag)
        if query:
            found = await findings.named(connection, query, address, known, today)
        else:
            found = await findings.roots(connection, address, known, today)
    return _html(request, rendering.start(request, query, found, address, known), answers.headers(known, tag))


@get("/organisations/{organisation_id:str}", include_in_schema=False, exception_handlers=HUMAN)
async def organisation(
    request: AnyRequest,
    organisation_id: FromPath[str],
    reporting: NamedDependency[Reporting],
    today: NamedDependency[date],
) -> Response[Any]:
    """An organisation: its totals, targets, movements and children."""
    address = read_address(request, today)
    if not parameters.is_outer_id(organisation_id):
        raise unknown_organisation(organisation_id)
    async with reporting.reader.connection() as connection:
        known = await _known(connection, address)
        tag, had = _tag(request, address, known, today)
        if had:
            return _not_modified(known, tag)
        found = await findings.about(connection, organisation_id, address, known, today)
    return _html(request, rendering.organisation(request, found, address, known), answers.headers(known, tag))


async def _known(connection: AsyncConnection, address: Address) -> KnownAt:
    try:
        return await reader.known_at(connection, address.asked.known_at)
    except AheadOfLog as ahead:
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            f"known_at: expected a position up to {ahead.position}, found {address.asked.known_at}",
        ) from None


def _tag(request: AnyRequest, address: Address, known: KnownAt, today: date) -> tuple[str, bool]:
    language = language_of(request).code
    tag = answers.etag(known, FORM, address.path, sorted(address.given.items()), today, language)
    return tag, answers.is_had(tag, request.headers.get("if-none-match"))


def _not_modified(known: KnownAt, tag: str) -> Response[Any]:
    had = answers.not_modified(known, tag)
    had.headers.update(SECURITY)
    return had


def _html(
    request: AnyRequest, content: str, headers: Mapping[str, str], status: int = HTTPStatus.OK
) -> Response[str]:
    language = language_of(request).code
    return Response(
        content,
        status_code=status,
        media_type=MediaType.HTML,
        headers={**SECURITY, "Content-Language": language, **headers},
    )
