"""Finds TCP ports of the loopback address and asks whether they are free."""

import socket
from pathlib import Path

HOST = "127.0.0.1"


def free_port() -> int:
    """A TCP port that is free at this moment; another process can still be faster, so be ready to retry."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


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
