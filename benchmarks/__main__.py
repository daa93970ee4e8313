"""`make bench`: runs the benchmarks, prints the table with Must and Aim, writes `.bench/results.json`.

`python -m benchmarks append rebuild` runs those two and keeps what earlier runs found of the others.
"""

import importlib
import os
import sys
import time
from pathlib import Path

import msgspec
from msgspec import UNSET
from rich.console import Console
from rich.table import Table

from benchmarks.goals import GOALS, Figure
from benchmarks.servers import DIRECTORY
from shared.runtime.collector import calm_the_collector

MODULES = ("append", "whole_way", "rebuild", "reads", "starting")
RESULTS = Path(DIRECTORY) / "results.json"
_COLOURS = {"aim": "green", "must": "yellow", "short": "red"}


def main(wanted: list[str]) -> int:
    """Measure; 1 if a figure falls short of what it must reach, 2 for an unknown name."""
    unknown = set(wanted) - set(MODULES)
    if unknown:
        sys.stderr.write(f"expected some of {', '.join(MODULES)}, found {', '.join(sorted(unknown))}\n")
        return 2
    # As every service does when it begins.
    calm_the_collector()
    console = Console(width=None if sys.stdout.isatty() else 140)
    DIRECTORY.mkdir(exist_ok=True)
    found: dict[str, Figure] = {}
    if RESULTS.exists() and wanted:
        found = msgspec.json.decode(RESULTS.read_bytes(), type=dict[str, Figure])
    for name in wanted or MODULES:
        begin = time.monotonic()
        with console.status(f"measuring {name} …"):
            found |= importlib.import_module(f"benchmarks.{name}").measure()
        console.print(f"{name}: {time.monotonic() - begin:.0f} s")
        RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode(found)))
    console.print(_table(found))
    console.print(f"{os.cpu_count()} cores, PostgreSQL, NATS and the load included; written to {RESULTS}")
    return int(any(GOALS[name].verdict(figure) == "short" for name, figure in found.items() if name in GOALS))


def _table(found: dict[str, Figure]) -> Table:
    table = Table("")
    for head in ("figure", "", "reference", "ratio", "must", "aim", "reached"):
        table.add_column(head, no_wrap=True)
    for name, goal in GOALS.items():
        figure = found.get(name)
        if figure is None:
            continue
        verdict = goal.verdict(figure)
        note = f"\n[dim]{figure.note}[/dim]" if figure.note is not UNSET else ""
        table.add_row(
            f"{name}\n[dim]{goal.what}[/dim]{note}",
            f"{figure.value:,.10g}",
            figure.unit,
            "" if figure.reference is UNSET else f"{figure.reference:,.10g}",
            "" if figure.ratio is UNSET else f"{figure.ratio:.2f}",
            goal.said(goal.must),
            goal.said(goal.aim),
            f"[{_COLOURS[verdict]}]{verdict}[/]",
        )
    return table


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
