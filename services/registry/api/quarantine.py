"""The quarantine as a place to work: what waits and for what, what a retry or discard would do, and doing it."""

from http import HTTPStatus
from typing import Annotated, Any, get_args
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from services.registry.api.waiting import BEGINNING, Filter, Place
from services.registry.keyring import WrongMasterKey
from services.registry.lease import Fenced
from services.registry.service import Registry
from services.registry.writer import NotWaiting
from shared.events.receipts import QuarantineCode, Receipt
from shared.events.vocabulary import WhyDiscarded
from shared.runtime.access.principal import Principal
from shared.runtime.access.rules import operators, selecting
from shared.runtime.access.trail import read_rows
from shared.runtime.duration import span
from shared.runtime.http import Problem

CODES: tuple[str, ...] = get_args(QuarantineCode)
"""Why an event may wait."""
MOST_RETRIED = 500
"""Events of one retry: they are one turn of the writer, and sources wait for it."""

Limit = Annotated[int, QueryParameter(ge=1, le=1000, description="rows of a page")]


@get("/v1/quarantine", summary="What waits, in timeline order", opt=selecting("source"))
async def quarantine(
    registry: NamedDependency[Registry],
    principal: NamedDependency[Principal],
    source: FromQuery[str | None] = None,
    code: FromQuery[str | None] = None,
    subject: FromQuery[str | None] = None,
    older_than: Annotated[
        str | None, QueryParameter(description="waits for longer than this: a number and s, m, h or d")
    ] = None,
    after: Annotated[str | None, QueryParameter(description="`next` of the page before")] = None,
    limit: Limit = 100,
) -> dict[str, Any]:
    """Receipts of waiting events, each with its event, since when it waits, and for what."""
    source = principal.own_source(source)
    wanted = _filter(source, code, subject, older_than)
    items, following = await registry.waiting.page(wanted, _place(after), limit)
    read_rows(principal, "quarantine", len(items), source=source, subject=subject)
    return {"items": items, "next": following}


@get(
    "/v1/quarantine/{source:str}/{event_id:uuid}",
    summary="One waiting event, and what releasing it would do",
    opt=operators(),  # a release may move the events of other sources
)
async def one_waiting(
    source: FromPath[str],
    event_id: FromPath[UUID],
    registry: NamedDependency[Registry],
    principal: NamedDependency[Principal],
) -> dict[str, Any]:
    """The item of the list with a rehearsal: a retry now, if what it waits for came, and a discard."""
    item = await registry.waiting.one(source, event_id)
    try:
        rehearsed = await registry.writer.rehearse(source, event_id)
    except NotWaiting:
        item = None
    if item is None:
        raise await _gone(registry, source, event_id)
    read_rows(principal, "quarantine", 1, source=source, event_id=str(event_id))
    return {**item, **{name: getattr(rehearsed, name) for name in rehearsed.__slots__}}


class Retry(msgspec.Struct, forbid_unknown_fields=True):
    """Which waiting events to decide again: those of a source, a code or a subject."""

    source: str | None = None
    code: str | None = None
    subject: str | None = None
    older_than: str | None = None
    after: str | None = None
    """`next` of the answer before."""
    limit: Annotated[int, msgspec.Meta(ge=1, le=MOST_RETRIED)] = MOST_RETRIED


@post(
    "/v1/quarantine/retry",
    status_code=200,
    summary="Decide waiting events again, some hundreds at a time",
    opt=operators(),
)
async def retry_all(data: JSONBody[Retry], registry: NamedDependency[Registry]) -> dict[str, Any]:
    """Receipts of what was decided, of what was released with it too; `next` until all that match were decided."""
    if data.source is None and data.code is None and data.subject is None:
        raise Problem(
            HTTPStatus.BAD_REQUEST, "expected source, code or subject of the events to decide again, found none"
        )
    wanted = _filter(data.source, data.code, data.subject, data.older_than)
    keys, following = await registry.waiting.keys(wanted, _place(data.after), data.limit)
    try:
        receipts = await registry.writer.retry(keys) if keys else []
    except (Fenced, WrongMasterKey) as error:
        raise _not_by_this_one(error) from None
    return {"receipts": receipts, "next": following}


@post(
    "/v1/quarantine/{source:str}/{event_id:uuid}/retry",
    status_code=200,
    summary="Decide a waiting event again",
    opt=operators(),
)
async def retry(source: FromPath[str], event_id: FromPath[UUID], registry: NamedDependency[Registry]) -> Receipt:
    """The receipt after deciding again, which may well be `quarantined` once more."""
    try:
        receipts = await registry.writer.retry([(source, event_id)])
    except (Fenced, WrongMasterKey) as error:
        raise _not_by_this_one(error) from None
    for receipt in receipts:
        if (receipt.source, receipt.event_id) == (source, event_id):
            return receipt
    raise await _gone(registry, source, event_id)


class Discard(msgspec.Struct, forbid_unknown_fields=True):
    """Why an operator drops a waiting event: a code or a few words for its source, no names."""

    reason: WhyDiscarded


@post(
    "/v1/quarantine/{source:str}/{event_id:uuid}/discard",
    status_code=200,
    summary="Drop a waiting event",
    opt=operators(),
)
async def discard(
    source: FromPath[str], event_id: FromPath[UUID], data: JSONBody[Discard], registry: NamedDependency[Registry]
) -> Receipt:
    """The receipt; the id is free again and may be sent mended."""
    try:
        return await registry.writer.discard(source, event_id, data.reason)
    except NotWaiting:
        raise await _gone(registry, source, event_id) from None
    except (Fenced, WrongMasterKey) as error:
        raise _not_by_this_one(error) from None


QUARANTINE_ROUTES = [quarantine, one_waiting, retry_all, retry, discard]


def _filter(source: str | None, code: str | None, subject: str | None, older_than: str | None) -> Filter:
    try:
        since = None if older_than is None else span(older_than)
    except ValueError as error:
        raise Problem(HTTPStatus.BAD_REQUEST, f"older_than: {error}") from None
    for name, text in {"source": source, "subject": subject}.items():
        if text is not None and "\0" in text:
            raise Problem(
                HTTPStatus.BAD_REQUEST, f"{name}: expected text without NUL characters, found {text[:80]!r}"
            )
    if code is not None and code not in CODES:
        raise Problem(HTTPStatus.BAD_REQUEST, f"code: expected one of {', '.join(CODES)}, found {code!r}")
    return Filter(source=source, code=code, subject=subject, older_than=since)


def _place(after: str | None) -> Place:
    try:
        return BEGINNING if after is None else Place.read(after)
    except ValueError as error:
        raise Problem(HTTPStatus.BAD_REQUEST, f"after: {error}") from None


def _not_by_this_one(error: Fenced | WrongMasterKey) -> Problem:
    advice = "; ask that one" if isinstance(error, Fenced) else ""
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, f"{error}{advice}", {"Retry-After": "5"})


async def _gone(registry: Registry, source: str, event_id: UUID) -> Problem:
    """Why there is nothing to do: the event is recorded meanwhile (409), or nothing of that id waits (404)."""
    found = await registry.readings.outcome(source, event_id)
    if found is None:
        return Problem(
            HTTPStatus.NOT_FOUND,
            f"expected an event that {source} delivered, found none with id {event_id}; "
            "GET /v1/quarantine lists what waits",
        )
    if found["outcome"] == "recorded":
        return Problem(
            HTTPStatus.CONFLICT,
            f"expected {source}/{event_id} to wait in quarantine, found it recorded at position "
            f"{found['position']}; correct it with FactCorrected if it is wrong",
        )
    return Problem(
        HTTPStatus.NOT_FOUND,
        f"expected {source}/{event_id} to wait in quarantine, found it {found['outcome']}: "
        f"{found['reason']['message']}; its source may send it again",
    )
