"""A second PostgreSQL that follows the first: copied from it, kept in step, promoted when the first is gone."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import msgspec

from deploy.stack.errors import StackError
from deploy.stack.keys import ensure_secret, new_password
from deploy.stack.postgres_programs import binaries, environment, psql
from deploy.stack.privileges import Identity, tied

SUPERUSER = "postgres"
REPLICATOR = "ketnap_replicator"
SETTINGS = {
    # What a replica that is away still has to fetch is kept up to here; one that missed more is copied anew.
    "max_slot_wal_keep_size": "4GB",
}

_SLOT = "ketnap_replica"
_DROP_SLOT = """
SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
WHERE slot_name = 'ketnap_replica' AND NOT active;
"""
# Just promoted, a server writes on the new timeline before a checkpoint says so.
_STANDING = """
SELECT pg_is_in_recovery(), CASE
    WHEN pg_is_in_recovery() THEN (SELECT timeline_id FROM pg_control_checkpoint())
    ELSE ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::integer END;
"""

_BEHIND = """
SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)::bigint FROM pg_stat_replication
WHERE application_name = 'ketnap_replica' AND state = 'streaming';
"""


class Server(msgspec.Struct, frozen=True):
    """Another PostgreSQL server, as this one reaches it.

    ca_file: what certifies it; None: the connection is not encrypted.
    """

    host: str
    port: int
    ca_file: Path | None = None


class Standing(msgspec.Struct, frozen=True):
    """What a server is: `following` another or taking writes itself, and on which timeline.

    The timeline's number grows with each promotion.
    """

    following: bool
    timeline: int


def password(secrets: Path) -> str:
    """The password of the role that replicas connect as, made in the directory `secrets` on first use."""
    return ensure_secret(secrets / f"postgres-{REPLICATOR}.password", new_password)


def ensure_replicator(server: Server, superuser_password: str, secrets: Path) -> None:
    """The role that a replica connects as, on the server that takes writes. Raises StackError."""
    statements = Path(__file__).with_name("replication.sql").read_text(encoding="utf-8")
    _ask(server, SUPERUSER, superuser_password, f"\\set secret '{password(secrets)}'\n{statements}")


def standing(server: Server, secrets: Path) -> Standing | None:
    """What a server is; None where none answers."""
    try:
        following, timeline = _ask(server, REPLICATOR, password(secrets), _STANDING).strip().split("|")
    except StackError:
        return None
    return Standing(following == "t", int(timeline))


def follows(server: Server, superuser_password: str) -> bool:
    """Whether a server that runs follows another one. Raises StackError."""
    return _ask(server, SUPERUSER, superuser_password, "SELECT pg_is_in_recovery();").strip() == "t"


def reload(server: Server, superuser_password: str) -> None:
    """Let a server read its settings and its certificate again. Raises StackError."""
    _ask(server, SUPERUSER, superuser_password, "SELECT pg_reload_conf();")


def is_following(cluster: Path) -> bool:
    """Whether the server of this cluster follows another one when it starts."""
    return (cluster / "standby.signal").exists()


def timeline_of(cluster: Path) -> int:
    """The timeline on which a server that does not run wrote last. Raises StackError."""
    done = _run([str(binaries() / "pg_controldata"), "-D", str(cluster)], "", None, cluster)
    for line in done.splitlines():
        if line.startswith("Latest checkpoint's TimeLineID:"):
            return int(line.rpartition(":")[2])
    raise StackError(f"PostgreSQL does not say on which timeline {cluster} is: {done[:300]}")


def copy(cluster: Path, primary: Server, secrets: Path, identity: Identity | None = None) -> None:
    """Make `cluster` a copy of the primary's that follows it when it is started, unless it is there.

    Raises StackError.
    """
    if (cluster / "PG_VERSION").exists():
        return
    # Made beside and renamed, so that a kill meanwhile leaves no half cluster.
    unfinished = cluster.with_name(f"{cluster.name}.copy")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    if identity is not None:
        os.chown(unfinished, identity.uid, identity.gid)
    _ask(primary, REPLICATOR, password(secrets), _DROP_SLOT)
    where = f"host={primary.host} port={primary.port} user={REPLICATOR} application_name={_SLOT}"
    if primary.ca_file:
        where += f" sslmode=verify-full sslrootcert={primary.ca_file}"
    command = [
        str(binaries() / "pg_basebackup"),
        f"--pgdata={unfinished}",
        f"--dbname={where}",
        "--wal-method=stream",
        "--checkpoint=fast",
        "--create-slot",
        f"--slot={_SLOT}",
        "--write-recovery-conf",
        "--no-password",
    ]
    _run(command, password(secrets), identity, unfinished)
    unfinished.rename(cluster)


def set_aside(cluster: Path) -> Path:
    """Put a cluster that another server has overtaken out of the way; gives where it lies now."""
    number = 1
    while (aside := cluster.with_name(f"{cluster.name}.overtaken-{number}")).exists():
        number += 1
    cluster.rename(aside)
    return aside


def promote(server: Server, superuser_password: str) -> None:
    """Let a server that follows take writes from now on. Raises StackError.

    Nobody follows it yet, so its commits wait for nobody, whatever it has copied from the other.
    """
    wait_for_replica(server, superuser_password, False)
    said = _ask(server, SUPERUSER, superuser_password, "SELECT pg_promote(true, 60);").strip()
    if said != "t":
        raise StackError(
            f"PostgreSQL at {server.host}:{server.port} has not been promoted within 60 s; see its log"
        )


def behind(server: Server, secrets: Path) -> int | None:
    """By how many bytes the replica of a server is behind; None where none follows it now. Raises StackError."""
    said = _ask(server, REPLICATOR, password(secrets), _BEHIND).strip()
    return int(said) if said else None


def waits_for_replica(server: Server, secrets: Path) -> bool:
    """Whether a commit waits until the replica has it. Raises StackError."""
    return bool(_ask(server, REPLICATOR, password(secrets), "SHOW synchronous_standby_names;").strip())


def wait_for_replica(server: Server, superuser_password: str, wait: bool) -> None:
    """Whether a commit waits until the replica has it on disk too. While it does, no replica means no commits."""
    names = f"'{_SLOT}'" if wait else "''"
    _ask(
        server,
        SUPERUSER,
        superuser_password,
        f"ALTER SYSTEM SET synchronous_standby_names = {names};\nSELECT pg_reload_conf();",
    )


def _ask(server: Server, role: str, role_password: str, statements: str) -> str:
    return psql(server.host, server.port, role, role_password, statements, ca_file=server.ca_file)


def _run(command: list[str], secret: str, identity: Identity | None, directory: Path) -> str:
    done = subprocess.run(
        tied(command, signal.SIGKILL, identity),
        env=environment() | {"PGPASSWORD": secret},
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise StackError(f"{Path(command[0]).name} failed: {done.stderr.strip()[-500:]}")
    return done.stdout
