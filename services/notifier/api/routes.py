"""The notifier's HTTP API: alerts, subscriptions, deliveries."""

import contextlib
from datetime import UTC, date, datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import Struct
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.api import reach
from services.notifier.api import subscriptions as lists
from services.notifier.api.subscriptions import SubscriptionList
from services.notifier.channels.channel import Alert
from services.notifier.clock import ZONE, day_of
from services.notifier.service import Notifier
from shared.runtime.access.gate import outside
from shared.runtime.access.principal import Principal
from shared.runtime.access.rules import selecting
from shared.runtime.http import Problem

SQL = lists.SQL

Limit = Annotated[int, QueryParameter(ge=1, le=1000, description="rows of a page")]
After = Annotated[int | None, QueryParameter(ge=0, le=2**63 - 1, description="`next` of the page before")]


@get("/v1/alerts", summary="Alerts, the newest first", opt=selecting("viewer", "source"))
async def alerts(
    notifier: NamedDependency[Notifier],
    principal: NamedDependency[Principal],
    organisation: FromQuery[str | None] = None,
    rule: FromQuery[str | None] = None,
    in_state: Annotated[
        Literal["open", "acknowledged", "resolved"] | None,
        QueryParameter(name="state", description="its state now"),
    ] = None,
    after: After = None,
    limit: Limit = 100,
) -> dict[str, Any]:
    """A page of alerts; the figures are those of the day an alert was raised."""
    asked = {"organisation": organisation, "rule": rule, "state": in_state, "before": after, "limit": limit}
    async with notifier.engine.connect() as connection:
        allowed = await _allowed(connection, notifier, principal)
        _refuse_foreign(principal, allowed, organisation)
        rows = (await connection.execute(SQL["alerts"], asked | {"allowed": allowed})).mappings().all()
    return {"alerts": [_alert(row) for row in rows], "next": _next(rows, limit)}


@post(
    "/v1/alerts/{alert_id:uuid}/acknowledge",
    status_code=200,
    summary="Say that somebody has seen an alert",
    opt=selecting("viewer"),
)
async def acknowledge(
    alert_id: FromPath[UUID], notifier: NamedDependency[Notifier], principal: NamedDependency[Principal]
) -> dict[str, Any]:
    """The alert; the first acknowledgement counts."""
    return await _change(notifier, principal, "acknowledge", alert_id, now=notifier.clock())


class Mute(Struct, forbid_unknown_fields=True):
    """Until when nothing about an alert is sent: time with its offset, a day in Vietnam, or null: no longer."""

    until: str | None


@post(
    "/v1/alerts/{alert_id:uuid}/mute",
    status_code=200,
    summary="Send nothing about an alert until then",
    opt=selecting("viewer"),
)
async def mute(
    alert_id: FromPath[UUID],
    data: JSONBody[Mute],
    notifier: NamedDependency[Notifier],
    principal: NamedDependency[Principal],
) -> dict[str, Any]:
    """The alert; deliveries that wait go out when the time has come."""
    until = None if data.until is None else _moment(data.until)
    return await _change(notifier, principal, "mute", alert_id, until=until)


def _moment(text: str) -> datetime:
    for shape in (datetime, date):
        # At the ends of the calendar there are times that have no equal in UTC.
        with contextlib.suppress(msgspec.ValidationError, OverflowError):
            found = msgspec.convert(text, shape)
            if not isinstance(found, datetime):
                found = datetime(found.year, found.month, found.day, tzinfo=ZONE)
            if found.tzinfo is not None:
                return found.astimezone(UTC)
    raise Problem(
        HTTPStatus.BAD_REQUEST,
        f"expected `until` as 2026-11-30T09:00:00+07:00 or 2026-11-30, found {text[:40]!r}",
    )


@get("/v1/subscriptions", summary="Who is told of what", opt=selecting("viewer", "source"))
async def subscriptions(
    notifier: NamedDependency[Notifier], principal: NamedDependency[Principal]
) -> SubscriptionList:
    """The whole list, with a key that of its subtree; secrets are masked."""
    async with notifier.engine.connect() as connection:
        found = await lists.read(connection, await _allowed(connection, notifier, principal))
        warnings = await lists.warnings(connection, found)
    return SubscriptionList([lists.masked(each) for each in found], warnings)


@put("/v1/subscriptions", summary="Replace the whole list of who is told of what", opt=selecting("viewer"))
async def replace_subscriptions(
    data: JSONBody[SubscriptionList], notifier: NamedDependency[Notifier], principal: NamedDependency[Principal]
) -> SubscriptionList:
    """The list as it is now, with a key that of its subtree; the lists of others stay as they are.

    A secret that was made for a webhook is told here, and only here. `warnings` name organisations that are not
    on record yet.
    """
    try:
        async with notifier.engine.begin() as connection:
            allowed = await _allowed(connection, notifier, principal)
            for each in data.subscriptions:
                _refuse_foreign(principal, allowed, each.organisation)
            answer = await lists.replace(connection, data.subscriptions, notifier.settings.language, allowed)
            warnings = await lists.warnings(connection, answer)
    except lists.Refused as error:
        raise Problem(HTTPStatus.BAD_REQUEST, str(error)) from None
    return SubscriptionList(answer, warnings)


@get("/v1/deliveries", summary="What was sent to whom, the newest first", opt=selecting("viewer", "source"))
async def deliveries(
    notifier: NamedDependency[Notifier],
    principal: NamedDependency[Principal],
    alert: FromQuery[UUID | None] = None,
    in_state: Annotated[
        Literal["pending", "sent", "failed"] | None, QueryParameter(name="state", description="its state now")
    ] = None,
    after: After = None,
    limit: Limit = 100,
) -> dict[str, Any]:
    """A page of deliveries; with a key, those to the subscriptions of its subtree."""
    asked = {"alert": alert, "state": in_state, "before": after, "limit": limit}
    async with notifier.engine.connect() as connection:
        allowed = await _allowed(connection, notifier, principal)
        rows = (await connection.execute(SQL["deliveries"], asked | {"allowed": allowed})).mappings().all()
    return {"deliveries": [_delivery(row) for row in rows], "next": _next(rows, limit)}


async def _allowed(connection: AsyncConnection, notifier: Notifier, principal: Principal) -> list[str] | None:
    return await reach.organisations_of(connection, principal, day_of(notifier.clock()))


def _refuse_foreign(principal: Principal, allowed: list[str] | None, organisation: str | None) -> None:
    if allowed is not None and organisation is not None and organisation not in allowed:
        raise Problem(HTTPStatus.FORBIDDEN, outside(principal, organisation))


async def _change(
    notifier: Notifier, principal: Principal, statement: str, alert_id: UUID, **values: Any
) -> dict[str, Any]:
    async with notifier.engine.begin() as connection:
        if principal.subtree is not None:
            about = await connection.scalar(SQL["organisation_of"], {"id": alert_id})
            today = day_of(notifier.clock())
            if about is None or not await reach.holds(connection, principal.subtree, about, today):
                raise Problem(
                    HTTPStatus.FORBIDDEN,
                    f"expected an alert about the subtree of {principal.subtree}, which this key is for, found "
                    f"{alert_id}; whether it exists is not told",
                )
        changed = await connection.execute(SQL[statement], {"id": alert_id, **values})
        row = changed.mappings().one_or_none()
    if row is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"expected an alert, found none with id {alert_id}")
    notifier.wake()
    return _alert(row)


def _alert(row: RowMapping) -> dict[str, Any]:
    times = {name: row[name] for name in ("resolved_at", "acknowledged_at", "muted_until")}
    return Alert.of_row(row).body() | times


def _delivery(row: RowMapping) -> dict[str, Any]:
    pending = row["state"] == "pending"
    return {
        "id": row["id"],
        "alert": row["alert_id"],
        "subscription": row["subscription_id"],
        "channel": row["channel"],
        "to": row["recipient"],
        "language": row["language"],
        "state": row["state"],
        "attempts": row["attempts"],
        "next_attempt": row["next_attempt"] if pending else None,
        "error": row["error"],
        "created_at": row["created_at"],
        "sent_at": row["sent_at"],
    }


def _next(rows: Any, limit: int) -> int | None:
    return rows[-1]["number"] if len(rows) == limit else None


ROUTES = [alerts, acknowledge, mute, subscriptions, replace_subscriptions, deliveries]
