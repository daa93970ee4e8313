"""Registers sources: the table says who may publish; streams and NATS users follow it.

Each change is one transaction that ends only when NATS knows it. Should a crash fall between the two,
`restore`, on every start, writes NATS's users anew from the table.
"""

import asyncio
import contextlib
import datetime
import os
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import structlog

from deploy.stack import nats
from deploy.stack.database import connected
from deploy.stack.errors import StackError, WrongUsage, said
from deploy.stack.keys import new_seed, public_key
from deploy.stack.layout import Addresses, Layout
from deploy.stack.nats_configuration import holds_sources, write_sources
from shared.events.subjects import LOG_STREAM, ingest_stream
from shared.events.vocabulary import OUTER_ID, SOURCE_NAME
from shared.runtime.duration import span

if TYPE_CHECKING:
    from asyncpg import Connection
    from nats.js import JetStreamContext
    from nats.js.api import StreamConfig

log = structlog.get_logger(__name__)

# No lock on the table: NATS is asked meanwhile, and the registry writes there with every turn.
_ALONE = "SELECT pg_advisory_xact_lock(7533)"
_LOOK = 2.0
"""Seconds between two looks at the table of sources."""
ANSWERS_WITHIN = 10.0
"""Seconds for each answer of the database while it is looked at: one that says nothing may have a successor."""
DEFAULT_KEEP = "7d"
INGEST_BYTES = 1024 * 1024 * 1024  # a full stream refuses its own source, and no other
_NO_ROOM = "insufficient storage"
"""What NATS says, one server or several, where no stream of the size can be kept besides those that are there."""


class Source(msgspec.Struct, frozen=True):
    """A row of the table of sources; `removed_at` is None while the source may publish."""

    source: str
    root: str
    public_key: str
    added_at: datetime.datetime
    removed_at: datetime.datetime | None


async def add_source(addresses: Addresses, source: str, root: str) -> str:
    """Register `source` with its `root` organisation; returns its nkey seed, which is kept nowhere.

    A removed source may be added again. Raises StackError if it is registered already, or a name is wrong.
    """
    _check("source", source, SOURCE_NAME, "2 to 32 of a-z, 0-9 and -, the first a letter or digit")
    _check("root organisation", root, OUTER_ID, "1 to 64 of A-Z, a-z, 0-9, . _ and -, the first a letter or digit")
    seed = new_seed()
    async with _change(addresses) as connection:
        known = await connection.fetchrow("SELECT root, removed_at FROM registry.source WHERE source = $1", source)
        if known is not None and known["removed_at"] is None:
            raise StackError(
                f"source {source} is registered already, with root {known['root']}; "
                f"for new credentials: `ketnap source rotate {source} --creds FILE`"
            )
        await connection.execute(
            "INSERT INTO registry.source (source, root, public_key) VALUES ($1, $2, $3) ON CONFLICT (source) "
            "DO UPDATE SET root = excluded.root, public_key = excluded.public_key, removed_at = NULL",
            source,
            root,
            public_key(seed),
        )
    await _verify(addresses, source, seed)
    return seed


async def rotate_source(addresses: Addresses, source: str) -> str:
    """Give `source` new credentials; the old ones stop working at once. Returns the new seed."""
    seed = new_seed()
    async with _change(addresses) as connection:
        changed = await connection.execute(
            "UPDATE registry.source SET public_key = $2 WHERE source = $1 AND removed_at IS NULL",
            source,
            public_key(seed),
        )
        _require(changed, source)
    await _verify(addresses, source, seed)
    return seed


async def remove_source(addresses: Addresses, source: str) -> None:
    """Revoke `source`: its connections are closed, its credentials end; stream and history stay."""
    async with _change(addresses) as connection:
        changed = await connection.execute(
            "UPDATE registry.source SET removed_at = now() WHERE source = $1 AND removed_at IS NULL", source
        )
        _require(changed, source)


async def list_sources(addresses: Addresses) -> list[Source]:
    """Every source that was ever registered, by name."""
    async with connected(addresses.database_url) as connection:
        rows = await connection.fetch(
            "SELECT source, root, public_key, added_at, removed_at FROM registry.source ORDER BY source"
        )
    return [Source(**dict(row)) for row in rows]


async def restore(addresses: Addresses) -> None:
    """Bring streams and NATS's users in line with the table."""
    async with _change(addresses):
        pass


async def follow_sources(addresses: Addresses, done: Callable[[], None] = lambda: None) -> None:
    """Keep the users of one NATS server of a cluster in line with the table, until cancelled.

    A source is registered on one machine; the other servers learn of it here, within seconds. So does a server
    learn here of any other file of its configuration that was written anew, a renewed certificate say. `addresses`
    are those of this machine: its own NATS server and no other's. `done` is called whenever all is in line.
    """
    import asyncpg

    known: Mapping[Path, int] = {}
    said = ""
    while True:
        try:
            async with connected(addresses.database_url, answers_within=ANSWERS_WITHIN) as connection:
                if not holds_sources(Layout(addresses.data_dir).sources_file, await _active(connection)):
                    # A source that is being added is in the file before it is in the table. So this waits for
                    # whoever is at it, and looks again.
                    async with connection.transaction():
                        await connection.execute(_ALONE)
                        _write_users(addresses, await _active(connection))
            found = _stamps(Layout(addresses.data_dir).nats)
            if found != known:
                await nats.reload(addresses.nats_url, addresses.nats_system_seed, addresses.ca)
                known = found
            done()
            said = ""
        except (StackError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as fault:
            if said != str(fault):  # once is enough, however often it is tried
                log.warning("the users of NATS may be those of before; trying again", fault=str(fault))
            said = str(fault)
        await asyncio.sleep(_LOOK)


def _stamps(configuration: Path) -> dict[Path, int]:
    """When each file of a server's configuration was written."""
    files = [*configuration.glob("*.conf"), *configuration.glob("**/*.pem")]
    return {file: file.stat().st_mtime_ns for file in files}


async def drop_log(addresses: Addresses) -> None:
    """Drop `LOG`, where it may hold positions that the database has lost and will give anew. Raises StackError.

    The registry makes it again, and readers fetch what they missed.
    """
    from nats.js.errors import NotFoundError

    async with _jetstream(addresses) as jetstream:
        with contextlib.suppress(NotFoundError):
            await jetstream.delete_stream(LOG_STREAM)


def ingest_keep() -> float:
    """How long ingest streams keep messages, in seconds, from `KETNAP_INGEST_KEEP` (e.g. `7d`, `12h`)."""
    written = os.environ.get("KETNAP_INGEST_KEEP") or DEFAULT_KEEP
    try:
        return span(written).total_seconds()
    except ValueError:
        raise StackError(
            f"KETNAP_INGEST_KEEP is {written!r}: expected a number and s, m, h or d, e.g. 7d"
        ) from None


def stream_replicas() -> int:
    """On how many servers of a NATS cluster an ingest stream lies, from `KETNAP_STREAM_REPLICAS` (1)."""
    written = os.environ.get("KETNAP_STREAM_REPLICAS") or "1"
    if written not in ("1", "3", "5"):
        raise StackError(f"KETNAP_STREAM_REPLICAS is {written!r}: expected 1, 3 or 5, and as many NATS servers")
    return int(written)


def _check(what: str, value: str, pattern: str, expected: str) -> None:
    if not re.fullmatch(pattern, value):
        raise WrongUsage(f"{value!r} cannot name a {what}: expected {expected}")


def _require(changed: str, source: str) -> None:
    if changed == "UPDATE 0":
        raise StackError(f"no source {source} is registered; `ketnap source list` shows those that are")


@asynccontextmanager
async def _change(addresses: Addresses) -> "AsyncIterator[Connection]":
    """A change to the table, one at a time; at its end streams and NATS's users follow, or nothing changes."""
    async with connected(addresses.database_url) as connection:
        try:
            async with connection.transaction():
                await connection.execute(_ALONE)
                yield connection
                await _follow(addresses, connection)
        except BaseException:
            # NATS may already know what the table now forgot. Should this fail too, the next start mends it,
            # and the first error is the one to show. Alone again: another change may have begun meanwhile, whose
            # source is in the file before it is in the table.
            with contextlib.suppress(Exception):
                async with connection.transaction():
                    await connection.execute(_ALONE)
                    if _write_users(addresses, await _active(connection)):
                        await nats.reload(addresses.nats_url, addresses.nats_system_seed, addresses.ca)
            raise


async def _follow(addresses: Addresses, connection: "Connection") -> None:
    active = await _active(connection)
    rows = await connection.fetch("SELECT source, settled FROM registry.source WHERE removed_at IS NULL")
    async with _jetstream(addresses) as jetstream:
        for row in rows:
            await _ensure_stream(jetstream, row["source"], row["settled"])
    if _write_users(addresses, active):
        await nats.reload(addresses.nats_url, addresses.nats_system_seed, addresses.ca)


async def _active(connection: "Connection") -> dict[str, str]:
    rows = await connection.fetch("SELECT source, public_key FROM registry.source WHERE removed_at IS NULL")
    return {row["source"]: row["public_key"] for row in rows}


def _write_users(addresses: Addresses, active: dict[str, str]) -> bool:
    file = Layout(addresses.data_dir).sources_file
    if not file.parent.is_dir():
        raise StackError(
            f"{file.parent} does not exist: sources are registered on the machine where NATS runs, "
            "with its data directory as --data-dir"
        )
    return write_sources(file, active)


@asynccontextmanager
async def _jetstream(addresses: Addresses) -> "AsyncIterator[JetStreamContext]":
    from nats.errors import Error as NatsError

    try:
        client = await nats.connect(addresses.nats_url, addresses.nats_seed, ca=addresses.ca)
        try:
            yield client.jetstream(timeout=10)
        finally:
            await client.close()
    except (NatsError, OSError) as error:
        raise StackError(
            f"NATS at {addresses.nats_url} cannot be used: {said(error)}; `ketnap doctor` says more"
        ) from None


async def _ensure_stream(jetstream: "JetStreamContext", source: str, settled: int) -> None:
    """The stream of a source. One that is made anew, after a restore say, goes on behind what is settled."""
    from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
    from nats.js.errors import APIError, NotFoundError

    wanted = StreamConfig(
        name=ingest_stream(source),
        subjects=[f"ingest.{source}.>"],
        storage=StorageType.FILE,
        retention=RetentionPolicy.LIMITS,
        discard=DiscardPolicy.NEW,
        max_age=ingest_keep(),
        max_bytes=INGEST_BYTES,
        num_replicas=stream_replicas(),
    )
    try:
        try:
            found = (await jetstream.stream_info(ingest_stream(source))).config
        except NotFoundError:
            wanted.first_seq = settled + 1
            await jetstream.add_stream(wanted)
            return
        wanted.first_seq = found.first_seq
        if _adjustable(found) != _adjustable(wanted):
            await jetstream.update_stream(wanted)
    except APIError as error:
        if _NO_ROOM not in (error.description or ""):
            raise
        raise StackError(
            f"expected NATS to have {INGEST_BYTES / 1024**3:g} GiB left for the stream of {source}, which each "
            "source's reserves, found less: all together may have three quarters of what was free on its disk "
            "when it started. Nothing is changed. Make room on that disk, start NATS again, and repeat this; "
            "docs/incidents.md says more under KetnapDiskNearlyFull"
        ) from None


def _adjustable(config: "StreamConfig") -> tuple[object, ...]:
    return config.subjects, config.max_age, config.max_bytes, config.discard, config.num_replicas


async def _verify(addresses: Addresses, source: str, seed: str) -> None:
    from nats.errors import Error as NatsError

    try:
        client = await nats.connect(addresses.nats_url, seed, f"_INBOX_{source}", ca=addresses.ca)
        await client.close()
    except (NatsError, OSError) as error:
        raise StackError(
            f"source {source} is registered, but NATS does not accept its credentials ({error!r}); "
            f"`ketnap doctor` says more, `ketnap source rotate {source}` makes new ones"
        ) from None
