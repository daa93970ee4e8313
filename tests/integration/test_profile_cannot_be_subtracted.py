"""`profile` under attack: whoever asks about all organisations in all ways works out no small group. All made up.

Organisations that move to another parent or end within the period stand with some admissions in one table and with
some in another, and in a third one alone. The attacker takes each figure told, and each zero, as an equation about
how many persons of each age band were admitted in which cell on which day, and looks for sums of equations.
It takes seconds, for two trees are asked about in all ways.
"""

import csv
import io
import random
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.conftest import Database
from tests.given import event, merged, organisation
from tests.integration.profiles_given import Registry, people
from tests.integration.reporting_given import RunningReporting, running_reporting

YEAR = "from=2022-01-01&to=2022-12-31&as_of=2022-12-31"
BEFORE, AFTER = "2022-03-01", "2022-10-01"
BANDS = {"18_30": 2000, "31_40": 1987, "41_50": 1977}
"""Age bands that somebody is in, by a year of birth."""
GROUPS = ("under_18", *BANDS, "51_60", "over_60")
PRIME = 2**31 - 1
"""Equations are solved modulo a large prime: what is a combination there is one of whole numbers too."""

PARENTS = {
    BEFORE: {"east": "top", "west": "top", "north": "top", "lone": "", "commune": "east", "near": "east",
             "late": "", "gone": "east", "far": "west", "o1": "commune", "o2": "commune", "n1": "north"},
    AFTER: {"east": "top", "west": "top", "lone": "top", "commune": "west", "near": "east",
            "late": "top", "far": "west", "o1": "commune", "o2": "commune", "n1": "west"},
}  # fmt: skip
"""Child → parent, before and after: a commune moves, `north` and `gone` end, a root comes under another."""
CELLS = {
    BEFORE: ("near", "gone", "far", "o1", "o2", "n1", "lone"),
    AFTER: ("near", "far", "o1", "o2", "n1", "lone", "late"),
}
ORGANISATIONS = ("top", *PARENTS[BEFORE])
MOVED = ("commune", "lone", "gone", "o1")

Atom = tuple[str, str, str]
"""Persons of an age band, admitted in a cell on a day."""


def history(prefix: str, counts: Mapping[Atom, int], registry: Registry) -> list[dict[str, Any]]:
    def named(which: str) -> str:
        return f"{prefix}-{which}"

    def founded(which: str, parent: str, day: str = "2020-01-01") -> dict[str, Any]:
        kind = "cell" if which in {*CELLS[BEFORE], *CELLS[AFTER]} else "grassroots_committee"
        return organisation(named(which), day, kind=kind, parent=named(parent) if parent else None)

    return [
        founded("top", ""),
        *(founded(which, parent) for which, parent in PARENTS[BEFORE].items() if which != "late"),
        founded("late", "top", "2022-06-01"),
        *(
            person
            for (band, cell, day), number in counts.items()
            for person in people(registry, number, named(cell), day, birth_year=BANDS[band])
        ),
        event(
            "OrganisationReparented",
            f"organisation/{named('commune')}",
            "2022-07-01",
            {"parent_id": named("west")},
        ),
        event(
            "OrganisationReparented", f"organisation/{named('lone')}", "2022-07-01", {"parent_id": named("top")}
        ),
        merged(named("near"), "2022-08-01", named("gone")),
        merged(named("west"), "2022-09-01", named("north")),
    ]


def way_up(cell: str, day: str, hierarchy: str) -> list[str]:
    """The cell and whom it belongs to on a day, or today; what ended is with who took it over today."""
    if hierarchy == "current":
        cell, day = {"gone": "near"}.get(cell, cell), AFTER
    way = [cell]
    while parent := PARENTS[day].get(way[-1], ""):
        way.append(parent)
    return way


def places() -> Iterator[tuple[str, str]]:
    for day, cells in CELLS.items():
        yield from ((cell, day) for cell in cells)


def covered(asked: str, part: str | None, hierarchy: str) -> set[tuple[str, str]]:
    """Cells and days of a table: of an organisation, of one child (`part`), or of what is no child's (empty)."""
    asked = {"gone": "near", "north": "west"}.get(asked, asked) if hierarchy == "current" else asked
    found = set()
    for cell, day in places():
        way = way_up(cell, day, hierarchy)
        if asked in way:
            below = way[way.index(asked) - 1] if way.index(asked) else ""
            child = below if PARENTS[AFTER].get(below) == asked else ""
            if part is None or part == child:
                found.add((cell, day))
    return found


class Known:
    """What the attacker knows: equations, reduced so that each has a leading atom of its own."""

    def __init__(self) -> None:
        self._rows: dict[Atom, dict[Atom, int]] = {}

    def learn(self, equation: Mapping[Atom, int]) -> None:
        rest = self._rest(equation)
        if rest:
            lead = min(rest)
            inverse = pow(rest[lead], PRIME - 2, PRIME)
            self._rows[lead] = {atom: factor * inverse % PRIME for atom, factor in rest.items()}

    def follows(self, equation: Mapping[Atom, int]) -> bool:
        return not self._rest(equation)

    def _rest(self, equation: Mapping[Atom, int]) -> dict[Atom, int]:
        rest = dict(equation)
        for lead in sorted(self._rows):
            if factor := rest.get(lead, 0):
                for atom, other in self._rows[lead].items():
                    rest[atom] = (rest.get(atom, 0) - factor * other) % PRIME
        return {atom: factor for atom, factor in rest.items() if factor}


def made_up(seed: int) -> dict[Atom, int]:
    chance = random.Random(seed)
    return {(band, cell, day): chance.choice((0, 0, 1, 2, 3, 5, 6, 8)) for cell, day in places() for band in BANDS}


@pytest.fixture
def counts() -> dict[str, dict[Atom, int]]:
    """Histories by their prefix; the first is the plain case that subtraction is made for."""
    two = {(band, cell, day): 8 for cell, day in places() for band in BANDS}
    two["31_40", "o1", BEFORE], two["31_40", "o2", BEFORE] = 2, 0
    return {"s": two} | {f"s{seed}": made_up(seed) for seed in range(1)}


@pytest.mark.parametrize("hierarchy", ["as_was", "current"])
async def test_no_figure_about_few_follows_from_all_that_is_told(
    database: Database, counts: dict[str, dict[Atom, int]], hierarchy: str
) -> None:
    async with running_reporting(database) as reporting:
        registry = Registry()
        registry.attach(reporting)
        for prefix, counted in counts.items():
            await reporting.project(*history(prefix, counted, registry))
        await reporting.service.filling.fill()
        for prefix, counted in counts.items():
            assert await attacked(reporting, prefix, counted, hierarchy) >= 20  # figures that are told at all


async def attacked(reporting: RunningReporting, prefix: str, counts: Mapping[Atom, int], hierarchy: str) -> int:
    known, small, number = Known(), {}, 0

    def read(body: dict[str, Any], about: set[tuple[str, str]], who: str) -> None:
        nonlocal number
        known.learn({(band, *place): 1 for place in about for band in GROUPS})
        for band, told in body["by_age"].items():
            really = sum(counts.get((band, *place), 0) for place in about)
            assert told in (really, None), (who, band)
            if told is not None:
                known.learn({(band, *place): 1 for place in about})
                number += bool(told)
            if told == 0:
                for place in about:
                    known.learn({(band, *place): 1})
            small[who, band] = (about, really)

    for asked in ORGANISATIONS:
        path = f"{prefix}-{asked}/profile?{YEAR}&hierarchy={hierarchy}"
        body = await reporting.get(f"{path}&by=child")
        read(body, covered(asked, None, hierarchy), asked)
        for child in body["children"]:
            part = child["organisation"]["id"].removeprefix(f"{prefix}-")
            read(child, covered(asked, part, hierarchy), f"{asked}/{part}")
        read(body["own"], covered(asked, "", hierarchy), f"{asked}/own")
        alone = await reporting.get(path)
        assert alone["by_age"] == body["by_age"]
        if asked not in MOVED:
            continue
        assert in_file((await reporting.ask(f"{path}&format=csv&lang=en")).text) == alone["by_age"]
        await reporting.ask(
            f"{prefix}-{asked}/evidence?{YEAR}&hierarchy={hierarchy}&measure=profile.by_age.18_30", 400
        )
    for (cell, day), band in ((place, band) for place in places() for band in BANDS):
        small[f"{cell} on {day}", band] = ({(cell, day)}, counts[band, cell, day])
    before = {("o1", BEFORE), ("o2", BEFORE)}
    for band in BANDS:
        small["commune while in the east", band] = (before, sum(counts[band, *place] for place in before))
    for (who, band), (about, really) in small.items():
        if 0 < really < 5:
            assert not known.follows({(band, *place): 1 for place in about}), (prefix, who, band, really)
    return number


def in_file(text: str) -> dict[str, int | None]:
    """The table of age bands in a file; what is withheld is an empty cell."""
    rows = [row for row in csv.reader(io.StringIO(text)) if row and row[0].startswith("By age – ")]
    assert len(rows) == len(GROUPS)
    return {band: int(row[1]) if row[1] else None for band, row in zip(GROUPS, rows, strict=True)}
