"""The master keys of a running system: how many keys of persons each wraps, how one takes over, how one goes.

The keys are in a file, the one that wraps first, the others below it; the table registry.master_key has their ids.
A key is in the file before anything is wrapped by it, and goes out of it after nothing is.
"""

import asyncio
import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from deploy.stack.database import connected
from deploy.stack.errors import StackError
from deploy.stack.keys import new_key, write_secret
from services.registry.keyring import Keyring
from services.registry.sealing import Sealer, Unsealable, Wrapped

if TYPE_CHECKING:
    from asyncpg import Connection

BATCH = 2000
NOTICED = 2.5
"""Seconds within which a running registry has noticed a new master key: it asks every second."""
_LOCK = 7532


class Standing(Struct, frozen=True):
    """One master key: whether the file has it, how many keys of persons it wraps, and since when it may."""

    id: str | None
    """None: the keys that were wrapped before master keys had ids."""
    wraps: int
    current: bool
    in_file: bool
    since: datetime.datetime | None


def read_ring(file: Path) -> Keyring:
    """The master keys in `file`. Raises StackError."""
    try:
        return Keyring(file.read_text(encoding="utf-8"), file)
    except OSError as error:
        raise StackError(
            f"the master keys cannot be read from {file}: {error.strerror}; name their file with "
            "KETNAP_MASTER_KEY_FILE, the same one that the registry reads"
        ) from None
    except UnicodeDecodeError:
        raise StackError(f"{file} is no text: expected master keys of 64 hexadecimal digits each") from None
    except ValueError as error:
        raise StackError(f"{file}: {error}") from None


async def standings(database_url: str, file: Path) -> list[Standing]:
    """Every master key that is in the file or in the database, the current one first."""
    ring = read_ring(file)
    async with connected(database_url) as connection:
        counts = await _counts(connection)
        rows = await connection.fetch("SELECT id, since FROM registry.master_key ORDER BY since DESC, id")
    since = {row["id"]: row["since"] for row in rows}
    ids: list[str | None] = [*dict.fromkeys([*ring.ids, *since])]
    if counts.get(None):
        ids.append(None)
    return [
        Standing(each, counts.get(each, 0), each == ring.current.id, each in ring.ids, since.get(each or ""))
        for each in ids
    ]


async def rotate(database_url: str, file: Path) -> tuple[str, int]:
    """Make a new master key and wrap every person's key by it; gives its id and how many were wrapped anew.

    The registry may run meanwhile. A rotation that was interrupted is gone on with. Raises StackError.
    """
    async with connected(database_url) as connection:
        await alone(connection)
        ring = read_ring(file)
        await _require_all(connection, ring)
        if not await _interrupted(connection, ring):
            ring = _add(file)
        # From here on the registry learns of it: by the table that there is a key, by the file which.
        await connection.execute(
            "INSERT INTO registry.master_key (id) VALUES ($1) ON CONFLICT DO NOTHING", ring.current.id
        )
        sealer = Sealer(ring)
        wrapped = await _rewrap(connection, sealer)
        await asyncio.sleep(NOTICED)
        wrapped += await _rewrap(connection, sealer)
        left = sum(number for each, number in (await _counts(connection)).items() if each != ring.current.id)
    if left:
        raise StackError(
            f"{left:,} keys were wrapped by an older master key meanwhile: a registry does not read {file}; set "
            "its KETNAP_MASTER_KEY_FILE to it, and run `ketnap keys rotate` again, which goes on where this ended"
        )
    return ring.current.id, wrapped


async def drop(database_url: str, file: Path, key_id: str) -> None:
    """Take a master key that wraps nothing out of table and file. Raises StackError while it wraps anything."""
    import asyncpg

    async with connected(database_url) as connection:
        await alone(connection)
        ring = read_ring(file)
        if key_id == ring.current.id:
            raise StackError(f"master key {key_id} is the one that wraps; `ketnap keys rotate` makes another one")
        known = await connection.fetchval("SELECT true FROM registry.master_key WHERE id = $1", key_id)
        if not known and key_id not in ring.ids:
            raise StackError(f"no master key {key_id} is known; `ketnap keys status` lists those that are")
        counts = await _counts(connection)
        if counts.get(None):
            raise StackError("some keys do not say what wraps them; run `ketnap keys rotate` first")
        try:
            # The foreign key refuses, also for what a registry is about to write.
            await connection.execute("DELETE FROM registry.master_key WHERE id = $1", key_id)
        except asyncpg.ForeignKeyViolationError:
            raise StackError(
                f"master key {key_id} wraps {counts.get(key_id, 0):,} keys of persons; "
                "run `ketnap keys rotate` first"
            ) from None
        _remove(file, key_id)


async def alone(connection: "Connection") -> None:
    """Nobody else changes which master keys there are, until the connection ends. Raises StackError.

    Who wrote the file back as it was read before would lose a key that was made meanwhile, and all that it wraps.
    Who brings keys of persons would bring what nothing opens, if their master key went meanwhile.
    """
    if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):
        raise StackError("another `ketnap keys rotate`, `drop` or `import` is under way; wait until it has ended")


def _add(file: Path) -> Keyring:
    _write(file, [new_key(), *file.read_text(encoding="utf-8").split()])
    return read_ring(file)


def _remove(file: Path, key_id: str) -> None:
    _write(file, [key for key in file.read_text(encoding="utf-8").split() if Keyring(key).current.id != key_id])


def _write(file: Path, keys: list[str]) -> None:
    try:
        write_secret(file, "\n".join(keys))
    except OSError as error:
        raise StackError(
            f"{file} cannot be written: {error.strerror}; rotation needs a file that this user may replace"
        ) from None


async def _require_all(connection: "Connection", ring: Keyring) -> None:
    missing = [each for each in await _counts(connection) if each is not None and each not in ring.ids]
    if missing:
        raise StackError(f"master key {', '.join(missing)} wraps keys of persons, but is not in the file; add it")
    unnamed = await connection.fetchrow(
        "SELECT person, wrapped FROM registry.person_key WHERE master IS NULL LIMIT 1"
    )
    if unnamed is not None:
        try:
            Sealer(ring).unwrap(Wrapped(None, unnamed["wrapped"]), unnamed["person"])
        except Unsealable as error:
            raise StackError(str(error)) from None


async def _interrupted(connection: "Connection", ring: Keyring) -> bool:
    if len(ring.ids) == 1:
        return False
    return any(each != ring.current.id for each in await _counts(connection))


async def _counts(connection: "Connection") -> dict[str | None, int]:
    rows = await connection.fetch("SELECT master, count(*) AS number FROM registry.person_key GROUP BY master")
    return {row["master"]: row["number"] for row in rows}


async def _rewrap(connection: "Connection", sealer: Sealer) -> int:
    """Wrap anew what is not wrapped by the current key, a batch a transaction."""
    current, after, wrapped = sealer.keyring.current.id, "", 0
    while True:
        async with connection.transaction():
            # Locked, so that a key which an erasure destroys meanwhile is not written again.
            rows = await connection.fetch(
                "SELECT person, master, wrapped FROM registry.person_key "
                "WHERE person > $1 AND master IS DISTINCT FROM $2 ORDER BY person LIMIT $3 FOR UPDATE",
                after,
                current,
                BATCH,
            )
            if not rows:
                return wrapped
            try:
                anew = [sealer.rewrap(Wrapped(row["master"], row["wrapped"]), row["person"]) for row in rows]
            except Unsealable as error:
                raise StackError(str(error)) from None
            await connection.execute(
                "UPDATE registry.person_key k SET master = $1, wrapped = n.wrapped "
                "FROM unnest($2::text[], $3::bytea[]) AS n (person, wrapped) WHERE k.person = n.person",
                current,
                [row["person"] for row in rows],
                [each.key for each in anew],
            )
        after, wrapped = rows[-1]["person"], wrapped + len(rows)
