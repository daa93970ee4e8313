"""A cluster loses any one of its parts under load: nothing is lost or counted twice, and the service goes on."""

import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest

from deploy.stack import replication
from deploy.stack.ports import HOST
from tests.faults.account import everything_adds_up
from tests.faults.checks import figures_are_right, log_is_complete, settled, the_goal_is_announced_once
from tests.faults.cluster import SERVICES, Cluster
from tests.faults.province import Province
from tests.faults.system import eventually

pytestmark = pytest.mark.timeout(300)
AFTER = 5
"""Messages that must be acknowledged after a fault before the next one."""
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    """All of it, ready."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KETNAP_STREAM_REPLICAS", "3")
        found = Cluster(tmp_path_factory.mktemp("cluster"))
        try:
            await found.begin()
            yield found
        finally:
            await found.close()


class Load:
    """A province that publishes until it is told that it is over, all its batches again and again."""

    def __init__(self, cluster: Cluster, province: Province, seed: str) -> None:
        self.province = province
        self._cluster = cluster
        self._over = asyncio.Event()
        self._task = asyncio.create_task(self._publish(seed))

    async def _publish(self, seed: str) -> None:
        async with self.province.connected(self._cluster.nats_url, seed) as client:
            for number, batch in enumerate(itertools.cycle(self.province.batches)):
                if self._over.is_set() and number >= len(self.province.batches):
                    return
                await self.province.publish(client, [batch])
                await asyncio.sleep(0.05)

    async def goes_on(self) -> None:
        """Wait until more is acknowledged than was a moment ago, and has its outcomes."""
        said = len(self.province.acknowledged)

        async def more() -> bool | None:
            assert not self._task.done()
            return len(self.province.acknowledged) >= said + AFTER or None

        await eventually(more, "messages are acknowledged again")
        newest = max(self.province.acknowledged)

        async def settled_since() -> bool | None:
            rows = await self._cluster.settled(self.province.source)
            return rows >= newest or None

        await eventually(settled_since, "what was published since has its outcomes")

    async def all_is_right(self) -> None:
        """Let it end, and look at everything."""
        cluster, province = self._cluster, self.province
        self._over.set()
        await self._task
        for service in SERVICES:
            for number in (1, 2):
                await cluster.becomes(f"{service}-{number}", 200)
        await cluster.replicated(province.source)
        for number in (1, 2):
            asked = cluster.seen_from(number)
            async with cluster.operator() as operator:
                state = (await operator.jetstream().stream_info(f"INGEST_{province.source}")).state
            await settled(asked, province, state.messages)
            positions = await log_is_complete(asked, province)
            await figures_are_right(asked, province, max(positions.values()))
            await the_goal_is_announced_once(asked, province)
        async with cluster.operator() as operator:
            await everything_adds_up(cluster.database_url("ketnap_owner"), operator, [province.source])


@pytest.fixture
async def load(cluster: Cluster) -> Load:
    """One that publishes, and of which something is recorded already."""
    province = Province(f"province-{next(_numbers)}", people=120)
    found = Load(cluster, province, await cluster.add_source(province.source, province.root))
    await found.goes_on()
    return found


async def test_any_one_nats_server_may_die(cluster: Cluster, load: Load) -> None:
    for server in cluster.nats_servers:
        server.kill()
        await load.goes_on()
        await asyncio.to_thread(server.start)
        await cluster.replicated(load.province.source)

    await load.all_is_right()


async def test_any_one_service_may_die(cluster: Cluster, load: Load) -> None:
    for service in SERVICES:
        for number in (1, 2):
            cluster.kill(f"{service}-{number}")
            await load.goes_on()
            cluster.relaunch(f"{service}-{number}")
            await cluster.becomes(f"{service}-{number}", 200)

    await load.all_is_right()


async def test_the_replica_of_the_database_takes_over_with_any_commit_that_was_acknowledged(
    cluster: Cluster, load: Load
) -> None:
    primary = replication.Server(HOST, cluster.primary.port)
    replica = replication.Server(HOST, cluster.replica.port)
    replication.wait_for_replica(primary, cluster.superuser, True)
    await load.goes_on()

    cluster.primary.kill()
    replication.promote(replica, cluster.superuser)

    standing = replication.standing(replica, cluster.secrets)
    assert standing is not None
    assert not standing.following
    await load.goes_on()

    await asyncio.to_thread(cluster.primary.start)

    rejoined = replication.standing(primary, cluster.secrets)
    assert rejoined is not None
    assert rejoined.following, "the one that was overtaken takes no writes again"
    await load.all_is_right()
