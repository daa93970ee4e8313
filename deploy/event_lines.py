"""Files of JSON lines: one event a line, read twice, first to check that every line is JSON."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import msgspec


class LineError(Exception):
    """A line is not JSON; the message begins with file:line."""


def check(files: Sequence[Path]) -> int:
    """How many events the files hold. Raises LineError at the first line that is not JSON, OSError."""
    count = 0
    for file, number, line in _numbered(files):
        try:
            # The registry's own parser: what it refuses would take the whole batch down.
            msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise LineError(f"{file}:{number}: not JSON ({error}); expected one event a line") from None
        count += 1
    return count


def lines(files: Sequence[Path]) -> Iterator[bytes]:
    """The events of the files, in order, as bytes; blank lines are none."""
    for _, _, line in _numbered(files):
        yield line


def places(files: Sequence[Path], indexes: Collection[int]) -> dict[int, str]:
    """Where the events of these indexes (from 0, over all files) stand: index → "file:line"."""
    wanted = set(indexes)
    found: dict[int, str] = {}
    for index, (file, number, _) in enumerate(_numbered(files)):
        if len(found) == len(wanted):
            break
        if index in wanted:
            found[index] = f"{file}:{number}"
    return found


def _numbered(files: Sequence[Path]) -> Iterator[tuple[Path, int, bytes]]:
    for file in files:
        with file.open("rb") as stream:
            for number, raw in enumerate(stream, start=1):
                # Editors on Windows may begin a file with a byte order mark, which is not JSON.
                line = (raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw).strip()
                if line:
                    yield file, number, line
