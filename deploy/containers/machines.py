"""The machines of a cluster: which of them this one is, and how their servers call one another.

All three have NATS; the pair has PostgreSQL and the services besides. compose.yaml of the cluster says at which
address each name is found, so that addresses stand in `.env` and nowhere else.
"""

import os
from pathlib import Path

from deploy.containers.places import POSTGRES_HOST, POSTGRES_PORT
from deploy.stack import nats_cluster
from deploy.stack.errors import StackError
from deploy.stack.layout import Layout
from deploy.stack.nats_cluster import Member, RouteTls
from deploy.stack.replication import Server

ALL = (1, 2, 3)
PAIR = (1, 2)
ROUTE_PORT = 6222


def this_machine() -> int | None:
    """The number of this machine, from `KETNAP_MACHINE`; None: it is no cluster's. Raises StackError."""
    written = os.environ.get("KETNAP_MACHINE") or ""
    if not written:
        return None
    if written not in map(str, ALL):
        raise StackError(f"KETNAP_MACHINE is {written!r}: expected which machine this is, 1, 2 or 3")
    return int(written)


def nats_host(machine: int) -> str:
    """What the others, and all clients in containers, call the NATS server of a machine."""
    return f"nats-{machine}"


def postgres_host(machine: int) -> str:
    """What the other machines call the PostgreSQL server of one of the pair."""
    return f"postgres-{machine}"


def postgres_addresses(machine: int | None) -> str:
    """`HOST:PORT` of PostgreSQL as a machine's own services find it, with commas between those of the pair.

    Its own is asked first: a machine that is gone without a word is waited for, and the one behind it never asked.
    """
    if machine is None:
        return f"{POSTGRES_HOST}:{POSTGRES_PORT}"
    others = [postgres_host(each) for each in PAIR if each != machine]
    hosts = [POSTGRES_HOST, *others] if machine in PAIR else others
    return ",".join(f"{host}:{POSTGRES_PORT}" for host in hosts)


def other_postgres(machine: int, ca_file: Path) -> Server:
    """The other server of the pair, as PostgreSQL of this machine reaches it."""
    [other] = (each for each in PAIR if each != machine)
    return Server(postgres_host(other), POSTGRES_PORT, ca_file)


def member(machine: int, layout: Layout) -> Member:
    """The place of a machine's NATS server in the cluster."""
    return Member(
        nats_host(machine),
        f"0.0.0.0:{ROUTE_PORT}",
        [f"{nats_host(each)}:{ROUTE_PORT}" for each in ALL if each != machine],
        nats_cluster.password(layout.secrets),
        advertised=f"{nats_host(machine)}:{ROUTE_PORT}",
        tls=RouteTls(
            str(route_certificate(layout) / "server.pem"),
            str(route_certificate(layout) / "server.key"),
            str(layout.nats / layout.ca_file.name),
        ),
    )


def route_certificate(layout: Layout) -> Path:
    """The directory of the certificate that a NATS server shows the others."""
    return layout.nats / "route"
