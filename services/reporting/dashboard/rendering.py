"""Pages as HTML: what the templates are given, whatever comes from outside escaped."""

from http import HTTPStatus
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from services.reporting.dashboard import assets
from services.reporting.dashboard.address import Address, AnyRequest, in_language, language_of
from services.reporting.dashboard.findings import SHOWN, Findings, Found
from services.reporting.dashboard.language import LANGUAGES
from services.reporting.dashboard.presentation import Presentation
from services.reporting.reports.reader import KnownAt

_TEMPLATES = Environment(
    loader=PackageLoader("services.reporting.dashboard"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
_TEMPLATES.globals["asset"] = assets.address


def start(request: AnyRequest, query: str, found: list[Found], address: Address, known: KnownAt) -> str:
    """The first page."""
    shown, more = found[:SHOWN], len(found) > SHOWN
    return _render("start.html", request, address=address, known=known, query=query, found=shown, more=more)


def organisation(request: AnyRequest, findings: Findings, address: Address, known: KnownAt) -> str:
    """The page of an organisation."""
    return _render(
        "organisation.html",
        request,
        address=address,
        known=known,
        query="",
        findings=findings,
        question=findings.question,
        shown=Presentation(findings, address, language_of(request)),
    )


def login(request: AnyRequest, following: str, *, refused: bool) -> str:
    """The page that asks for a key; `following` is where it leads."""
    return _render("login.html", request, address=None, known=None, query="", following=following, refused=refused)


def error(request: AnyRequest, status: int, detail: str) -> str:
    """The page that says what is wrong and what to do; `detail` is for whoever helps."""
    match status:
        case HTTPStatus.NOT_FOUND:
            kind = "unknown"
        case HTTPStatus.FORBIDDEN:
            kind = "foreign"
        case _ if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            kind = "unreadable"
        case _:
            kind = "failed"
    organisation_id = request.path_params.get("organisation_id")
    return _render(
        "error.html",
        request,
        address=None,
        known=None,
        query="",
        kind=kind,
        detail=detail,
        organisation_id=organisation_id,
    )


def _render(template: str, request: AnyRequest, **context: Any) -> str:
    language = language_of(request)
    asker = request.scope.get("user")
    languages = [(each.code, each.own_name, in_language(request, each.code)) for each in LANGUAGES.values()]
    return _TEMPLATES.get_template(template).render(
        language=language,
        languages=languages,
        asker=asker,
        can_leave=request.app.state.gate.locked and asker is not None and "cookie" in request.headers,
        notice=request.app.state.notices[language.code],
        t=language.text,
        n=language.number,
        **context,
    )
