"""This machine: its names, and whether it is what asks."""

import ipaddress
from typing import Any

from litestar.connection import ASGIConnection

AnyConnection = ASGIConnection[Any, Any, Any, Any]


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def asked_name(connection: AnyConnection) -> str:
    """The name that a request was sent to, without its port."""
    host = connection.headers.get("host", "localhost").rsplit("@")[-1]
    name, _, port = host.rpartition(":")
    return name if name and port.isdigit() else host


def is_forwarded(connection: AnyConnection) -> bool:
    """Whether a proxy asks, for whomever."""
    return any(name in connection.headers for name in ("forwarded", "x-forwarded-for", "x-real-ip", "via"))


def asks_for_others(connection: AnyConnection) -> bool:
    """Whether a proxy says that it asks for somebody on another machine."""
    named = f"{connection.headers.get('x-forwarded-for', '')},{connection.headers.get('x-real-ip', '')}"
    return any(each.strip() and not is_loopback(each.strip()) for each in named.split(","))


def asks_itself(connection: AnyConnection) -> bool:
    """Whether a program on this machine asks, and no proxy for somebody else."""
    client = connection.client
    at_home = client is not None and is_loopback(client.host) and is_loopback(asked_name(connection))
    return at_home and not is_forwarded(connection)
