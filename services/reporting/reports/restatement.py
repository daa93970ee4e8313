"""`restatement`: which figures have changed since they were reported, and the events that changed them."""

from collections import defaultdict
from datetime import date
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from services.reporting.reports import organisations
from services.reporting.reports.additive import Bodies
from services.reporting.reports.evidence import UnknownMeasure, figures_of
from services.reporting.reports.organisations import SQL
from services.reporting.reports.question import WHOLE, Question
from services.reporting.reports.reader import KnownAt
from services.reporting.reports.reading import Reading, Wanted

DEFAULT = ("totals", "attainment", "movements")
RESTATED = (*DEFAULT, "structure", "coverage", "enterprise")
"""Reports whose figures can be compared."""


MOST_REORGANISATIONS = 1000


class Asked(Struct, frozen=True):
    """Since when, of which reports or which one figure, and the page of each figure's events; none of limit 0."""

    since: KnownAt
    reports: tuple[str, ...]
    measure: str | None
    after: int
    limit: int


class _Closing(Struct, frozen=True):
    position: int
    by: str
    first: date
    last: date


async def restatement(reading: Reading, asked: Asked) -> Bodies:
    """Each figure as known at `since`, as known now, the difference, and a page of the events behind that.

    The changes of all events add up to the difference. An event recorded since then is `recorded`; an earlier one
    is `moved`, because the tree is known to be another. Those on days of a period closed before are marked with
    it. Raises UnknownMeasure.
    """
    now = reading.question
    then = await _then(reading, asked.since)
    was_reading = Reading(reading.connection, then)
    wanted = _wanted(now, asked)
    were = await _values(was_reading, wanted)
    are = await _values(reading, wanted)
    closings = await _closings(reading)
    bodies: Bodies = {}
    for part in now.parts:
        figures = []
        for path, each in wanted.items():
            was, is_ = were[part][path], are[part][path]
            figure: dict[str, Any] = {"measure": path, "then": was, "now": is_, "difference": is_ - was}
            if part == WHOLE:
                figure |= await _events(reading, then, each, is_ - was, asked, closings)
            figures.append(figure)
        since = {"position": asked.since.position, "time": asked.since.time}
        bodies[part] = {"since": since, "figures": figures}
    bodies[WHOLE]["reorganisations"] = await _reorganisations(reading, then)
    bodies[WHOLE]["closed_periods"] = [
        {"closed_by": each.by, "from": each.first, "to": each.last, "position": each.position} for each in closings
    ]
    return bodies


async def _then(reading: Reading, since: KnownAt) -> Question:
    """The same question as known then."""
    now = reading.question
    root = now.root
    if now.hierarchy == "current":
        asked = now.organisation.id
        known = await organisations.organisation(reading.connection, asked, now.as_of, since.position)
        if known is not None:
            root = await organisations.stands_for(reading.connection, asked, now.today, since.position)
    return replace(now, known=since.position, recordedat=since.time, root=root)


def _wanted(question: Question, asked: Asked) -> dict[str, Wanted]:
    """Paths, each with its report's name before it, and what they add up."""
    offered = {f"{report}.{path}": each for report, path, each in figures_of(question) if report in RESTATED}
    if asked.measure is None:
        return {path: each for path, each in offered.items() if path.partition(".")[0] in asked.reports}
    if asked.measure not in offered:
        known = ", ".join(sorted(offered))
        raise UnknownMeasure(f"expected measure to be one of {known}; found {asked.measure!r}")
    return {asked.measure: offered[asked.measure]}


async def _values(reading: Reading, wanted: dict[str, Wanted]) -> dict[str, dict[str, int]]:
    """Part → path → value; figures of one kind and the same days are read by one statement."""
    alike: dict[Any, list[tuple[str, Wanted]]] = defaultdict(list)
    for path, each in wanted.items():
        alike[each.key].append((path, each))
    found: dict[str, dict[str, int]] = {part: {} for part in reading.question.parts}
    for (contribution, first, last), figures in alike.items():
        measures = {measure for _, each in figures for measure in each.measures}
        sums = await reading.sums(Wanted(contribution, measures, first, last))
        for part, amounts in sums.items():
            for path, each in figures:
                counted = each.measures or list(amounts)
                found[part][path] = sum(amounts[measure] for measure in counted)
    return found


async def _events(
    reading: Reading, then: Question, wanted: Wanted, difference: int, asked: Asked, closings: list[_Closing]
) -> dict[str, Any]:
    """A page of events. Events that cancel each other out are named too, but not searched for in every figure."""
    if difference == 0 and asked.measure is None:
        return {"events": [], "next": None}
    if asked.limit == 0:
        return {"events": [], "next": asked.after}
    rows = await reading.changed(wanted, then, asked.after, asked.limit + 1)
    shown = rows[: asked.limit]
    return {
        "events": [_event(row, then.known, closings) for row in shown],
        "next": shown[-1].position if len(rows) > asked.limit else None,
    }


def _event(row: Any, since: int, closings: list[_Closing]) -> dict[str, Any]:
    closed = next(
        (each for each in closings if each.position < row.position and each.first <= row.effectiveon <= each.last),
        None,
    )
    return {
        "position": row.position,
        "source": row.source,
        "event_id": row.event_id,
        "change": row.change,
        "type": row.type,
        "effectiveon": row.effectiveon,
        "recordedat": row.recordedat,
        "because": "recorded" if row.position > since else "moved",
        "closed_period": closed and {"closed_by": closed.by, "from": closed.first, "to": closed.last},
    }


async def _reorganisations(reading: Reading, then: Question) -> list[dict[str, Any]]:
    """Events since then by which organisations of the tree, of then or of now, are known to be something else."""
    found: dict[int, Any] = {}
    for question in (then, reading.question):
        rows = await Reading(reading.connection, question).restructured(then.known, reading.question.known)
        found |= {row.position: row for row in rows}
    return [
        {
            "position": row.position,
            "source": row.source,
            "event_id": row.event_id,
            "type": row.type,
            "effectiveon": row.effectiveon,
        }
        for _, row in sorted(found.items())
    ][:MOST_REORGANISATIONS]


async def _closings(reading: Reading) -> list[_Closing]:
    """Periods that the asked organisation, or one above it on `as_of`, has closed."""
    question = reading.question
    above = await organisations.ancestors(reading.connection, question.root, question.as_of, question.known)
    own = {question.organisation.id, question.root}
    # Who is above is not everybody's to know: it is told that they did, not who they are.
    subjects = [f"organisation/{each}" for each in sorted({*own, *(each.id for each in above)})]
    rows = await reading.connection.execute(SQL["closings"], {"subjects": subjects, "known": question.known})
    found = []
    for row in rows:
        data = msgspec.json.decode(row.data)
        if row.correction is not None:
            replacement = msgspec.json.decode(row.correction)["replacement"]
            if replacement is None:
                continue
            data = replacement.get("data") or data
        first, last = date.fromisoformat(data["from"]), date.fromisoformat(data["to"])
        by = "own" if row.subject.partition("/")[2] in own else "above"
        found.append(_Closing(row.position, by, first, last))
    return found
