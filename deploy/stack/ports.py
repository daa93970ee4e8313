"""Finds TCP ports of the loopback address and asks whether they are free."""

import random
import socket
from pathlib import Path

HOST = "127.0.0.1"

# Below the range that Linux and most others give to outgoing connections (32768 or 49152 and above): a port from
# that range can be taken by any client between our look and the server's start.
PORTS = range(15_000, 32_000)


def free_port(together: int = 1) -> int:
    """A TCP port that is free at this moment, the first of `together` in a row.

    Another server can still be faster, so be ready to retry.
    """
    while True:
        first = random.choice(PORTS[:-together])  # noqa: S311 - to be spread, not to be secret
        if not any(in_use(first + number) for number in range(together)):
            return first


def in_use(port: int) -> bool:
    """Whether something else holds `port`, so that a server could not listen there."""
    with socket.socket() as probe:
        # As servers do it: connections that are only waiting out their end do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False


def was_taken(port: int, said: object) -> bool:
    """Whether a server could not start since another held `port`, if only for a moment; `said`: why it failed."""
    return "address already in use" in str(said).lower() or in_use(port)


def remembered_port(file: Path) -> int:
    """The port that `file` holds if it is free now, else a new one, which `file` then holds."""
    try:
        port = int(file.read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        port = 0
    if port == 0 or in_use(port):
        port = free_port()
        file.write_text(f"{port}\n", encoding="ascii")
    return port
