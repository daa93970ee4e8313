"""Becomes the PostgreSQL server of a container, on a cluster that it makes on the first start.

Run as `python -m deploy.containers.postgres`; the superuser's password and the key of its certificate are all that
it is handed. On a machine of a cluster it is one of a pair (`deploy.stack.joining`), and has the replicator's too.
"""

import os
import sys
from functools import partial
from pathlib import Path

from deploy.containers import machines
from deploy.containers.places import BEGINS, CLUSTER, POSTGRES_PORT
from deploy.stack import joining, replication
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
_OF_A_PAIR = {"hba_file": str(Path(__file__).with_name("pg_hba.pair.conf"))}


def main(secrets: Path) -> None:
    """Never returns; ends with exit code 1 and a line that says what is wrong."""
    settings = _SETTINGS
    try:
        machine = machines.this_machine()
        if machine is None:
            initialise(CLUSTER, secrets)
        else:
            settings = settings | replication.SETTINGS | _OF_A_PAIR
            _join(machine, secrets)
    except StackError as fault:
        sys.exit(f"postgres: {fault}")
    program = str(binaries() / "postgres")
    certificate = {"ssl_cert_file": str(secrets / "server.pem"), "ssl_key_file": str(secrets / "server.key")}
    options = [f"-c{name}={value}" for name, value in (settings | certificate).items()]
    os.execv(program, [program, "-D", str(CLUSTER), "-p", str(POSTGRES_PORT), *options])  # noqa: S606 - becoming it is the point


def _join(machine: int, secrets: Path) -> None:
    """As one of the pair, which makes a cluster of its own where the installation was begun, and only once."""
    other = machines.other_postgres(machine, secrets / "ca.pem")
    own = partial(initialise, CLUSTER, secrets)
    joining.join(CLUSTER, other, secrets, own, first=BEGINS.exists())
    BEGINS.unlink(missing_ok=True)


if __name__ == "__main__":
    main(Path(os.environ["KETNAP_SECRETS_DIR"]))
