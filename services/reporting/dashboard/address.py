"""A page's address: the view that it asks for, and the addresses that show the same view of something else."""

from collections.abc import Mapping
from datetime import date
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

from litestar import Request
from msgspec import Struct

from services.reporting.api import parameters
from services.reporting.api.parameters import Parameters
from services.reporting.dashboard.language import LANGUAGES, Language, spoken
from shared.runtime.http import Problem

AnyRequest = Request[Any, Any, Any]

VIEW = ("as_of", "from", "to", "hierarchy", "known_at", "lang")
"""What makes a view, in the order of the address."""


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
    def follows(self) -> bool:
        """Whether the page shows what is known now, and so changes."""
        return self.asked.known_at is None

    def start(self) -> str:
        """The first page in the same view."""
        return _joined("/", self.view)

    def organisation(self, organisation_id: str) -> str:
        """An organisation in the same view."""
        return _joined(f"/organisations/{quote(organisation_id, safe='')}", self.view)

    def evidence(
        self, organisation_id: str, measure: str, first: date | None = None, last: date | None = None
    ) -> str:
        """The events behind a figure of this view, or behind the figure of another period."""
        period = {"from": str(first or self.asked.from_), "to": str(last or self.asked.to)}
        settled = {name: self.given[name] for name in ("hierarchy", "known_at") if name in self.given}
        query = {"measure": measure, "as_of": str(self.asked.as_of), **period, **settled}
        return _joined(f"/v1/organisations/{quote(organisation_id, safe='')}/evidence", query)


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
    return Address(request.url.path, given, parameters.read(given, today))


def in_language(request: AnyRequest, code: str) -> str:
    """The page that was asked for, right or wrong, in another language."""
    return _joined(request.url.path, {**dict(request.query_params.multi_items()), "lang": code})


def unknown_organisation(organisation_id: str) -> Problem:
    """The answer where an address names an organisation that nobody knows."""
    return Problem(HTTPStatus.NOT_FOUND, f"expected the id of a known organisation, found {organisation_id!r}")


def _joined(path: str, query: Mapping[str, str]) -> str:
    return f"{path}?{urlencode(query)}" if query else path
