"""Examines a machine and the system on it, running or stopped, and says what to do about each fault."""

import asyncio
import contextlib
import datetime
import os
import shutil
import socket
import ssl
import stat
import struct
import subprocess
import sys
import zoneinfo
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from deploy.stack import nats, postgres, postgres_programs, readiness, workings
from deploy.stack.access import list_keys
from deploy.stack.assembly import ports_for
from deploy.stack.errors import NotRunning, StackError, said
from deploy.stack.finding import Finding
from deploy.stack.layout import Addresses, Layout, locate, runs_elsewhere
from deploy.stack.ports import in_use
from deploy.stack.readiness import Readiness
from shared.events.subjects import LOG_STREAM, RECEIPTS_STREAM, ingest_stream
from shared.runtime.tls import WARN_BEFORE, days, trusting

if TYPE_CHECKING:
    from asyncpg import Connection

_SPACE = 2 * 1024**3  # bytes: PostgreSQL's log of changes alone may take one
_DRIFT = datetime.timedelta(minutes=1)


def examine(layout: Layout, port_base: int | None) -> Iterator[Finding]:
    """Look at everything, most basic first; never raises for what it finds."""
    yield from _machine()
    yield from _directory(layout)
    yield from _database_files(layout)
    yield _keys(layout)
    try:
        addresses = locate(layout.data_dir)
    except NotRunning as absent:
        ran = (layout.postgres / "data").exists()
        seen = "not running" if ran else "not running, and no database is there"
        yield Finding("system", None, seen, f"ketnap up --data-dir {layout.data_dir}")
        if layout.stack_file.exists():
            yield Finding("last run", None, "was killed", "nothing: the next `ketnap up` takes care of it")
        yield from _ports(port_base)
        if "cannot be read" in str(absent):
            yield Finding("secrets", False, "belong to another user", str(absent))
        return
    yield Finding("system", True, f"running, {addresses.data_dir}")
    answers = readiness.of_all(addresses)
    yield from _services(addresses, answers)
    yield from certificates(addresses)
    yield from workings.open_files(addresses, [name for name, (status, _) in answers.items() if status])
    yield from asyncio.run(_servers(addresses))


def _machine() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("python", sys.version_info >= (3, 11), version, "make PYTHON=python3.13 setup")
    programs: list[tuple[str, Callable[[], str]]] = [
        ("postgresql", lambda: str(postgres_programs.binaries() / "postgres")),
        ("nats-server", nats.binary),
    ]
    for what, program in programs:
        try:
            done = subprocess.run([program(), "--version"], capture_output=True, text=True, check=True)
            yield Finding(f"{what} program", True, done.stdout.strip())
        except StackError as missing:
            yield Finding(f"{what} program", False, "missing", str(missing))
        except (OSError, subprocess.CalledProcessError) as broken:
            yield Finding(f"{what} program", False, str(broken), "install it again: make clean setup")
    try:
        zoneinfo.ZoneInfo("Asia/Ho_Chi_Minh")
        yield Finding("time zones", True, "Asia/Ho_Chi_Minh is known")
    except zoneinfo.ZoneInfoNotFoundError:
        yield Finding("time zones", False, "Asia/Ho_Chi_Minh is unknown", "install the package tzdata: make setup")
    now = datetime.datetime.now(datetime.UTC)
    built = datetime.datetime.fromtimestamp(Path(__file__).stat().st_mtime, datetime.UTC)
    yield Finding(
        "clock", now + _DRIFT > built, f"{now:%Y-%m-%d %H:%M} UTC", "set it, or turn on time synchronisation"
    )


def _directory(layout: Layout) -> Iterator[Finding]:
    # In a container the directory itself is part of the image; what lies in it is not.
    place = layout.secrets if layout.secrets.is_dir() else layout.data_dir
    while not place.exists():
        place = place.parent
    if layout.data_dir.exists() or runs_elsewhere():
        writable = os.access(place, os.W_OK | os.X_OK)
        remedy = f"let this user write to {place}, or choose with --data-dir"
        yield Finding("data directory", writable, f"{layout.data_dir}", remedy)
    else:  # most often a slip in the name, or another working directory: what is not looked at is not well
        remedy = f"name the system's with --data-dir; a new one: ketnap up --data-dir {layout.data_dir}"
        yield Finding("data directory", False, f"{layout.data_dir} is not there: no system ever ran in it", remedy)
    free = shutil.disk_usage(place).free
    yield Finding("disk space", free > _SPACE, f"{free / 1024**3:.1f} GiB free", "make room: at least 2 GiB")
    if layout.secrets.is_dir() and os.access(layout.secrets, os.R_OK | os.X_OK):
        opened = [
            path
            for path in (layout.secrets, *layout.secrets.iterdir())
            if stat.S_IMODE(path.stat().st_mode) & 0o077
        ]
        seen = (
            ", ".join(str(path) for path in opened) + " can be read by others" if opened else "for the owner only"
        )
        yield Finding("secrets' modes", not opened, seen, f"chmod -R go= {layout.secrets}")


def _database_files(layout: Layout) -> Iterator[Finding]:
    """Whether this PostgreSQL can read the cluster, and the keys that belong to it are there."""
    cluster = layout.postgres / "data"
    if not os.access(cluster / "PG_VERSION", os.R_OK):
        return
    made_by = (cluster / "PG_VERSION").read_text(encoding="ascii").strip()
    with contextlib.suppress(StackError, OSError, subprocess.CalledProcessError):
        program = str(postgres_programs.binaries() / "postgres")
        told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
        same = told.split()[-1].partition(".")[0] == made_by
        remedy = (
            f"PostgreSQL {made_by} and another one do not read each other's files: run the version that made it, "
            "`ketnap backup`, then `ketnap restore` with this one"
        )
        yield Finding("database files", same, f"made by PostgreSQL {made_by}", remedy)
    if os.access(layout.secrets, os.R_OK | os.X_OK):
        gone = [file.name for file in (layout.master_key, layout.content_key) if not file.exists()]
        seen = f"missing beside a database: {', '.join(gone)}" if gone else "master.key and content.key are there"
        remedy = f"put back your copies into {layout.secrets} before the next start, which would make new ones"
        yield Finding("keys of the data", not gone, seen, remedy)


def _keys(layout: Layout) -> Finding:
    try:
        entries = list_keys(layout)
    except StackError as unreadable:
        return Finding("access keys", False, "cannot be read", str(unreadable))
    if not entries:
        return Finding("access keys", True, "none: the APIs answer this machine only, without a key")
    now = datetime.datetime.now(datetime.UTC)
    counting = sum(each.ended(now) is None for each in entries)
    remedy = "nobody is admitted: ketnap key add NAME --role operator"
    return Finding("access keys", counting > 0, f"{counting} count, {len(entries) - counting} ended", remedy)


def _ports(port_base: int | None) -> Iterator[Finding]:
    for name, port in ports_for(port_base).items():
        taken = in_use(port)
        seen = f"{port} is in use" if taken else f"{port} is free"
        yield Finding(f"port of {name}", not taken, seen, "stop what holds it, or ketnap up --port-base N")


def _services(addresses: Addresses, answers: Mapping[str, Readiness]) -> Iterator[Finding]:
    for name, (status, body) in answers.items():
        url: str = getattr(addresses, f"{name}_url")
        seen = "nobody answers" if status is None else f"answers {status}"
        why = [f"{what}: {problem}" for what, problem in body.get("checks", {}).items() if problem != "ok"]
        yield Finding(
            name,
            status == 200,
            "; ".join([f"{url} {seen}", *why]),
            f"{_read_log(addresses, name)}, and docs/incidents.md",
        )
        for what, warning in body.get("warnings", {}).items():
            yield Finding(f"{name}, {what}", None, warning)


def certificates(addresses: Addresses) -> Iterator[Finding]:
    """When the certificates end that the servers show, and whether they are of the authority that is known."""
    urls = [(name, str(getattr(addresses, f"{name}_url"))) for name in postgres.SERVICES]
    urls += [("nats", each) for each in addresses.nats_url.split(",")]
    encrypted = [(name, url) for name, url in urls if url.startswith(("https://", "tls://"))]
    if "sslmode=verify" in addresses.database_url and "," not in addresses.database_url:
        encrypted.append(("postgres", addresses.database_url))
    now = datetime.datetime.now(datetime.UTC)
    for name, url in encrypted:
        try:
            end = _shown_until(url, addresses.ca)
        except (ssl.SSLError, Unencrypted) as error:
            yield Finding(f"certificate of {name}", False, str(error), "renew it: docs/security.md says how")
        except OSError as error:  # who does not answer is told of already
            yield Finding(f"certificate of {name}", None, f"not seen, nobody answers: {error}")
        else:
            left = days(now, end)
            seen = f"ends on {end:%Y-%m-%d}, in {left:.0f} days"
            yield Finding(
                f"certificate of {name}", left > WARN_BEFORE, seen, "renew it: docs/security.md says how"
            )


class Unencrypted(Exception):
    """A server that answers and shows no certificate."""


def _shown_until(url: str, ca: str) -> datetime.datetime:
    """The end of the certificate that a server shows.

    Raises SSLError where it shows none that is known, Unencrypted where it shows none at all, and any other
    OSError where nobody answers.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 443
    with socket.create_connection((host, port), timeout=5) as plain:
        if parts.scheme == "postgresql":
            plain.sendall(struct.pack("!ii", 8, 80877103))  # PostgreSQL is asked first
            if plain.recv(1) != b"S":
                raise Unencrypted("the server does not encrypt")
        with trusting(ca).wrap_socket(plain, server_hostname=host) as connection:
            shown = connection.getpeercert()
    assert shown is not None, "it was verified"
    ends = ssl.cert_time_to_seconds(str(shown["notAfter"]))
    return datetime.datetime.fromtimestamp(ends, datetime.UTC)


async def _servers(addresses: Addresses) -> list[Finding]:
    findings: list[Finding] = []
    sources: list[str] = []
    try:
        async with _database(addresses) as connection:
            version = await connection.fetchval("SHOW server_version")
            findings.append(Finding("database", True, f"PostgreSQL {version}"))
            schema = await _schema(addresses)
            findings.append(schema)
            if schema.ok:  # else what is asked for may not be there yet
                findings += [finding async for finding in workings.examine(addresses, connection)]
            rows = await connection.fetch("SELECT source FROM registry.source WHERE removed_at IS NULL")
            sources = [row["source"] for row in rows]
    except Exception as error:  # whatever it is, it is what the operator must see
        findings.append(Finding("database", False, _told(error), _read_log(addresses, "postgres")))
    try:
        client = await nats.connect(addresses.nats_url, addresses.nats_seed, ca=addresses.ca)
        try:
            jetstream = client.jetstream(timeout=5)
            streams = (await jetstream.account_info()).streams
            findings.append(Finding("nats", True, f"JetStream answers, {streams} streams"))
            names = {info.config.name for info in await jetstream.streams_info()}
        finally:
            await client.close()
        missing = [
            name for name in (LOG_STREAM, RECEIPTS_STREAM, *map(ingest_stream, sources)) if name not in names
        ]
        seen = "missing: " + ", ".join(missing) if missing else "all there"
        findings.append(Finding("streams", not missing, seen, f"{_set_up()}: it makes them"))
    except Exception as error:  # whatever it is, it is what the operator must see
        findings.append(Finding("nats", False, _told(error), _read_log(addresses, "nats")))
    return findings


def _read_log(addresses: Addresses, name: str) -> str:
    if runs_elsewhere():
        return f"read its log (`docker compose logs {name}`)"
    return f"read {Layout(addresses.data_dir).logs / f'{name}.log'}"


def _set_up() -> str:
    if runs_elsewhere():
        return "set up again (`docker compose run --rm --no-deps setup`)"
    return "stop `ketnap up` and start it again"


async def _schema(addresses: Addresses) -> Finding:
    from shared.runtime.database import create_engine
    from shared.runtime.schemas import standing

    engine = create_engine(addresses.database_url, "doctor")
    try:
        found = {name: await standing(engine, f"services.{name}") for name in postgres.SERVICES}
    finally:
        await engine.dispose()
    behind = [name for name, state in found.items() if state in ("absent", "older")]
    ahead = [name for name, state in found.items() if state == "newer"]
    seen = f"not at its newest version: {', '.join(behind)}" if behind else "at its newest version"
    if ahead:
        seen += f"; already at a newer version's: {', '.join(ahead)}"
    return Finding("schema", not behind, seen, f"{_set_up()}: it migrates")


@contextlib.asynccontextmanager
async def _database(addresses: Addresses) -> "AsyncIterator[Connection]":
    import asyncpg

    connection = await asyncpg.connect(addresses.database_url, timeout=5)
    try:
        yield connection
    finally:
        await connection.close()


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {said(error)}"
