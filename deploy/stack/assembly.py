"""Puts the whole system together: which parts, on which ports, in which order."""

import asyncio
import os
from collections.abc import Callable

from deploy.stack.access import refuse_open_doors
from deploy.stack.certificates import HERE, ensure_authority, ensure_server, names_outside, pem, take_brought
from deploy.stack.errors import StackError
from deploy.stack.keys import write_secret
from deploy.stack.layout import Addresses, Layout
from deploy.stack.migrating import migrate
from deploy.stack.nats import NatsServer
from deploy.stack.ports import HOST, in_use
from deploy.stack.postgres import SERVICES, PostgresServer
from deploy.stack.service import ketnap_services
from deploy.stack.supervisor import Part, Stage
from shared.runtime.access.local import is_loopback
from shared.runtime.tls import is_address

DEFAULT_NATS_PORT = 4222
DEFAULT_PORT_BASE = 8080


def ports_for(port_base: int | None) -> dict[str, int]:
    """{part: port} as CONTRACT.md has it; without a base PostgreSQL is missing, since it takes a free one."""
    first = DEFAULT_PORT_BASE if port_base is None else port_base
    ports = {"reporting": first, "registry": first + 1, "notifier": first + 2}
    if port_base is None:
        return ports | {"nats": DEFAULT_NATS_PORT}
    return ports | {"nats": first + 3, "postgres": first + 4}


def assemble(
    layout: Layout, port_base: int | None, *, tls: bool = False
) -> tuple[list[Stage], Callable[[], Addresses]]:
    """The stages of a system in `layout`, and its addresses, to be asked for once the stages are ready.

    tls: NATS and the services show certificates, made or brought; PostgreSQL stays on the loopback address
    without. Ends what an earlier, killed run left behind. Raises StackError if a port is taken by something else.
    """
    ports = ports_for(port_base)
    refuse_open_doors(layout)
    nats_host = os.environ.get("KETNAP_NATS_HOST") or HOST
    if not tls and not is_loopback(nats_host):
        raise StackError(f"KETNAP_NATS_HOST is {nats_host}: NATS is served to others over TLS only; add --tls")
    ca = provide_certificates(layout) if tls else ""
    postgres = PostgresServer(
        layout.postgres, ports.get("postgres"), secrets=layout.secrets, log=layout.logs / "postgres.log"
    )
    nats = NatsServer(
        layout.nats,
        ports["nats"],
        secrets=layout.secrets,
        log=layout.logs / "nats.log",
        host=nats_host,
        tls=layout.tls("nats") if tls else None,
    )
    for user in ("system", "operator", *SERVICES):
        nats.seed(user)
    services = ketnap_services(layout, ports, nats.url, ca)
    parts: list[Part] = [postgres, nats, *services]
    for part in reversed(parts):
        part.child.end_leftover()
    _refuse_taken(ports)

    def addresses() -> Addresses:
        urls = {f"{service.name}_url": service.url for service in services}
        return Addresses(
            data_dir=layout.data_dir,
            nats_url=nats.url,
            database_url=postgres.url(),
            nats_seed=nats.seed("operator"),
            nats_system_seed=nats.seed("system"),
            ca=ca,
            **urls,
        )

    def hand_out() -> None:
        """Secrets that name a port: made anew on every start."""
        write_secret(layout.database_url("owner"), postgres.url())
        for service in SERVICES:
            write_secret(layout.database_url(service), postgres.url(f"ketnap_{service}"))

    def migrate_all() -> None:
        migrate(postgres.url())

    def restore_sources() -> None:
        from deploy.stack.provisioning import restore

        asyncio.run(restore(addresses()))

    # The services load at the same time: on two cores that is most of what a start takes.
    stages: list[Stage] = [[postgres], [nats], hand_out, migrate_all, restore_sources, services]
    return stages, addresses


def provide_certificates(layout: Layout) -> str:
    """Those of the services and of NATS, for this machine and `KETNAP_NAMES`; gives the authority's (PEM)."""
    authority = ensure_authority(layout.authority)
    host = os.environ.get("KETNAP_HTTP_HOST") or HOST
    asked_for = {*HERE, *names_outside(), *([host] if is_address(host) else [])}
    for server in (*SERVICES, "nats"):
        take_brought(layout.brought, layout.tls(server))
        ensure_server(authority, layout.tls(server), asked_for)
    text = pem(authority.certificate)
    write_secret(layout.ca_file, text)
    return text


def _refuse_taken(ports: dict[str, int]) -> None:
    for name, port in ports.items():
        if in_use(port):
            raise StackError(
                f"port {port}, meant for {name}, is in use by another program; stop that, or move all ports "
                f"with --port-base N, e.g. `--port-base {DEFAULT_PORT_BASE + 1000}`"
            )
