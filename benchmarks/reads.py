"""How long reports take, asked over HTTP on the machine that serves them: p99 over organisations of every kind."""

import asyncio
from itertools import islice
from random import Random
from statistics import quantiles
from time import perf_counter

import httpx

from benchmarks.goals import Figure
from benchmarks.province import Province, batches
from benchmarks.system import System, publish, running

EVENTS = 40_000
ASKED = 300
NOW = {"as_of": "2024-06-30"}

QUESTIONS: dict[str, tuple[tuple[str, dict[str, str]], ...]] = {
    "totals_p99": (("totals", NOW),),
    "attainment_p99": (("attainment", NOW),),
    "additive_p99": (("movements", NOW), ("structure", NOW), ("totals", NOW | {"by": "child"})),
    "other_p99": (
        ("totals", NOW | {"known_at": str(EVENTS // 2)}),
        ("evidence", NOW | {"measure": "actuals.admissions"}),
        ("movements", NOW | {"hierarchy": "current"}),
    ),
}
"""Figure → reports and parameters, asked in turn."""


def measure() -> dict[str, Figure]:
    """`totals_p99`, `attainment_p99`, `additive_p99`, `other_p99`, in milliseconds."""
    with running("reads") as system:
        return asyncio.run(_measure(system))


async def _measure(system: System) -> dict[str, Figure]:
    province = Province("asked")
    messages = [("batch", payload) for payload in batches(province.events(EVENTS), 500)]
    async with system.sources({province.source: province.root}) as (client,):
        await publish(client, province.source, messages, in_flight=8)
        await system.visible(EVENTS)
    organisations = [province.root, *province.communes, *islice(province.cells, 40)]
    note = f"with {EVENTS:,} events of one province instead of national size"
    found = {}
    async with httpx.AsyncClient(base_url=system.addresses.reporting_url, timeout=60, trust_env=False) as client:
        for name, questions in QUESTIONS.items():
            delays = await _ask(client, organisations, questions)
            found[name] = Figure(round(quantiles(delays, n=100)[98], 1), "ms", note=note)
    return found


async def _ask(
    client: httpx.AsyncClient, organisations: list[str], questions: tuple[tuple[str, dict[str, str]], ...]
) -> list[float]:
    chance = Random(1)
    delays = []
    for number in range(ASKED):
        report, parameters = questions[number % len(questions)]
        # The root is asked most: it is the slowest, and the one that dashboards show.
        organisation = organisations[0] if chance.random() < 0.3 else chance.choice(organisations)
        begin = perf_counter()
        response = await client.get(f"/v1/organisations/{organisation}/{report}", params=parameters)
        delays.append((perf_counter() - begin) * 1000)
        response.raise_for_status()
    return delays
