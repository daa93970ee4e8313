"""Pages as HTML: what the templates are given, whatever comes from outside escaped."""

import textwrap
from collections.abc import Sequence
from datetime import date, timedelta
from http import HTTPStatus
from typing import Any, cast

from jinja2 import Environment, PackageLoader, StrictUndefined

from services.reporting.api.export.headings import word
from services.reporting.api.parameters import Refused
from services.reporting.dashboard import assets
from services.reporting.dashboard.address import (
    Address,
    AnyRequest,
    UnknownThen,
    in_language,
    language_of,
    without,
)
from services.reporting.dashboard.contents import OVERVIEW, Page, contents
from services.reporting.dashboard.findings import SHOWN, Found, Place
from services.reporting.dashboard.language import LANGUAGES, Language
from services.reporting.dashboard.pieces import Section
from services.reporting.dashboard.view import View
from services.reporting.reports.reader import KnownAt
from services.reporting.reports.spans import Step, spans

_TEMPLATES = Environment(
    loader=PackageLoader("services.reporting.dashboard"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
_TEMPLATES.globals["asset"] = assets.address

MOST_DETAIL = 400
"""Characters that are shown of what is said to whoever helps."""

_HINTS = {
    "as_of": "error.hint_day",
    "from": "error.hint_day",
    "to": "error.hint_period",
    "known_at": "error.hint_known",
    "since": "error.hint_known",
    "step": "error.hint_step",
}
"""What to mind with a parameter."""

_OF_FILES = ("csv", "xlsx")
_NOT_OF_FILES = ("after", "target")
"""Parameters of pages that files do not take, or that would leave out the beginning of a list."""


def start(request: AnyRequest, query: str, found: list[Found], address: Address, known: KnownAt) -> str:
    """The first page."""
    shown, more = found[:SHOWN], len(found) > SHOWN
    return _render("start.html", request, address=address, known=known, query=query, found=shown, more=more)


def organisation(request: AnyRequest, view: View, page: Page, place: Place, sections: Sequence[Section]) -> str:
    """A page about an organisation."""
    language = language_of(request)
    return _render(
        "organisation.html",
        request,
        address=view.address,
        known=view.known,
        query="",
        question=view.question,
        place=place,
        page=page,
        title=_title(page, language),
        asks="" if page.name == OVERVIEW else language.text(f"question.{page.name}"),
        contents=[
            (language.text(f"group.{group}"), [(each.name, _title(each, language)) for each in pages])
            for group, pages in contents()
        ],
        choices=page.choices(view) if page.choices else (),
        periods=_periods(view),
        kept=_kept(view, page),
        sections=sections,
        files=[(form.upper(), _file(view, page, form)) for form in _OF_FILES],
        still=bool(view.about_persons),
    )


def _periods(view: View) -> list[tuple[str, str, bool]]:
    """Periods that reports are often asked for: what each is called, its page, whether it is the one shown.

    Around the day shown, then the year before on its last day, and what is shown where nothing is chosen.
    """
    asked, language, here = view.address.asked, view.language, view.address.here
    day = asked.as_of
    found = []
    for step, first in (
        ("month", day.replace(day=1)),
        ("quarter", date(day.year, (day.month - 1) // 3 * 3 + 1, 1)),
        ("year", date(day.year, 1, 1)),
    ):
        span = spans(first, first + timedelta(days=366), cast(Step, step))[0]
        name = language.text(f"quick.{step}", name=language.calendar(day, step))
        link = here(**{"from": str(span.first), "to": str(span.last), "after": None})
        found.append((name, link, (asked.from_, asked.to) == (span.first, span.last)))
    chosen = {"from": None, "to": None, "after": None}
    if day.year > 1900:
        before = date(day.year - 1, 12, 31)
        name = language.text("quick.before", name=language.calendar(before, "year"))
        found.append((name, here(**chosen, as_of=str(before)), False))
    if {"as_of", "from", "to"} & view.address.given.keys():
        found.append((language.text("quick.today"), here(**chosen, as_of=None), False))
    return found


def _kept(view: View, page: Page) -> dict[str, str]:
    """What the form above a page sends along besides the view and the choices; a list begins anew."""
    given = view.address.given
    return {name: given[name] for name in page.parameters if name in given and name != "after"}


def _title(page: Page, language: Language) -> str:
    return language.text("page.overview") if page.name == OVERVIEW else word(page.name, language.code)


def _file(view: View, page: Page, form: str) -> str:
    own = {name: value for name, value in view.own.items() if name not in _NOT_OF_FILES}
    if page.by_child and view.question.children:
        own["by"] = "child"
    return view.address.export(view.question, page.report, form, own)


def login(request: AnyRequest, following: str, *, refused: str | None) -> str:
    """The page that asks for a key; `following` is where it leads, `refused` why the one given does not."""
    return _render("login.html", request, address=None, known=None, query="", following=following, refused=refused)


def error(request: AnyRequest, status: int, detail: str, error: Exception) -> str:
    """The page that says what is wrong and what to do; `detail` is for whoever helps."""
    refused = error if isinstance(error, Refused) else None
    match status:
        case HTTPStatus.NOT_FOUND if isinstance(error, UnknownThen):
            kind = "unknown_then"
        case HTTPStatus.NOT_FOUND:
            kind = "unknown"
        case HTTPStatus.FORBIDDEN:
            asker = request.scope.get("user")
            kind = "foreign" if asker is None or asker.sees_figures else "without_figures"
        case _ if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            kind = "unreadable"
        case _:
            kind = "failed"
    return _render(
        "error.html",
        request,
        address=None,
        known=None,
        query="",
        kind=kind,
        detail=textwrap.shorten(detail, MOST_DETAIL, placeholder=" …"),
        refused=refused,
        named=word(refused.parameter, language_of(request).code) if refused else "",
        hint=_HINTS.get(refused.parameter) if refused else None,
        otherwise=_otherwise(request, "known_at" if refused is None else refused.parameter),
        organisation_id=request.path_params.get("organisation_id"),
    )


def _otherwise(request: AnyRequest, parameter: str) -> str | None:
    """What was asked for without what cannot be read of it; everything else stays as it was."""
    can_do_without = not (parameter == "measure" and request.url.path.endswith("/evidence"))
    return without(request, parameter) if can_do_without and request.query_params.get(parameter) else None


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
        **{"still": False} | context,
    )
