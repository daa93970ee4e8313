"""The OpenAPI document: the query parameters of each call, a path for each report, and what can be answered."""

from collections.abc import Iterable, Mapping
from copy import copy
from http import HTTPStatus
from typing import Any

from litestar.openapi.spec import (
    OpenAPI,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    Parameter,
    Reference,
    Schema,
)

from services.reporting.api.negotiation import MEDIA_TYPES
from services.reporting.api.offered import REPORTS
from services.reporting.api.parameters import MAX_PAGE, MOST_CANDIDATES, SHARED
from services.reporting.reports.coverage import FLAGS
from services.reporting.reports.spans import STEPS
from shared.events.vocabulary import FLOW_METRICS, LEVEL_METRICS, ORGANISATION_KINDS, OUTER_ID
from shared.runtime.openapi import problem

ORGANISATIONS = "/v1/organisations"
ABOUT_ONE = "/v1/organisations/{organisation_id}"
ANY_REPORT = f"{ABOUT_ONE}/{{report}}"

_POSITION = r"^[0-9]{1,18}$"


def _text(**more: Any) -> Schema:
    return Schema(type=OpenAPIType.STRING, **more)


def _one_of(values: Iterable[str], default: str | None = None) -> Schema:
    return _text(enum=list(values), default=default)


_MOMENT = Schema(one_of=[_text(pattern=_POSITION), _text(format="date-time")])

DESCRIBED: Mapping[str, tuple[Schema, str]] = {
    "as_of": (_text(format="date"), "What was true on the evening of this day; today in Vietnam by default."),
    "known_at": (_MOMENT, "What was known then: a position, or a time. Now by default."),
    "hierarchy": (_one_of(("as_was", "current"), "as_was"), "The tree of each day, or that of today."),
    "from": (
        _text(format="date"),
        "First day of the period of flows; 1 January of the year of `as_of` by default.",
    ),
    "to": (_text(format="date"), "Last day of the period of flows; 31 December by default."),
    "by": (_one_of(("child",)), "The same for each child, and what belongs to none."),
    "min_position": (
        Schema(type=OpenAPIType.INTEGER, minimum=0),
        "Wait, at most 5 s, until this position is projected.",
    ),
    "format": (_one_of(MEDIA_TYPES), "The form of the answer; it goes before the Accept header."),
    "lang": (_one_of(("vi", "en")), "The language of headings in files; it goes before Accept-Language."),
    "query": (_text(max_length=200), "Part of a name or id; accents and case do not matter."),
    "kind": (_one_of(ORGANISATION_KINDS), "Only organisations of this kind."),
    "parent": (_text(pattern=f"^{OUTER_ID}$"), "Only the children of this organisation."),
    "after": (_text(), "`next` of the page before."),
    "limit": (
        Schema(type=OpenAPIType.INTEGER, minimum=1, maximum=MAX_PAGE),
        "Rows of a page; 100 by default, in files 1,000. Of `restatement`: events of each figure, 20 by default, "
        "0 for the figures alone.",
    ),
    "measure": (
        _text(examples=["members.total"]),
        "The dotted path of a figure, the report's name before it or not.",
    ),
    "flag": (_one_of(FLAGS), "Lists only the places that have it."),
    "at_least": (
        Schema(type=OpenAPIType.INTEGER, minimum=1, maximum=MOST_CANDIDATES, default=1),
        "Open candidates that a cell has to be among the blocked ones.",
    ),
    "list": (_one_of(("mentors",)), "With a page of mentors by id; who reads it is noted."),
    "step": (_one_of(STEPS, "month"), "How long the points of a series are."),
    "order": (_one_of(("desc", "asc"), "desc"), "The highest value first, or the lowest."),
    "metric": (_one_of((*FLOW_METRICS, *LEVEL_METRICS), "admissions"), "Of the targets ranked by."),
    "basis": (_one_of(("resolution", "assigned", "own"), "resolution"), "Of the targets ranked by."),
    "issuer": (_text(pattern=f"^{OUTER_ID}$"), "Of the targets ranked by."),
    "since": (_MOMENT, "What is compared with: a position or a time. The beginning of the month by default."),
    "report": (_text(examples=["totals,movements"]), "Names of reports to compare, with commas between."),
}
"""Query parameter → form, meaning."""

_PROBLEMS = {
    HTTPStatus.BAD_REQUEST: "A parameter cannot be read; the detail says what was expected.",
    HTTPStatus.UNAUTHORIZED: "No key, or one that is not known.",
    HTTPStatus.FORBIDDEN: "The organisation is not in the key's subtree.",
    HTTPStatus.NOT_FOUND: "The organisation is not known at this position.",
    HTTPStatus.NOT_ACCEPTABLE: "None of the forms asked for is offered.",
    HTTPStatus.SERVICE_UNAVAILABLE: "`min_position` is not projected yet, or the database takes too long.",
}
_READS: Mapping[str, tuple[Schema, str]] = {
    "since": (_text(format="date"), "The first day; all by default."),
    "key": (_text(), "Only what was read with the key of this name."),
    "organisation": (_text(pattern=f"^{OUTER_ID}$"), "Only what was read about this organisation."),
    "after": (Schema(type=OpenAPIType.INTEGER, minimum=0), "`next` of the page before."),
    "limit": DESCRIBED["limit"],
}


def describe(document: OpenAPI, search: tuple[str, ...], evidence: tuple[str, ...]) -> None:
    """Put into the document what handlers read for themselves; `search` and `evidence` are their parameters."""
    paths = document.paths
    assert paths is not None
    any_report = paths.pop(ANY_REPORT)
    for report, offered in REPORTS.items():
        item = copy(any_report)
        assert item.get is not None
        operation = copy(item.get)
        operation.operation_id = f"Report{report.capitalize()}"
        operation.parameters = [
            each for each in operation.parameters or [] if getattr(each, "name", "") != "report"
        ]
        _complete(operation, (*SHARED, *offered.parameters))
        item.get = operation
        paths[f"{ABOUT_ONE}/{report}"] = item
    for path, taken in ((ORGANISATIONS, search), (ABOUT_ONE, SHARED), (f"{ABOUT_ONE}/evidence", evidence)):
        found = paths[path].get
        assert found is not None
        _complete(found, taken)
    reads = paths["/v1/reads"].get
    assert reads is not None
    reads.parameters = _query(_READS)


def _query(described: Mapping[str, tuple[Schema, str]]) -> list[Parameter | Reference]:
    return [
        Parameter(name=name, param_in="query", schema=schema, description=said)
        for name, (schema, said) in described.items()
    ]


def _complete(operation: Operation, taken: Iterable[str]) -> None:
    query = _query({name: DESCRIBED[name] for name in taken})
    operation.parameters = [*(operation.parameters or []), *query]
    answer = OpenAPIResponse(
        "The answer, with its position in `Ketnap-Position`.",
        content={
            "application/json": OpenAPIMediaType(schema=Schema(type=OpenAPIType.OBJECT)),
            **{
                media_type: OpenAPIMediaType(schema=_text(format="binary"))
                for name, media_type in MEDIA_TYPES.items()
                if name != "json"
            },
        },
    )
    problems = {str(int(status)): problem(said) for status, said in _PROBLEMS.items()}
    operation.responses = {"200": answer, "304": OpenAPIResponse("The client has it already."), **problems}
