"""`restatement`: which figures have changed since they were reported, and the events that changed them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from services.reporting.reports import organisations
from services.reporting.reports.additive import Bodies
from services.reporting.reports.changes import changed, restructured
from services.reporting.reports.evidence import wanted, with_report
from services.reporting.reports.figures import expiry_months
from services.reporting.reports.made_of import FIGURES, Figures, values
from services.reporting.reports.made_of import Asked as Described
from services.reporting.reports.organisations import SQL
from services.reporting.reports.question import WHOLE, Question
from services.reporting.reports.reader import KnownAt
from services.reporting.reports.reading import Reading
from services.reporting.reports.restated_targets import restated_targets
from services.reporting.reports.wanted import Wanted

DEFAULT = ("totals", "attainment", "movements")
RESTATED = tuple(FIGURES)
"""Reports whose figures can be compared: all that have figures with events behind them."""

MOST_REORGANISATIONS = 1000


class Asked(Struct, frozen=True):
    """Since when, of which reports or which one figure, and the page of each figure's events; none of limit 0.

    at_least: how many candidates a cell of `blocked` has.
    """

    since: KnownAt
    reports: tuple[str, ...]
    measure: str | None
    after: int
    limit: int
    at_least: int = 1


class _Closing(Struct, frozen=True):
    position: int
    by: str
    first: date
    last: date


async def restatement(reading: Reading, asked: Asked) -> Bodies:
    """Each figure as known at `since`, as known now, the difference, and a page of the events behind that.

    The changes of all events add up to the difference. An event recorded since then is `recorded`; an earlier one
    is `moved`: the tree is known to be another, or what it is counted with is. Those on days of a period closed
    before are marked with it. With `attainment` also targets that are not what they were. Raises UnknownMeasure.
    """
    now = reading.question
    then = await as_known_then(reading, asked.since)
    was_reading = Reading(reading.connection, then)
    described = list(_described(now, asked))
    were = await _values(was_reading, described)
    are = await _values(reading, described)
    closings = await _closings(reading)
    events = await _events(reading, then, described, asked, were[WHOLE], are[WHOLE])
    days = await _days_of_corrections(reading, events.values()) if closings else {}
    bodies: Bodies = {}
    # Of the months in which certificates expire those that have any, as in the report.
    months = {f"training.{path}" for path in expiry_months(now.as_of)} if asked.measure is None else set()
    for part in now.parts:
        figures = []
        for path, each in _each(described):
            was, is_ = were[part][path], are[part][path]
            if path in months and not was and not is_:
                continue
            figure: dict[str, Any] = {"measure": path, "then": was, "now": is_, "difference": is_ - was}
            if part == WHOLE:
                figure |= _page(events.get(path), each, then, asked, closings, days)
            figures.append(figure)
        since = {"position": asked.since.position, "time": asked.since.time}
        bodies[part] = {"since": since, "figures": figures}
    if asked.measure is None and "attainment" in asked.reports:
        bodies[WHOLE]["targets"] = await restated_targets(reading, was_reading)
    bodies[WHOLE]["reorganisations"] = await _reorganisations(reading, then)
    bodies[WHOLE]["closed_periods"] = [
        {"closed_by": each.by, "from": each.first, "to": each.last, "position": each.position} for each in closings
    ]
    return bodies


async def as_known_then(reading: Reading, since: KnownAt) -> Question:
    """The same question as known then; on the tree of today it may have been about another organisation."""
    now = reading.question
    root = now.root
    if now.hierarchy == "current":
        asked = now.organisation.id
        known = await organisations.organisation(reading.connection, asked, now.as_of, since.position)
        if known is not None:
            root = await organisations.stands_for(reading.connection, asked, now.today, since.position)
    return replace(now, known=since.position, recordedat=since.time, root=root)


def _described(question: Question, asked: Asked) -> Iterator[tuple[str, Figures]]:
    """Figures to compare, in groups that are read together, each with what stands before their paths."""
    if asked.measure is not None:
        one = wanted(asked.measure, question, asked.at_least)
        report, _, path = with_report(asked.measure, question, asked.at_least).partition(".")
        yield f"{report}.", Figures(one, {path: tuple(one.measures)})
        return
    for report in asked.reports:
        for each in FIGURES[report](Described(question, asked.at_least)):
            yield f"{report}.", each


def _each(described: list[tuple[str, Figures]]) -> Iterator[tuple[str, Wanted]]:
    for report, together in described:
        for path, each in together.each():
            yield f"{report}{path}", each


async def _values(reading: Reading, described: list[tuple[str, Figures]]) -> dict[str, dict[str, int]]:
    """Part → path → value."""
    found: dict[str, dict[str, int]] = {part: {} for part in reading.question.parts}
    for report, together in described:
        for part, amounts in (await values(reading, together)).items():
            found[part] |= {f"{report}{path}": amount for path, amount in amounts.items()}
    return found


async def _events(
    reading: Reading,
    then: Question,
    described: list[tuple[str, Figures]],
    asked: Asked,
    were: Mapping[str, int],
    are: Mapping[str, int],
) -> Mapping[str, Sequence[Any]]:
    """Path → events behind what changed, one more than a page of them.

    Events that cancel each other out are named too, but not searched for in every figure.
    """
    differing = {
        path: each for path, each in _each(described) if asked.measure is not None or were[path] != are[path]
    }
    if asked.limit == 0:
        return dict.fromkeys(differing, ())
    return await changed(reading, differing, then, asked.after, asked.limit + 1)


async def _days_of_corrections(reading: Reading, pages: Iterable[Sequence[Any]]) -> Mapping[int, Sequence[date]]:
    """Position of a correction → the day that its fact stood on before, and the one on which it stands by it."""
    positions = sorted({row.position for rows in pages for row in rows if row.type.startswith("FactCorrected.")})
    if not positions:
        return {}
    found: dict[int, list[date]] = {}
    for row in await reading.connection.execute(SQL["corrected_days"], {"positions": positions}):
        days = [row.effectiveon] if row.before is None else _replaced(row.before, row.effectiveon)
        found[row.position] = [*days, *_replaced(row.correction, row.effectiveon)]
    return found


def _replaced(correction: str, original: date) -> list[date]:
    """The day of a fact by a correction of it; none where that says that it was no fact."""
    replacement = msgspec.json.decode(correction)["replacement"]
    if replacement is None:
        return []
    said = replacement.get("effectiveon")
    return [original if said is None else date.fromisoformat(said)]


def _page(
    rows: Sequence[Any] | None,
    each: Wanted,
    then: Question,
    asked: Asked,
    closings: list[_Closing],
    days: Mapping[int, Sequence[date]],
) -> dict[str, Any]:
    """A page of a figure's events; None where they were not searched for."""
    if rows is None:
        return {"events": [], "next": None}
    if asked.limit == 0:
        return {"events": [], "next": asked.after}
    shown = rows[: asked.limit]
    timed = each.contribution == "went_on"
    return {
        "events": [_event(row, then.known, closings, days, timed=timed) for row in shown],
        "next": shown[-1].position if len(rows) > asked.limit else None,
    }


def _event(
    row: Any, since: int, closings: list[_Closing], days: Mapping[int, Sequence[date]], *, timed: bool
) -> dict[str, Any]:
    # A correction takes effect where what it corrects stood, and stands by it; its own day says nothing.
    takes_effect = days.get(row.position, (row.effectiveon,))
    closed = next(
        (
            each
            for each in closings
            if each.position < row.position and any(each.first <= day <= each.last for day in takes_effect)
        ),
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
    } | ({"days": row.days, "days_then": row.days_then} if timed else {})


async def _reorganisations(reading: Reading, then: Question) -> list[dict[str, Any]]:
    """Events since then by which organisations of the tree, of then or of now, are known to be something else."""
    found: dict[int, Any] = {}
    for question in (then, reading.question):
        rows = await restructured(Reading(reading.connection, question), then.known, reading.question.known)
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
