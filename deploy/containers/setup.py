"""Brings the servers to what this version needs: roles and rights, schemas, streams and sources' credentials.

Run as `python -m deploy.containers.setup` on every start, and before an upgrade while the version before still
works: migrations only add. It alone has the owner's password and the superuser's. On a machine whose PostgreSQL
follows another one there is nothing of that to do.
"""

import asyncio
import sys
from pathlib import Path

import structlog

from deploy.containers.machines import this_machine
from deploy.containers.places import POSTGRES_HOST, POSTGRES_PORT
from deploy.stack import postgres, replication
from deploy.stack.errors import StackError
from deploy.stack.layout import Addresses, Layout, default_data_dir, locate
from deploy.stack.migrating import migrate
from deploy.stack.replication import Server

log = structlog.get_logger(__name__)


def main() -> None:
    """Do it; ends with exit code 1 and a line that says what is wrong."""
    from deploy.stack.nats import reload
    from shared.runtime import logging

    logging.configure("setup", "info", "json")
    layout = Layout(default_data_dir())
    try:
        addresses = locate(layout.data_dir, ("database_url", "nats_url", "nats_seed", "nats_system_seed", "ca"))
        server = Server(POSTGRES_HOST, POSTGRES_PORT, layout.ca_file)
        superuser = postgres.password(layout.secrets, postgres.SUPERUSER)
        if this_machine() is not None and replication.follows(server, superuser):
            log.info("PostgreSQL of this machine follows the other one; what it needs is done there")
            replication.reload(server, superuser)
        else:
            _set_up(server, superuser, layout.secrets, addresses)
        # A certificate that was renewed counts from now on; nobody is disconnected.
        asyncio.run(reload(addresses.nats_url, addresses.nats_system_seed, addresses.ca))
    except StackError as fault:
        sys.exit(f"setup: {fault}")


def _set_up(server: Server, superuser: str, secrets: Path, addresses: Addresses) -> None:
    from deploy.stack.provisioning import restore

    postgres.ensure_rights(server.host, server.port, secrets, server.ca_file)
    if this_machine() is not None:
        replication.ensure_replicator(server, superuser, secrets)
    migrate(addresses.database_url)
    asyncio.run(restore(addresses))


if __name__ == "__main__":
    main()
