"""Whether a disk, or what a user may have of it, is full: told to us by number, passed on by others in words."""

import errno
import os

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What the operating system calls it, as `OSError.errno`."""
NO_SPACE = os.strerror(errno.ENOSPC)


def says_full(told: str) -> bool:
    """Whether a program that was run in the locale C says so among other things."""
    return any(os.strerror(number) in told for number in FULL)
