"""The table of figures: each printed value beside the one that reporting computes from the events."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table
from rich.text import Text

from deploy.demo.printed import FIGURES, Figure, Kind, Value
from shared.runtime.tls import trusting

_KINDS: dict[Kind, tuple[str, str]] = {
    "printed": ("đã in · printed", "bold"),
    "derived": ("suy ra · derived", ""),
    "synthetic": ("minh hoạ · made up", "yellow"),
}
_STEP = re.compile(r"(?P<name>[^.\[#]+)(?:\[(?P<target>[^\]]+)\])?(?P<length>#)?(?:\.|$)")


class ReportingError(Exception):
    """Reporting does not answer, or not as the contract says; the message tells what was asked."""


@dataclass(frozen=True)
class Reading:
    """A figure and what reporting says; `computed` is None where the answer has no such figure."""

    figure: Figure
    computed: Value

    @property
    def equal(self) -> bool:
        """Whether the computed value is the expected one."""
        return self.computed is not None and self.computed == self.figure.value


async def read(
    reporting_url: str,
    min_position: int,
    figures: Sequence[Figure] = FIGURES,
    *,
    key: str = "",
    ca: str = "",
    patience: float = 60.0,
) -> list[Reading]:
    """Read every figure over HTTP, once reporting has projected `min_position`.

    `key` is shown to reporting, where it asks for one; `ca` certifies an `https://` address (PEM). Waits up to
    `patience` seconds for reporting to come that far; raises ReportingError after that.
    """
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with httpx.AsyncClient(
        base_url=reporting_url, timeout=30, trust_env=False, headers=headers, verify=trusting(ca)
    ) as client:
        answers: dict[str, Any] = {}
        deadline = asyncio.get_running_loop().time() + patience
        for call in dict.fromkeys(figure.call for figure in figures):
            answers[call] = await _ask(client, f"{call}&min_position={min_position}", deadline)
    return [Reading(figure, look_up(answers[figure.call], figure.at)) for figure in figures]


def look_up(answer: Any, at: str) -> Value:
    """The value at the dotted path `at` of a decoded answer, or None where there is none."""
    for step in _STEP.finditer(at):
        answer = answer.get(step["name"]) if isinstance(answer, dict) else None
        if step["target"] and isinstance(answer, list):
            rows = [row for row in answer if row.get("target_id") == step["target"]]
            answer = rows[0] if len(rows) == 1 else None
        if step["length"]:
            answer = len(answer) if isinstance(answer, list) else None
    return answer if isinstance(answer, int | float | str) else None


def print_table(console: Console, readings: Sequence[Reading]) -> None:
    """Print the readings, a table for each call to the API."""
    for call, rows in groupby(readings, lambda reading: reading.figure.call):
        # Never folded, so that it can be copied.
        console.print(Text(f"\nGET {call}", style="cyan"), soft_wrap=True)
        grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        grid.add_column("figure", ratio=1)
        grid.add_column("kind", no_wrap=True)
        grid.add_column("printed or\nmade up", justify="right", no_wrap=True)
        grid.add_column("computed", justify="right", no_wrap=True)
        grid.add_column("equal", no_wrap=True)
        for reading in rows:
            kind, style = _KINDS[reading.figure.kind]
            label = Text(reading.figure.vi)
            label.append(f"\n{reading.figure.en}", style="dim")
            grid.add_row(
                label,
                Text(kind, style=style),
                _shown(reading.figure.value),
                _shown(reading.computed),
                Text("yes", style="green") if reading.equal else Text("NO", style="bold red"),
            )
        console.print(grid)


def _shown(value: Value) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else str(value)


async def _ask(client: httpx.AsyncClient, call: str, deadline: float) -> Any:
    """GET `call`; 503 means that reporting is still behind, so ask again until the deadline."""
    while True:
        try:
            response = await client.get(call, headers={"Accept": "application/json"})
        except httpx.TransportError as error:
            raise ReportingError(f"GET {call}: reporting does not answer ({error!r})") from error
        if response.status_code != 503 or asyncio.get_running_loop().time() > deadline:
            break
        await asyncio.sleep(_pause(response))
    if response.status_code != 200:
        raise ReportingError(f"GET {call}: answered {response.status_code}: {response.text[:300]}")
    return response.json()


def _pause(response: httpx.Response) -> float:
    asked = response.headers.get("Retry-After", "")
    return min(float(asked), 5.0) if asked.isdigit() else 0.5
