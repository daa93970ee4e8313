"""One organisation in the view of an address: asked for reports as the API answers them, and put into words."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

import msgspec
from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.api import reach
from services.reporting.api.answers import report_body
from services.reporting.api.export.headings import heading, word
from services.reporting.api.offered import REPORTS
from services.reporting.dashboard.address import Address
from services.reporting.dashboard.language import Language
from services.reporting.dashboard.pieces import Cell
from services.reporting.reports.question import Question
from services.reporting.reports.reader import KnownAt
from services.reporting.reports.reading import Reading
from shared.runtime.access.principal import Principal
from shared.runtime.sql import Statements

SQL = Statements("services.reporting.dashboard", "queries.sql")

SIGNS = {"exceeded": "▲", "attained": "✓", "on_track": "●", "behind": "▼", "missed": "✕"}
"""What stands beside a status in words, so that it is seen at a glance without its colour."""

Body = dict[str, Any]
"""An answer in plain values; dates stay dates."""


class View:
    """What a page is built from. `question` has the organisation's children."""

    def __init__(
        self,
        connection: AsyncConnection,
        question: Question,
        known: KnownAt,
        address: Address,
        language: Language,
        principal: Principal,
        own: Mapping[str, str],
    ) -> None:
        """`own` are the page's own parameters, with their defaults, as the API takes them."""
        self.connection = connection
        self.question = question
        self.known = known
        self.address = address
        self.language = language
        self.principal = principal
        self.t = language.text
        self.id = question.organisation.id
        self.own = dict(own)
        self.about_persons: list[tuple[str, Body]] = []
        """Answers to be noted in the read log before the page goes out: report, body."""

    def reading(self, *, by_child: bool = False) -> Reading:
        """For what no report answers as it is."""
        alone = replace(self.question, by_child=False, children=())
        return Reading(self.connection, self.question if by_child else alone)

    async def report(self, name: str, own: Mapping[str, str] | None = None, *, by_child: bool = False) -> Body:
        """The answer of the API to the same question. Raises Problem where `own` cannot be read."""
        reading = self.reading(by_child=by_child)
        bodies = await REPORTS[name].work_out(reading, own or {}, self.principal)
        return plain(report_body(reading.question, bodies))

    def word(self, code: str) -> str:
        """The word for a code or a step of a figure's path, as in files."""
        return word(code, self.language.code)

    def heading(self, path: str) -> str:
        """The name of a figure by its path, as in files."""
        return heading(path, self.language.code)

    def figure_name(self, measure: str) -> str:
        """The name of a figure without that of its report."""
        report, _, path = measure.partition(".")
        if report == "movements" and f"movement.{path}" in self.language.texts:
            return self.t(f"movement.{path}")
        name = self.heading(path if report in REPORTS and path else measure)
        return name[:1].upper() + name[1:]

    def event(self, type_: str) -> str:
        """What an event of a type says, `MemberAdmitted.v1` for example."""
        return self.t(f"event.{type_.partition('.')[0]}")

    def place_kind(self, kind: str) -> str:
        """The kind of a place: sources name them as they like, and some names are ours to translate."""
        known = self.language.texts.get(f"place_kind.{kind}")
        return kind.replace("_", " ") if known is None else known

    def span(self, first: date, last: date) -> str:
        """A period."""
        return self.t("period.span", first=self.language.day(first), last=self.language.day(last))

    @property
    def period(self) -> str:
        """The period of flows as far as `as_of` lets see, or that it has not begun."""
        question = self.question
        if question.until < question.from_:
            return self.t("period.not_begun")
        return self.t(
            "view.period", first=self.language.day(question.from_), last=self.language.day(question.until)
        )

    def number(self, amount: float | None, **more: Any) -> Cell:
        """A number that has no events behind it, or is made of others at a `link`; a dash where there is none."""
        if amount is None:
            return Cell("–", figure=True)
        return Cell(self.language.number(amount), figure=True, **more)

    def figure(
        self,
        amount: int,
        measure: str,
        owner: str | None = None,
        *,
        first: date | None = None,
        last: date | None = None,
        as_of: date | None = None,
        at_least: str | None = None,
        **more: Any,
    ) -> Cell:
        """A figure that leads to its events; `owner` is the asked organisation, or a child's id."""
        link = self.address.evidence(owner or self.id, measure, first, last, as_of, at_least=at_least)
        return Cell(self.language.number(amount), link=link, figure=True, **more)

    def restatement(self, measure: str, **own: str | None) -> str:
        """What changed in a figure of this view, of its very days, since the month began."""
        question = self.question
        settled = {"as_of": str(question.as_of), "from": str(question.from_), "to": str(question.to)}
        more = {name: value for name, value in own.items() if value is not None}
        return self.address.organisation(self.id, "restatement", measure=measure, **more, **settled)

    def of_part(self, amount: int, measure: str, part: Mapping[str, Any], **more: Any) -> Cell:
        """A figure of a child, or of what belongs to none; the latter has no evidence of its own."""
        owner = part.get("organisation")
        return self.figure(amount, measure, owner["id"], **more) if owner else self.number(amount, **more)

    def percent(self, ratio: float | None, link: str | None = None, **more: Any) -> Cell:
        """A ratio; `link` leads to what it is made of."""
        link = None if ratio is None else link
        return Cell(self.language.percent(ratio), link=link, figure=True, made=True, **more)

    def day(self, day: date | None) -> Cell:
        """A date."""
        return Cell("–" if day is None else self.language.day(day))

    def moment(self, moment: datetime | None) -> Cell:
        """A time."""
        return Cell("–" if moment is None else self.language.moment(moment))

    def organisation(self, found: Mapping[str, Any] | None, page: str = "", **more: Any) -> Cell:
        """An organisation that leads to itself; what belongs to no child says so."""
        if found is None:
            return Cell(self.t("children.own"), quiet=True)
        return Cell(found["name"], link=self.address.organisation(found["id"], page), **more)

    def status(self, status: str) -> Cell:
        """How a target stands, in words with a sign."""
        return Cell(self.t(f"status.{status}"), status=status, sign=SIGNS[status])

    def pages(self, body: Mapping[str, Any]) -> list[Cell]:
        """Links to the first and the next page of a list: that one as known when this page was shown.

        Else a row whose place becomes another meanwhile would be on both or on neither.
        """
        more = []
        if "after" in self.address.given:
            more.append(Cell(self.t("list.first"), link=self.address.here(after=None)))
        if body.get("next") is not None:
            known = self.address.given.get("known_at", str(self.known.position))
            more.append(Cell(self.t("list.next"), link=self.address.here(after=str(body["next"]), known_at=known)))
        return more

    async def names(self, organisation_ids: Iterable[str]) -> dict[str, str]:
        """Names of organisations, as far as they are the asker's to know."""
        wanted = set(organisation_ids)
        found = await names(self.connection, wanted, self.question.as_of, self.known)
        if self.principal.subtree is None:
            return found
        today, subtree = self.question.today, self.principal.subtree
        return {
            each: name for each, name in found.items() if await reach.holds(self.connection, subtree, each, today)
        }


def plain(body: Mapping[str, Any]) -> Body:
    """An answer as templates and sums take it."""
    found: Body = msgspec.to_builtins(body, builtin_types=(date, datetime))
    return found


def parts(body: Body) -> list[Body]:
    """The children of an answer, and last what belongs to none of them."""
    return [*body["children"], body["own"]] if "own" in body else []


def at(body: Mapping[str, Any], path: str) -> int:
    """The figure at a dotted path."""
    found: Any = body
    for step in path.split("."):
        found = found[step]
    return int(found)


async def names(
    connection: AsyncConnection, organisation_ids: Iterable[str], day: date, known: KnownAt
) -> dict[str, str]:
    """What organisations are called on a day."""
    parameters = {"organisations": sorted(organisation_ids), "day": day, "known": known.position}
    return {row.organisation_id: row.name for row in await connection.execute(SQL["names"], parameters)}
