"""Answers: what every one carries, and how a client is spared one that it has already."""

import asyncio
import hashlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from litestar import Response
from msgspec import Struct
from prometheus_client import Histogram

from services.reporting.api import negotiation
from services.reporting.api.export.files import file_name, written
from services.reporting.api.negotiation import Format, Language
from services.reporting.reports.question import OWN, WHOLE, Question
from services.reporting.reports.reader import KnownAt

SECONDS = Histogram("ketnap_reporting_answer_seconds", "Time to work out an answer", ["report"])

FORM = "3"
"""Part of every ETag: raise it when answers change their form."""


def etag(known: KnownAt, *asked: object) -> str:
    """A tag that is the same as long as the same is asked, nothing newer is known and nothing was rebuilt."""
    digest = hashlib.blake2b("\0".join(map(str, (FORM, known.tables, *asked))).encode(), digest_size=8).hexdigest()
    return f'"{known.position}-{digest}"'


def is_had(tag: str, if_none_match: str | None) -> bool:
    """Whether the client says that it has the answer with this tag."""
    had = [each.strip().removeprefix("W/") for each in (if_none_match or "").split(",")]
    return tag in had


def headers(known: KnownAt, tag: str) -> dict[str, str]:
    """Headers of every answer."""
    return {
        "ETag": tag,
        "Ketnap-Position": str(known.position),
        "Cache-Control": "private, no-cache",
        "Vary": "Accept, Accept-Language",
    }


def not_modified(known: KnownAt, tag: str) -> Response[None]:
    """The answer to a client that has it."""
    return Response(None, status_code=HTTPStatus.NOT_MODIFIED, headers=headers(known, tag))


class Form(Struct, frozen=True):
    """How an answer is written: as what, in which language its headings, and the name of what it is."""

    format: Format
    language: Language
    report: str


def form_of(query: Mapping[str, str], headers: Mapping[str, str], report: str) -> Form:
    """The form that `format` and `lang` ask for, else the headers. Raises Problem."""
    return Form(
        negotiation.format_of(query, headers.get("accept", "")),
        negotiation.language_of(query, headers.get("accept-language", "")),
        report,
    )


async def answer(
    known: KnownAt, tag: str, body: dict[str, Any], form: Form, query: Mapping[str, str]
) -> Response[Any]:
    """The answer in its form. What was asked stands at the head of a file, so that print says what it is."""
    if form.format == "json":
        return Response(body, headers=headers(known, tag))
    # Not in the loop: a long list takes a while to write.
    content = await asyncio.to_thread(written, body, form.format, form.language, form.report, query)
    disposition = f'attachment; filename="{file_name(body, form.format, form.report)}"'
    return Response(
        content,
        media_type=negotiation.MEDIA_TYPES[form.format],
        headers=headers(known, tag) | {"Content-Disposition": disposition},
    )


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
    # A report that is about children anyway has no parts of its own.
    if question.by_child and OWN in bodies:
        body["children"] = [{"organisation": child, **bodies[child.id]} for child in question.children]
        body["own"] = bodies[OWN]
    return body
