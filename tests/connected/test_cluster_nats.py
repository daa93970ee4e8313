"""NATS of a cluster: who may be one of its servers, and how machines learn of each other's keys and files."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
import structlog
from nats.js.kv import KeyValue

from deploy.stack import nats, provisioning, shared_keys
from deploy.stack.access import add_key, list_keys, revoke_keys
from deploy.stack.certificates import Authority, ensure_authority, ensure_server, pem
from deploy.stack.errors import StackError
from deploy.stack.keys import new_seed, public_key
from deploy.stack.layout import Addresses, Layout
from deploy.stack.nats import NatsServer
from deploy.stack.nats_cluster import Member, RouteTls
from deploy.stack.nats_configuration import read_sources, write_sources
from deploy.stack.ports import HOST, free_port
from shared.runtime.tasks import ended
from tests.conftest import Database
from tests.faults.system import eventually

KEY = public_key(new_seed())


class Servers:
    """Servers that are told to be one cluster; all know its password."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._places = [f"{HOST}:{port}" for port in (free_port(), free_port(), free_port())]
        self._started: list[NatsServer] = []

    def start(self, authority: Authority) -> NatsServer:
        """One more, with a certificate of `authority`."""
        number = len(self._started)
        directory = self._directory / f"n{number}"
        certificate = directory / "route"
        ensure_server(authority, certificate, {HOST}, asks_too=True)
        (certificate / "ca.pem").write_text(pem(authority.certificate))
        tls = RouteTls(*(str(certificate / name) for name in ("server.pem", "server.key", "ca.pem")))
        others = [each for each in self._places if each != self._places[number]]
        member = Member(f"n{number}", self._places[number], others, "made-up", tls=tls)
        server = NatsServer(directory, secrets=self._directory / "secrets", member=member)
        self._started.append(server)
        server.start()
        return server

    def stop(self) -> None:
        for server in self._started:
            server.stop()


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    found = Servers(tmp_path)
    try:
        yield found
    finally:
        found.stop()


async def _routes(server: NatsServer) -> set[str]:
    """The names of the servers that one is connected with."""
    client = await nats.connect(server.url, server.seed("system"))
    try:
        answer = await client.request(f"$SYS.REQ.SERVER.{client.server_id}.ROUTEZ", b"{}", timeout=5)
    finally:
        await client.close()
    return {each["remote_name"] for each in json.loads(answer.data)["data"].get("routes", ())}


async def test_a_server_that_knows_the_password_joins_only_with_a_certificate_of_the_authority(
    servers: Servers, tmp_path: Path
) -> None:
    ours = ensure_authority(tmp_path / "ours")
    first, second = servers.start(ours), servers.start(ours)

    async def joined() -> bool | None:
        return await _routes(first) == {"n1"} or None

    await eventually(joined, "both are one cluster")

    outside = servers.start(ensure_authority(tmp_path / "theirs"))

    async def refused() -> bool | None:
        return "TLS route handshake error" in (outside.directory / "nats.log").read_text() or None

    await eventually(refused, "the stranger is refused")
    assert await _routes(first) == {"n1"}
    assert await _routes(second) == {"n0"}
    assert await _routes(outside) == set()


@pytest.fixture
async def bucket(nats_server: NatsServer) -> AsyncIterator[KeyValue]:
    """Where machines tell each other their keys."""
    client = await nats.connect(nats_server.url, nats_server.seed("operator"))
    try:
        yield await shared_keys.bucket(client.jetstream())
    finally:
        await client.close()


@pytest.fixture
def machines(tmp_path: Path) -> list[Layout]:
    """Two, without a key."""
    return [Layout(tmp_path / name) for name in ("one", "other")]


async def _exchange(bucket: KeyValue, machines: list[Layout]) -> None:
    """Each looks twice, in turn."""
    for machine in (*machines, *machines):
        await shared_keys.exchange(bucket, machine)


async def test_keys_that_are_made_and_revoked_on_any_machine_hold_on_all(
    bucket: KeyValue, machines: list[Layout]
) -> None:
    one, _ = add_key(machines[0], "one", "operator")
    other, _ = add_key(machines[1], "other", "operator")
    await _exchange(bucket, machines)
    assert {each.id for each in list_keys(machines[0])} == {one.id, other.id}
    assert list_keys(machines[0]) == list_keys(machines[1])

    revoke_keys(machines[1], one.id)
    await _exchange(bucket, machines)

    assert [each.id for each in list_keys(machines[0]) if each.revoked_at] == [one.id]


async def test_a_bucket_that_forgets_makes_no_machine_forget(
    bucket: KeyValue, machines: list[Layout], tmp_path: Path
) -> None:
    one, _ = add_key(machines[0], "one", "operator")
    await _exchange(bucket, machines)
    revoke_keys(machines[1], one.id)
    await _exchange(bucket, machines)

    await bucket.purge("keys.json")
    late = Layout(tmp_path / "late")
    await _exchange(bucket, [*machines, late])

    for machine in (*machines, late):
        assert [each.id for each in list_keys(machine) if each.revoked_at] == [one.id]


async def test_keys_that_two_machines_make_at_the_same_moment_are_both_kept(
    bucket: KeyValue, machines: list[Layout]
) -> None:
    made = {add_key(machine, "key", "operator")[0].id for machine in machines}

    await asyncio.gather(*(shared_keys.exchange(bucket, machine) for machine in machines))
    await _exchange(bucket, machines)

    assert {each.id for machine in machines for each in list_keys(machine)} == made
    assert list_keys(machines[0]) == list_keys(machines[1])


async def test_a_follower_leaves_a_source_alone_that_is_just_being_added(
    database: Database, nats_server: NatsServer
) -> None:
    file = nats_server.sources_file
    looked = asyncio.Event()
    following = asyncio.create_task(provisioning.follow_sources(_addresses(database, nats_server), looked.set))
    try:
        await asyncio.wait_for(looked.wait(), 20)
        connection = await asyncpg.connect(database.url())
        try:
            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock(7533)")
                await connection.execute(
                    "INSERT INTO registry.source (source, root, public_key) VALUES ('new', 'new', $1)", KEY
                )
                write_sources(file, {"new": KEY})

                async def waits() -> object:
                    return (
                        await database.fetch(
                            "SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 7533 AND NOT granted",
                            role="postgres",
                        )
                        or None
                    )

                await eventually(waits, "the follower sees that somebody is at it, and waits")
                assert read_sources(file) == {"new": KEY}
        finally:
            await connection.close()
        looked.clear()
        await asyncio.wait_for(looked.wait(), 20)
        assert read_sources(file) == {"new": KEY}
    finally:
        await ended(following)


async def test_a_follower_gives_up_a_database_that_says_nothing_and_looks_again(
    database: Database, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provisioning, "ANSWERS_WITHIN", 0.3)
    monkeypatch.setattr(provisioning, "_LOOK", 0.1)
    looked = asyncio.Event()
    holder = await asyncpg.connect(database.url())
    with structlog.testing.capture_logs() as told:
        following = asyncio.create_task(provisioning.follow_sources(_addresses(database, nats_server), looked.set))
        try:
            async with holder.transaction():
                await holder.execute("LOCK TABLE registry.source")

                async def given_up() -> object:
                    return [each for each in told if "trying again" in each["event"]]

                await eventually(given_up, "it is not waited for any longer")
                assert not looked.is_set()
            await asyncio.wait_for(looked.wait(), 20)
        finally:
            await holder.close()
            await ended(following)


async def test_the_registry_goes_on_writing_while_a_source_is_being_added(
    database: Database, nats_server: NatsServer
) -> None:
    addresses = _addresses(database, nats_server)
    await provisioning.add_source(addresses, "there", "there")
    pid = nats_server.child.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        adding = asyncio.create_task(provisioning.add_source(addresses, "new", "new"))

        async def waits() -> object:
            held = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 7533 AND granted"
            return await database.fetch(held, role="postgres") or None

        await eventually(waits, "it is added, but for what NATS has to say")
        async with asyncio.timeout(3):  # NATS is waited for longer
            settled = "UPDATE registry.source SET settled = 1 WHERE source = 'there' RETURNING settled"
            (row,) = await database.fetch(settled, role="ketnap_registry")
        assert not adding.done()
    finally:
        os.kill(pid, signal.SIGCONT)

    assert row["settled"] == 1
    await adding


def _addresses(database: Database, nats_server: NatsServer) -> Addresses:
    return Addresses(
        data_dir=nats_server.directory.parent,
        reporting_url="",
        registry_url="",
        notifier_url="",
        nats_url=nats_server.url,
        database_url=database.url(),
        nats_seed=nats_server.seed("operator"),
        nats_system_seed=nats_server.seed("system"),
    )


async def test_a_source_for_whose_stream_nats_has_no_room_is_not_added_and_it_is_said_why(
    database: Database, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses = _addresses(database, nats_server)
    await provisioning.add_source(addresses, "there", "there")
    monkeypatch.setattr(provisioning, "INGEST_BYTES", 10**18)
    await database.fetch("UPDATE registry.source SET removed_at = now()")

    with pytest.raises(StackError, match=r"GiB left for the stream of new, .*Make room"):
        await provisioning.add_source(addresses, "new", "new")

    assert [row["source"] for row in await database.fetch("SELECT source FROM registry.source")] == ["there"]
