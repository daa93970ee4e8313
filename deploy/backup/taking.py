"""Takes a backup of a running system: one snapshot of the database, and the secrets that the data needs."""

import asyncio
import os
from asyncio.subprocess import Process
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from deploy.backup import archive
from deploy.backup.archive import DUMP, FORMAT, Manifest, SourceMark
from deploy.full_disk import says_full
from deploy.stack.access import keys_file
from deploy.stack.database import connected
from deploy.stack.errors import StackError
from deploy.stack.layout import Addresses, Layout, key_file
from deploy.temporary import temporary
from deploy.whole_file import require_place

LEFT_OUT = "registry.person_key"
"""Keys of persons are kept apart from the data: `ketnap keys export`. Without them no profile opens."""
_OPTIONS = {
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
}
"""Of a database's URL, and what the programs call them."""


async def take(addresses: Addresses, file: Path, recipient: str) -> Manifest:
    """Back the system up into `file`, while it runs. Raises StackError, WrongUsage for no recipient."""
    require_place(file)
    archive.read_recipient(recipient)  # said now, and not when all of the database was dumped
    layout = Layout(addresses.data_dir)
    beside = layout.run if layout.run.is_dir() else None
    with temporary("ketnap-backup", beside) as directory:
        dump = directory / DUMP
        manifest = await _dump(addresses.database_url, dump)
        content_key = key_file(layout, "content_key")
        beside_it = {layout.content_key.name: content_key, layout.keys_file.name: keys_file(layout)}
        members = {DUMP: dump} | {name: path for name, path in beside_it.items() if path.is_file()}
        if layout.content_key.name not in members:
            raise StackError(
                f"{content_key} is not there, without which a copy cannot tell duplicates: run the command on the "
                "machine that has the data directory, with --data-dir, or name the file in KETNAP_CONTENT_KEY_FILE"
            )
        whole = Manifest(
            FORMAT,
            datetime.now(UTC),
            manifest.position,
            manifest.recordedat,
            manifest.sources,
            {name: archive.checksum(path) for name, path in members.items()},
        )
        archive.write(file, whole, members, recipient)
    await _note(addresses.database_url, whole, os.stat(file).st_size)
    return whole


async def _note(database_url: str, manifest: Manifest, size: int) -> None:
    """Write down that there is one more backup, for whoever asks how old the last one is."""
    async with connected(database_url) as connection:
        await connection.execute(
            "INSERT INTO registry.backup (at, position, bytes) VALUES ($1, $2, $3)",
            manifest.made_at,
            manifest.position,
            size,
        )


def client_environment(database_url: str) -> dict[str, str]:
    """The environment in which PostgreSQL's programs find a database; a command line is there for all to read."""
    url = urlsplit(database_url)
    # One server, or the two of a pair.
    servers = [urlsplit(f"//{each}") for each in url.netloc.rpartition("@")[2].split(",")]
    asked = dict(parse_qsl(url.query))
    return (
        os.environ
        | {variable: asked[option] for option, variable in _OPTIONS.items() if asked.get(option)}
        | {
            "PGHOST": ",".join(each.hostname or "" for each in servers),
            "PGPORT": ",".join(str(each.port or 5432) for each in servers),
            "PGUSER": unquote(url.username or ""),
            "PGPASSWORD": unquote(url.password or ""),
            "PGDATABASE": url.path.removeprefix("/"),
            "LC_ALL": "C",
        }
    )


async def complaint_of(process: Process) -> str:
    """What one of PostgreSQL's programs says until it ends; where this is cancelled, it ends at once."""
    try:
        _, complaint = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return complaint.decode(errors="replace").strip()


async def _dump(database_url: str, file: Path) -> Manifest:
    """Dump the database; what the manifest says is from the same snapshot."""
    from deploy.stack.postgres_programs import binaries

    async with (
        connected(database_url) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        snapshot = await connection.fetchval("SELECT pg_export_snapshot()")
        head = await connection.fetchrow("SELECT position, recordedat FROM registry.head")
        rows = await connection.fetch("SELECT source, settled FROM registry.source ORDER BY source")
        process = await asyncio.create_subprocess_exec(
            str(binaries() / "pg_dump"),
            "--format=custom",
            "--compress=gzip:3",
            "--no-owner",
            f"--exclude-table-data={LEFT_OUT}",
            "--no-unlogged-table-data",  # attributes that reporting has unsealed: it asks for them again
            f"--snapshot={snapshot}",
            f"--file={file}",
            umask=0o077,
            env=client_environment(database_url),
            stderr=asyncio.subprocess.PIPE,
        )
        told = await complaint_of(process)
        if process.returncode != 0:
            full = f"; make room in {file.parent.parent}, then run this again" if says_full(told) else ""
            raise StackError(f"pg_dump failed: {told}{full}")
    assert head is not None, "the head is one row, from the first migration on"
    recordedat = head["recordedat"] if head["position"] else None
    marks = [SourceMark(row["source"], row["settled"]) for row in rows]
    return Manifest(FORMAT, datetime.now(UTC), head["position"], recordedat, marks, {})
