"""The API's routes: organisations, their reports, and the events behind a figure."""

from collections.abc import Awaitable, Callable
from datetime import date
from http import HTTPStatus
from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.api import cursors, parameters, reach
from services.reporting.api.answers import (
    SECONDS,
    Form,
    answer,
    etag,
    form_of,
    heading,
    is_had,
    not_modified,
    report_body,
)
from services.reporting.api.offered import REPORTS
from services.reporting.api.parameters import SHARED, Parameters
from services.reporting.persons.reads import BY_ATTRIBUTE, note
from services.reporting.reports import organisations, reader
from services.reporting.reports.evidence import UnknownMeasure, evidence
from services.reporting.reports.profile import revision
from services.reporting.reports.question import Question
from services.reporting.reports.reader import AheadOfLog, KnownAt, UnknownOrganisation
from services.reporting.reports.reading import Reading
from services.reporting.service import Reporting
from shared.runtime.access.principal import Principal
from shared.runtime.access.rules import own_subtree, selecting
from shared.runtime.http import Problem

AnyRequest = Request[Any, Any, Any]
Answer = Response[Any]
Body = Callable[[AsyncConnection, Question, dict[str, str]], Awaitable[dict[str, Any]]]
"""Works out the body of an answer; the query's parameters come along."""

PATIENCE = 5.0
"""Seconds that an answer waits for `min_position`."""

EVIDENCE_PARAMETERS = (*SHARED, "measure", "at_least", "after", "limit")
SEARCH_PARAMETERS = (*SHARED, "query", "kind", "parent", "after", "limit")


@get("/v1/organisations", summary="Organisations by name, kind or parent", opt=selecting("viewer", "source"))
async def search(
    request: AnyRequest,
    reporting: NamedDependency[Reporting],
    today: NamedDependency[date],
    principal: NamedDependency[Principal],
) -> Answer:
    """Those active on `as_of`, in the order of their names; accents and case do not matter in `query`.

    With a key, those of its subtree.
    """
    query = parameters.single(request.query_params, SEARCH_PARAMETERS)
    form = form_of(query, request.headers, "organisations")
    asked = parameters.read(query, today)
    kind, parent = parameters.kind(query), parameters.outer_id(query, "parent")
    text = parameters.words(query, "query")
    limit = parameters.number(query, "limit", parameters.PAGE, 1, parameters.MAX_PAGE)
    after = cursors.name_and_id(query)
    seen = await _wait(reporting, asked.min_position)
    async with reporting.reader.connection() as connection:
        known = await _known_at(connection, asked, seen)
        tag = etag(known, request.url.path, sorted(query.items()), today, form, principal.subtree)
        if is_had(tag, request.headers.get("if-none-match")):
            return not_modified(known, tag)
        allowed = await reach.organisations_of(connection, principal, today)
        day = today if asked.hierarchy == "current" else asked.as_of
        found, following = await organisations.search(
            connection, day, known.position, text, kind, parent, after, limit, allowed
        )
    body = {
        "as_of": asked.as_of,
        "known_at": {"position": known.position, "time": known.time},
        "hierarchy": asked.hierarchy,
        "organisations": found,
        "next": cursors.written(following),
    }
    return await answer(known, tag, body, form, query)


@get(
    "/v1/organisations/{organisation_id:str}",
    summary="One organisation and its place in the tree",
    opt=own_subtree("organisation_id"),
)
async def organisation(
    request: AnyRequest,
    organisation_id: FromPath[str],
    reporting: NamedDependency[Reporting],
    today: NamedDependency[date],
    principal: NamedDependency[Principal],
) -> Answer:
    """Its name and kind on `as_of`, whether it is active, and the way down to it, within a key's subtree."""

    async def body(connection: AsyncConnection, question: Question, _: dict[str, str]) -> dict[str, Any]:
        day = question.today if question.hierarchy == "current" else question.as_of
        row = await organisations.organisation(connection, question.root, day, question.known)
        assert row is not None
        path = await organisations.ancestors(connection, question.root, day, question.known)
        return heading(question) | {
            "active": row.active,
            "sector": row.sector,
            "parent_id": await reach.told(connection, row.parent_id, principal, today),
            "successor_id": await reach.told(connection, row.successor_id, principal, today),
            "path": reach.way_down(path, principal),
        }

    return await _answer(request, organisation_id, "organisation", reporting, today, SHARED, body)


@get(
    "/v1/organisations/{organisation_id:str}/evidence",
    summary="The events behind a figure",
    opt=own_subtree("organisation_id"),
)
async def evidence_of(
    request: AnyRequest,
    organisation_id: FromPath[str],
    reporting: NamedDependency[Reporting],
    today: NamedDependency[date],
) -> Answer:
    """`value` of the figure at the dotted path `measure`, and a page of the events that add up to it."""

    async def body(connection: AsyncConnection, question: Question, query: dict[str, str]) -> dict[str, Any]:
        after = parameters.number(query, "after", 0, 0, parameters.MAX_POSITION)
        limit = parameters.number(query, "limit", parameters.PAGE, 1, parameters.MAX_PAGE)
        try:
            measure, at_least = query.get("measure", ""), parameters.at_least(query)
            found = await evidence(Reading(connection, question), measure, after, limit, at_least)
        except UnknownMeasure as error:
            raise Problem(HTTPStatus.BAD_REQUEST, str(error)) from None
        return heading(question) | found

    return await _answer(request, organisation_id, "evidence", reporting, today, EVIDENCE_PARAMETERS, body)


@get(
    "/v1/organisations/{organisation_id:str}/{report:str}",
    summary="A report about an organisation",
    opt=own_subtree("organisation_id"),
)
async def report_of(
    request: AnyRequest,
    organisation_id: FromPath[str],
    report: FromPath[str],
    reporting: NamedDependency[Reporting],
    today: NamedDependency[date],
    principal: NamedDependency[Principal],
) -> Answer:
    """One of the reports; most of them with `by=child` also for each child and the rest."""
    asked = REPORTS.get(report)
    if asked is None:
        offered = ", ".join((*REPORTS, "evidence"))
        raise Problem(HTTPStatus.NOT_FOUND, f"expected a report among {offered}; found {report!r}")

    async def body(connection: AsyncConnection, question: Question, query: dict[str, str]) -> dict[str, Any]:
        return report_body(question, await asked.work_out(Reading(connection, question), query, principal))

    allowed = (*SHARED, *asked.parameters)
    return await _answer(request, organisation_id, report, reporting, today, allowed, body)


async def _answer(
    request: AnyRequest,
    organisation_id: str,
    report: str,
    reporting: Reporting,
    today: date,
    allowed: tuple[str, ...],
    body: Body,
) -> Answer:
    """Read the parameters, settle the position, and answer unless the client has the answer already."""
    query = parameters.single(request.query_params, allowed)
    form = form_of(query, request.headers, report)
    if form.format != "json" and "limit" in allowed:
        query.setdefault("limit", str(parameters.MAX_PAGE))
    asked = parameters.read(query, today)
    seen = await _wait(reporting, asked.min_position)
    with SECONDS.labels(report).time():
        async with reporting.reader.connection() as connection:
            known = await _known_at(connection, asked, seen)
            return await _worked_out(
                request, organisation_id, report, today, query, asked, known, form, connection, body
            )


async def _worked_out(
    request: AnyRequest,
    organisation_id: str,
    report: str,
    today: date,
    query: dict[str, str],
    asked: Parameters,
    known: KnownAt,
    form: Form,
    connection: AsyncConnection,
    body: Body,
) -> Answer:
    # The same is not the same for everybody: how much of the way down is told depends on who asks.
    principal: Principal = request.scope["user"]
    about_persons = await revision(connection) if report in BY_ATTRIBUTE else None
    tag = etag(known, request.url.path, sorted(query.items()), today, form, principal.subtree, about_persons)
    if is_had(tag, request.headers.get("if-none-match")):
        return not_modified(known, tag)
    try:
        if not parameters.is_outer_id(organisation_id):
            raise UnknownOrganisation(organisation_id)
        question = await reader.question(
            connection,
            organisation_id,
            known,
            as_of=asked.as_of,
            hierarchy=asked.hierarchy,
            from_=asked.from_,
            to=asked.to,
            today=today,
            by_child=asked.by_child,
        )
    except UnknownOrganisation:
        raise Problem(
            HTTPStatus.NOT_FOUND,
            f"expected an organisation known at position {known.position}, found none with id {organisation_id!r}",
        ) from None
    await reach.refuse_what_took_over(connection, question, principal)
    settled = {"from": str(asked.from_), "to": str(asked.to)} | query
    found = await body(connection, question, query)
    await note(connection, principal, report, question, found)
    return await answer(known, tag, found, form, settled)


async def _wait(reporting: Reporting, position: int) -> int:
    """Wait until a position is projected; gives how far it is by then. Raises Problem."""
    if not await reporting.watch.reached(position, PATIENCE):
        stands = reporting.watch.checkpoint.position
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            f"expected position {position} to be projected within {PATIENCE:.0f} s, found {stands}; try again",
            {"Retry-After": "1"},
        )
    return reporting.watch.checkpoint.position


async def _known_at(connection: AsyncConnection, asked: Parameters, seen: int) -> KnownAt:
    try:
        return await reader.known_at(connection, asked.known_at, seen)
    except AheadOfLog as ahead:
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            f"known_at: expected a position up to {ahead.position}, which is projected, found {asked.known_at}; "
            f"min_position={asked.known_at} waits until it is",
        ) from None


ROUTES = (search, organisation, evidence_of, report_of)
