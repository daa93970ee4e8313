"""Brings a system back from a backup into servers that run elsewhere, such as the containers of an installation.

They are as on the first day: set up, and without a source. The services do not run meanwhile.
"""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.backup import archive
from deploy.backup.archive import DUMP, Manifest
from deploy.backup.returning import Returned, Wanted, fill, finish, look_at_streams, require_apart
from deploy.stack.access import take_in_keys
from deploy.stack.database import connected
from deploy.stack.errors import StackError
from deploy.stack.keys import write_secret
from deploy.stack.layout import Addresses, Layout, key_file
from deploy.temporary import temporary

if TYPE_CHECKING:
    from asyncpg import Connection

_AT_WORK = (
    "SELECT DISTINCT substring(usename FROM 8) AS service FROM pg_stat_activity "
    "WHERE usename IN ('ketnap_registry', 'ketnap_reporting', 'ketnap_notifier') ORDER BY 1"
)
_HOLDS = "SELECT position > 0 OR EXISTS (SELECT FROM registry.source) FROM registry.head"
_OURS = "SELECT nspname AS name FROM pg_namespace WHERE nspowner = current_user::regrole"


def bring_back_elsewhere(wanted: Wanted, addresses: Addresses) -> Returned:
    """Restore a backup into the database at `addresses`, and its keys where `KETNAP_…_FILE` settings name them.

    Streams that are there stay, and the registry reads on in them where the backup ends. Raises StackError; a
    database that holds anything is as it was.
    """
    layout = Layout(addresses.data_dir)
    require_apart(wanted, key_file(layout, "master_key"))
    with temporary("ketnap-restore") as unpacked:
        manifest = archive.read(wanted.file, wanted.key_file, unpacked)
        return asyncio.run(_bring_back(wanted, addresses, layout, manifest, unpacked))


async def _bring_back(
    wanted: Wanted, addresses: Addresses, layout: Layout, manifest: Manifest, unpacked: Path
) -> Returned:
    async with connected(addresses.database_url) as connection:
        await _require_rest(connection)
        await _require_empty(connection)
        _put(key_file(layout, "content_key"), unpacked / layout.content_key.name, layout.secrets)
        if wanted.master_key is not None:
            _put(key_file(layout, "master_key"), wanted.master_key, layout.secrets)
        # Before there is a database that registries could begin with: `LOG` is dropped with it.
        refills = await look_at_streams(addresses.nats_url, addresses.nats_seed, addresses.ca, manifest)
        # A version later than the backup's may have made what the backup does not know, and would not drop.
        for schema in await connection.fetch(_OURS):
            await connection.execute(f'DROP SCHEMA "{schema["name"]}" CASCADE')
    await fill(addresses.database_url, unpacked / DUMP)
    if (unpacked / layout.keys_file.name).exists():
        take_in_keys(layout, unpacked / layout.keys_file.name)
    account, taken, masters = await finish(addresses.database_url, layout, wanted, key_file(layout, "master_key"))
    return Returned(manifest, any(each.there for each in refills), refills, account, taken, masters)


async def _require_rest(connection: "Connection") -> None:
    at_work = [row["service"] for row in await connection.fetch(_AT_WORK)]
    if at_work:
        raise StackError(
            f"{', '.join(at_work)} work on the database: stop them first "
            "(`docker compose stop registry reporting notifier`)"
        )


async def _require_empty(connection: "Connection") -> None:
    if await connection.fetchval("SELECT to_regclass('registry.head')") and await connection.fetchval(_HOLDS):
        raise StackError(
            "the database holds a log or sources already, which a backup never replaces: restore into an "
            "installation of its own, or put its volume away first (docs/operations.md, Backup and return)"
        )


def _put(place: Path, source: Path, kept: Path) -> None:
    """Put a key in its place. One that was there goes to `kept`: it may have opened something before."""
    try:
        content = source.read_text(encoding="utf-8").strip()
        before = place.read_text(encoding="utf-8").strip() if place.exists() else content
    except OSError as error:
        raise StackError(f"{error.filename} cannot be read: {error.strerror}") from None
    if before != content:
        write_secret(kept / f"{place.name}.until-{datetime.now(UTC):%Y%m%dT%H%M%SZ}", before)
    if before != content or not place.exists():
        write_secret(place, content)
