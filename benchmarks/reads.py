"""How long reports of a whole nation take, asked on the serving machine: p99 over all levels."""

import asyncio

from benchmarks.answering import answering
from benchmarks.asking import OF_PERSONS, Parameters, levels, mixed, now, past, percentiles
from benchmarks.goals import Figure
from benchmarks.national import loaded, process

EVENTS = 1_000_000
ASKED = 200

Asked = tuple[tuple[str, Parameters], ...]


def questions(today: Parameters) -> dict[str, Asked]:
    """Figure → reports and parameters, asked in turn."""
    known = past(today, EVENTS)
    return {
        "totals_p99": (("totals", today),),
        "attainment_p99": (("attainment", today),),
        "additive_p99": (
            ("movements", today),
            ("structure", today),
            ("totals", {**today, "by": "child"}),
            ("totals", {**today, "hierarchy": "current"}),
            ("cascade", today),
        ),
        "other_p99": (
            ("totals", known),
            ("movements", known),
            ("evidence", {**today, "measure": "actuals.admissions"}),
            ("evidence", {**today, "measure": "members.total"}),
            ("evidence", {**today, "measure": "retention.still_members"}),
            ("evidence", {**today, "measure": "timeliness.all.on_time"}),
            ("restatement", {**today, "since": str(int(EVENTS * 0.99))}),
            *((report, today) for report in ("coverage", "enterprise", "profile", "timeseries", "ranking")),
            *((report, today) for report in OF_PERSONS),
        ),
    }


def measure() -> dict[str, Figure]:
    """`totals_p99`, `attainment_p99`, `additive_p99`, `other_p99`, in milliseconds."""
    found = {}
    note = f"{EVENTS:,} events of 34 provinces, 3,321 communes, 51,000 grassroots organisations"
    with loaded(EVENTS) as (server, _), answering(server.url("ketnap_reporting"), process(server)) as service:
        organisations = asyncio.run(levels(server.url()))
        for name, asked in questions(asyncio.run(now(server.url()))).items():
            mixed(service, organisations, asked, ASKED // 10)
            _, p99 = percentiles(mixed(service, organisations, asked, ASKED))
            found[name] = Figure(round(p99, 1), "ms", note=note)
    return found
