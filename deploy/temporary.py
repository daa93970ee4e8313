"""A temporary directory whose remains, where its process was killed, the next one removes: it may hold secrets."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def temporary(name: str, within: Path | None = None) -> Iterator[Path]:
    """A new directory in `within`, or where the system has temporary files, for the length of a `with`.

    It is called `name` and something. Those of this name and user that nobody holds any more are removed first,
    so the name must be nobody else's.
    """
    place = within or Path(tempfile.gettempdir())
    for former in place.glob(f"{name}.*"):
        _remove_if_left(former)
    directory = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=place))
    held = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        # Only now under a name that others look for: they remove what is not held.
        directory = directory.rename(directory.with_name(directory.name.removeprefix(".")))
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        os.close(held)


def _remove_if_left(former: Path) -> None:
    try:
        held = os.open(former, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return
    try:
        if os.fstat(held).st_uid == os.geteuid():
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(former, ignore_errors=True)
    except BlockingIOError:
        pass
    finally:
        os.close(held)
