"""Three machines by cluster/compose.yaml: one of the two with data dies with all that is on it, and comes back.

The tests share one cluster and go on from where the one before left it.
"""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deployment.checks import (
    connected_source,
    golden_history,
    nothing_is_lost,
    printed_figures,
)
from tests.deployment.machines import Cluster, Machine
from tests.faults.province import Province
from tests.faults.system import eventually

# nats-py leaves the stream of a connection behind that the server broke off while it was being made anew.
pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in. <function StreamWriter")


@pytest.fixture(scope="module")
def machines(bundle: Path, images: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Machine]]:
    """A cluster that was begun from nothing."""
    cluster = Cluster(bundle, tmp_path_factory.mktemp("machines"), images)
    try:
        cluster.begin()
        yield cluster.machines
    finally:
        cluster.end(Path("/var/tmp/ketnap-test-cluster.log"))  # noqa: S108 - for whoever asks why it failed


async def test_what_is_published_anywhere_and_a_key_made_anywhere_count_on_all_machines(
    machines: list[Machine],
) -> None:
    first, second, _ = machines

    async def known() -> object:
        return await second.get("registry", "/v1/sources")

    await eventually(known, "the key that was made on machine 1 opens machine 2")

    await golden_history(first, asked=second)

    for machine in (first, second):
        await printed_figures(machine)


def test_nothing_that_is_said_between_machines_is_plain(machines: list[Machine]) -> None:
    first, second, _ = machines
    asked = (
        "SELECT ssl, version FROM pg_stat_ssl JOIN pg_stat_replication USING (pid) UNION ALL "
        "SELECT bool_and(ssl), min(version) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) "
        "WHERE usename LIKE 'ketnap_%'"
    )
    superuser = "PGPASSWORD=$(cat /var/lib/ketnap/secrets/postgres-postgres.password) PGSSLMODE=require"

    connections = first.inside(f'{superuser} psql -AtX -h postgres -U postgres -d ketnap -c "$0"', asked)
    refused = second.inside(
        'psql "host=postgres-1 user=ketnap_replicator dbname=postgres sslmode=disable" 2>&1 || true'
    )

    assert connections.splitlines() == ["t|TLSv1.3"] * 2
    assert "no encryption" in refused
    for machine in machines:
        with socket.create_connection((machine.address, 6222), timeout=10) as route:
            route.sendall(b'CONNECT {"verbose":false}\r\nPING\r\n')
            said = b"".join(iter(lambda route=route: route.recv(65536), b""))
        assert b"INFO" not in said


async def test_a_machine_dies_with_its_nats_its_services_and_the_primary_and_nothing_is_lost(
    machines: list[Machine],
) -> None:
    first, second, third = machines
    province = Province("through", people=120)
    half = len(province.batches) // 2
    async with connected_source(first, province) as client:
        await province.publish(client, province.batches[:half])
        meanwhile = asyncio.create_task(province.publish(client, province.batches[half:]))
        await asyncio.to_thread(first.kill)
        await asyncio.to_thread(second.pair, "promote")
        await meanwhile

        await nothing_is_lost(second, province)
    await printed_figures(second)
    assert "takes writes, on timeline 2" in second.pair("status")
    assert third.inspect("nats")["State"]["Health"]["Status"] == "healthy"


async def test_the_machine_comes_back_and_follows(machines: list[Machine]) -> None:
    first, second, _ = machines

    await asyncio.to_thread(first.up)

    assert "this one   follows, on timeline 2" in first.pair("status")
    second.pair("wait")
    province = Province("after", people=40)
    async with connected_source(first, province) as client:
        await province.publish(client, province.batches)
        for machine in (first, second):
            await nothing_is_lost(machine, province)
    await printed_figures(first)
