"""Subscriptions: who is told of which organisation's alerts, on which channel; read, and replaced as a whole."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal
from uuid import UUID, uuid5

import httpx
from msgspec import Meta, Struct, structs
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.channels.mail import is_address
from services.notifier.channels.webhook import is_secret, new_secret
from shared.events.vocabulary import OuterId
from shared.runtime.sql import Statements

SQL = Statements("services.notifier.sql", "api.sql")

MASKED = "whsec_***"
WARNED = 20
"""Organisations that warnings name."""
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"(?=.{{1,254}}\Z){_LABEL}(?:\.{_LABEL})*\.?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")
_IDS = UUID("7a1e2c44-92d3-5b0f-8e6b-5c0d9b4ef3a1")


class Refused(Exception):
    """A subscription that cannot be; the message says what was expected and found."""


class Subscription(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Tell `to` of alerts whose addressee (owner or issuer of the target) is `organisation`.

    Without an `id` it gets one that the same organisation, channel and `to` always get, so that a list may be sent
    again as it is. `secret` signs webhooks: made where absent, told in the answer to the PUT that made it, and
    shown as `whsec_***` from then on, which in a PUT means: keep it.
    """

    id: UUID | None = None
    organisation: OuterId
    rules: Annotated[list[Literal["A2"]], Meta(min_length=1, max_length=18)]
    channel: Literal["email", "webhook"]
    to: Annotated[str, Meta(min_length=3, max_length=2000)]
    language: Literal["vi", "en"] | None = None
    secret: str | None = None


class SubscriptionList(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """The whole list; answers warn of what may be a slip in it, and a PUT takes no notice of `warnings`."""

    subscriptions: Annotated[list[Subscription], Meta(max_length=10_000)]
    warnings: list[str] = []


async def read(connection: AsyncConnection, allowed: list[str] | None = None) -> list[Subscription]:
    """All subscriptions, or those of the organisations `allowed`, with their secrets."""
    rows = await connection.execute(SQL["subscriptions"], {"allowed": allowed})
    return [
        Subscription(
            id=row.id,
            organisation=row.organisation,
            rules=list(row.rules),
            channel=row.channel,
            to=row.recipient,
            language=row.language,
            secret=row.secret,
        )
        for row in rows
    ]


async def replace(
    connection: AsyncConnection, wanted: list[Subscription], language: str, allowed: list[str] | None = None
) -> list[Subscription]:
    """Put `wanted` in the place of the list; secrets made now are shown, the others masked. Raises Refused.

    `allowed` names the organisations whose subscriptions are replaced; None: all. Those of others stay.
    """
    await connection.execute(SQL["lock_subscriptions"])
    held = {each.id: each.secret for each in await read(connection, allowed)}
    await connection.execute(SQL["clear_subscriptions"], {"allowed": allowed})
    taken = set(await connection.scalars(SQL["taken"]))
    put: list[Subscription] = []
    answer: list[Subscription] = []
    for identity, each in _identified(wanted, taken):
        secret, shown = _secret(each, held.get(identity))
        rules = sorted(set(each.rules))
        put.append(
            structs.replace(each, id=identity, rules=rules, language=each.language or language, secret=secret)
        )
        answer.append(structs.replace(put[-1], secret=shown))
    if put:
        await connection.execute(SQL["put_subscription"], [structs.asdict(each) for each in put])
    await connection.execute(SQL["forsake"])
    return answer


def _identified(wanted: list[Subscription], taken: set[UUID]) -> Iterator[tuple[UUID, Subscription]]:
    """Each with its id. Raises Refused for one that cannot be, or not beside those before it."""
    ids: set[UUID] = set()
    subjects: set[tuple[str, str, str]] = set()
    for each in wanted:
        _check(each)
        subject = (each.organisation, each.channel, each.to)
        identity = each.id or uuid5(_IDS, "|".join(subject))
        if each.id in ids:
            raise Refused(f"expected an id of its own for each subscription, found {each.id} twice")
        if identity in ids or subject in subjects:
            raise Refused(
                f"expected one subscription for {each.organisation}, {each.channel} and {each.to}, found two"
            )
        if identity in taken:
            raise Refused(f"expected an id of your own list, or none, so that one is made; found {identity}")
        ids.add(identity)
        subjects.add(subject)
        yield identity, each


async def warnings(connection: AsyncConnection, subscriptions: list[Subscription]) -> list[str]:
    """Of organisations that nobody knows yet, which may well come: a subscription can be there before."""
    asked = sorted({each.organisation for each in subscriptions})
    unknown = list(await connection.scalars(SQL["unknown_organisations"], {"ids": asked}))
    said = [
        f"no organisation {each!r} is on record yet, so nothing is sent to its subscriptions; is it a slip?"
        for each in unknown[:WARNED]
    ]
    return said if len(unknown) <= WARNED else [*said, f"and {len(unknown) - WARNED:,} more"]


def masked(subscription: Subscription) -> Subscription:
    """The subscription as everybody may see it."""
    if subscription.secret is not None:
        subscription.secret = MASKED
    return subscription


def _secret(wanted: Subscription, held: str | None) -> tuple[str | None, str | None]:
    """The secret to keep, and what to show of it."""
    if wanted.channel != "webhook":
        return None, None
    if wanted.secret is not None and wanted.secret != MASKED:
        return wanted.secret, MASKED
    if held is not None:
        return held, MASKED
    made = new_secret()
    return made, made


def _check(wanted: Subscription) -> None:
    if wanted.channel == "email":
        if not is_address(wanted.to):
            raise Refused(f"expected an e-mail address in `to`, found {wanted.to!r}")
        if wanted.secret is not None:
            raise Refused("expected no `secret` for e-mail: only webhooks are signed")
        return
    try:
        url = httpx.URL(wanted.to)
    except httpx.InvalidURL as error:
        raise Refused(f"expected an address such as https://example.vn/hook in `to`: {error}") from None
    # What no resolver takes would be found out only when an alert is due.
    reachable = _HOST.fullmatch(url.raw_host.decode("ascii")) and url.port != 0 and (url.port or 0) <= 65535
    if url.scheme not in ("http", "https") or not reachable:
        raise Refused(f"expected an address such as https://example.vn/hook in `to`, found {wanted.to!r}")
    if wanted.secret not in (None, MASKED) and not is_secret(wanted.secret or ""):
        raise Refused("expected a `secret` of whsec_ and 24 to 64 bytes in base64, or none, to have one made")
