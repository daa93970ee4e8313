"""What a command says when a server, a file or the terminal breaks off beneath it: one line, never a traceback."""

import os
import sys

from deploy.full_disk import FULL
from deploy.stack.errors import said
from shared.runtime.causes import causes, says_away

_BROKEN = {("asyncpg", "InterfaceError"), ("nats", "Error"), ("httpx", "TransportError")}
"""What libraries raise where a server is gone, and PostgreSQL had no time to say why."""


def prepare_output() -> None:
    """Letters that the terminal's encoding lacks are written as their numbers, where Python would fail."""
    if sys.stdout is None:  # whoever started this closed it
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for the rest of this process
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def explained(error: Exception) -> str | None:
    """What the operator is told of an error that no command foresaw; None if it is a mistake of ours."""
    for each in causes(error):
        if isinstance(each, ConnectionError | TimeoutError) or _is_of_a_server(each):
            return (
                f"a part of the system broke off or did not answer ({said(each)[:300]}); `ketnap doctor` says "
                "which, and what to do. Then run this again"
            )
        if isinstance(each, OSError):
            where = f"{each.filename}" if each.filename else "what this command writes to"
            full = "; make room, then run this again" if each.errno in FULL else ""
            return f"{where}: {each.strerror or each}{full}"
    return None


def give_up_output() -> None:
    """What Python still holds for standard output must not fail once more at the end of the process."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _is_of_a_server(error: BaseException) -> bool:
    return says_away(error) or any(
        (kind.__module__.partition(".")[0], kind.__name__) in _BROKEN for kind in type(error).__mro__
    )
