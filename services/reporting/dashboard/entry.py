"""The way in and out of the dashboard for readers with a key: a page that takes it into a cookie, and lets it go.

The cookie is the browser's for as long as it is open, closed to scripts, never sent along from other sites, and
good for reading only (see `shared.runtime.access.gate`).
"""

from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode, urlsplit

import structlog
from litestar import MediaType, Response, get, post
from litestar.datastructures import Cookie

from services.reporting.dashboard import rendering
from services.reporting.dashboard.address import AnyRequest, language_of
from services.reporting.dashboard.security import HEADERS
from shared.runtime.access.gate import Gate
from shared.runtime.access.issuer_keys import IssuerUnreachable
from shared.runtime.access.keys import NotAdmitted
from shared.runtime.access.rules import everyone

log = structlog.get_logger(__name__)

COOKIE = "ketnap_key"
PATH = "/login"
LONGEST = 3500
"""Characters of a key or token: what a browser keeps in a cookie."""


def way_in(request: AnyRequest) -> Response[Any]:
    """To the page that asks for a key, and from there back to what was asked."""
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return _elsewhere(f"{PATH}?{urlencode({'next': path, 'lang': language_of(request).code})}")


@get(PATH, include_in_schema=False, sync_to_thread=False, opt=everyone())
def login(request: AnyRequest) -> Response[Any]:
    """The page that asks for a key."""
    following = _ours(request.query_params.get("next"))
    if not _gate(request).locked:
        return _elsewhere(following)
    return _page(request, following)


@post(PATH, include_in_schema=False, status_code=303, opt=everyone())
async def enter(request: AnyRequest) -> Response[Any]:
    """Take the key into a cookie, and go where the reader wanted to go."""
    form = await request.form() if _asked_by_own_page(request) else {}
    following = _ours(form.get("next"))
    key = str(form.get("key") or "").strip()
    try:
        if not 0 < len(key) <= LONGEST:
            raise NotAdmitted("no key, or one that no cookie holds")
        principal = await _gate(request).admit(key)
    except NotAdmitted as error:
        return _refused(request, following, HTTPStatus.UNAUTHORIZED, "refused", str(error))
    except IssuerUnreachable as error:
        return _refused(request, following, HTTPStatus.SERVICE_UNAVAILABLE, "away", str(error))
    if not principal.sees_figures:
        reason = f"{principal.name} is a {principal.role} without figures to see"
        return _refused(request, following, HTTPStatus.FORBIDDEN, "without_figures", reason)
    log.info("a reader came in", key=principal.name, role=principal.role)
    found = _elsewhere(following)
    found.cookies = [
        Cookie(COOKIE, path="/", value=key, httponly=True, samesite="strict", secure=request.url.scheme == "https")
    ]
    return found


@post("/logout", include_in_schema=False, status_code=303, sync_to_thread=False, opt=everyone())
def leave(request: AnyRequest) -> Response[Any]:
    """Let the cookie go."""
    found = _elsewhere(f"{PATH}?{urlencode({'lang': language_of(request).code})}")
    if _asked_by_own_page(request):
        found.delete_cookie(COOKIE, path="/")
    return found


def _gate(request: AnyRequest) -> Gate:
    found: Gate = request.app.state.gate
    return found


def _refused(request: AnyRequest, following: str, status: int, why: str, reason: str) -> Response[Any]:
    log.warning("nobody was let in", reason=reason, client=request.client.host if request.client else None)
    return _page(request, following, status, refused=why)


def _page(
    request: AnyRequest, following: str, status: int = HTTPStatus.OK, *, refused: str | None = None
) -> Response[Any]:
    content = rendering.login(request, following, refused=refused)
    headers = {**HEADERS, "Cache-Control": "no-store", "Content-Language": language_of(request).code}
    return Response(content, status_code=status, media_type=MediaType.HTML, headers=headers)


def _elsewhere(address: str) -> Response[Any]:
    headers = {"Location": address, "Cache-Control": "no-store"}
    return Response(None, status_code=HTTPStatus.SEE_OTHER, headers=headers)


def _ours(address: object) -> str:
    """The address, if it is one of this site; otherwise that of the first page."""
    text = str(address or "/")
    parts = urlsplit(text)
    is_ours = not parts.scheme and not parts.netloc and text.startswith("/") and not text.startswith(("//", "/\\"))
    return text if is_ours and text.isprintable() and parts.path != PATH else "/"


def _asked_by_own_page(request: AnyRequest) -> bool:
    """Whether a form of ours was sent: other sites must neither let a reader in under their key, nor out."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")
