"""One thing that was looked at: whether it is as promised, what was found, and what to do about it."""

from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import Struct

SHOWN = 5
"""Examples of a fault that are told; the rest is counted."""


class Check(Struct):
    """`faults` counts what breaks the promise, `examples` names the first of it."""

    name: str
    promise: str
    """What holds if nothing is at fault."""
    remedy: str
    """What to do if something is."""
    looked_at: int = 0
    unit: str = ""
    """What `looked_at` counts."""
    faults: int = 0
    examples: list[str] = []
    notes: list[str] = []
    """What could not be looked at, and why; no fault."""

    @property
    def ok(self) -> bool:
        """Whether nothing is at fault."""
        return not self.faults

    def fault(self, what: str) -> None:
        """Count a fault, and keep it as an example while there are few."""
        self.faults += 1
        if len(self.examples) < SHOWN:
            self.examples.append(what)

    def note(self, what: str) -> None:
        """Say what could not be looked at."""
        self.notes.append(what)

    @property
    def found(self) -> str:
        """One phrase or a few lines: how much was looked at, and what was found."""
        lines = [f"{self.looked_at:,} {self.unit}".strip(), *self.notes]
        if self.faults:
            more = self.faults - len(self.examples)
            lines += [*self.examples, *([f"… and {more:,} more"] if more else [])]
        return "\n".join(lines)


@contextmanager
def attempted(check: Check) -> Iterator[None]:
    """What goes wrong while a check is made is its fault: the other checks are made all the same."""
    try:
        yield
    except Exception as error:
        check.fault(f"could not be checked: {type(error).__name__}: {error}"[:500])
