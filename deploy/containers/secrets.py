"""Makes every secret of an installation on its first start, and hands each container its own and no other.

Run as `python -m deploy.containers.secrets` before anything else, on every start: what is there stays. On a
machine of a cluster it hands out what was begun there or brought, and makes only what no other needs to know.
"""

import ipaddress
import os
import sys
from pathlib import Path

from deploy.containers import machines
from deploy.containers.places import HANDED, NATS_PORT, POSTGRES_HOST, STREAMS, handed
from deploy.stack import nats_cluster, nats_configuration, postgres, replication
from deploy.stack.access import ensure_command_line_key, ensure_watcher_key
from deploy.stack.certificates import (
    HERE,
    ensure_authority,
    ensure_server,
    names_outside,
    pem,
    shown,
    take_brought,
)
from deploy.stack.errors import StackError
from deploy.stack.keys import ensure_secret, new_key, new_password, write_secret
from deploy.stack.layout import Layout, default_data_dir
from deploy.stack.nats_rights import SERVICE_USERS
from deploy.stack.service import secret_files
from shared.runtime.tls import is_address


def provide(layout: Layout) -> None:
    """Fill the volumes below `layout`; idempotent. Raises StackError."""
    machine = machines.this_machine()
    if machine is not None and not nats_cluster.password_file(layout.secrets).exists():
        raise StackError(
            "no secrets of a cluster are here: `docker compose run --rm carry begin` on the first machine, on any "
            "other `carry take` with what `carry give` gave there; docs/cluster.md says how"
        )
    for role in (postgres.SUPERUSER, *postgres.ROLES):
        postgres.password(layout.secrets, role)
    for user in ("system", *SERVICE_USERS):
        nats_configuration.seed(layout.secrets, user)
    ensure_secret(layout.unseal_token, new_password)
    ensure_secret(layout.service_key, new_password)
    ensure_command_line_key(layout)  # so that everybody is asked for a key
    ensure_watcher_key(layout)
    if layout.watcher_key.exists():
        _write(handed(layout.data_dir, "prometheus") / layout.watcher_key.name, _content(layout.watcher_key))
    ensure_secret(handed(layout.data_dir, "grafana") / "grafana.password", new_password)
    address = machines.postgres_addresses(machine)
    owners = postgres.url(layout.secrets, postgres.OWNER, address, ca_file=layout.ca_file)
    _write(layout.database_url("owner"), owners)
    for service in postgres.SERVICES:
        its_own = postgres.url(layout.secrets, f"ketnap_{service}", address, ca_file=HANDED / layout.ca_file.name)
        _write(layout.database_url(service), its_own)
        _hand_out(layout, service)
    _hand_to_postgres(layout, machine)
    _certify(layout, machine)
    _configure_nats(layout, machine)


def _hand_out(layout: Layout, service: str) -> None:
    place = handed(layout.data_dir, service)
    for file in secret_files(layout, service).values():
        if file in (layout.content_key, layout.master_key):
            # These are the registry's alone, and `ketnap keys` changes them where the registry reads them.
            ensure_secret(place / file.name, new_key)
        else:
            _write(place / file.name, _content(file))


def _hand_to_postgres(layout: Layout, machine: int | None) -> None:
    place = handed(layout.data_dir, "postgres")
    secrets = {postgres.SUPERUSER: postgres.password(layout.secrets, postgres.SUPERUSER)}
    if machine is not None:
        secrets[replication.REPLICATOR] = replication.password(layout.secrets)
    for role, secret in secrets.items():
        _write(place / f"postgres-{role}.password", secret)


def _certify(layout: Layout, machine: int | None) -> None:
    """A certificate for each server; the authority that certifies them for each client, and its key for nobody."""
    authority = ensure_authority(layout.authority)
    text = pem(authority.certificate)
    _write(layout.ca_file, text)
    of_postgres = {POSTGRES_HOST, *HERE}
    if machine is not None:
        of_postgres.add(machines.postgres_host(machine))
        _write(handed(layout.data_dir, "postgres") / layout.ca_file.name, text)
        _write(layout.nats / layout.ca_file.name, text)
        ensure_server(authority, machines.route_certificate(layout), {machines.nats_host(machine)}, asks_too=True)
    ensure_server(authority, handed(layout.data_dir, "postgres"), of_postgres)
    for server in (*postgres.SERVICES, "nats"):
        place = layout.nats if server == "nats" else handed(layout.data_dir, server)
        take_brought(layout.brought, place)
        outside = (
            []
            if "public" in shown(place)
            else _outside("KETNAP_NATS_PUBLISH" if server == "nats" else "KETNAP_PUBLISH")
        )
        between = [machines.nats_host(machine)] if server == "nats" and machine is not None else []
        ensure_server(authority, place, {server, *HERE, *between, *outside})
        if server != "nats":
            _write(place / layout.ca_file.name, text)
    _write(handed(layout.data_dir, "prometheus") / layout.ca_file.name, text)


def _outside(published: str) -> list[str]:
    """What others call this machine: what `KETNAP_NAMES` says, and the address on which something is published."""
    address = (os.environ.get(published) or "").rpartition(":")[0] or os.environ.get(published) or ""
    address = address.strip("[]")
    named = is_address(address) and not ipaddress.ip_address(address).is_unspecified
    return [*names_outside(), *([address] if named else [])]


def _configure_nats(layout: Layout, machine: int | None) -> None:
    key = layout.nats / nats_configuration.stream_key(layout.secrets).name
    _write(key, nats_configuration.stream_key(layout.secrets).read_text(encoding="utf-8").strip())
    if not layout.sources_file.exists():
        nats_configuration.write_sources(layout.sources_file, {})
    configuration = nats_configuration.configuration(
        f"0.0.0.0:{NATS_PORT}",
        layout.secrets,
        store=STREAMS,
        key_path=key.name,
        sources_path=layout.sources_file.name,
        member=None if machine is None else machines.member(machine, layout),
        certificates=[str(layout.nats / each) for each in shown(layout.nats)],
    )
    _write(layout.nats / "nats.conf", configuration)


def _content(file: Path) -> str:
    return file.read_text(encoding="utf-8").strip()


def _write(file: Path, value: str) -> None:
    """Only where it says something else, so that a running server is not disturbed."""
    if not file.exists() or file.read_text(encoding="utf-8") != value + "\n":
        write_secret(file, value)


if __name__ == "__main__":
    try:
        provide(Layout(default_data_dir()))
    except StackError as fault:
        sys.exit(f"secrets: {fault}")
