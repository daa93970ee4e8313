"""When a delivery is tried again, and when it is given up. Pure."""

from datetime import timedelta

FIRST_DELAY = timedelta(seconds=5)
LONGEST_DELAY = timedelta(hours=6)
MAX_ATTEMPTS = 20
"""With these delays a little less than two days."""


def delay_after(attempts: int) -> timedelta | None:
    """How long to wait after so many attempts in vain; None: give up."""
    if attempts >= MAX_ATTEMPTS:
        return None
    doubled: int = 2 ** (attempts - 1)
    return min(FIRST_DELAY * doubled, LONGEST_DELAY)
