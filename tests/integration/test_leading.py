"""Of two processes one works; who takes over waits for nothing that the one before held when it fell silent."""

import asyncio

import asyncpg
import pytest

from services.notifier.service import Notifier
from services.notifier.settings import NotifierSettings
from services.reporting.persons.store import SQL as PERSONS
from services.reporting.projector.running_sums import SQL as SUMS
from services.reporting.projector.store import SQL as PROJECTOR
from shared.runtime.leading import Lead
from tests.conftest import Database
from tests.given import root
from tests.integration.reporting_given import running_reporting

READ = "SELECT position FROM reporting.checkpoint"


async def taken_over(lead: Lead) -> asyncio.Task[None]:
    """A process that leads by now, until it is cancelled."""
    begun = asyncio.Event()

    async def work() -> None:
        begun.set()
        await asyncio.Event().wait()

    async def stand_by() -> None:
        pass

    leading = asyncio.create_task(lead.run(work, stand_by))
    async with asyncio.timeout(30):
        await begun.wait()
    return leading


async def silent(database: Database, role: str, statement: str) -> asyncpg.Connection:
    """The session of a process that was stopped, or cut off, in the middle of a transaction."""
    session = await asyncpg.connect(database.url(role))
    await session.execute("BEGIN")
    await session.execute(statement)
    return session


@pytest.mark.parametrize(
    "held",
    [
        PROJECTOR["lock_checkpoint"].text,
        f"{SUMS['begin'].text}; {SUMS['progress'].text}",
        PERSONS["only_one"].text,
        PERSONS["changed"].text,
    ],
    ids=["projecting", "summing up", "filling", "filling, at its end"],
)
async def test_reporting_goes_on_where_one_before_fell_silent_amid_its_work(database: Database, held: str) -> None:
    before = await silent(database, "ketnap_reporting", held)
    reading = await silent(database, "ketnap_reporting", READ)
    async with running_reporting(database) as reporting:
        leading = await taken_over(reporting.service.lead)

        async with asyncio.timeout(10):
            await reporting.project(root())
            await reporting.service.sums.catch_up()
            await reporting.service.filling.fill()

        leading.cancel()
        await asyncio.wait({leading})
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, ConnectionError)):
        await before.fetchval("SELECT 1")
    # Whoever only answers is let be.
    assert await reading.fetchval(READ) == 1
    await reading.close()


async def test_the_notifier_does_too(database: Database) -> None:
    before = await silent(database, "ketnap_notifier", "SELECT FROM notifier.checkpoint FOR UPDATE")
    notifier = Notifier(
        NotifierSettings(database_url=database.url("ketnap_notifier"), registry_url="http://127.0.0.1:1")
    )
    leading = await taken_over(notifier.lead)
    try:
        async with asyncio.timeout(10):
            await notifier.projector.apply([])
    finally:
        leading.cancel()
        await asyncio.wait({leading})
        await notifier.engine.dispose()
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, ConnectionError)):
        await before.fetchval("SELECT 1")
