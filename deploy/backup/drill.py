"""The drill goes on where a restore ends: what came after the backup is read again, from the running system.

That is only read: its streams, and the ids on its log. Beside it, in the drill's directory, PostgreSQL, NATS and a
registry work for as long as that takes; no notifier, for it would send.
"""

import asyncio
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from deploy.backup.archive import Manifest
from deploy.stack.database import connected
from deploy.stack.errors import StackError
from deploy.stack.keys import write_secret
from deploy.stack.layout import Addresses, Layout
from deploy.stack.nats import NatsServer, connect
from deploy.stack.nats_rights import SERVICE_USERS
from deploy.stack.ports import free_port
from deploy.stack.postgres import PostgresServer
from deploy.stack.provisioning import restore
from deploy.stack.service import ServiceProcess, ketnap_services
from deploy.verifying import verify
from shared.events.subjects import ingest_stream

if TYPE_CHECKING:
    from asyncpg import Connection

    from services.registry.verification.verify import Account

PATIENCE = 60.0
"""Seconds without any progress after which the drill's registry is given up."""
SHOWN = 20


class Refilled(Struct, frozen=True):
    """What came of it."""

    messages: int
    """Messages that came after the backup and are in the log, or refused, again."""
    gone: dict[str, int]
    """Messages that came after the backup and are in no stream any more, by source."""
    position: int
    """Last position of the drill's log."""
    head: int
    """Last position of the running system's log when the drill began to read."""
    lost: Sequence[str]
    """`SOURCE/ID` of events on the running log, after the backup, that the drill's system does not have."""
    account: "Account"
    """What the verification of the refilled log found."""


def refill(data_dir: Path, running: Addresses, manifest: Manifest) -> Refilled:
    """Refill what was restored into `data_dir` from the system at `running`. Raises StackError."""
    layout = Layout(data_dir)
    postgres = PostgresServer(layout.postgres, secrets=layout.secrets, log=layout.logs / "postgres.log")
    nats = NatsServer(layout.nats, secrets=layout.secrets, log=layout.logs / "nats.log")
    for user in ("system", *SERVICE_USERS):
        nats.seed(user)
    try:
        postgres.start()
        nats.start()
        return asyncio.run(_refill(layout, postgres, nats, running, manifest))
    finally:
        nats.stop()
        postgres.stop()


async def _refill(
    layout: Layout, postgres: PostgresServer, nats: NatsServer, running: Addresses, manifest: Manifest
) -> Refilled:
    restored = Addresses(
        data_dir=layout.data_dir,
        reporting_url="",
        registry_url="",
        notifier_url="",
        nats_url=nats.url,
        database_url=postgres.url(),
        nats_seed=nats.seed("operator"),
        nats_system_seed=nats.seed("system"),
    )
    await restore(restored)
    async with connected(running.database_url) as theirs, connected(restored.database_url) as ours:
        head = int(await theirs.fetchval("SELECT position FROM registry.head"))
        messages, gone = await _copy(running, nats, manifest)
        registry = await _started(layout, postgres, nats)
        try:
            wanted = {mark.source: mark.settled + messages.get(mark.source, 0) for mark in manifest.sources}
            await _settled(ours, registry, wanted)
        finally:
            await asyncio.to_thread(registry.stop)
        lost = await _lost(theirs, ours, manifest.position, head)
        position = int(await ours.fetchval("SELECT position FROM registry.head"))
    account = await verify(restored.database_url, layout)
    return Refilled(sum(messages.values()), gone, position, head, lost, account)


async def _copy(running: Addresses, nats: NatsServer, manifest: Manifest) -> tuple[dict[str, int], dict[str, int]]:
    """Copy what the sources' streams hold beyond the backup; gives how many by source, and how many are gone.

    Nobody but a source may publish as it, so each gets credentials that count in the drill's system alone.
    """
    from nats.js.errors import NotFoundError

    messages: dict[str, int] = {}
    gone: dict[str, int] = {}
    here = await connect(running.nats_url, running.nats_seed, ca=running.ca)
    try:
        streams = here.jetstream(timeout=30)
        for mark in manifest.sources:
            name = ingest_stream(mark.source)
            try:
                state = (await streams.stream_info(name)).state
            except NotFoundError:
                continue
            first = max(mark.settled + 1, state.first_seq)
            if first > mark.settled + 1:
                gone[mark.source] = first - mark.settled - 1
            there = await connect(nats.url, await nats.add_source(mark.source), f"_INBOX_{mark.source}")
            try:
                copies = there.jetstream(timeout=30)
                for sequence in range(first, state.last_seq + 1):
                    try:
                        message = await streams.get_msg(name, sequence)
                    except NotFoundError:
                        gone[mark.source] = gone.get(mark.source, 0) + 1
                        continue
                    await copies.publish(str(message.subject), message.data or b"")
                    messages[mark.source] = messages.get(mark.source, 0) + 1
            finally:
                await there.close()
    finally:
        await here.close()
    return messages, gone


async def _started(layout: Layout, postgres: PostgresServer, nats: NatsServer) -> ServiceProcess:
    """A registry on the restored database, for this machine only."""
    write_secret(layout.database_url("registry"), postgres.url("ketnap_registry"))
    base = free_port(together=3)
    ports = {"reporting": base, "registry": base + 1, "notifier": base + 2}
    os.environ.pop("KETNAP_HTTP_HOST", None)
    (registry,) = (each for each in ketnap_services(layout, ports, nats.url) if each.name == "registry")
    await asyncio.to_thread(registry.start)
    return registry


async def _settled(connection: "Connection", registry: ServiceProcess, wanted: dict[str, int]) -> None:
    """Wait until each source is settled up to the stream sequence wanted. Raises StackError if nothing moves."""
    before, moved = -1, time.monotonic()
    while True:
        rows = await connection.fetch("SELECT source, settled FROM registry.source")
        settled = {row["source"]: row["settled"] for row in rows}
        if all(settled[source] >= sequence for source, sequence in wanted.items()):
            return
        if sum(settled.values()) != before:
            before, moved = sum(settled.values()), time.monotonic()
        if time.monotonic() - moved > PATIENCE:
            raise StackError(f"the drill's registry reads nothing any more; its log is {registry.child.log}")
        await asyncio.sleep(0.1)


async def _lost(theirs: "Connection", ours: "Connection", after: int, head: int) -> list[str]:
    rows = await theirs.fetch(
        "SELECT source, event_id FROM registry.log WHERE position > $1 AND position <= $2 ORDER BY position",
        after,
        head,
    )
    found = await ours.fetch(
        "SELECT w.source, w.event_id "
        "FROM unnest($1::text[], $2::uuid[]) WITH ORDINALITY AS w (source, event_id, place) "
        "WHERE NOT EXISTS (SELECT FROM registry.log l WHERE (l.source, l.event_id) = (w.source, w.event_id)) "
        "AND NOT EXISTS (SELECT FROM registry.quarantine q WHERE (q.source, q.event_id) = (w.source, w.event_id)) "
        "ORDER BY w.place",
        [row["source"] for row in rows],
        [row["event_id"] for row in rows],
    )
    return [f"{row['source']}/{row['event_id']}" for row in found]
