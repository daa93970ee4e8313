"""Becomes the PostgreSQL server of a container, on a cluster that it makes on the first start.

Run as `python -m deploy.containers.postgres`; the superuser's password and the key of its
certificate are all that it is handed.
"""

import os
import sys
from pathlib import Path

from deploy.containers.places import CLUSTER, POSTGRES_PORT
from deploy.stack.errors import StackError
from deploy.stack.postgres import SETTINGS, initialise
from deploy.stack.postgres_programs import binaries

_SETTINGS = SETTINGS | {
    "listen_addresses": "*",
    "hba_file": str(Path(__file__).with_name("pg_hba.conf")),
    "log_destination": "stderr",
    "ssl": "on",
    "ssl_min_protocol_version": "TLSv1.3",
}


def main(secrets: Path) -> None:
    """Never returns; ends with exit code 1 and a line that says what is wrong."""
    try:
        initialise(CLUSTER, secrets)
    except StackError as fault:
        sys.exit(f"postgres: {fault}")
    program = str(binaries() / "postgres")
    certificate = {"ssl_cert_file": str(secrets / "server.pem"), "ssl_key_file": str(secrets / "server.key")}
    options = [f"-c{name}={value}" for name, value in (_SETTINGS | certificate).items()]
    os.execv(program, [program, "-D", str(CLUSTER), "-p", str(POSTGRES_PORT), *options])  # noqa: S606 - becoming it is the point


if __name__ == "__main__":
    main(Path(os.environ["KETNAP_SECRETS_DIR"]))
