"""How long reports of a whole nation take, asked on the serving machine: p99 over all levels."""

import asyncio

from benchmarks.answering import answering
from benchmarks.asking import NOW, Parameters, levels, mixed, past, percentiles
from benchmarks.goals import Figure
from benchmarks.national import loaded

EVENTS = 1_000_000
ASKED = 200

_PAST = past(EVENTS)
QUESTIONS: dict[str, tuple[tuple[str, Parameters], ...]] = {
    "totals_p99": (("totals", NOW),),
    "attainment_p99": (("attainment", NOW),),
    "additive_p99": (
        ("movements", NOW),
        ("structure", NOW),
        ("totals", NOW | {"by": "child"}),
        ("totals", NOW | {"hierarchy": "current"}),
        ("cascade", NOW),
    ),
    "other_p99": (
        ("totals", _PAST),
        ("movements", _PAST),
        ("evidence", NOW | {"measure": "actuals.admissions"}),
        ("evidence", NOW | {"measure": "members.total"}),
        ("coverage", NOW),
        ("enterprise", NOW),
        ("profile", NOW),
        ("timeseries", NOW),
        ("ranking", NOW),
    ),
}
"""Figure → reports and parameters, asked in turn."""


def measure() -> dict[str, Figure]:
    """`totals_p99`, `attainment_p99`, `additive_p99`, `other_p99`, in milliseconds."""
    found = {}
    note = f"{EVENTS:,} events of 34 provinces, 3,321 communes, 51,000 grassroots organisations"
    with loaded(EVENTS) as (server, _), answering(server.url("ketnap_reporting")) as service:
        organisations = asyncio.run(levels(server.url()))
        for name, asked in QUESTIONS.items():
            mixed(service, organisations, asked, ASKED // 10)
            _, p99 = percentiles(mixed(service, organisations, asked, ASKED))
            found[name] = Figure(round(p99, 1), "ms", note=note)
    return found
