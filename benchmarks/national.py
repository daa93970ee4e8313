"""`python -m benchmarks.national EVENTS …`: a nation of each size loaded, its disk and memory, and all its reads.

Prints tables in Markdown. What is loaded stays in `.bench/nation-EVENTS` until the code that made it is another.
"""

import asyncio
import hashlib
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import asyncpg
import msgspec

from benchmarks.answering import answering
from benchmarks.asking import KNOWN_LATER, Asked, levels, matrix, now
from benchmarks.nation import Nation
from benchmarks.national_load import Step, load
from benchmarks.servers import DIRECTORY
from deploy.stack.postgres import SERVICES, PostgresServer
from shared.runtime.collector import calm_the_collector
from shared.runtime.migrations import upgrade_async

LOADED = "loaded.json"
MADE_BY = (
    "benchmarks/nation.py",
    "benchmarks/national_load.py",
    "benchmarks/province.py",
    "services/reporting/projector/*.py",
    "services/reporting/migrations/versions/*.sql",
    "services/reporting/sql/projector.sql",
    "services/reporting/sql/running_*.sql",
    "services/reporting/sql/person_sums.sql",
    "services/reporting/sql/standing_sums.sql",
    "services/reporting/sql/waymarks.sql",
    "shared/timeline/*.py",
)

_SIZES = """
SELECT relname, n_live_tup AS rows, pg_table_size(relid) AS table, pg_indexes_size(relid) AS indexes
FROM pg_stat_user_tables WHERE schemaname IN ('registry', 'reporting', 'reporting_person')
ORDER BY pg_total_relation_size(relid) DESC LIMIT 9
"""
_WHOLE = "SELECT pg_database_size(current_database())"


class _Loaded(msgspec.Struct):
    """Which parts of the loading are done, what they took, and which code did it."""

    code: str
    steps: list[Step]


@contextmanager
def loaded(number: int) -> Iterator[tuple[PostgresServer, list[Step]]]:
    """The PostgreSQL of a nation with so many events, loaded first where it is not yet."""
    directory = DIRECTORY / f"nation-{number}"
    file = directory / LOADED
    done = _Loaded(_code(), [])
    if file.exists():
        done = msgspec.json.decode(file.read_bytes(), type=_Loaded)
    if directory.exists() and done.code != _code():
        shutil.rmtree(directory)
        done = _Loaded(_code(), [])
    server = PostgresServer(directory)
    server.start()
    try:
        asyncio.run(_ensure(server, number, done, file))
        yield server, done.steps
    finally:
        server.stop()


def process(server: PostgresServer) -> int:
    """The id of the server's first process."""
    return int((server.directory / "data" / "postmaster.pid").read_text(encoding="ascii").split()[0])


async def _ensure(server: PostgresServer, number: int, done: _Loaded, file: Path) -> None:
    await upgrade_async([f"services.{name}" for name in SERVICES], server.url())

    def told(step: Step) -> None:
        sys.stderr.write(
            f"{datetime.now().astimezone():%H:%M:%S} {number:,} events: {step.what} {step.seconds} s\n"
        )
        done.steps.append(step)
        file.write_bytes(msgspec.json.encode(done))

    await load(server.url(), Nation(), number, [each.what for each in done.steps], told)


def _code() -> str:
    """A mark of the code that projections and sums are made by."""
    digest = hashlib.blake2b(digest_size=8)
    for pattern in MADE_BY:
        for path in sorted(Path().glob(pattern)):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def main(numbers: list[int]) -> int:
    """Load and measure a nation of each size."""
    calm_the_collector()
    for number in numbers:
        with loaded(number) as (server, steps):
            took = ", ".join(f"{each.what} {each.seconds:.0f} s" for each in steps)
            _say(f"## {number:,} events\n\nLoaded in {sum(each.seconds for each in steps):.0f} s: {took}.\n")
            asyncio.run(_sizes(server))
            asyncio.run(_reads(server, number))
    return 0


async def _sizes(server: PostgresServer) -> None:
    connection = await asyncpg.connect(server.url())
    whole = await connection.fetchval(_WHOLE)
    _say(f"The database has {whole / 2**20:,.0f} MiB. The largest tables:\n")
    _say("| table | rows | MiB | indexes, MiB |\n|---|--:|--:|--:|")
    for row in await connection.fetch(_SIZES):
        sizes = f"{row['table'] / 2**20:,.0f} | {row['indexes'] / 2**20:,.0f}"
        _say(f"| `{row['relname']}` | {row['rows']:,} | {sizes} |")
    await connection.close()


async def _reads(server: PostgresServer, number: int) -> None:
    organisations, today = await levels(server.url()), await now(server.url())
    with answering(server.url("ketnap_reporting"), process(server)) as service:
        _say(
            f"\np50 / p99 and, in brackets, processor time of one answer, in ms, as of {today['as_of']}; "
            f"`past` as known at {KNOWN_LATER:.0%} of the log.\n"
        )
        _say(f"| | {' | '.join(organisations)} |\n|---|{'--:|' * len(organisations)}")
        for name, found in matrix(service, organisations, today, number):
            _say(f"| {name} | {' | '.join(map(_written, found))} |")
        _say(f"\nReporting has {service.memory()} MiB at most.\n")


def _written(asked: Asked) -> str:
    return f"{asked.p50:,.0f} / {asked.p99:,.0f} ({asked.processor:,.0f})"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main([int(each.replace("_", "")) for each in sys.argv[1:]]))
