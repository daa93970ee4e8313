"""`attainment`: an organisation's targets, how far each is, and the actual figures of the period."""

from collections.abc import Mapping
from datetime import date
from typing import Any, cast

from msgspec.structs import asdict

from services.reporting.reports import figures
from services.reporting.reports.additive import Bodies
from services.reporting.reports.figures import added, measures_of
from services.reporting.reports.organisations import SQL
from services.reporting.reports.question import OWN, WHOLE
from services.reporting.reports.reading import Reading
from services.reporting.reports.wanted import flows, levels, places_without_members
from shared.events.vocabulary import FLOW_METRICS, Metric
from shared.timeline.attainment import attainment as judge
from shared.timeline.measures import MEMBER_LEVELS

ActualsByPart = dict[str, dict[str, int]]


async def attainment(reading: Reading) -> Bodies:
    """Targets that overlap the period, and actuals from its first day to its last that `as_of` lets see."""
    question = reading.question
    actuals = Actuals(reading)
    flowing = await actuals.flows(question.from_, question.until)
    standing = await actuals.levels(question.until)
    bodies: Bodies = {part: {"targets": [], "actuals": flowing[part] | standing[part]} for part in question.parts}
    for row in await _targets(reading):
        part = WHOLE if row.held_by == question.root else row.held_by
        last = min(row.period_to, question.as_of)
        if row.metric in FLOW_METRICS:
            actual = (await actuals.flows(row.period_from, last))[part][row.metric]
        else:
            actual = (await actuals.levels(last))[part][row.metric]
        bodies[part]["targets"].append(_row(row, actual, question.as_of))
    return bodies


class Actuals:
    """Actual figures, each period and each day read once."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._flows: dict[tuple[date, date], ActualsByPart] = {}
        self._levels: dict[date, ActualsByPart] = {}

    async def flows(self, first: date, last: date) -> ActualsByPart:
        """Flow metrics over the days `first` to `last`."""
        if (first, last) not in self._flows:
            sums = await self._reading.sums(flows(first, last, measures_of(_FLOWS)))
            self._flows[(first, last)] = {part: added(_FLOWS, amounts) for part, amounts in sums.items()}
        return self._flows[(first, last)]

    async def levels(self, day: date) -> ActualsByPart:
        """Level metrics on the evening of a day."""
        if day not in self._levels:
            members = await self._reading.sums(levels(day, MEMBER_LEVELS))
            places = await self._reading.sums(places_without_members(day))
            self._levels[day] = {
                part: {"members": sum(members[part].values()), **places[part]}
                | ({} if places[part] else {"places_without_members": 0})
                for part in members
            }
        return self._levels[day]


_FLOWS: Mapping[str, figures.Measures] = {str(metric): of for metric, of in figures.ACTUAL_FLOWS.items()}


async def _targets(reading: Reading) -> list[Any]:
    question = reading.question
    parameters = {
        "organisations": [question.root, *(part for part in question.parts if part not in (WHOLE, OWN))],
        "day": question.as_of,
        "known": question.known,
        "first": question.from_,
        "last": question.to,
    }
    if question.hierarchy == "as_was":
        return list((await reading.connection.execute(SQL["targets"], parameters)).all())
    parameters["today"] = question.today
    return list((await reading.connection.execute(SQL["targets_current"], parameters)).all())


def _row(row: Any, actual: int, as_of: date) -> dict[str, Any]:
    judged = judge(
        cast(Metric, row.metric), row.comparison, row.value, actual, row.period_from, row.period_to, as_of
    )
    return {
        "target_id": row.target_id,
        "metric": row.metric,
        "basis": row.basis,
        "issuer_id": row.issuer_id,
        "from": row.period_from,
        "to": row.period_to,
        "comparison": row.comparison,
        "target": row.value,
        **asdict(judged),
    }
