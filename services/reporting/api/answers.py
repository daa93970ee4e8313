"""Answers: what every one carries, and how a client is spared one that it has already."""

import hashlib
from http import HTTPStatus
from typing import Any

from litestar import Response
from prometheus_client import Histogram

from services.reporting.reports.question import OWN, WHOLE, Question
from services.reporting.reports.reader import KnownAt

SECONDS = Histogram("ketnap_reporting_answer_seconds", "Time to work out an answer", ["report"])

FORM = "1"
"""Part of every ETag: raise it when answers change their form."""


def etag(known: KnownAt, *asked: object) -> str:
    """A tag that is the same as long as the same is asked and nothing newer is known."""
    digest = hashlib.blake2b("\0".join(map(str, (FORM, *asked))).encode(), digest_size=8).hexdigest()
    return f'"{known.position}-{digest}"'


def is_had(tag: str, if_none_match: str | None) -> bool:
    """Whether the client says that it has the answer with this tag."""
    had = [each.strip().removeprefix("W/") for each in (if_none_match or "").split(",")]
    return tag in had


def headers(known: KnownAt, tag: str) -> dict[str, str]:
    """Headers of every answer."""
    return {"ETag": tag, "Ketnap-Position": str(known.position), "Cache-Control": "private, no-cache"}


def not_modified(known: KnownAt, tag: str) -> Response[None]:
    """The answer to a client that has it."""
    return Response(None, status_code=HTTPStatus.NOT_MODIFIED, headers=headers(known, tag))


def answer(known: KnownAt, tag: str, body: dict[str, Any]) -> Response[dict[str, Any]]:
    """A JSON answer."""
    return Response(body, headers=headers(known, tag))


def heading(question: Question) -> dict[str, Any]:
    """What every report begins with."""
    return {
        "organisation": question.organisation,
        "as_of": question.as_of,
        "known_at": {"position": question.known, "time": question.recordedat},
        "hierarchy": question.hierarchy,
    }


def report_body(question: Question, bodies: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """A report: the whole, and where asked for, each child and what belongs to none."""
    body = heading(question) | bodies[WHOLE]
    if question.by_child:
        body["children"] = [{"organisation": child, **bodies[child.id]} for child in question.children]
        body["own"] = bodies[OWN]
    return body
