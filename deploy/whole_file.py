"""A file that is written whole or not at all, for its owner only: a backup, keys of persons."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from deploy.full_disk import FULL
from deploy.stack.errors import StackError

_OF_THE_PLACE = FULL | {errno.EIO}
_WITHOUT_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS}


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
    """What is written within a `with` is `file` at its end; a failure leaves it as it was. Raises StackError.

    One writes it at a time: StackError for who comes while another does.
    """
    require_place(file)
    beside = file.with_name(f".{file.name}.unfinished")
    descriptor = _alone(beside, file)
    held = os.dup(descriptor)  # so that it is ours until all is done, or what was begun is gone
    try:
        with os.fdopen(descriptor, "wb") as output:
            yield output
            output.flush()
            os.fsync(output.fileno())
        beside.replace(file)
    except BaseException as error:
        beside.unlink(missing_ok=True)
        if not isinstance(error, OSError) or error.filename is not None or error.errno not in _OF_THE_PLACE:
            raise
        raise StackError(
            f"{file} cannot be written: {error.strerror}; it is as it was before. Make room there, or name "
            "another place, and run this again"
        ) from None
    finally:
        os.close(held)


def _alone(beside: Path, file: Path) -> int:
    """A descriptor of `beside`, emptied, that nobody else has while it is open. Raises StackError."""
    try:
        while True:
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT, 0o600)
            is_alone = lock(descriptor)
            if is_alone and _is_still(beside, descriptor):
                os.ftruncate(descriptor, 0)
                return descriptor
            os.close(descriptor)
            if not is_alone:
                raise StackError(
                    f"{file} is being written by another command: wait for that, or name another file"
                )
    except OSError as error:
        raise StackError(f"{file} cannot be written: {error.strerror}") from None


def lock(descriptor: int) -> bool:
    """Keep an open file from others that ask the same, until it is closed; False where one of them has it.

    A share that knows no locks lets everybody write, as it did before: a copy there is better than none.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _WITHOUT_LOCKS:
            raise
    return True


def _is_still(beside: Path, descriptor: int) -> bool:
    """Whether what was opened lies there: whoever had it before may have finished between opening and locking."""
    try:
        return os.path.samestat(os.stat(beside), os.fstat(descriptor))
    except FileNotFoundError:
        return False
