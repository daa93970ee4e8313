"""Brings a system back from a backup, into a data directory that has no database."""

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from deploy.backup import archive
from deploy.backup.archive import DUMP, Manifest
from deploy.backup.taking import client_environment, complaint_of
from deploy.full_disk import NO_SPACE, says_full
from deploy.master_keys import read_ring
from deploy.person_keys import Taken, check, take_in
from deploy.stack.database import connected
from deploy.stack.errors import StackError
from deploy.stack.keys import write_secret
from deploy.stack.layout import Layout
from deploy.stack.migrating import migrate
from deploy.stack.nats import NatsServer, connect
from deploy.stack.postgres import CLUSTER, PostgresServer
from deploy.stack.postgres_programs import binaries
from deploy.stack.supervisor import sole_user
from deploy.temporary import temporary
from deploy.verifying import verify
from shared.events.subjects import LOG_STREAM, ingest_stream

if TYPE_CHECKING:
    from services.registry.verification.verify import Account

SCARCE = 64 * 1024 * 1024
"""Bytes: with fewer free, PostgreSQL's journal may have found no room for its next files of 16 MiB."""


class Refill(Struct, frozen=True):
    """What a source's stream still holds of what came after the backup."""

    source: str
    settled: int
    """Stream sequence up to which the backup has everything."""
    waiting: int
    """Messages after it, which the registry reads again."""
    missing: int
    """Messages after it that the stream once had and holds no more."""
    there: bool = True
    """Whether there is the stream."""


class Returned(Struct, frozen=True):
    """What has been brought back, and what is known of the rest."""

    manifest: Manifest
    streams: bool
    """Whether the sources' streams were there. If not, nobody knows here what came after the backup."""
    refills: list[Refill]
    account: "Account"
    """What the verification of the log found."""
    person_keys: Taken | None
    """What became of the keys of persons, if they were given."""
    unknown_masters: list[str]
    """Ids of the master keys that are there, where none of them is one that the backup knows."""


class Wanted(Struct, frozen=True):
    """What to restore from: the backup, the key that opens it, and what is kept apart, if it is at hand."""

    file: Path
    key_file: Path
    master_key: Path | None = None
    person_keys: Path | None = None


def bring_back(wanted: Wanted, data_dir: Path) -> Returned:
    """Restore a backup into `data_dir`; the system must not run, and have no database there.

    Streams that are there stay, and the registry reads on in them where the backup ends. Raises StackError; the
    database is then as absent as before.
    """
    layout = Layout(data_dir)
    if layout.announced() is not None:
        raise StackError(f"a system runs in {layout.data_dir}: stop it first")
    require_apart(wanted, layout.master_key)
    try:
        layout.data_dir.mkdir(parents=True, exist_ok=True, mode=0o711)
    except OSError as error:
        raise StackError(
            f"{layout.data_dir} cannot be made: {error.strerror}; name another directory with --data-dir"
        ) from None
    with sole_user(layout, "ketnap restore"), _told_what_to_do(layout.data_dir):
        return _bring_back(wanted, layout)


@contextmanager
def _told_what_to_do(data_dir: Path) -> Iterator[None]:
    """Say what helps where it is the place that keeps a restore: no room, or no right to write."""
    elsewhere = "name another directory (--data-dir; for a drill TMPDIR), and run this again"
    try:
        yield
    except StackError as error:
        told = " ".join(str(error).split())
        if not says_full(told):
            raise
        raise StackError(f"{told}; nothing was restored. Make room for {data_dir}, or {elsewhere}") from None
    except OSError as error:
        if isinstance(error, ConnectionError | TimeoutError):
            raise
        where = error.filename or data_dir
        raise StackError(
            f"{where}: {error.strerror}; nothing was restored. It takes a directory that has room and that this "
            f"user may write: {elsewhere}"
        ) from None


def require_apart(wanted: Wanted, master_key: Path) -> None:
    """Look at what is kept apart from the backup before anything is begun: a restore of much data takes long.

    master_key: the file whose keys count where `wanted` brings none. Raises StackError.
    """
    if wanted.master_key is not None:
        read_ring(wanted.master_key)
        master_key = wanted.master_key
    if wanted.person_keys is not None:
        if not master_key.exists():
            raise StackError(
                f"{wanted.person_keys} opens with the master key only, and there is none in {master_key}: add "
                "--master-key FILE"
            )
        check(wanted.person_keys, master_key)


def _bring_back(wanted: Wanted, layout: Layout) -> Returned:
    cluster = layout.postgres / CLUSTER
    if cluster.exists():
        raise StackError(
            f"{cluster} holds a database already, which a backup never replaces: move it away first, or name "
            "another directory with --data-dir"
        )
    with temporary("ketnap-restore", layout.data_dir) as unpacked:
        manifest = archive.read(wanted.file, wanted.key_file, unpacked)
        _take_secrets(layout, unpacked)
        if wanted.master_key is not None:
            _take_master_key(layout, wanted.master_key)
        layout.prepare()
        # Beside its place until all is done: whatever ends this, nothing half restored can be taken for a system.
        unfinished = layout.half_restored
        server = PostgresServer(unfinished, secrets=layout.secrets, log=layout.logs / "postgres.log")
        server.child.end_leftover()
        shutil.rmtree(unfinished, ignore_errors=True)
        try:
            server.start()
            try:
                asyncio.run(fill(server.url(), unpacked / DUMP))
            except StackError as error:
                # A server whose journal finds no room ends, and says so in its own log only.
                if shutil.disk_usage(unfinished).free >= SCARCE:
                    raise
                raise StackError(f"{error} ({NO_SPACE}, as it seems)") from None
            account, taken, masters = asyncio.run(finish(server.url(), layout, wanted, layout.master_key))
            server.stop()
            had_streams = (layout.nats / "jetstream").is_dir()
            refills = asyncio.run(_streams(layout, manifest)) if had_streams else []
            (unfinished / CLUSTER).rename(cluster)
        finally:
            server.stop()
            shutil.rmtree(unfinished, ignore_errors=True)
    return Returned(manifest, had_streams, refills, account, taken, masters)


async def finish(
    database_url: str, layout: Layout, wanted: Wanted, master_key: Path
) -> "tuple[Account, Taken | None, list[str]]":
    """Bring the schema up to date, put the keys of persons back, and look at everything.

    The last is `Returned.unknown_masters`.
    """
    await asyncio.to_thread(migrate, database_url)
    taken = None
    if wanted.person_keys is not None:
        taken = await take_in(database_url, wanted.person_keys, master_key)
    async with connected(database_url) as connection:
        known = {row["id"] for row in await connection.fetch("SELECT id FROM registry.master_key")}
    return await verify(database_url, layout), taken, _unknown(known, master_key)


def _unknown(known: set[str], master_key: Path) -> list[str]:
    """Ids of the master keys that are there, if none of them is known."""
    there = read_ring(master_key).ids if master_key.exists() else []
    return [] if not known or known.intersection(there) else there


def _take_master_key(layout: Layout, file: Path) -> None:
    try:
        content = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise StackError(f"the master key cannot be read: {error}") from None
    if layout.master_key.exists() and layout.master_key.read_text(encoding="utf-8").strip() != content:
        raise StackError(f"{layout.master_key} is there already and another one than {file}: move it away first")
    write_secret(layout.master_key, content)


def _take_secrets(layout: Layout, unpacked: Path) -> None:
    """The key of content hashes, without which nothing could be told a duplicate, and the access keys."""
    held = unpacked / layout.content_key.name
    layout.secrets.mkdir(exist_ok=True, mode=0o700)
    if not layout.content_key.exists():
        write_secret(layout.content_key, held.read_text(encoding="utf-8").strip())
    elif layout.content_key.read_text(encoding="utf-8").strip() != held.read_text(encoding="utf-8").strip():
        raise StackError(
            f"{layout.content_key} is the key of another system than the backup's: restore into a directory of "
            "its own"
        )
    access = unpacked / layout.keys_file.name
    if access.exists() and not layout.keys_file.exists():
        layout.keys_file.parent.mkdir(exist_ok=True, mode=0o700)
        write_secret(layout.keys_file, access.read_text(encoding="utf-8").strip())


async def fill(database_url: str, dump: Path) -> None:
    """Put a dump in the place of what the database holds, all or nothing, cancelled too. Raises StackError."""
    environment = client_environment(database_url)
    process = await asyncio.create_subprocess_exec(
        str(binaries() / "pg_restore"), "--clean", "--if-exists", "--no-owner", "--exit-on-error",
        "--single-transaction", f"--dbname={environment['PGDATABASE']}", str(dump),
        env=environment,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    complaint = await complaint_of(process)
    if process.returncode != 0:
        raise StackError(f"pg_restore failed: {complaint}")


async def _streams(layout: Layout, manifest: Manifest) -> list[Refill]:
    server = NatsServer(layout.nats, secrets=layout.secrets, log=layout.logs / "nats.log")
    await asyncio.to_thread(server.start)
    try:
        return await look_at_streams(server.url, server.seed("operator"), "", manifest)
    finally:
        await asyncio.to_thread(server.stop)


async def look_at_streams(nats_url: str, seed: str, ca: str, manifest: Manifest) -> list[Refill]:
    """What the sources' streams still hold; `LOG` is dropped, since it may hold positions that are given anew."""
    from nats.js.errors import NotFoundError

    client = await connect(nats_url, seed, ca=ca)
    try:
        jetstream = client.jetstream(timeout=30)
        refills = []
        for mark in manifest.sources:
            try:
                state = (await jetstream.stream_info(ingest_stream(mark.source))).state
            except NotFoundError:
                refills.append(Refill(mark.source, mark.settled, 0, 0, there=False))
                continue
            first = max(state.first_seq, mark.settled + 1)
            after = max(0, state.last_seq - mark.settled)
            waiting = max(0, state.last_seq - first + 1)
            refills.append(Refill(mark.source, mark.settled, waiting, after - waiting))
        with suppress(NotFoundError):
            await jetstream.delete_stream(LOG_STREAM)
        return refills
    finally:
        await client.close()
