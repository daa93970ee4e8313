"""Questions to reporting at national size: which reports, about whom, and how long the answers take."""

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from random import Random
from statistics import quantiles

import asyncpg
from msgspec import Struct

from benchmarks.answering import Answering
from services.reporting.reports.restatement import RESTATED

KNOWN_LATER = 0.8
PATIENCE = 1.0
"""Seconds for one row and level of the table."""
MOST = 100

OF_PERSONS = ("funnel", "blocked", "retention", "mentoring", "timeliness", "training")
EVIDENCE = (
    "actuals.admissions",
    "members.total",
    "ended",
    "organisations.grassroots",
    "actuals.places_without_members",
    "coverage.counts.fewer_than_3",
    "enterprise.counts.could_be_founded",
    "blocked.counts.blocked",
    "conversion.admitted",
    "days.listed.count",
    "retention.still_members",
    "timeliness.all.on_time",
    "timeliness.all.overdue",
    "mentoring.reports.in",
    "training.certificates.unused",
)
"""One figure of each way in which events behind figures are found."""

Parameters = Mapping[str, str]
Organisations = Mapping[str, Sequence[str]]
"""Level → organisations of it."""

_LEVELS = """
SELECT organisation_id FROM reporting.organisation_version WHERE kind = ANY ($1) AND parent_id IS NOT NULL
ORDER BY md5(organisation_id) LIMIT 60
"""


class Asked(Struct, frozen=True):
    """How long answers took, and how much processor time one took as a rule, in milliseconds."""

    p50: float
    p99: float
    processor: float


async def now(url: str) -> Parameters:
    """As of one of the last days with much on it: a 17th, so that sums of whole months are not enough."""
    connection = await asyncpg.connect(url)
    last: date = await connection.fetchval("SELECT max(day) FROM reporting.delta WHERE measure = 'admissions'")
    await connection.close()
    month = (last - timedelta(days=17)).replace(day=17)
    return {"as_of": month.isoformat()}


async def levels(url: str) -> Organisations:
    """Organisations of each level to ask about: the nation, all provinces, some communes and cells."""
    connection = await asyncpg.connect(url)
    found: dict[str, Sequence[str]] = {"nation": ["nation"]}
    kinds = {
        "province": ["provincial_committee"],
        "commune": ["intermediate_committee"],
        "cell": ["cell", "grassroots_cell"],
    }
    for level, kind in kinds.items():
        found[level] = [row["organisation_id"] for row in await connection.fetch(_LEVELS, kind)]
    await connection.close()
    return found


def past(now: Parameters, number: int) -> Parameters:
    """As known at a position that is no round one."""
    return {**now, "known_at": str(int(number * KNOWN_LATER) + 7)}


def questions(now: Parameters, number: int) -> Iterator[tuple[str, str, Parameters]]:
    """Name, report and parameters of what is asked of a nation with so many events."""
    known = past(now, number)
    for report in ("totals", "attainment", "movements", "structure"):
        yield report, report, now
        yield f"{report}, by child", report, {**now, "by": "child"}
        yield f"{report}, current", report, {**now, "hierarchy": "current"}
        yield f"{report}, past", report, known
        yield f"{report}, past, by child", report, {**known, "by": "child"}
    for report in ("timeseries", "ranking", "coverage", "enterprise", "cascade", "profile", *OF_PERSONS):
        yield report, report, now
        yield f"{report}, past", report, known
    for report in ("profile", *OF_PERSONS):
        yield f"{report}, by child", report, {**now, "by": "child"}
        yield f"{report}, current", report, {**now, "hierarchy": "current"}
    for flag in ("without_members", "shared"):
        yield f"coverage, {flag}", "coverage", {**now, "flag": flag}
    yield "mentoring, with mentors", "mentoring", {**now, "list": "mentors"}
    since = {**now, "since": str(int(number * 0.99))}
    yield "restatement of the last hundredth", "restatement", since
    yield "restatement, all reports", "restatement", {**since, "report": ",".join(RESTATED)}
    for measure in EVIDENCE:
        yield f"evidence of {measure}", "evidence", {**now, "measure": measure}
    yield (
        "evidence, a page in the midst",
        "evidence",
        {**now, "measure": "members.total", "after": str(number // 2)},
    )
    yield "evidence, past", "evidence", {**known, "measure": "actuals.admissions"}


def matrix(
    service: Answering, organisations: Organisations, now: Parameters, number: int
) -> Iterator[tuple[str, list[Asked]]]:
    """Every question at every level."""
    for name, report, parameters in questions(now, number):
        yield name, [_ask(service, each, report, parameters) for each in organisations.values()]


def _ask(service: Answering, organisations: Sequence[str], report: str, parameters: Parameters) -> Asked:
    delays: list[float] = []
    # The first answer plans its statements.
    service.ask(organisations[0], report, parameters)
    begin, before = time.monotonic(), service.processor()
    while len(delays) < MOST and time.monotonic() - begin < PATIENCE:
        organisation = organisations[len(delays) % len(organisations)]
        delays.append(service.ask(organisation, report, parameters)[0])
    return Asked(*percentiles(delays), (service.processor() - before) / len(delays))


def percentiles(delays: Sequence[float]) -> tuple[float, float]:
    """The 50th and the 99th."""
    if len(delays) == 1:
        return delays[0], delays[0]
    cut = quantiles(delays, n=100, method="inclusive")
    return cut[49], cut[98]


def mixed(
    service: Answering, organisations: Organisations, asked: Sequence[tuple[str, Parameters]], number: int
) -> list[float]:
    """So many questions in turn, about organisations of all levels; milliseconds of each."""
    chance = Random(1)
    delays = []
    for each in range(number):
        report, parameters = asked[each % len(asked)]
        # All levels alike: whoever looks at the nation is no rarer than who looks at a cell.
        level = chance.choice(list(organisations))
        delays.append(service.ask(chance.choice(organisations[level]), report, parameters)[0])
    return delays
