"""A file that is written whole or not at all, for its owner only: a backup, keys of persons."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from deploy.full_disk import FULL
from deploy.stack.errors import StackError

_OF_THE_PLACE = FULL | {errno.EIO}


def require_place(file: Path) -> None:
    """StackError where `whole` could write no `file`: to be told before the work that fills it.

    What is there and no file, such as a device, is refused: a file in its place would be missed by every program.
    """
    if file.exists() and not file.is_file():
        raise StackError(f"{file} is there and no file: name a new one, or one to write anew")
    if not file.absolute().parent.is_dir():
        raise StackError(f"{file} cannot be written: name a file in a directory that exists")


@contextmanager
def whole(file: Path) -> Iterator[BinaryIO]:
    """What is written within a `with` is `file` at its end; a failure leaves it as it was. Raises StackError."""
    require_place(file)
    beside = file.with_name(f".{file.name}.unfinished")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise StackError(f"{file} cannot be written: {error.strerror}") from None
    try:
        with os.fdopen(descriptor, "wb") as output:
            yield output
            output.flush()
            os.fsync(output.fileno())
        beside.replace(file)
    except OSError as error:
        if error.filename is not None or error.errno not in _OF_THE_PLACE:
            raise
        raise StackError(
            f"{file} cannot be written: {error.strerror}; it is as it was before. Make room there, or name "
            "another place, and run this again"
        ) from None
    finally:
        beside.unlink(missing_ok=True)
