"""The table of contents: the pages about an organisation, in groups, each with its report and its choices."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from services.reporting.api.offered import REPORTS
from services.reporting.api.parameters import SHARED
from services.reporting.api.routes import EVIDENCE_PARAMETERS
from services.reporting.dashboard.pieces import Choice, Section
from services.reporting.dashboard.view import View
from services.reporting.dashboard.views import (
    candidates,
    deadlines,
    movements,
    overview,
    people,
    places,
    series,
    structure,
    targets,
    why,
)

Build = Callable[[View], Awaitable[list[Section]]]

OVERVIEW = ""
"""The page that has no name of its own in the address."""

GROUPS = ("results", "people", "organisations", "record")


class Page(Struct, frozen=True):
    """A page: how it is built, which report it shows and exports, and what can be chosen on it."""

    name: str
    group: str
    build: Build
    report: str
    by_child: bool = False
    """Whether it shows children, and so its files have them too."""
    parameters: tuple[str, ...] = ()
    defaults: Mapping[str, str] = {}
    """What its parameters are where the address does not say, if that differs from the API."""
    choices: Callable[[View], Sequence[Choice]] | None = None
    listed: bool = True
    """Whether the contents lead to it; figures lead to the others."""


def _page(name: str, group: str, build: Build, **more: Any) -> Page:
    return Page(name, group, build, name, parameters=REPORTS[name].parameters, **more)


_OF_EVIDENCE = tuple(name for name in EVIDENCE_PARAMETERS if name not in SHARED and name != "limit")

_MADE: Sequence[Page] = (
    Page(OVERVIEW, "results", overview.overview, "totals", by_child=True),
    _page("attainment", "results", targets.attainment, by_child=True),
    _page("cascade", "results", targets.cascade),
    _page("movements", "results", movements.movements, by_child=True),
    _page(
        "timeseries",
        "results",
        series.timeseries,
        defaults={"measure": series.MEASURE, "step": "month"},
        choices=series.choices_over_time,
    ),
    _page(
        "ranking",
        "results",
        series.ranking,
        defaults={"measure": series.MEASURE, "order": "desc"},
        choices=series.choices_of_ranking,
    ),
    _page("profile", "people", people.profile),
    _page("funnel", "people", candidates.funnel),
    _page("blocked", "people", candidates.blocked, choices=candidates.choices_of_blocked),
    Page("mentoring", "people", deadlines.mentoring, "mentoring"),  # without its list of mentors
    _page("training", "people", deadlines.training),
    _page("timeliness", "people", deadlines.timeliness, by_child=True),
    _page("retention", "people", candidates.retention),
    _page("structure", "organisations", structure.structure, by_child=True),
    _page("coverage", "organisations", places.coverage, choices=places.choices_of_places),
    _page("enterprise", "organisations", places.enterprise),
    _page("restatement", "record", why.restatement, choices=why.choices_of_restatement),
    Page("evidence", "record", why.evidence, "evidence", parameters=(*_OF_EVIDENCE, "target"), listed=False),
)


PAGES: Mapping[str, Page] = {page.name: page for page in _MADE}
"""Name in the address → page."""


def contents() -> list[tuple[str, list[Page]]]:
    """Groups and the pages that are listed in them."""
    listed = [page for page in PAGES.values() if page.listed]
    return [(group, [page for page in listed if page.group == group]) for group in GROUPS]
