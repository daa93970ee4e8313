"""Owns one PostgreSQL server from the wheel: its cluster, its users and rights, its start and end."""

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from deploy.stack import joining, replication
from deploy.stack.errors import StackError
from deploy.stack.keys import ensure_secret, new_password, write_secret
from deploy.stack.ports import HOST, free_port, remembered_port, was_taken
from deploy.stack.postgres_programs import binaries, environment, psql
from deploy.stack.privileges import Identity, tied, unprivileged
from deploy.stack.process import Child, end_process, process_start

DATABASE = "ketnap"
CLUSTER = "data"
"""Of a server's directory, what has everything."""
SUPERUSER = "postgres"
OWNER = "ketnap_owner"
SERVICES = ("registry", "reporting", "notifier")
ROLES = (OWNER, *(f"ketnap_{service}" for service in SERVICES))

START_PATIENCE = 120.0  # seconds: recovery after a kill reads back at most max_wal_size
STOP_PATIENCE = 30.0  # seconds: a fast shutdown writes a checkpoint

# For a machine with 2 cores that runs everything else too. Nothing here trades durability for speed.
SETTINGS = {
    "listen_addresses": HOST,
    # A socket's path may have at most 107 bytes, which a data directory's path easily exceeds.
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "192MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "64MB",
    "random_page_cost": "1.1",
    "max_worker_processes": "4",
    "max_parallel_workers": "2",
    "max_parallel_workers_per_gather": "1",
    "jit": "off",
    "synchronous_commit": "on",
    "min_wal_size": "256MB",
    "max_wal_size": "1GB",  # bounds recovery after a kill
    "checkpoint_timeout": "5min",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "lc_messages": "C",
}


class PostgresServer:
    """A PostgreSQL in `directory` with the database `ketnap` and its roles; only 127.0.0.1 reaches it.

    port: None for a free one that the directory remembers.
    secrets: where the roles' passwords lie; default `directory/secrets`.
    settings: server settings on top of ours, e.g. `{"fsync": "off"}` for a test's throw-away server.
    other: the other server of a pair (see `joining`), whose `first` one makes the cluster; None: it is alone.
    Start it from a thread that lives as long as the server shall (see `privileges.tied`).
    """

    name = "postgres"

    def __init__(
        self,
        directory: Path,
        port: int | None = None,
        *,
        secrets: Path | None = None,
        log: Path | None = None,
        settings: Mapping[str, str] | None = None,
        other: replication.Server | None = None,
        first: bool = True,
    ) -> None:
        self.directory = directory.absolute()
        self.port = port or 0
        self._fixed_port = port is not None
        self._secrets = secrets or self.directory / "secrets"
        self._settings = SETTINGS | (replication.SETTINGS if other else {}) | dict(settings or {})
        self._cluster = self.directory / CLUSTER
        self._other = other
        self._first = first
        self._child = Child(
            self.name, log or self.directory / "postgres.log", self.directory / "postgres.pid", signal.SIGINT
        )

    @property
    def running(self) -> bool:
        return self._child.running

    @property
    def child(self) -> Child:
        return self._child

    def url(self, role: str = OWNER, database: str = DATABASE) -> str:
        """`postgresql://ROLE:PASSWORD@127.0.0.1:PORT/DATABASE`; the role may also be `postgres`."""
        return url(self._secrets, role, f"{HOST}:{self.port}", database)

    def start(self, cancelled: threading.Event | None = None) -> None:
        """Start, and return when the database and its roles are there; StackError says why it could not.

        Whatever an earlier, killed start left behind is dealt with.
        """
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o711)
        identity = unprivileged(self._cluster, (binaries(),))
        self._child.end_leftover(STOP_PATIENCE)
        self._clear_leftovers()
        if self._other is None:
            initialise(self._cluster, self._secrets, identity)
        else:
            own = partial(initialise, self._cluster, self._secrets, identity)
            joining.join(self._cluster, self._other, self._secrets, own, first=self._first, identity=identity)
        for attempt in range(5):
            if not self._fixed_port:
                self.port = free_port() if attempt else remembered_port(self.directory / "port")
            try:
                self._launch(identity, cancelled)
                break
            except StackError as error:
                if self._fixed_port or attempt == 4 or not was_taken(self.port, error) or self.running:
                    self._child.stop()
                    raise
        if not self._fixed_port:
            (self.directory / "port").write_text(f"{self.port}\n", encoding="ascii")
        if replication.is_following(self._cluster):
            return
        try:
            ensure_rights(HOST, self.port, self._secrets)
        except StackError:
            self._child.stop()
            raise

    def stop(self) -> None:
        """Fast shutdown: connections are ended, everything is on disk afterwards."""
        self._child.stop(STOP_PATIENCE)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._child.kill()

    def _launch(self, identity: Identity | None, cancelled: threading.Event | None) -> None:
        options = [f"-c{name}={value}" for name, value in self._settings.items()]
        command = [str(binaries() / "postgres"), "-D", str(self._cluster), "-p", str(self.port), *options]
        self._child.launch(command, environment(), self._cluster, identity)
        self._child.await_ready(self._accepts, START_PATIENCE, cancelled)

    def _accepts(self) -> bool:
        """Whether the server itself says, in its lock file, that it takes connections."""
        try:
            lines = (self._cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0] == str(self._child.pid) and lines[7].strip() == "ready"

    def _clear_leftovers(self) -> None:
        """End what a killed start left without a pid file of ours, and a lock file that names a stranger."""
        lock = self._cluster / "postmaster.pid"
        try:
            pid = int(lock.read_text(encoding="utf-8").split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            pid = 0
        if pid and self._is_ours(pid):
            end_process(pid, process_start(pid), signal.SIGINT, STOP_PATIENCE)
        elif pid:
            # After a crash the number may belong to another process, which PostgreSQL would wait for forever.
            lock.unlink(missing_ok=True)
        # Backends outlive a killed postmaster by moments, a busy one by longer, and hold its shared memory.
        for entry in Path("/proc").glob("[0-9]*") if self._cluster.exists() else ():
            try:
                ours = (entry / "cwd").samefile(self._cluster)
            except OSError:
                continue
            if ours:
                end_process(int(entry.name), process_start(int(entry.name)), signal.SIGQUIT, 5.0)

    def _is_ours(self, pid: int) -> bool:
        try:
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        return os.fsencode(self._cluster) in arguments


def password(secrets: Path, role: str) -> str:
    """The password of one of `ROLES` or of the superuser, made in the directory `secrets` on first use."""
    return ensure_secret(secrets / f"postgres-{role}.password", new_password)


def url(secrets: Path, role: str, address: str, database: str = DATABASE, *, ca_file: Path | None = None) -> str:
    """`postgresql://ROLE:PASSWORD@ADDRESS/DATABASE`; an address is `HOST:PORT`.

    Of several with commas between, the one counts that takes writes. ca_file: what certifies the server, where
    whoever uses the URL finds it.
    """
    options = ["target_session_attrs=read-write"] if "," in address else []
    options += ["sslmode=verify-full", f"sslrootcert={ca_file}"] if ca_file else []
    asked = f"?{'&'.join(options)}" if options else ""
    return f"postgresql://{role}:{password(secrets, role)}@{address}/{database}{asked}"


def initialise(cluster: Path, secrets: Path, identity: Identity | None = None) -> None:
    """Make a cluster, of the superuser whose password is in `secrets`, unless there is one."""
    if (cluster / "PG_VERSION").exists():
        return
    # Made beside and renamed, so that a kill meanwhile leaves no half cluster.
    unfinished = cluster.with_name(f"{cluster.name}.new")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    password_file = unfinished.with_suffix(".password")
    write_secret(password_file, password(secrets, SUPERUSER))
    if identity is not None:
        os.chown(unfinished, identity.uid, identity.gid)
        os.chown(password_file, identity.uid, identity.gid)
    command = [
        str(binaries() / "initdb"),
        f"--pgdata={unfinished}",
        f"--username={SUPERUSER}",
        f"--pwfile={password_file}",
        "--auth=scram-sha-256",
        "--locale=C",
        "--encoding=UTF8",
        "--data-checksums",
        "--no-instructions",
    ]
    try:
        done = subprocess.run(
            tied(command, signal.SIGKILL, identity),
            env=environment(),
            cwd=unfinished,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        password_file.unlink(missing_ok=True)
    if done.returncode != 0:
        raise StackError(f"PostgreSQL could not prepare {cluster}: {done.stderr.strip()}")
    unfinished.rename(cluster)


def ensure_rights(host: str, port: int, secrets: Path, ca_file: Path | None = None) -> None:
    """Roles, database and schemas as they should be, on every start; the rest is the migrations' part.

    ca_file: what certifies the server; without it the connection is not encrypted. The server reads its settings
    and its certificate again. Raises StackError if the server refuses.
    """
    passwords = [f"\\set {role} '{password(secrets, role)}'" for role in ROLES]
    statements = [*passwords, Path(__file__).with_name("rights.sql").read_text(encoding="utf-8")]
    try:
        psql(host, port, SUPERUSER, password(secrets, SUPERUSER), "\n".join(statements), ca_file=ca_file)
    except StackError as error:
        raise StackError(
            f"PostgreSQL at {host}:{port} refused its superuser, or its set-up: {error}; "
            f"the passwords in {secrets} must be those it was created with"
        ) from None
