"""Questions to reporting at national size: which reports, about whom, and how long the answers take."""

import time
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from statistics import quantiles

import asyncpg
from msgspec import Struct

from benchmarks.answering import Answering

NOW = {"as_of": "2024-06-17"}
"""In the midst of a month, so that sums of whole months are not enough."""
KNOWN_LATER = 0.8
PATIENCE = 1.0
"""Seconds for one row and level of the table."""
MOST = 100

Parameters = Mapping[str, str]
Organisations = Mapping[str, Sequence[str]]
"""Level → organisations of it."""

_LEVELS = """
SELECT organisation_id FROM reporting.organisation_version WHERE kind = ANY ($1) AND parent_id IS NOT NULL
ORDER BY md5(organisation_id) LIMIT 60
"""


class Asked(Struct, frozen=True):
    """How long answers took, in milliseconds."""

    p50: float
    p99: float


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


def past(number: int) -> Parameters:
    """As known at a position that is no round one."""
    return NOW | {"known_at": str(int(number * KNOWN_LATER) + 7)}


def questions(number: int) -> Iterator[tuple[str, str, Parameters]]:
    """Name, report and parameters of what is asked of a nation with so many events."""
    known = past(number)
    for report in ("totals", "attainment", "movements", "structure"):
        yield report, report, NOW
        yield f"{report}, by child", report, NOW | {"by": "child"}
        yield f"{report}, current", report, NOW | {"hierarchy": "current"}
        yield f"{report}, past", report, known
        yield f"{report}, past, by child", report, {**known, "by": "child"}
    for report in ("timeseries", "ranking", "coverage", "enterprise", "cascade", "profile"):
        yield report, report, NOW
        yield f"{report}, past", report, known
    since = NOW | {"since": str(int(number * 0.99))}
    yield "restatement of the last hundredth", "restatement", since
    for measure in ("actuals.admissions", "members.total", "ended", "organisations.grassroots"):
        yield f"evidence of {measure}", "evidence", NOW | {"measure": measure}
    yield (
        "evidence, a page in the midst",
        "evidence",
        NOW | {"measure": "members.total", "after": str(number // 2)},
    )
    yield "evidence, past", "evidence", {**known, "measure": "actuals.admissions"}


def matrix(service: Answering, organisations: Organisations, number: int) -> Iterator[tuple[str, list[Asked]]]:
    """Every question at every level."""
    for name, report, parameters in questions(number):
        yield name, [_ask(service, each, report, parameters) for each in organisations.values()]


def _ask(service: Answering, organisations: Sequence[str], report: str, parameters: Parameters) -> Asked:
    delays: list[float] = []
    # The first answer plans its statements.
    service.ask(organisations[0], report, parameters)
    begin = time.monotonic()
    while len(delays) < MOST and time.monotonic() - begin < PATIENCE:
        organisation = organisations[len(delays) % len(organisations)]
        delays.append(service.ask(organisation, report, parameters)[0])
    return Asked(*percentiles(delays))


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
