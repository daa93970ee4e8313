"""Brings the servers to what this version needs: roles and rights, schemas, streams and sources' credentials.

Run as `python -m deploy.containers.setup` on every start, and before an upgrade while the version before still
works: migrations only add. It alone has the owner's password and the superuser's.
"""

import asyncio
import sys

from deploy.containers.places import POSTGRES_HOST, POSTGRES_PORT
from deploy.stack.errors import StackError
from deploy.stack.layout import Layout, default_data_dir, locate
from deploy.stack.postgres import SERVICES, ensure_rights


def main() -> None:
    """Do it; ends with exit code 1 and a line that says what is wrong."""
    from deploy.stack.nats import reload
    from deploy.stack.provisioning import restore
    from shared.runtime import logging
    from shared.runtime.migrations import upgrade

    logging.configure("setup", "info", "json")
    layout = Layout(default_data_dir())
    try:
        addresses = locate(layout.data_dir, ("database_url", "nats_url", "nats_seed", "nats_system_seed", "ca"))
        ensure_rights(POSTGRES_HOST, POSTGRES_PORT, layout.secrets, layout.ca_file)
        upgrade([f"services.{service}" for service in SERVICES], addresses.database_url)
        asyncio.run(restore(addresses))
        # A certificate that was renewed counts from now on; nobody is disconnected.
        asyncio.run(reload(addresses.nats_url, addresses.nats_system_seed, addresses.ca))
    except StackError as fault:
        sys.exit(f"setup: {fault}")


if __name__ == "__main__":
    main()
