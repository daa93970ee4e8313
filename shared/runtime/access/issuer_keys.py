"""The public keys of a token issuer: fetched from its address and kept for a while, or read from a file."""

import asyncio
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
import structlog
from msgspec import Struct

from shared.runtime.access.local import is_loopback
from shared.runtime.settings import SettingsError

log = structlog.get_logger(__name__)

Jwk = dict[str, Any]

FRESH = 600.0
"""Seconds for which fetched keys are not asked for again."""
PAUSE = 30.0
"""Seconds between two fetches, however many unknown keys are named: a token is anybody's to make up."""
KEPT = 24 * 3600.0
"""Seconds for which keys count while the issuer does not answer."""
TIMEOUT = 5.0
"""Seconds that a whole answer may take: whoever asked with a token waits for it."""
MOST = 1024 * 1024
"""Bytes of an answer."""


class IssuerUnreachable(Exception):
    """The issuer's keys are not known now; the message says what was tried."""


class _Keys(Struct):
    keys: list[Jwk]


class IssuerKeys:
    """Keys by where they are: an https address, an http address of this machine, or a file."""

    def __init__(self, place: str) -> None:
        """Raises SettingsError for a place that cannot be."""
        is_address = place.lower().startswith(("http:", "https:"))
        self._url = _checked(place) if is_address else None
        self._file = None if is_address else Path(place)
        self._keys: list[Jwk] = []
        self._fetched = self._tried = float("-inf")
        self._failed = False
        self._lock = asyncio.Lock()
        if self._file is not None:
            try:
                self._read(self._file)
            except IssuerUnreachable as error:
                raise SettingsError(f"KETNAP_OIDC_JWKS: {error}") from None

    async def named(self, key_id: str | None) -> Jwk | None:
        """The key of this id; without one, the only key that there is. Raises IssuerUnreachable."""
        now = time.monotonic()
        if now - self._fetched > FRESH or _find(self._keys, key_id) is None:
            async with self._lock:
                if time.monotonic() - self._tried > PAUSE:
                    await self._renew()
        found = _find(self._keys, key_id)
        is_known = time.monotonic() - self._fetched <= KEPT
        # One that is not known may be a new one, as long as the issuer cannot be asked.
        if not is_known or (found is None and self._failed):
            raise IssuerUnreachable("the issuer's keys could not be read; the service's log says why")
        return found

    async def _renew(self) -> None:
        self._tried = time.monotonic()
        try:
            if self._file is not None:
                self._read(self._file)
            else:
                await self._fetch()
        except IssuerUnreachable as error:
            self._failed = True
            log.warning(
                "the issuer's keys cannot be renewed; look at what KETNAP_OIDC_JWKS names, and at the way there",
                problem=str(error),
            )
        else:
            self._failed = False

    async def _fetch(self) -> None:
        assert self._url is not None
        try:
            async with (
                asyncio.timeout(TIMEOUT),
                httpx.AsyncClient(timeout=TIMEOUT) as client,
                client.stream("GET", self._url, headers={"Accept": "application/json"}) as answer,
            ):
                body = b""
                async for chunk in answer.aiter_bytes():
                    body += chunk
                    if len(body) > MOST:
                        raise IssuerUnreachable(f"{self._url} answered more than {MOST} bytes")
        except TimeoutError:
            raise IssuerUnreachable(f"{self._url} has not answered within {TIMEOUT:.0f} s") from None
        except httpx.HTTPError as error:
            raise IssuerUnreachable(f"{self._url} does not answer: {error!r}") from None
        if answer.status_code != httpx.codes.OK:
            raise IssuerUnreachable(f"{self._url} answered {answer.status_code}")
        self._take(body, self._url)

    def _read(self, file: Path) -> None:
        try:
            self._take(file.read_bytes(), str(file))
        except OSError as error:
            raise IssuerUnreachable(f"{file} cannot be read: {error.strerror}") from None

    def _take(self, body: bytes, place: str) -> None:
        try:
            self._keys = msgspec.json.decode(body, type=_Keys).keys
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise IssuerUnreachable(f"{place} holds no set of keys (JWKS): {error}") from None
        self._fetched = time.monotonic()


def _checked(address: str) -> str:
    """The address. Raises SettingsError for one that cannot be asked, or not safely."""
    try:
        httpx.URL(address)
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except (ValueError, httpx.InvalidURL) as error:
        raise SettingsError(f"KETNAP_OIDC_JWKS is {address!r}: expected an https address: {error}") from None
    if (
        not host
        or not address.isprintable()
        or " " in address
        or (parts.scheme == "http" and not is_loopback(host))
    ):
        raise SettingsError(f"KETNAP_OIDC_JWKS is {address!r}: expected an https address, or a file")
    return address


def _find(keys: list[Jwk], key_id: str | None) -> Jwk | None:
    if key_id is None:
        return keys[0] if len(keys) == 1 else None
    return next((each for each in keys if each.get("kid") == key_id), None)
