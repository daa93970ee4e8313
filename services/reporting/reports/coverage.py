"""`coverage` and `enterprise`: places and private enterprises with the members that they have."""

from collections.abc import Callable
from typing import Any

from services.reporting.reports import figures
from services.reporting.reports.additive import Bodies
from services.reporting.reports.figures import added, measures_of, nested
from services.reporting.reports.reading import Reading
from services.reporting.reports.wanted import enterprises, places

After = tuple[int, str]
"""Where a page begins: behind this order and id."""

FLAGS = ("uncovered", "without_members", "fewer_than_3", "shared")
ENOUGH = 3
"""Members from which on an organisation can be founded."""


async def coverage(reading: Reading, flag: str | None, after: After | None, limit: int) -> Bodies:
    """Places by the members of their covering cell on the evening of `as_of`; a page of them, the fewest first.

    A place that no cell covers has 0; of a shared cell each place has all members. `flag` keeps the places that
    have it.
    """
    wanted = places(reading.question.as_of, measures_of(figures.COVERAGE))
    sums = await reading.sums(wanted)
    rows = await reading.listed(wanted, "listed_places", flag=flag, limit=limit + 1, **_behind(after))
    listed = _paged(reading, rows, limit, _place, lambda row: (row.members, row.id))
    return {
        part: nested(added(figures.COVERAGE, amounts)) | {"places": listed[part][0], "next": listed[part][1]}
        for part, amounts in sums.items()
    }


async def enterprise(reading: Reading, after: After | None, limit: int) -> Bodies:
    """Private enterprises by their members on `as_of`; those first where an organisation could be founded."""
    wanted = enterprises(reading.question.as_of, measures_of(figures.ENTERPRISE))
    rows = await reading.listed(wanted, "listed_enterprises", limit=limit + 1, **_behind(after))
    counts = {row.part: {name: getattr(row, name) for name in figures.ENTERPRISE_COUNTS} for row in rows}
    enterprises_of = [row for row in rows if row.id is not None]
    listed = _paged(reading, enterprises_of, limit, _enterprise, lambda row: (row.rank, row.id))
    none = dict.fromkeys(figures.ENTERPRISE_COUNTS, 0)
    return {
        part: {"counts": counts.get(part, none), "enterprises": found, "next": following}
        for part, (found, following) in listed.items()
    }


def _behind(after: After | None) -> dict[str, Any]:
    return {"after_members": after and after[0], "after_id": after and after[1]}


def _paged(
    reading: Reading,
    rows: Any,
    limit: int,
    shown: Callable[[Any], dict[str, Any]],
    order: Callable[[Any], After],
) -> dict[str, tuple[list[dict[str, Any]], After | None]]:
    """Rows and where the next page begins, for each part."""
    by_part: dict[str, list[Any]] = {part: [] for part in reading.question.parts}
    for row in rows:
        if row.part in by_part:
            by_part[row.part].append(row)
    return {
        part: ([shown(row) for row in found[:limit]], order(found[limit - 1]) if len(found) > limit else None)
        for part, found in by_part.items()
    }


def _place(row: Any) -> dict[str, Any]:
    holds = {
        "uncovered": row.cell_id is None,
        "without_members": row.members == 0,
        "fewer_than_3": row.members < ENOUGH,
        "shared": row.shared,
    }
    return {
        "place": {"id": row.id, "name": row.name, "kind": row.kind},
        "organisation": {"id": row.organisation_id, "name": row.organisation_name},
        "cell": None if row.cell_id is None else {"id": row.cell_id, "name": row.cell_name},
        "members": row.members,
        "flags": [flag for flag in FLAGS if holds[flag]],
    }


def _enterprise(row: Any) -> dict[str, Any]:
    return {
        "what": row.what,
        "id": row.id,
        "name": row.name,
        "kind": row.kind,
        "organisation_id": row.organisation_id,
        "cell_id": row.cell_id,
        "members": row.members,
        "has_organisation": row.has_organisation,
        "could_be_founded": row.members >= ENOUGH and not row.has_organisation,
    }
