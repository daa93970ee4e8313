"""The gate before every route of a service: finds out who asks, and refuses what no rule allows.

Without any key or issuer the gate is unlocked: it answers everything, and only to this machine. As soon as the
first key is made it locks, and a service that has once been locked stays so.
"""

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import NoReturn

import structlog
from litestar.exceptions import HTTPException, NotAuthorizedException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler

from shared.runtime.access.issuer_keys import IssuerUnreachable
from shared.runtime.access.keys import PREFIX, KeyRing, KeysUnreadable, NotAdmitted
from shared.runtime.access.local import AnyConnection, asked_name, asks_for_others, asks_itself, is_loopback
from shared.runtime.access.principal import UNLOCKED, Principal
from shared.runtime.access.rules import OPTION, WITH_ANY_KEY, Rule
from shared.runtime.access.settings import AccessSettings
from shared.runtime.access.tokens import Tokens
from shared.runtime.settings import SettingsError

log = structlog.get_logger(__name__)

Holds = Callable[[str, str], Awaitable[bool]]
"""Whether the subtree of the first organisation holds the second one."""

SAFE = ("GET", "HEAD")


class Gate:
    """One service's gate."""

    def __init__(self, settings: AccessSettings, *, holds: Holds | None = None, cookie: str | None = None) -> None:
        """`cookie` names the cookie that may carry a key on what only reads. Raises SettingsError."""
        try:
            self._ring = KeyRing(Path(settings.keys_path) if settings.keys_path else None)
        except KeysUnreadable as error:
            raise SettingsError(f"KETNAP_KEYS_PATH: {error}") from None
        self._tokens = Tokens.of(settings)
        self._service = _digest(settings.service_key) if settings.service_key else None
        self._holds = holds
        self._cookie = cookie
        self._reachable = False

    @property
    def locked(self) -> bool:
        """Whether a key or a token is asked for."""
        return self._tokens is not None or not self._ring.empty

    def open_at(self, host: str) -> None:
        """Begin to serve at this address. Raises SettingsError if others reach it and there is no key."""
        self._reachable = not is_loopback(host)
        if self._reachable and not self.locked:
            raise SettingsError(
                f"KETNAP_HTTP_HOST is {host}, but no key is configured: without one, only the loopback address is "
                "served; make one with `ketnap key add NAME --role operator`, or set KETNAP_HTTP_HOST=127.0.0.1"
            )

    async def guard(self, connection: AnyConnection, handler: BaseRouteHandler) -> None:
        """Let a request pass to its route, with its principal in the scope, or raise HTTPException."""
        rule = _rule(connection, handler)
        if not self.locked:
            self._only_this_machine(connection)
            connection.scope["user"] = UNLOCKED
        elif rule.everyone:
            connection.scope["user"] = None
        else:
            principal = await self._principal(connection, rule)
            connection.scope["user"] = principal
            await self._allow(connection, rule, principal)

    async def admit(self, credential: str) -> Principal:
        """Whose key or token this is. Raises NotAdmitted, IssuerUnreachable."""
        if self._service is not None and hmac.compare_digest(self._service, _digest(credential)):
            return Principal("service", "one of our services")
        if credential.startswith(PREFIX) or self._tokens is None:
            return self._ring.holder(credential, datetime.now(UTC))
        return await self._tokens.holder(credential)

    def still_admits(self, principal: Principal) -> bool:
        """Whether whoever was let in would be again: for endless answers. Tokens are not looked at twice."""
        if principal is UNLOCKED:
            return not self.locked
        return not self._ring.ended(principal.name, datetime.now(UTC))

    def _only_this_machine(self, connection: AnyConnection) -> None:
        if self._reachable:
            _refuse(connection, HTTPStatus.UNAUTHORIZED, "no key is configured, and others can reach this address")
        if asks_for_others(connection):
            reason = "no key is configured, and a proxy asks for another machine; `ketnap key add` makes one"
            _refuse(connection, HTTPStatus.UNAUTHORIZED, reason)
        # A page elsewhere can point its own name at 127.0.0.1 and let a visitor's browser ask: the name tells.
        name = asked_name(connection)
        if not is_loopback(name):
            raise HTTPException(
                detail=f"expected a request to localhost, found one to {name!r}",
                status_code=HTTPStatus.MISDIRECTED_REQUEST,
            )

    async def _principal(self, connection: AnyConnection, rule: Rule) -> Principal:
        try:
            credential = self._credential(connection)
            if credential is None:
                if rule.this_machine and asks_itself(connection):
                    return UNLOCKED
                raise NotAdmitted("found none")
            return await self.admit(credential)
        except NotAdmitted as error:
            expected = "expected `Authorization: Bearer …` with a key or a token"
            _refuse(connection, HTTPStatus.UNAUTHORIZED, f"{expected}: {error}")
        except IssuerUnreachable as error:
            raise HTTPException(
                detail=f"{error}; try again",
                status_code=HTTPStatus.SERVICE_UNAVAILABLE,
                headers={"Retry-After": "30"},
            ) from None

    def _credential(self, connection: AnyConnection) -> str | None:
        header = connection.headers.get("authorization")
        if header is not None:
            scheme, _, credential = header.partition(" ")
            if scheme.lower() != "bearer" or not credential.strip():
                raise NotAdmitted("found another scheme, or nothing behind it")
            return credential.strip()
        # Browsers send cookies along with what other pages make them ask: never enough to change anything.
        if self._cookie is not None and connection.scope.get("method") in SAFE:
            return connection.cookies.get(self._cookie)
        return None

    async def _allow(self, connection: AnyConnection, rule: Rule, principal: Principal) -> None:
        if principal is UNLOCKED:
            return
        reason = await self._foreign(connection, rule, principal)
        if reason is not None:
            _refuse(connection, HTTPStatus.FORBIDDEN, reason, principal)

    async def _foreign(self, connection: AnyConnection, rule: Rule, principal: Principal) -> str | None:
        """Why this is not the principal's to ask, if it is not."""
        if principal.role not in rule.roles:
            return f"expected the key of {' or '.join(sorted(rule.roles))}, found that of {principal.role}"
        if principal.sees_all:
            return None
        if rule.source is not None:
            asked = str(connection.path_params[rule.source])
            if asked != principal.source:
                return f"expected to be asked about {principal.source}, which this key is for, found {asked!r}"
        if rule.organisation is not None:
            asked = str(connection.path_params[rule.organisation])
            assert self._holds is not None, "a service with routes about organisations says how its tree is read"
            if principal.organisation is None or not await self._holds(principal.organisation, asked):
                return outside(principal, asked)
        return None


def outside(principal: Principal, asked: str) -> str:
    """What is said about an organisation that is not one's own, whether or not there is such a one."""
    return (
        f"expected an organisation in the subtree of {principal.organisation or 'none'}, which this key is for, "
        f"found {asked!r}; whether it exists is not told"
    )


def _rule(connection: AnyConnection, handler: BaseRouteHandler) -> Rule:
    rule = handler.opt.get(OPTION)
    if isinstance(rule, Rule):
        return rule
    if connection.scope.get("method") == "OPTIONS":
        return WITH_ANY_KEY  # made by the framework; says which methods there are
    raise PermissionDeniedException("no rule says who may ask this, so nobody may; tell whoever made it")


def _refuse(connection: AnyConnection, status: int, reason: str, principal: Principal | None = None) -> NoReturn:
    log.warning(
        "a request was refused",
        status=int(status),
        reason=reason,
        key=principal.name if principal else None,
        method=connection.scope.get("method"),
        path=connection.url.path,
        client=connection.client.host if connection.client else None,
    )
    if status == HTTPStatus.UNAUTHORIZED:
        raise NotAuthorizedException(detail=reason, headers={"WWW-Authenticate": 'Bearer realm="ketnap"'})
    raise PermissionDeniedException(detail=reason)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
