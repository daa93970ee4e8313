"""The call by which reporting has profiles unsealed: never open without its token, also not on this machine."""

import hmac
from collections import Counter
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

import msgspec
import structlog
from litestar import Request, Response, post
from litestar.di import NamedDependency
from msgspec import Meta, Struct

from services.registry.sealing import Unsealable
from services.registry.service import Registry
from services.registry.unsealing import Found, Place
from shared.runtime.access.rules import everyone
from shared.runtime.http import Problem

log = structlog.get_logger(__name__)

TOKEN_HEADER = "Ketnap-Unseal-Token"  # noqa: S105 - the name of the header, not what it holds
MOST = 1000


class Wanted(Struct, forbid_unknown_fields=True):
    """Which profiles: those that these events bring, and all of these persons."""

    events: Annotated[tuple[Place, ...], Meta(max_length=MOST)] = ()
    persons: Annotated[tuple[UUID, ...], Meta(max_length=MOST)] = ()


class Unsealed(Struct):
    """What there is for each event asked for, then the profiles of the persons; and which persons are erased."""

    profiles: list[Found]
    erased: list[UUID]


_WANTED = msgspec.json.Decoder(Wanted)


@post(
    "/v1/profiles/unseal",
    status_code=200,
    summary="Internal: profiles unsealed, for the holder of the token",
    opt=everyone(),  # with a secret of its own, which no key replaces
)
async def unseal(request: Request[Any, Any, Any], registry: NamedDependency[Registry]) -> Response[Unsealed]:
    """At most 1,000 `events` {person, source, event_id} and 1,000 `persons`; needs `Ketnap-Unseal-Token`."""
    _require(registry.unseal_token, request.headers.get(TOKEN_HEADER))
    try:
        wanted = _WANTED.decode(await request.body())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        expected = '{"events": [{"person", "source", "event_id"}], "persons": [UUID]}'
        raise Problem(HTTPStatus.BAD_REQUEST, f"expected {expected}: {error}") from None
    try:
        found = await registry.unsealing.at(wanted.events) if wanted.events else []
        found += await registry.unsealing.of(wanted.persons) if wanted.persons else []
        erased = await registry.unsealing.erased([*wanted.persons, *(each.person for each in wanted.events)])
    except Unsealable as error:
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error), {"Retry-After": "60"}) from None
    counts: Counter[str] = Counter(each.state for each in found)
    log.info("profiles were unsealed", events=len(wanted.events), persons=len(wanted.persons), **counts)
    return Response(Unsealed(found, erased), headers={"Cache-Control": "no-store"})


def _require(token: str | None, given: str | None) -> None:
    if token is None:
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "expected the registry to have a token for this call, found none; set KETNAP_UNSEAL_TOKEN_FILE for it "
            "and for reporting (`ketnap up` does)",
        )
    if not hmac.compare_digest(token.encode(), (given or "").encode()):
        log.warning("profiles were asked for without the token", given=given is not None)
        raise Problem(
            HTTPStatus.UNAUTHORIZED, f"expected the header {TOKEN_HEADER} with the token, found none such"
        )
