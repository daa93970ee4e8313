"""Which network addresses a webhook may reach: only public ones, unless private ones are allowed."""

import asyncio
import ipaddress
import socket
from concurrent.futures import Executor
from functools import partial

from services.notifier.channels.channel import GivenUp, NotDelivered

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")


async def resolve(host: str, port: int, *, allow_private: bool, threads: Executor | None = None) -> str:
    """An address of `host` to connect to. Raises GivenUp if one is not public, NotDelivered if there is none.

    It is asked for on one of `threads`, or on one of those that all of this process share.
    """
    ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    try:
        found = await asyncio.get_running_loop().run_in_executor(threads, ask)
    except (OSError, UnicodeError) as error:
        raise NotDelivered(f"{host} has no address: {error}") from None
    addresses = [str(each[4][0]) for each in found]
    for address in addresses:
        if not allow_private and not is_public(ipaddress.ip_address(address.partition("%")[0])):
            raise GivenUp(
                f"{host} is {address}, which is not a public address; "
                "KETNAP_WEBHOOK_ALLOW_PRIVATE=true allows such receivers"
            )
    return addresses[0]


def is_public(address: IPAddress) -> bool:
    """Whether it belongs to the open internet; an IPv4 address inside an IPv6 one counts as what it is."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1])
        if inner is None and address in _TRANSLATED:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        if inner is not None:
            return is_public(inner)
    return address.is_global and not address.is_multicast
