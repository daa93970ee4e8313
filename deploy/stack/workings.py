"""Examines how a running system does its work: projections, what waits, sources, keys, backups, open files."""

import datetime
import os
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from deploy.stack.errors import StackError
from deploy.stack.finding import Finding
from deploy.stack.layout import Addresses, Layout, key_file
from shared.runtime.duration import span

if TYPE_CHECKING:
    from asyncpg import Connection

DRIFT = datetime.timedelta(minutes=1)
BEHIND = 60.0
"""Seconds that a projection may be behind the log."""
SILENT = datetime.timedelta(days=1)
BACKUP = datetime.timedelta(days=2)
RECENT = datetime.timedelta(days=7)
"""How long a loss of messages is a fault; later it is told without being one: nobody can mend it any more."""
USED = 0.8
"""Share of its file descriptors that a process may have open."""


async def examine(addresses: Addresses, connection: "Connection") -> AsyncIterator[Finding]:
    """Look at everything that the database tells, with the owner's connection."""
    yield await _clock(connection)
    yield await _master_key(addresses)
    async for finding in _projections(addresses, connection):
        yield finding
    yield await _quarantine(connection)
    yield await _sources(connection)
    yield await _backup(connection)


async def _clock(connection: "Connection") -> Finding:
    row = await connection.fetchrow(_sql("clock"))
    assert row is not None
    here = datetime.datetime.now(datetime.UTC)
    remedy = "set the clock, and turn on time synchronisation: timedatectl set-ntp true"
    if abs(here - row["now"]) > DRIFT:
        return Finding(
            "clock and log", False, f"here it is {here:%H:%M:%S}, at the database {row['now']:%H:%M:%S}", remedy
        )
    latest = row["latest"]
    seen = f"the last event was recorded at {latest:%Y-%m-%d %H:%M} UTC" if latest else "no event yet"
    ahead = latest is not None and latest > here + DRIFT
    return Finding("clock and log", not ahead, seen, f"the clock is behind the log: {remedy}")


async def _master_key(addresses: Addresses) -> Finding:
    from deploy.master_keys import standings

    file = key_file(Layout(addresses.data_dir), "master_key")
    remedy = f"put the copy of the key that you keep into {file}; docs/privacy.md says more"
    try:
        keys = await standings(addresses.database_url, file)
    except StackError as missing:
        return Finding("master key", False, str(missing), remedy)
    missed = [each for each in keys if each.wraps and each.id is not None and not each.in_file]
    if missed:
        wrapped = sum(each.wraps for each in missed)
        names = ", ".join(str(each.id) for each in missed)
        return Finding(
            "master key", False, f"{names} is not in {file}, but wraps {wrapped:,} keys of persons", remedy
        )
    return Finding("master key", True, f"{sum(each.wraps for each in keys):,} keys of persons are wrapped by it")


async def _projections(addresses: Addresses, connection: "Connection") -> AsyncIterator[Finding]:
    from deploy.projections.standing import standings

    for each in await standings(addresses.database_url):
        what = f"projection of {each.name}"
        if each.stopped_at is not None:
            seen = f"stopped before position {each.stopped_at:,}: {each.stopped_why}"
            yield Finding(what, False, seen, f"upgrade {each.name}: it goes on by itself; docs/incidents.md")
            continue
        seconds = await connection.fetchval(_sql("age_after"), each.position) or 0.0
        seen = f"at position {each.position:,} of {each.head:,}"
        if seconds > BEHIND:
            remedy = f"look whether it catches up (`ketnap projections status`), then at the log of {each.name}"
            yield Finding(what, False, f"{seen}, {seconds:,.0f} s behind", remedy)
        elif each.outdated:
            yield Finding(
                what, False, f"{seen}, made by another version", f"ketnap projections rebuild {each.name}"
            )
        else:
            yield Finding(what, True, seen)


async def _quarantine(connection: "Connection") -> Finding:
    longest = os.environ.get("KETNAP_QUARANTINE_WARN_AFTER") or "1h"
    rows = await connection.fetch(_sql("overdue"), span(longest))
    if not rows:
        return Finding("quarantine", True, f"nothing has waited for longer than {longest}")
    seen = ", ".join(f"{row['number']:,} of {row['source']} since {row['since']:%Y-%m-%d %H:%M}" for row in rows)
    remedy = f"ketnap quarantine list --older-than {longest} says for what they wait"
    return Finding("quarantine", False, f"longer than {longest}: {seen}", remedy)


async def _sources(connection: "Connection") -> Finding:
    rows = await connection.fetch(_sql("sources"), SILENT)
    if not rows:
        return Finding(
            "sources", None, "none is registered", "ketnap source add SOURCE --root ORGANISATION --creds FILE"
        )
    faults: list[str] = []
    notes: list[str] = []
    for row in rows:
        name = row["source"]
        if row["silent"]:
            faults.append(f"{name} has sent nothing since {row['last_seen']:%Y-%m-%d %H:%M} UTC")
        seen = msgspec.json.decode(row["sequences"], type=list[tuple[int, int]])
        if len(seen) > 1:
            faults.append(f"{name} misses {seen[0][1] + 1} to {seen[1][0] - 1} of its own sequence")
        lost = msgspec.json.decode(row["lost"], type=list[tuple[int, int]])
        if lost:
            since = row["lost_before"]
            recent = since is None or datetime.datetime.now(datetime.UTC) - since < RECENT
            said = f"{name} lost stream sequences {lost[-1][0]} to {lost[-1][1]}, which nobody had read"
            (faults if recent else notes).append(said)
    if faults:
        remedy = "ask who runs the source: publish again what is missing; docs/incidents.md#sources"
        return Finding("sources", False, "; ".join(faults + notes), remedy)
    return Finding("sources", True, "; ".join([f"{len(rows)}, all heard of within a day or never", *notes]))


async def _backup(connection: "Connection") -> Finding:
    row = await connection.fetchrow(_sql("backup"), BACKUP)
    assert row is not None
    remedy = "ketnap backup FILE, and a timer that does it every day: docs/operations.md#backup-and-return"
    if row["at"] is None:
        # A system of today is being tried, or set up.
        return Finding("backup", False if row["log_is_old"] else None, "none was ever taken", remedy)
    seen = f"of {row['at']:%Y-%m-%d %H:%M} UTC, up to position {row['position']:,} of {row['head']:,}"
    return Finding("backup", not row["old"] or row["position"] == row["head"], seen, remedy)


def open_files(addresses: Addresses, services: Iterable[str]) -> Iterator[Finding]:
    """How many of its file descriptors each of these services has open, as far as it tells."""
    from deploy.stack import metrics

    for name in services:
        try:
            found = metrics.read(getattr(addresses, f"{name}_url"), addresses.key, addresses.ca)
        except (StackError, ValueError):
            found = {}
        has, may = found.get("process_open_fds"), found.get("process_max_fds")
        if has is None or not may:
            continue
        remedy = (
            "raise the limit: `ulimit -n 65536` before `ketnap up`, LimitNOFILE= of a unit, ulimits in compose"
        )
        yield Finding(f"files of {name}", has / may < USED, f"{has:,.0f} open of {may:,.0f}", remedy)


def _sql(name: str) -> str:
    """A statement of workings.sql, for asyncpg: `$1` and not `:name`."""
    written = Path(__file__).with_name("workings.sql").read_text(encoding="utf-8")
    _, _, rest = written.partition(f"-- {name}: ")
    return rest.partition("\n")[2].partition(";\n")[0]
