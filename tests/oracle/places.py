"""Places and enterprises, their cells and how many members are there; and targets beside those of children."""

from collections import Counter
from collections.abc import Collection
from datetime import date
from typing import Any

from tests.oracle.report import Report
from tests.oracle.world import World

Rows = list[dict[str, Any]]


def coverage(report: Report) -> tuple[dict[str, int], Rows]:
    """Counts of `coverage`, and the places in order."""
    world = report.history.evening(report.as_of)
    rows: Rows = [
        {"id": name, "organisation": owner, "cell": cell, "members": members, "flags": flags(world, name, members)}
        for name, owner, cell, members in _places(report, world)
    ]
    counts = Counter(flag for row in rows for flag in row["flags"])
    found = {f"counts.{flag}": number for flag, number in counts.items()}
    return {"counts.total": len(rows), **found}, sorted(rows, key=lambda row: (row["members"], row["id"]))


def flags(world: World, name: str, members: int) -> list[str]:
    """What is to be said of a place."""
    place = world.places[name]
    cell = world.covers(place)
    others = [each for other, each in world.places.items() if other != name and world.covers(each) == cell]
    said = {
        "uncovered": cell is None,
        "without_members": members == 0,
        "fewer_than_3": members < 3,
        "shared": cell is not None and bool(place["shared"] or others),
    }
    return [flag for flag, so in said.items() if so]


def enterprise(report: Report) -> tuple[dict[str, int], Rows]:
    """Counts of `enterprise`, and the enterprises: those without an organisation first, the most members first."""
    world = report.history.evening(report.as_of)
    rows: Rows = []
    for each in report.counted(world):
        if world.organisations[each]["sector"] == "private_enterprise":
            members = sum(world.members({each}).values())
            rows.append({"what": "organisation", "id": each, "members": members, "has_organisation": True})
    for name, _, cell, members in _places(report, world):
        if world.places[name]["kind"] == "private_enterprise":
            has = cell is not None and world.organisations[cell]["sector"] == "private_enterprise"
            rows.append({"what": "place", "id": name, "members": members, "has_organisation": has})
    for row in rows:
        row["could_be_founded"] = row["members"] >= 3 and not row["has_organisation"]
    counts = {
        "counts.total": len(rows),
        "counts.with_organisation": sum(row["has_organisation"] for row in rows),
        "counts.with_3_members": sum(row["members"] >= 3 for row in rows),
        "counts.could_be_founded": sum(row["could_be_founded"] for row in rows),
    }
    return counts, sorted(rows, key=lambda row: (row["has_organisation"], -row["members"]))


def _places(report: Report, world: World) -> list[tuple[str, str, str | None, int]]:
    """(place, whose it is, its cell, members there) of all that the counted organisations have."""
    counted = report.counted(world)
    found = []
    for name, place in world.places.items():
        owner, cell = world.holder(place["organisation"]), world.covers(place)
        if owner in counted:
            found.append((name, owner, cell, 0 if cell is None else sum(world.members({cell}).values())))
    return found


def cascade(report: Report, first: date, last: date) -> dict[str, dict[str, Any]]:
    """The organisation's targets: id → {"children_total", "children_without_target", "children_targets"}."""
    world = report.history.evening(report.as_of)
    # Of whatever period: what is a part of one of these is a part of no other.
    standing = {name for name, each in world.targets.items() if report.held_by(each) == report.root}
    found = {}
    for name in report.targets(first, last):
        counted: list[str] = []
        without = 0
        for child in report.children():
            held = [each for each, other in world.targets.items() if report.held_by(other) == child]
            parts = _parts(world, name, held, report.root, child, standing)
            counted += parts
            without += not parts
        found[name] = {
            "children_total": sum(world.targets[each]["value"] for each in counted),
            "children_without_target": without,
            "children_targets": sorted(counted),
        }
    return found


def _parts(
    world: World, name: str, held: list[str], asked: str, child: str, standing: Collection[str]
) -> list[str]:
    """Which of a child's targets are parts of one: those that say so, else those of its aim by who issued them."""
    data = {each: world.targets[each]["data"] for each in (name, *held)}
    parent = {each: data[each].get("parent_target_id") for each in held}
    alike = ("metric", "from", "to", "comparison")
    of_kind = [each for each in held if all(data[each][what] == data[name][what] for what in alike)]
    if said := [each for each in of_kind if parent[each] == name]:
        return said
    free = [
        each for each in of_kind if parent[each] not in standing and data[each]["basis"] == data[name]["basis"]
    ]
    for issuer in (asked, data[name]["issuer_id"], child):
        if of_issuer := [each for each in free if data[each]["issuer_id"] == issuer]:
            return of_issuer
    return free
