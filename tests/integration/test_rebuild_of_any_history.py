"""A rebuild works persons out one by one, from whole timelines, and finds to the row what the projector wrote.

For made-up histories with everything in them that makes timelines depend on each other, in any order of arrival.
"""

import random
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from deploy.projections.filling import Filling, Told
from deploy.projections.rebuild import rebuild
from deploy.projections.tables import PROJECTIONS
from deploy.stack.postgres import PostgresServer
from services.reporting.projector.whole_timelines import ENTANGLING
from shared.timeline import fold
from tests.histories import history
from tests.integration.whole_way import WholeWay, whole_way

REPORTING = PROJECTIONS["reporting"]
WORKING = "SELECT organisation_id, subject FROM reporting.traveller ORDER BY 1, 2"


@pytest.fixture
async def way(postgres: PostgresServer) -> AsyncIterator[WholeWay]:
    async with whole_way(postgres) as way:
        yield way


async def folds(way: WholeWay) -> dict[str, Any]:
    """What later facts go on from: no figure is read from it, so that a rebuild does not compare it."""
    rows = await way.database.fetch("SELECT subject, folded FROM reporting.subject")
    return {row["subject"]: fold.decode(fold.kind_of(row["subject"]), row["folded"]) for row in rows}


async def rebuilt_alike(way: WholeWay, seed: int, workers: int | None) -> Counter[str]:
    """Send the history of a seed on its way and rebuild; gives how many events of each name were recorded."""
    events = history(random.Random(seed))
    random.Random(seed).shuffle(events)
    await way.went(events, random.Random(seed))
    before = await folds(way), await way.database.fetch(WORKING)

    rebuilt = await rebuild(way.database.url(), REPORTING, lambda _: False, workers=workers)

    differing = [each for compared in rebuilt.compared for each in compared.examples]
    assert (rebuilt.switched, differing) == (True, []), seed
    assert (await folds(way), await way.database.fetch(WORKING)) == before, seed
    return Counter(each["type"].partition(".")[0] for each in way.recorded)


@pytest.mark.parametrize("seeds", [range(10), range(10, 20), range(20, 30)])
async def test_any_history_is_rebuilt_to_the_row(way: WholeWay, seeds: range) -> None:
    names: Counter[str] = Counter()

    for seed in seeds:
        names += await rebuilt_alike(way, seed, None)

    assert names.keys() >= {*ENTANGLING, "MemberAdmitted"}


async def test_what_comes_while_persons_are_worked_out_follows_to_the_row(
    way: WholeWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = Filling.begin

    async def begun_before_the_rest_came(filling: Filling, until: int, told: Told) -> None:
        await begin(filling, random.Random(until).randrange(1, until), told)

    monkeypatch.setattr(Filling, "begin", begun_before_the_rest_came)
    for seed in range(30, 38):
        await rebuilt_alike(way, seed, None)


async def test_processes_share_the_work_and_end_with_it(way: WholeWay) -> None:
    await rebuilt_alike(way, 3, 2)
