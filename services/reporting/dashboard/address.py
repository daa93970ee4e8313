"""A page's address: the view that it asks for, and the addresses that show the same view of something else."""

import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

from litestar import Request
from msgspec import Struct

from services.reporting.api import parameters
from services.reporting.api.parameters import VIETNAM, Parameters
from services.reporting.dashboard.language import LANGUAGES, Language, spoken
from services.reporting.reports.question import Question
from services.reporting.reports.reader import KnownAt
from shared.runtime.http import Problem

AnyRequest = Request[Any, Any, Any]

VIEW = ("as_of", "from", "to", "hierarchy", "known_at", "lang")
"""What makes a view, in the order of the address."""

MOMENTS = ("known_at", "since")
"""Parameters in which a page, unlike the API, also takes a day: what was known when it ended."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class Address(Struct, frozen=True):
    """Where a page lies: its path, its parameters as they were given, and what they mean."""

    path: str
    given: Mapping[str, str]
    asked: Parameters

    @property
    def view(self) -> dict[str, str]:
        """The parameters that other pages are linked with."""
        return {name: self.given[name] for name in VIEW if name in self.given}

    @property
    def own(self) -> dict[str, str]:
        """The parameters of this page alone, as the API takes them."""
        return {name: _moment(name, value) for name, value in self.given.items() if name not in VIEW}

    @property
    def follows(self) -> bool:
        """Whether the page shows what is known now, and so changes."""
        return self.asked.known_at is None

    @property
    def known_day(self) -> str:
        """The day at whose end the view's knowledge stands, if it was given as a day."""
        given = self.given.get("known_at", "")
        return given if _DAY.fullmatch(given) else ""

    def start(self) -> str:
        """The first page in the same view."""
        return _joined("/", self.view)

    def organisation(self, organisation_id: str, page: str = "", **own: str) -> str:
        """An organisation in the same view, or one of its pages; `own` are parameters that differ, or more."""
        path = f"/organisations/{quote(organisation_id, safe='')}"
        return _joined(
            f"{path}/{page}" if page else path,
            own | {name: value for name, value in self.view.items() if name not in own},
        )

    def here(self, **changed: str | None) -> str:
        """This page with some parameters changed; None leaves one out."""
        given = {**self.given, **changed}
        return _joined(self.path, {name: value for name, value in given.items() if value is not None})

    def pinned(self, known: KnownAt) -> str:
        """This page as it is now, whatever day it is read on and whatever is recorded by then."""
        settled = {"as_of": str(self.asked.as_of), "from": str(self.asked.from_), "to": str(self.asked.to)}
        return self.here(**settled, known_at=str(known.position))

    def evidence(
        self,
        organisation_id: str,
        measure: str,
        first: date | None = None,
        last: date | None = None,
        as_of: date | None = None,
        known_at: int | None = None,
        **own: str | None,
    ) -> str:
        """The events behind a figure of this view, or behind that of another period or day, or as known before.

        `own` are more parameters of that page.
        """
        query = {
            "measure": measure,
            **{name: value for name, value in own.items() if value is not None},
            "as_of": str(as_of or self.asked.as_of),
            "from": str(first or self.asked.from_),
            "to": str(last or self.asked.to),
        }
        settled = {name: self.given[name] for name in ("hierarchy", "known_at", "lang") if name in self.given}
        if known_at is not None:
            settled["known_at"] = str(known_at)
        return _joined(f"/organisations/{quote(organisation_id, safe='')}/evidence", query | settled)

    def export(self, question: Question, report: str, form: str, own: Mapping[str, str]) -> str:
        """The same figures as a file, in the same language, as known at the position that the page shows."""
        query = {
            **own,
            "as_of": str(question.as_of),
            "from": str(question.from_),
            "to": str(question.to),
            "hierarchy": question.hierarchy,
            "known_at": str(question.known),
            "format": form,
        }
        if "lang" in self.given:
            query["lang"] = self.given["lang"]
        return _joined(f"/v1/organisations/{quote(question.organisation.id, safe='')}/{report}", query)


def language_of(request: AnyRequest) -> Language:
    """The language to answer a request in, whatever else is wrong with it."""
    return spoken(request.query_params.get("lang"), request.headers.get("accept-language", ""))


def read_address(request: AnyRequest, today: date, *more: str) -> Address:
    """The address of a request; `more` names parameters besides the view's. Raises Problem.

    An empty value, as forms send it, is as good as none.
    """
    query = parameters.single(request.query_params, (*VIEW, *more))
    given = {name: value for name, value in query.items() if value.strip()}
    parameters.one_of(given, "lang", tuple(LANGUAGES), None)
    meant = {name: _moment(name, value) for name, value in given.items()}
    return Address(request.url.path, given, parameters.read(meant, today))


def in_language(request: AnyRequest, code: str) -> str:
    """The page that was asked for, right or wrong, in another language."""
    return _joined(request.url.path, {**dict(request.query_params.multi_items()), "lang": code})


def without(request: AnyRequest, parameter: str) -> str:
    """The page that was asked for, without a parameter."""
    query = {name: value for name, value in request.query_params.multi_items() if name != parameter}
    return _joined(request.url.path, query)


class UnknownThen(Problem):
    """An organisation that is known now, but was not at `known_at`."""


def unknown_organisation(organisation_id: str) -> Problem:
    """The answer where an address names an organisation that nobody knows."""
    return Problem(HTTPStatus.NOT_FOUND, f"expected the id of a known organisation, found {organisation_id!r}")


def _moment(name: str, value: str) -> str:
    """A day as the moment of its end in Vietnam, wherever a moment is asked for; everything else as it is."""
    if name not in MOMENTS or not _DAY.fullmatch(value):
        return value
    day = parameters.day({name: value}, name, date.min)
    end = datetime.combine(day + timedelta(days=1), time.min, VIETNAM) - timedelta(microseconds=1)
    return end.isoformat()


def _joined(path: str, query: Mapping[str, str]) -> str:
    return f"{path}?{urlencode(query)}" if query else path
