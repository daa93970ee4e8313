"""A full disk under the log: nothing is lost, readiness is red, and green again by itself once there is room."""

import asyncio
import os
import resource
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.stack.nats import NatsServer
from deploy.stack.postgres import DATABASE, PostgresServer
from deploy.stack.privileges import Identity, tied
from shared.runtime.migrations import upgrade_async
from tests.conftest import PACKAGES, Database
from tests.faults.account import everything_adds_up
from tests.faults.checks import figures_are_right, log_is_complete, settled
from tests.faults.parts import Parts
from tests.faults.province import Province

LARGEST_FILE = 16 * 1024 * 1024
"""No less than a segment of PostgreSQL's own journal, which it has laid out in advance."""
PEOPLE = 900
"""Each province's events take more than half of that, an event a page."""


@pytest.fixture
async def small(tmp_path: Path) -> AsyncIterator[Parts]:
    """Registry and reporting on a PostgreSQL whose log takes much room."""
    postgres, nats = (
        PostgresServer(tmp_path / "postgres", settings={"fsync": "off"}),
        NatsServer(tmp_path / "nats"),
    )
    postgres.start()
    nats.start()
    try:
        await upgrade_async(PACKAGES, postgres.url())
        database = Database(postgres, DATABASE)
        await database.fetch("ALTER TABLE registry.log SET (fillfactor = 10)")
        parts = Parts(tmp_path, database, nats)
        await parts.start("registry", "reporting")
        yield parts
        await parts.close()
    finally:
        nats.stop()
        postgres.stop()


_SET = """
import contextlib, pathlib, resource, sys
size, postmaster = map(int, sys.argv[1:])
def limit(pid):
    hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
limit(postmaster)  # first: those that it starts from now on have it too
for pid in pathlib.Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split():
    with contextlib.suppress(ProcessLookupError):
        limit(int(pid))
"""


def _limit(postmaster: int, size: int) -> None:
    """Let no file of the server grow beyond `size`: the kernel then refuses as on a full disk."""
    command = [sys.executable, "-I", "-S", "-c", _SET, str(size), str(postmaster)]
    # Only the server's own user may: root cannot without a capability that containers leave out.
    owner = Path(f"/proc/{postmaster}").stat()
    identity = Identity(owner.st_uid, owner.st_gid, keep_access=True) if os.geteuid() == 0 else None
    subprocess.run(tied(command, signal.SIGKILL, identity), check=True, cwd="/")


async def test_a_full_disk_stops_the_log_and_loses_nothing(small: Parts) -> None:
    first, second = Province("before", PEOPLE), Province("during", PEOPLE)
    seeds = {each: await small.add_source(each.source, each.root) for each in (first, second)}
    postmaster = small.database.server.child.pid
    assert postmaster is not None

    async with first.connected(small.nats_server.url, seeds[first]) as client:
        await first.publish(client, first.batches)
    await settled(small, first, len(first.acknowledged))
    _limit(postmaster, LARGEST_FILE)
    async with second.connected(small.nats_server.url, seeds[second]) as client:
        await second.publish(client, second.batches)
    red = await small.becomes("registry", 503)
    await asyncio.sleep(1)
    rows = await small.database.fetch("SELECT count(*) AS number FROM registry.log")
    assert rows[0]["number"] < len(first.events) + len(second.events)

    _limit(postmaster, resource.RLIM_INFINITY)

    await small.becomes("registry", 200)
    assert "stuck at during" in red["checks"]["writer"] or "trying again" in red["checks"]["writer"]
    for province in (first, second):
        await settled(small, province, len(province.acknowledged))
        positions = await log_is_complete(small, province)
        await figures_are_right(small, province, max(positions.values()))
    async with small.operator() as operator:
        await everything_adds_up(small.database.url(), operator, [first.source, second.source])
