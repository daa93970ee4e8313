"""`profile`: who was admitted in the period, by attribute; small groups are withheld with what would tell them."""

from collections import Counter
from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace
from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.reports import organisations
from services.reporting.reports.additive import Bodies
from services.reporting.reports.figures import ACTUAL_FLOWS
from services.reporting.reports.planning import planned
from services.reporting.reports.question import OWN, WHOLE, Question
from services.reporting.reports.reading import Reading
from services.reporting.reports.statements import held, of_parts, scope, scope_of_named
from services.reporting.reports.suppression import NOTHING, Withheld, at_the_top, below, remainder, told
from services.reporting.reports.wanted import DAY, Wanted, flows
from shared.events.vocabulary import REFERENCE
from shared.runtime.sql import Statements

SQL = Statements("services.reporting.sql", "profile.sql")

AGE_BANDS = (("under_18", 17), ("18_30", 30), ("31_40", 40), ("41_50", 50), ("51_60", 60))
"""Bands and the oldest age in each; the age is the one reached in the year of the admission."""
OLDEST = "over_60"
MANY = 10_000
"""Persons admitted, of whom the organisations are found otherwise than of a few."""

GROUPS: Mapping[str, tuple[str, ...]] = {
    "sex": ("female", "male"),
    "age": (*(band for band, _ in AGE_BANDS), OLDEST),
    "ethnic_minority": ("yes", "no"),
    "occupation": (),
    "schooling": (),
    "youth_union": ("yes", "no"),
}
"""Attribute → its groups; of those without any whatever codes there are, and ELSE for all that there are not."""
ELSE = ""
COLUMNS = tuple(GROUPS)
"""As the statement has them, in its order."""

_IN, _OUT = "in", "out"
_NO_SECRET = frozenset({_OUT})
"""That somebody is in some category may be sensitive; that one is in none of them is not."""


class Part(Struct):
    """The persons admitted in one part of an answer."""

    admitted: int = 0
    states: Counter[str] = field(default_factory=Counter)
    attributes: dict[str, Counter[str]] = field(default_factory=lambda: {name: Counter() for name in GROUPS})
    """Of those whose profile is unsealed: attribute → group → persons."""
    categories: Counter[str] = field(default_factory=Counter)

    @property
    def made(self) -> int:
        """Of how many the admission is made already: see `persons/filling.py`."""
        return sum(self.states.values())


Parts = dict[str, Part]
Suppressed = dict[str, Withheld]
"""Attribute, or category, → what is withheld."""


async def profile(reading: Reading) -> Bodies:
    """Persons admitted from the period's first day to its last that `as_of` lets see, by attribute."""
    question = reading.question
    parts = await _read(reading)
    withheld = await _withheld(reading, parts[WHOLE])
    tables = {WHOLE: withheld}
    if question.by_child:
        inner = {part: parts[part] for part in question.parts if part != WHOLE}
        tables |= _below(inner, withheld)
    return {part: _body(parts[part], tables[part]) for part in question.parts}


async def revision(connection: AsyncConnection) -> int:
    """Grows whenever the answer to the same question may be another: read meanwhile, or erased."""
    return int(await connection.scalar(SQL["revision"]) or 0)


def is_of_profile(measure: str) -> bool:
    """Whether a figure's path is one of a profile: no evidence is offered for these, whatever their size."""
    path = measure.removeprefix("profile.")
    return path.partition(".")[0] in {*(f"by_{name}" for name in GROUPS), "by_category", "unstated", "withheld"}


def admissions(question: Question) -> Wanted:
    """The admissions that a profile is about."""
    return flows(question.from_, question.until, ACTUAL_FLOWS["admissions"])


async def _withheld(reading: Reading, whole: Part) -> Suppressed:
    """What to withhold of the asked organisation, from the top down beside all it could be set off against."""
    question = reading.question
    day = question.today if question.hierarchy == "current" else question.as_of
    path = await organisations.ancestors(reading.connection, question.root, day, question.known)
    steps = [*(each.id for each in path), question.root]
    # A root that was under somebody in the period stands in that one's table too.
    alone = question.hierarchy == "current" or not await organisations.had_parent(
        reading.connection, steps[0], question.from_, question.until, question.known
    )
    found: Suppressed | None = None
    told_above: Part | None = None
    for above, here in pairwise(steps):
        children = await organisations.children(reading.connection, above, day, question.known)
        beside = await _read(
            Reading(reading.connection, replace(question, root=above, by_child=True, children=children))
        )
        found = _at(beside[WHOLE], found, told_above, alone=alone)
        parts = {part: each for part, each in beside.items() if part != WHOLE}
        # Who has ended, or is no child on that day, is among what belongs to none.
        found = _below(parts, found)[here if here in parts else OWN]
        told_above = parts.get(here)
    return _at(whole, found, told_above, alone=alone)


def _at(whole: Part, found: Suppressed | None, told_above: Part | None, *, alone: bool) -> Suppressed:
    """What to withhold of an organisation: `found` beside its siblings, where its table there is its whole table.

    Otherwise it was elsewhere in the period, or has ended, and stands there among what belongs to no child. Its
    groups would tell that from the others there, so none is told. `alone`: the root is in no other's table.
    """
    if found is None and alone:
        return _top(whole)
    before = {} if told_above is None else _tables(told_above)
    return {
        name: found[name] if found and before.get(name) == (counts, plain) else frozenset(counts)
        for name, (counts, plain) in _tables(whole).items()
    }


def _top(part: Part) -> Suppressed:
    return {name: at_the_top(counts, plain) for name, (counts, plain) in _tables(part).items()}


def _below(parts: Parts, above: Suppressed) -> dict[str, Suppressed]:
    found: dict[str, Suppressed] = {part: {} for part in parts}
    tables = {part: _tables(each) for part, each in parts.items()}
    names = {name: plain for each in tables.values() for name, (_, plain) in each.items()}
    for name, plain in names.items():
        counts = {part: each[name][0] if name in each else {} for part, each in tables.items()}
        for part, withheld in below(counts, above.get(name, NOTHING), plain).items():
            found[part][name] = withheld
    return found


def _tables(part: Part) -> dict[str, tuple[dict[str, int], frozenset[str]]]:
    """All tables of a part: by attribute, and for each category who is in it and who is not."""
    found: dict[str, tuple[dict[str, int], frozenset[str]]] = {}
    for name, groups in GROUPS.items():
        counts = {group: part.attributes[name].get(group, 0) for group in groups or (ELSE,)}
        found[name] = (counts | dict(part.attributes[name]), frozenset())
    for category in REFERENCE.categories:
        number = part.categories.get(category, 0)
        found[f"category.{category}"] = ({_IN: number, _OUT: part.made - number}, _NO_SECRET)
    return found


def _body(part: Part, withheld: Suppressed) -> dict[str, Any]:
    unsealed = part.states["unsealed"]
    erased = part.states["erased"]
    absent = part.states["absent"]
    body: dict[str, Any] = {
        "admitted": part.admitted,
        "unread": part.admitted - unsealed - erased - absent,
        "erased": erased,
    }
    unstated, kept_back = {}, {}
    tables = _tables(part)
    for name in GROUPS:
        counts, _ = tables[name]
        groups = told(counts, withheld[name])
        if not GROUPS[name]:
            # Which codes are withheld would say that there is somebody.
            groups = {group: number for group, number in groups.items() if number}
        body[f"by_{name}"] = dict(sorted(groups.items())) if not GROUPS[name] else groups
        kept_back[name] = remainder(counts, withheld[name])
        unstated[name] = unsealed + absent - sum(counts.values())
    body["by_category"] = {
        category: told(tables[f"category.{category}"][0], withheld[f"category.{category}"])[_IN]
        for category in REFERENCE.categories
    }
    return body | {"unstated": unstated, "withheld": kept_back}


async def _read(reading: Reading) -> Parts:
    """Persons admitted, in each part of the answer; groups that some part has, all parts have."""
    wanted = admissions(reading.question)
    parts = {part: Part() for part in reading.question.parts}
    if wanted.empty:
        return parts
    for part, amounts in (await reading.sums(wanted)).items():
        parts[part].admitted = sum(amounts.values())
    question = reading.question
    vast = await reading.is_vast()
    # Of so many the whole tree is put together sooner than their own places in it.
    many = vast and parts[WHOLE].admitted > MANY
    asking = _statement(question.hierarchy, vast=vast, many=many, by_child=question.by_child)
    parameters = _parameters(question, wanted)
    if many:
        rows = await planned(reading.connection, "of_whole_tables", asking, parameters)
    else:
        rows = (await reading.connection.execute(asking, parameters)).all()
    for row in rows:
        # Each admission is in one part only, and all are in the whole.
        for part in {WHOLE, row.part}:
            _take(parts[part], row)
    return parts


def _parameters(question: Question, wanted: Wanted) -> dict[str, Any]:
    return {
        "lower": wanted.first,
        "upper": wanted.last + DAY,
        "first": wanted.first,
        "organisation_id": question.root,
        "known": question.known,
        "by_child": question.by_child,
        "children": [child.id for child in question.children],
    } | ({"today": question.today} if question.hierarchy == "current" else {})


def _take(part: Part, row: Any) -> None:
    if row.category is not None:
        part.categories[row.category] += row.persons
        return
    by = [name for place, name in enumerate(reversed(COLUMNS)) if not row.others >> place & 1]
    if not by:
        part.states[row.state] += row.persons
    elif row.state == "unsealed" and (value := getattr(row, by[0])) is not None:
        part.attributes[by[0]][group_of(by[0], value)] += row.persons


def group_of(attribute: str, value: Any) -> str:
    """The group of somebody with this attribute; of `age` the years reached in the year of the admission."""
    if attribute == "age":
        return next((band for band, oldest in AGE_BANDS if value <= oldest), OLDEST)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


@cache
def _statement(hierarchy: str, *, vast: bool, many: bool, by_child: bool) -> TextClause:
    """Of a vast tree only those who admitted somebody are looked at, unless these are many."""
    if vast and not many:
        scoped = scope_of_named(hierarchy, "named_by_admissions")
    else:
        scoped = f"{scope(hierarchy, vast=many)}\n{held(hierarchy, vast=many)}"
    if by_child:
        scoped = of_parts(scoped)
    return text(f"{scoped}\n{SQL['admitted'].text}")
