"""Files for the browser: read once, served from memory, under addresses that change with their content."""

import hashlib
from collections.abc import Iterator
from http import HTTPStatus
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from litestar import Response, get
from litestar.params import FromPath

from shared.runtime.access.rules import everyone
from shared.runtime.http import Problem

_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_ROOT = files("services.reporting.dashboard")


def _walk(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    for each in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if each.is_dir():
            yield from _walk(each, f"{prefix}{each.name}/")
        else:
            yield f"{prefix}{each.name}", each.read_bytes()


def _digest(*contents: bytes) -> str:
    return hashlib.blake2b(b"\0".join(contents), digest_size=6).hexdigest()


FILES = dict(_walk(_ROOT.joinpath("static")))
_DIGESTS = {name: _digest(content) for name, content in FILES.items()}

FORM = _digest(
    *(text.encode() for text in _DIGESTS.values()),
    *(content for folder in ("templates", "locale") for _, content in _walk(_ROOT.joinpath(folder))),
)
"""Differs as soon as pages look different: part of their ETags."""


def address(name: str) -> str:
    """Where a page links to one of these files."""
    return f"/static/{name}?v={_DIGESTS[name]}"


@get("/static/{name:path}", sync_to_thread=False, include_in_schema=False, opt=everyone())
def static(name: FromPath[str]) -> Response[Any]:
    """A file that the dashboard brings along."""
    content = FILES.get(name.lstrip("/"))
    if content is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"expected a file of the dashboard, found {name!r}")
    return Response(
        content,
        media_type=_TYPES.get(name.rpartition(".")[2], "text/plain; charset=utf-8"),
        headers={"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"},
    )
