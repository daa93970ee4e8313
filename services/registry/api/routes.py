"""The registry's HTTP API: outcomes, the log, receipts, quarantine, sources, dry runs and schemas."""

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Stream
from nats.js.errors import NotFoundError

from services.registry.api.quarantine import QUARANTINE_ROUTES
from services.registry.api.readings import Readings
from services.registry.deliveries import Delivery, Read
from services.registry.reading import read_event
from services.registry.service import Registry
from shared.events.asyncapi import document
from shared.events.batch import elements
from shared.events.catalogue import CATALOGUE
from shared.events.receipts import Reason, Receipt
from shared.events.refusing import Unreadable
from shared.events.schema import schema, schemas
from shared.events.subjects import ingest_stream
from shared.runtime.accepting import is_preferred
from shared.runtime.access.principal import Principal
from shared.runtime.access.rules import any_key, own_source, selecting
from shared.runtime.access.trail import read_rows
from shared.runtime.http import Problem

Limit = Annotated[int, QueryParameter(ge=1, le=1000, description="rows of a page")]
LINES = "application/x-ndjson"
MAX_VALIDATED = 5000
LARGEST = 2**63 - 1
NATS_PATIENCE = 2.0
"""Seconds for what a stream says; without it the answer goes out with null in its place."""


@get("/v1/events/{source:str}/{event_id:uuid}", summary="What became of one event", opt=own_source("source"))
async def event(
    source: FromPath[str],
    event_id: FromPath[UUID],
    registry: NamedDependency[Registry],
    principal: NamedDependency[Principal],
) -> dict[str, Any]:
    """The event's outcome, and the event as recorded, if it is."""
    found = await registry.readings.outcome(source, event_id)
    if found is None:
        raise Problem(
            HTTPStatus.NOT_FOUND, f"expected an event that {source} delivered, found none with id {event_id}"
        )
    read_rows(principal, "event", 1, source=source, event_id=str(event_id))
    return found


@get("/v1/events", summary="Recorded events in log order", opt=selecting("source", "service"))
async def events(
    request: Request[Any, Any, Any],
    registry: NamedDependency[Registry],
    principal: NamedDependency[Principal],
    after: Annotated[int, QueryParameter(ge=0, le=LARGEST, description="the position to begin after")] = 0,
    limit: Limit = 100,
    source: FromQuery[str | None] = None,
    subject: FromQuery[str | None] = None,
    event_type: Annotated[str | None, QueryParameter(name="type", description="such as MemberAdmitted.v1")] = None,
) -> Response[Any] | Stream:
    """A page of recorded events, fewer than `limit` where they are large; `next` is null where there are no more.

    Where the Accept header prefers `application/x-ndjson`, one a line, all of them but for `limit`.
    `Ketnap-Position` is the last position of the log.
    """
    readings = registry.readings
    source = principal.own_source(source)
    if is_preferred(LINES, "application/json", request.headers.get("accept", "")):
        read_rows(principal, "events", None, source=source, subject=subject)
        most = limit if "limit" in request.query_params else LARGEST
        # Read before the answer begins: once it has, it can no longer say that the database is away.
        first = await readings.events(after, min(most, 1000), source, subject, event_type)
        lines = _lines(readings, first, most, source, subject, event_type)
        return Stream(lines, media_type=LINES)
    found, following = await readings.events(after, limit, source, subject, event_type)
    head = (await readings.standing()).position
    read_rows(principal, "events", len(found), source=source, subject=subject)
    body = {"events": [msgspec.Raw(event) for _, event in found], "next": following}
    return Response(body, headers={"Ketnap-Position": str(head)})


async def _lines(
    readings: Readings,
    page: tuple[list[tuple[int, bytes]], int | None],
    most: int,
    source: str | None,
    subject: str | None,
    event_type: str | None,
) -> AsyncIterator[bytes]:
    rows, following = page
    while True:
        yield b"".join(event + b"\n" for _, event in rows)
        most -= len(rows)
        if following is None or not most:
            return
        rows, following = await readings.events(following, min(most, 1000), source, subject, event_type)


@get(
    "/v1/receipts",
    summary="Current outcomes of a source's deliveries, in stream order",
    opt=selecting("source"),
)
async def receipts(
    registry: NamedDependency[Registry],
    principal: NamedDependency[Principal],
    source: FromQuery[str],
    after_stream_sequence: Annotated[int, QueryParameter(ge=0, le=LARGEST)] = 0,
    limit: Limit = 1000,
) -> dict[str, Any]:
    """Receipts of whole messages, so a page may hold somewhat more than `limit`."""
    own = principal.own_source(source) or source
    found, following = await registry.readings.receipts(own, after_stream_sequence, limit)
    return {"receipts": found, "next": following}


@get("/v1/sources", summary="Registered sources and how they do", opt=selecting("source"))
async def sources(
    registry: NamedDependency[Registry], principal: NamedDependency[Principal]
) -> list[dict[str, Any]]:
    """All sources; for a source's key, that source."""
    own = principal.own_source(None)
    found = await registry.readings.sources(own)
    # Beside each other: where NATS says nothing, each is waited for.
    return list(await asyncio.gather(*(_with_lag(registry, each) for each in found)))


@get("/v1/sources/{source:str}", summary="One source and how it does", opt=own_source("source"))
async def one_source(source: FromPath[str], registry: NamedDependency[Registry]) -> dict[str, Any]:
    """Outcomes so far, how far its stream is settled, how much waits there, and holes in its own sequence."""
    found = await registry.readings.sources(source)
    if not found:
        raise Problem(
            HTTPStatus.NOT_FOUND,
            f"expected a registered source, found {source!r}; register it with `ketnap source add`",
        )
    return await _with_lag(registry, found[0])


async def _with_lag(registry: Registry, source: dict[str, Any]) -> dict[str, Any]:
    try:
        info = await registry.broker.connection.jetstream(timeout=NATS_PATIENCE).stream_info(
            ingest_stream(source["source"])
        )
        lag = max(0, info.state.last_seq - source["settled"])
    except NotFoundError:
        lag = 0
    except Exception:
        lag = None  # NATS does not answer; health says so
    return {**source, "lag": lag}


@post(
    "/v1/validate",
    status_code=200,
    summary="Dry run: what recording these events would give; nothing is stored",
    opt=selecting("source"),
)
async def validate(
    request: Request[Any, Any, Any], registry: NamedDependency[Registry], principal: NamedDependency[Principal]
) -> list[Receipt]:
    """Receipts of the events in the array, judged in order; `stream_sequence` is 0, `batch_index` the index.

    With a source's key every event must be that source's; others are rejected as `source-mismatch`.
    """
    try:
        array = elements(await request.body())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(HTTPStatus.BAD_REQUEST, f"expected a JSON array of events: {error}") from None
    if not 1 <= len(array) <= MAX_VALIDATED:
        raise Problem(HTTPStatus.BAD_REQUEST, f"expected 1 to {MAX_VALIDATED:,} events, found {len(array):,}")
    own = principal.own_source(None)
    known = await registry.writer.refresh_sources()
    named = [_source_of(raw) for raw in array]
    if own is None and any(named) and not known.keys() & set(named):
        found = next(filter(None, named))[:32]
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            f"expected events of a registered source, found {found!r}; register it with `ketnap source add`",
        )
    reads: list[Read] = []
    for index, (raw, source) in enumerate(zip(array, named, strict=True)):
        if own is not None and source != own:
            reason = Reason("source-mismatch", f"expected an event of {own}, found {source[:32]!r}", "$.source")
            reads.append((Delivery("", 0, index), Unreadable(reason, None)))
            continue
        read = read_event(bytes(raw), source if source in known else "")
        if isinstance(read, Unreadable) and read.reason.code == "source-mismatch" and source not in known:
            reason = Reason("source-mismatch", f"expected a registered source, found {source[:32]!r}", "$.source")
            read = Unreadable(reason, read.event_id)
        reads.append((Delivery(source if source in known else "", 0, index), read))
    return await registry.writer.validate(reads)


class _Sourced(msgspec.Struct):
    source: Any = None


def _source_of(raw: msgspec.Raw) -> str:
    try:
        source = msgspec.json.decode(raw, type=_Sourced).source
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    return source if isinstance(source, str) else ""


@get("/v1/schemas", sync_to_thread=False, summary="JSON Schemas of all event types", opt=any_key())
def all_schemas() -> dict[str, Any]:
    """By CloudEvents type."""
    return schemas()


@get(
    "/v1/schemas/{event_type:str}",
    sync_to_thread=False,
    summary="JSON Schema of one event type",
    opt=any_key(),
)
def one_schema(event_type: FromPath[str]) -> Response[Any]:
    """Such as `MemberAdmitted.v1`."""
    entry = CATALOGUE.get(event_type)
    if entry is None:
        known = ", ".join(CATALOGUE)
        raise Problem(HTTPStatus.NOT_FOUND, f"expected one of {known}, found {event_type[:80]!r}")
    return Response(schema(entry), media_type="application/schema+json")


@get("/asyncapi", sync_to_thread=False, summary="AsyncAPI document of the subjects on NATS", opt=any_key())
def asyncapi() -> dict[str, Any]:
    """Channels, operations and messages."""
    return document()


ROUTES = [
    event, events, receipts, *QUARANTINE_ROUTES, sources, one_source, validate, all_schemas, one_schema,
    asyncapi,
]  # fmt: skip
