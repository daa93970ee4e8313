"""Keys of persons in a file of their own, apart from the data: written out, and taken in again.

A line of JSON each: first what the file is, then every erased person, then every key as the master key wraps it.
So it opens nothing without the master key, and taking it in erases again who was erased when it was written.
"""

import base64
import datetime
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from deploy.master_keys import alone, read_ring
from deploy.stack.database import connected
from deploy.stack.errors import StackError
from deploy.whole_file import whole

BATCH = 5000
FORMAT = "ketnap person keys 1"


class _Head(Struct):
    format: str
    written_at: datetime.datetime
    masters: list[str]


class _Line(Struct, omit_defaults=True):
    person: str
    master: str | None = None
    wrapped: str | None = None
    """Base64; None of one who is erased."""


class Taken(Struct, frozen=True):
    """What became of the lines of a file."""

    keys: int
    """Added."""
    known: int
    """There already, or of persons who are erased."""
    erased: int
    """Persons who are erased now and were not before."""


async def export(database_url: str, file: Path) -> tuple[int, int]:
    """Write all keys and all erasures to `file`, whole or not at all; gives how many of each."""
    keys = erased = 0
    with whole(file) as output:
        async with (
            connected(database_url) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            masters = [row["master"] for row in await connection.fetch(_MASTERS)]
            output.write(_line(_Head(FORMAT, datetime.datetime.now(datetime.UTC), masters)))
            async for row in connection.cursor("SELECT person FROM registry.erased_person ORDER BY person"):
                output.write(_line(_Line(row["person"])))
                erased += 1
            async for row in connection.cursor(_KEYS, prefetch=BATCH):
                wrapped = base64.b64encode(row["wrapped"]).decode()
                output.write(_line(_Line(row["person"], row["master"], wrapped)))
                keys += 1
    return keys, erased


def check(file: Path, master_file: Path) -> None:
    """Read `file` to its end, before anything is begun that needs it. Raises StackError where `take_in` would."""
    _, lines = _opened_by(file, master_file)
    for _ in lines:
        pass


async def take_in(database_url: str, file: Path, master_file: Path) -> Taken:
    """Bring back what `export` wrote: erasures first, then keys where there is none. Raises StackError."""
    keys = known = erased = 0
    async with connected(database_url) as connection, connection.transaction():
        await alone(connection)
        head, lines = _opened_by(file, master_file)
        await connection.executemany(
            "INSERT INTO registry.master_key (id) VALUES ($1) ON CONFLICT DO NOTHING",
            [(each,) for each in head.masters],
        )
        for batch in _batches(lines):
            gone = [each.person for each in batch if each.wrapped is None]
            erased += len(await connection.fetch(_BURY, gone))
            await connection.execute("DELETE FROM registry.person_key WHERE person = ANY ($1)", gone)
            there = [(each, _key(each.wrapped)) for each in batch if each.wrapped is not None]
            added = await connection.fetch(
                _PUT,
                [each.person for each, _ in there],
                [each.master for each, _ in there],
                [wrapped for _, wrapped in there],
            )
            keys += len(added)
            known += len(there) - len(added)
    async with connected(database_url) as connection, connection.transaction():
        # Whoever was erased by a registry while these were taken in, and not seen to be: none of them got away.
        await connection.execute("LOCK TABLE registry.erased_person IN SHARE MODE")
        await connection.execute(_DESTROY)
    return Taken(keys, known, erased)


_MASTERS = "SELECT DISTINCT master FROM registry.person_key WHERE master IS NOT NULL ORDER BY master"
_KEYS = "SELECT person, master, wrapped FROM registry.person_key ORDER BY person"
_BURY = (
    "INSERT INTO registry.erased_person (person, erased_at) SELECT unnest($1::text[]), now() "
    "ON CONFLICT DO NOTHING RETURNING person"
)
_DESTROY = "DELETE FROM registry.person_key k USING registry.erased_person e WHERE k.person = e.person"
# A trigger passes over those who are erased.
_PUT = (
    "INSERT INTO registry.person_key (person, master, wrapped) "
    "SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[]) ON CONFLICT DO NOTHING RETURNING person"
)


def _line(content: Struct) -> bytes:
    return msgspec.json.encode(content) + b"\n"


def _read(file: Path) -> tuple[_Head, Iterator[_Line]]:
    try:
        with file.open("rb") as lines:
            head = msgspec.json.decode(lines.readline(), type=_Head)
    except OSError as error:
        raise StackError(f"{file} cannot be read: {error.strerror}") from None
    except msgspec.DecodeError:
        head = None
    if head is None or head.format != FORMAT:
        raise StackError(f"{file} is not what `ketnap keys export` writes: expected a first line with {FORMAT!r}")
    return head, _lines(file, head)


def _opened_by(file: Path, master_file: Path) -> tuple[_Head, Iterator[_Line]]:
    head, lines = _read(file)
    ids = read_ring(master_file).ids
    missing = [each for each in head.masters if each not in ids]
    if missing:
        raise StackError(
            f"{file} holds keys that master key {', '.join(missing)} wraps, which is not in {master_file}; add it"
        )
    return head, lines


def _lines(file: Path, head: _Head) -> Iterator[_Line]:
    with file.open("rb") as lines:
        lines.readline()
        for number, line in enumerate(lines, start=2):
            try:
                found = msgspec.json.decode(line, type=_Line)
                if found.wrapped is not None:
                    _key(found.wrapped)
            except ValueError as error:  # DecodeError and what is no base64 are both of it
                raise StackError(f"{file}, line {number}: {error}; nothing was taken in") from None
            if found.master is not None and found.master not in head.masters:
                raise StackError(
                    f"{file}, line {number}: its first line does not name master key {found.master}; nothing was "
                    "taken in"
                )
            yield found


def _key(wrapped: str) -> bytes:
    return base64.b64decode(wrapped, validate=True)


def _batches(lines: Iterator[_Line]) -> Iterator[list[_Line]]:
    batch: list[_Line] = []
    for line in lines:
        batch.append(line)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
