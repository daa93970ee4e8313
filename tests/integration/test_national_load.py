"""A nation that is loaded in bulk has the figures that it would have had, had its events come one by one."""

from benchmarks.nation import Nation
from benchmarks.national_load import Step, load
from services.reporting.projector.running_sums import BLOCK
from shared.events.recorded import read_recorded, write_batch
from tests.conftest import Database
from tests.integration.reporting_given import empty_projections, running_reporting

EVENTS = 3_000
FIGURES = "SELECT organisation_id, measure, sum(change) FROM reporting.delta GROUP BY 1, 2 ORDER BY 1, 2"
INDEXES = "SELECT indexdef FROM pg_indexes WHERE schemaname IN ('reporting', 'public') ORDER BY 1"


def nation() -> Nation:
    return Nation(provinces=2, communes=6, grassroots=60)


async def test_what_is_loaded_in_bulk_is_what_is_projected_as_it_comes(database: Database) -> None:
    done: list[Step] = []
    await load(database.url(), nation(), EVENTS, [], done.append)
    loaded = await database.fetch(FIGURES)
    log = await database.fetch("SELECT event::text FROM registry.log ORDER BY position")

    async with running_reporting(database) as reporting:
        await empty_projections(database, reporting)
        for first in range(0, EVENTS, 500):
            page = (row[0].encode() for row in log[first : first + 500])
            await reporting.service.projector.project(read_recorded(write_batch(page)))

    assert await database.fetch(FIGURES) == loaded
    assert len(loaded) > 500
    assert done[-1].what == "vacuum of both"


async def test_loading_ends_with_every_index_and_with_all_sums(database: Database) -> None:
    before = await database.fetch(INDEXES)

    await load(database.url(), nation(), EVENTS, [], lambda step: None)

    assert await database.fetch(INDEXES) == before
    [position] = await database.fetch("SELECT position, whole_position FROM reporting.running_sum_progress")
    assert tuple(position) == (EVENTS, EVENTS)
    blocks = await database.fetch("SELECT DISTINCT block FROM reporting.known_sum")
    assert [row[0] for row in blocks] == [EVENTS // BLOCK]
