"""The log as JSON lines: recorded events in log order, into a file that can be gone on with.

Read from PostgreSQL and not through the registry's API: the record itself is asked, whether or not a registry
runs; the end is known before the first line; and a connection that breaks cannot pass for the end of the log.
"""

import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncEngine

from deploy.whole_file import lock
from services.registry.api.readings import Readings
from services.registry.verification.contents import START, link
from services.registry.verification.outcomes import SQL
from shared.runtime.database import create_engine

PAGE = 2000
"""Events read at a time."""


class ExportError(Exception):
    """The export cannot go on; the message says why and what to do."""


class Exported(Struct):
    """What a file holds, those lines included that it had before; `first` is where it begins."""

    first: int
    last: int
    lines: int = 0
    chain: str = START.hex()
    """Over the lines, each without its line break; equal for equal exports."""


class _Place(Struct):
    position: int


_PLACE = msgspec.json.Decoder(_Place)


async def write(
    database_url: str,
    output: Path | None,
    *,
    after: int = 0,
    until: int | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Exported:
    """Write what is recorded after a position, up to another or to what is the last one now.

    `output`: None for standard output. A file that an earlier run began is gone on with. Raises ExportError.
    """
    engine = create_engine(database_url, "log-export", 1)
    try:
        head = await _head(engine)
        if until is not None and until > head:
            raise ExportError(f"expected --until of at most {head:,}, the last position, found {until:,}")
        last = head if until is None else until
        readings = Readings(engine)
        if output is None:
            return await _copy(readings, sys.stdout.buffer, Exported(after + 1, after), last, on_progress)
        with _opened(output) as file:
            begun = _begun(file, output, after)
            if begun is not None:
                await _same_log(readings, file, begun, output)
            file.truncate()
            exported = await _copy(readings, file, begun or Exported(after + 1, after), last, on_progress)
            file.flush()
            os.fsync(file.fileno())
            return exported
    except OSError as error:
        if isinstance(error, ConnectionError | TimeoutError):  # the reader's end of a pipe, or the database
            raise
        raise ExportError(f"{output or 'standard output'}: {error}") from None
    finally:
        await engine.dispose()


def _opened(path: Path) -> BinaryIO:
    # Readable by its owner only, like everything that holds what persons did.
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
    if not lock(file.fileno()):
        file.close()
        raise ExportError(f"{path}: another export writes to it; wait for that, or name another --output")
    return file


async def _head(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return int((await connection.execute(SQL["head"])).one().position)


def _begun(file: BinaryIO, path: Path, after: int) -> Exported | None:
    """What an earlier run wrote. Leaves the file after its last whole line: what follows was not finished."""
    exported: Exported | None = None
    chain, end = START, 0
    for number, line in enumerate(file, start=1):
        if not line.endswith(b"\n"):
            if exported is None and not line.startswith(b'{"'):
                raise ExportError(f"{path}: its only line is no recorded event; name another --output")
            break
        try:
            position = _PLACE.decode(line).position
        except msgspec.DecodeError:
            raise ExportError(f"{path}:{number} is no recorded event; name another --output") from None
        if exported is None:
            exported = Exported(position, position - 1)
        if position != exported.last + 1:
            raise ExportError(
                f"{path}:{number} is position {position:,}, expected {exported.last + 1:,}; name another --output"
            )
        chain = link(chain, line[:-1])
        exported.last, exported.lines = position, number
        end += len(line)
    file.seek(end)
    if exported is None:
        return None
    if after and exported.first != after + 1:
        raise ExportError(
            f"{path} begins with position {exported.first:,}, expected {after + 1:,}; leave --after out to go on "
            "with it, or name another --output"
        )
    exported.chain = chain.hex()
    return exported


async def _same_log(readings: Readings, file: BinaryIO, begun: Exported, path: Path) -> None:
    found, _ = await readings.events(begun.last - 1, 1, None, None, None)
    expected = found[0][1] + b"\n" if found else b""
    file.seek(-min(len(expected), file.tell()), os.SEEK_CUR)
    if file.read(len(expected)) != expected or not expected:
        raise ExportError(f"{path} ends with another event than this log has at position {begun.last:,}")


async def _copy(
    readings: Readings,
    file: BinaryIO,
    exported: Exported,
    last: int,
    on_progress: Callable[[int, int], None],
) -> Exported:
    chain = bytes.fromhex(exported.chain)
    total = max(0, last - exported.first + 1)
    on_progress(exported.lines, total)
    async for page in _pages(readings, exported.last, last):
        for position, line in page:
            if position != exported.last + 1:
                raise ExportError(
                    f"position {exported.last + 1:,} is not in the log: `ketnap log verify` says more"
                )
            chain = link(chain, line)
            exported.last = position
        exported.lines += len(page)
        file.write(b"".join(line + b"\n" for _, line in page))
        on_progress(exported.lines, total)
    file.flush()
    exported.chain = chain.hex()
    return exported


async def _pages(readings: Readings, after: int, last: int) -> AsyncIterator[list[tuple[int, bytes]]]:
    """The log is only ever added to, so pages need no transaction around them."""
    while after < last:
        page, _ = await readings.events(after, min(PAGE, last - after), None, None, None)
        page = [each for each in page if each[0] <= last]
        if not page:
            raise ExportError(f"position {after + 1:,} is not in the log: `ketnap log verify` says more")
        yield page
        after = page[-1][0]
