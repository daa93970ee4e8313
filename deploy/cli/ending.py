"""What a command says when it is ended before it is done: by Ctrl-C, SIGTERM or a closed terminal.

The first signal lets it clean up, a second one ends that too: nothing half done may look whole, whatever is left.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 128 + signal.SIGINT
"""How a command ends that Ctrl-C ended, as shells say it."""

_by = signal.SIGINT
_left: Callable[[], str] = str


def prepare_ending() -> None:
    """From now on SIGTERM and a closed terminal end this process as Ctrl-C does, and not at once."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:  # `nohup` ignores the closed terminal, and so do we
            signal.signal(number, _as_ctrl_c)


def if_ended(left: str | Callable[[], str]) -> None:
    """From now on, this is what is done by then and what to do next."""
    global _left
    _left = left if callable(left) else lambda: left


def ended() -> tuple[int, str]:
    """The exit code and the line of a command that was ended; further signals change nothing any more."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    by = "Ctrl-C" if _by == signal.SIGINT else _by.name
    left = _left()
    return 128 + _by, f"ended by {by} before it was done{f'; {left}' if left else ''}"


@contextmanager
def asking() -> Iterator[None]:
    """While somebody is asked on the terminal Ctrl-C ends that at once, also within an event loop."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _as_ctrl_c(number: int, _: FrameType | None) -> None:
    global _by
    _by = signal.Signals(number)
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        # Begun in the background of a script, where shells let nobody's Ctrl-C through; this is none.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.raise_signal(signal.SIGINT)
