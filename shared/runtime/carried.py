"""The traces that a message of consecutive positions carries: `FIRST-LAST=TRACEPARENT`, with commas between."""

from collections.abc import Iterable, Iterator
from itertools import groupby

HEADER = "Ketnap-Traces"
MOST = 100
"""Stretches of positions in one message; traces beyond are not carried on."""


def write(traced: Iterable[tuple[int, str]]) -> str:
    """The header of positions, in log order, with the span that each comes from."""
    stretches: list[str] = []
    for (parent, _), group in groupby(enumerate(traced), lambda each: (each[1][1], each[1][0] - each[0])):
        positions = [position for _, (position, _) in group]
        stretches.append(f"{positions[0]}-{positions[-1]}={parent}")
    return ",".join(stretches[:MOST])


def read(header: str) -> Iterator[tuple[int, int, str]]:
    """First and last position of each stretch, and the span that they come from; passes over anything else."""
    for stretch in header.split(","):
        positions, _, parent = stretch.partition("=")
        first, _, last = positions.partition("-")
        if first.isdecimal() and last.isdecimal() and parent:
            yield int(first), int(last), parent
