"""How far reporting is, for those who wait for it: readers with `min_position`, and the live stream."""

import asyncio
from collections.abc import AsyncGenerator

from services.reporting.projector.store import Checkpoint


class Watch:
    """Holds the newest checkpoint and wakes whoever waits, without asking the database."""

    def __init__(self) -> None:
        self._checkpoint = Checkpoint(0, None)
        self._moved = asyncio.Event()
        self._over = False

    @property
    def checkpoint(self) -> Checkpoint:
        """The newest checkpoint known in this process."""
        return self._checkpoint

    def move(self, checkpoint: Checkpoint) -> None:
        """Tell everyone that it is projected this far; it never goes back."""
        if checkpoint.position > self._checkpoint.position:
            self._checkpoint = checkpoint
            moved, self._moved = self._moved, asyncio.Event()
            moved.set()

    def end(self) -> None:
        """Let everyone who waits go: the service ends."""
        self._over = True
        self._moved.set()

    async def reached(self, position: int, patience: float) -> bool:
        """Wait until `position` is projected, at most `patience` seconds; whether it is."""
        try:
            async with asyncio.timeout(patience):
                while self._checkpoint.position < position and not self._over:
                    await self._moved.wait()
        except TimeoutError:
            return False
        return self._checkpoint.position >= position

    async def checkpoints(self, heartbeat: float) -> AsyncGenerator[Checkpoint | None]:
        """The checkpoint now and whenever it has moved; None when nothing did for `heartbeat` seconds."""
        told = None
        while not self._over:
            moved = self._moved
            if self._checkpoint != told:
                told = self._checkpoint
                yield told
                continue
            try:
                async with asyncio.timeout(heartbeat):
                    await moved.wait()
            except TimeoutError:
                yield None
