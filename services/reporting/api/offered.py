"""Reports that are offered, and the parameters that each takes besides those that all take."""

from collections.abc import Awaitable, Callable, Mapping

from msgspec import Struct

from services.reporting.api import cursors, parameters, reach
from services.reporting.reports import reader
from services.reporting.reports.additive import Bodies, movements_report, structure, totals
from services.reporting.reports.attainment import attainment
from services.reporting.reports.blocked import blocked
from services.reporting.reports.cascade import cascade
from services.reporting.reports.coverage import FLAGS, coverage, enterprise
from services.reporting.reports.evidence import UnknownMeasure
from services.reporting.reports.funnel import funnel
from services.reporting.reports.mentoring import mentoring
from services.reporting.reports.profile import profile
from services.reporting.reports.ranking import ATTAINMENT, Order, ranking
from services.reporting.reports.reader import AheadOfLog, KnownAt
from services.reporting.reports.reading import Reading
from services.reporting.reports.restatement import DEFAULT, RESTATED, Asked, as_known_then, restatement
from services.reporting.reports.retention import retention
from services.reporting.reports.spans import STEPS, Step
from services.reporting.reports.timeliness import timeliness
from services.reporting.reports.timeseries import TooManyPoints, timeseries
from services.reporting.reports.training import training
from shared.events.vocabulary import FLOW_METRICS, LEVEL_METRICS
from shared.runtime.access.principal import Principal

Query = Mapping[str, str]
Worked = Callable[[Reading, Query, Principal], Awaitable[Bodies]]


class Report(Struct, frozen=True):
    """How a report is worked out of a reading and the query's own parameters, and the names of these."""

    work_out: Worked
    parameters: tuple[str, ...] = ()


def plain(bodies: Callable[[Reading], Awaitable[Bodies]]) -> Report:
    """A report that takes no parameters of its own."""

    async def work_out(reading: Reading, _: Query, __: Principal) -> Bodies:
        return await bodies(reading)

    return Report(work_out)


async def _coverage(reading: Reading, query: Query, _: Principal) -> Bodies:
    flag = parameters.one_of(query, "flag", FLAGS, None)
    bodies = await coverage(reading, flag, cursors.count_and_id(query), _limit(query))
    return cursors.closed(bodies)


async def _blocked(reading: Reading, query: Query, _: Principal) -> Bodies:
    bodies = await blocked(reading, parameters.at_least(query), cursors.count_and_id(query), _limit(query))
    return cursors.closed(bodies)


async def _enterprise(reading: Reading, query: Query, _: Principal) -> Bodies:
    return cursors.closed(await enterprise(reading, cursors.count_and_id(query), _limit(query)))


async def _timeseries(reading: Reading, query: Query, _: Principal) -> Bodies:
    step = parameters.one_of(query, "step", STEPS, "month")
    asked: Step = next(each for each in STEPS if each == step)
    try:
        return await timeseries(reading, query.get("measure", "members.total"), asked)
    except UnknownMeasure as error:
        raise _no_figure(query, error) from None
    except TooManyPoints as error:
        raise parameters.Refused("step", asked, str(error)) from None


async def _ranking(reading: Reading, query: Query, _: Principal) -> Bodies:
    measure = query.get("measure", "members.total")
    own = [name for name in ("metric", "basis", "issuer") if name in query]
    if own and measure != ATTAINMENT:
        expected = f"measure={ATTAINMENT} with {' and '.join(own)}"
        raise parameters.refuse("measure", expected, measure)
    order = Order(
        measure,
        parameters.one_of(query, "order", ("desc", "asc"), "desc") == "desc",
        parameters.one_of(query, "metric", (*FLOW_METRICS, *LEVEL_METRICS), "admissions") or "",
        parameters.one_of(query, "basis", ("resolution", "assigned", "own"), "resolution") or "",
        parameters.outer_id(query, "issuer"),
    )
    try:
        return await ranking(reading, order)
    except UnknownMeasure as error:
        raise _no_figure(query, error) from None


async def _restatement(reading: Reading, query: Query, principal: Principal) -> Bodies:
    reports = tuple(dict.fromkeys(query.get("report", ",".join(DEFAULT)).split(",")))
    for report in reports:
        if report not in RESTATED:
            raise parameters.refuse("report", f"some of {', '.join(RESTATED)}, with commas between", report[:200])
    asked = Asked(
        await _since(reading, query),
        reports,
        query.get("measure"),
        parameters.number(query, "after", 0, 0, parameters.MAX_POSITION),
        parameters.number(query, "limit", 20, 0, parameters.MAX_PAGE),
        parameters.at_least(query),
    )
    await reach.refuse_what_took_over(reading.connection, await as_known_then(reading, asked.since), principal)
    try:
        return await restatement(reading, asked)
    except UnknownMeasure as error:
        raise _no_figure(query, error) from None


async def _mentoring(reading: Reading, query: Query, _: Principal) -> Bodies:
    listed = parameters.one_of(query, "list", ("mentors",), None) is not None
    bodies = await mentoring(reading, listed, cursors.count_and_uuid(query), _limit(query))
    return cursors.closed(bodies) if listed else bodies


async def _since(reading: Reading, query: Query) -> KnownAt:
    """What is compared with; by default what was known when the month of `known_at` began."""
    question = reading.question
    asked = parameters.position_or_time(query, "since")
    if asked is None:
        if question.recordedat is None:
            return KnownAt(question.known, None)
        local = question.recordedat.astimezone(parameters.VIETNAM)
        asked = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    try:
        found = await reader.known_at(reading.connection, asked)
    except AheadOfLog:
        found = None
    if found is None or found.position > question.known:
        expected = f"a position or time not after known_at, which is position {question.known}"
        raise parameters.refuse("since", expected, query.get("since", ""))
    return found


def _no_figure(query: Query, error: UnknownMeasure) -> parameters.Refused:
    return parameters.Refused("measure", query.get("measure", "")[:200], str(error))


def _limit(query: Query, default: int = parameters.PAGE) -> int:
    return parameters.number(query, "limit", default, 1, parameters.MAX_PAGE)


REPORTS: dict[str, Report] = {
    "totals": plain(totals),
    "attainment": plain(attainment),
    "movements": plain(movements_report),
    "structure": plain(structure),
    "profile": plain(profile),
    "funnel": plain(funnel),
    "blocked": Report(_blocked, ("at_least", "after", "limit")),
    "coverage": Report(_coverage, ("flag", "after", "limit")),
    "cascade": plain(cascade),
    "enterprise": Report(_enterprise, ("after", "limit")),
    "retention": plain(retention),
    "timeseries": Report(_timeseries, ("measure", "step")),
    "ranking": Report(_ranking, ("measure", "order", "metric", "basis", "issuer")),
    "mentoring": Report(_mentoring, ("list", "after", "limit")),
    "timeliness": plain(timeliness),
    "training": plain(training),
    "restatement": Report(_restatement, ("since", "report", "measure", "at_least", "after", "limit")),
}
