"""Whether a consumer gets anywhere: what readiness looks at, instead of a connection that merely answers pings."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.runtime.causes import in_public


class Stopped(Exception):
    """The event at `position` cannot be applied. All before it is; nothing after it is before it can be."""

    def __init__(self, position: int, why: str) -> None:
        super().__init__(why)
        self.position = position
        self.why = why[:500]


class Progress:
    """Watches one loop of work. `problem()` says what keeps it, or None while all is well."""

    def __init__(self, what: str, stalled_after: float = 20.0) -> None:
        """`what` names the work in messages; `stalled_after` is in seconds."""
        self._what = what
        self._stalled_after = stalled_after
        self._started: float | None = None
        self._failing: str | None = "has not started yet"

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Around one piece of work."""
        self._started = time.monotonic()
        try:
            yield
        except BaseException as error:
            self._failing = f"failed and is trying again: {in_public(error)}"
            raise
        else:
            self._failing = None
        finally:
            self._started = None

    def fine(self) -> None:
        """There is nothing to do, and all is well."""
        self._failing = None

    def failing(self, why: str) -> None:
        """Nothing can be done until this is mended; `why` goes into health."""
        self._failing = why

    def problem(self) -> str | None:
        """What is wrong, as one phrase."""
        if self._failing is not None:
            return f"{self._what} {self._failing}"
        if self._started is not None and time.monotonic() - self._started > self._stalled_after:
            return f"{self._what} has not moved for {time.monotonic() - self._started:.0f} s"
        return None
