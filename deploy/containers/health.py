"""Whether the container's own server does its work: `python -I health.py http PORT`, `… nats`, `… postgres`,
or `… followed FILE`.

Only the standard library, and little of it: it is run every few seconds.
"""

import os
import socket
import ssl
import struct
import sys
import time

PATIENCE = 4.0  # seconds
LATELY = 20.0  # seconds


def http(port: int) -> bool:
    """Whether the service says that it is ready, over TLS where it has a certificate."""
    plain = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    with encrypted(plain) if os.environ.get("KETNAP_TLS_DIR") else plain as connection:
        connection.sendall(b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    head, _, body = answer.partition(b"\r\n\r\n")
    sys.stdout.buffer.write(body[-4000:])  # `docker inspect` shows the last ones
    return head.split(b" ", 2)[1] == b"200"


def nats() -> bool:
    """Whether NATS greets; it does so only after it has read its streams."""
    with encrypted(socket.create_connection(("127.0.0.1", 4222), timeout=PATIENCE)) as connection:
        return connection.recv(5) == b"INFO "


def postgres() -> bool:
    """Whether PostgreSQL takes connections: while it starts or stops it answers with an error instead."""
    parameters = b"user\0health\0database\0ketnap\0\0"
    plain = socket.create_connection(("127.0.0.1", 5432), timeout=PATIENCE)
    plain.sendall(struct.pack("!ii", 8, 80877103))  # asks for TLS
    if plain.recv(1) != b"S":
        return False
    with encrypted(plain) as connection:
        connection.sendall(struct.pack("!ii", 8 + len(parameters), 196608) + parameters)
        return connection.recv(1024)[:1] == b"R"  # all of it: what is left unread, the server logs as a reset


def followed(file: str) -> bool:
    """Whether this machine was in line with the others a moment ago."""
    return time.time() - os.stat(file).st_mtime < LATELY


def encrypted(plain: socket.socket) -> ssl.SSLSocket:
    """The connection over TLS. It does not ask who answers: this container's own server does."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(plain)


if __name__ == "__main__":
    try:
        match sys.argv[1:]:
            case ["http", port]:
                healthy = http(int(port))
            case ["followed", file]:
                healthy = followed(file)
            case ["nats"]:
                healthy = nats()
            case ["postgres"]:
                healthy = postgres()
            case _:
                sys.exit(__doc__)
    except OSError as error:
        sys.exit(f"{error!r}")
    sys.exit(0 if healthy else 1)
