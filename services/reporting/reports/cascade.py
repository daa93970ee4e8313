"""`cascade`: whether the targets of the level below add up to an organisation's own."""

from collections import defaultdict
from datetime import date
from typing import Any

from services.reporting.reports.additive import Bodies
from services.reporting.reports.organisations import SQL
from services.reporting.reports.question import OWN, WHOLE
from services.reporting.reports.reading import Reading


async def cascade(reading: Reading) -> Bodies:
    """For each target in force: the children's targets that are parts of it, their sum, and how far it is off.

    Those are parts that name it as their parent and agree with it in metric, comparison and period, on whatever
    basis. Of a child without any, those of the same aim, which agree in basis too and name no other target of the
    parent. Where a child has several of these, from different issuers, those count that the parent issued; else
    those of the own target's issuer, else the child's own, else all.
    """
    question = reading.question
    parents = {part: question.root if part == WHOLE else part for part in question.parts if part != OWN}
    children = await _children(reading, sorted(set(parents.values())))
    everybody = {*parents.values(), *(child.organisation_id for each in children.values() for child in each)}
    targets = await _targets(reading, sorted(everybody))
    bodies: Bodies = {part: {"targets": []} for part in question.parts}
    for part, parent in parents.items():
        bodies[part]["targets"] = [
            compared(target, parent, children[parent], targets)
            for target in targets[parent]
            if target.period_from <= question.to and question.from_ <= target.period_to
        ]
    return bodies


async def _children(reading: Reading, parents: list[str]) -> dict[str, list[Any]]:
    question = reading.question
    day = question.today if question.hierarchy == "current" else question.as_of
    rows = await reading.connection.execute(
        SQL["children_of"], {"parents": parents, "day": day, "known": question.known}
    )
    found: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.parent_id].append(row)
    return found


async def _targets(reading: Reading, organisations: list[str]) -> dict[str, list[Any]]:
    question = reading.question
    parameters: dict[str, Any] = {
        "organisations": organisations,
        "day": question.as_of,
        "known": question.known,
        # Of all periods: a part of a target of another one is no part of these.
        "first": date.min,
        "last": date.max,
    }
    statement = "targets"
    if question.hierarchy == "current":
        statement, parameters["today"] = "targets_current", question.today
    found: dict[str, list[Any]] = defaultdict(list)
    for row in await reading.connection.execute(SQL[statement], parameters):
        found[row.held_by].append(row)
    return found


def compared(own: Any, parent: str, children: list[Any], targets: dict[str, list[Any]]) -> dict[str, Any]:
    """The row of a target of `parent`: what of its children's targets is a part of it; `targets` by holder."""
    listed: list[dict[str, Any]] = []
    without = 0
    standing = {each.target_id for each in targets[parent]}
    for child in children:
        theirs = targets[child.organisation_id]
        of_child = [
            each for each in theirs if each.parent_target_id == own.target_id and _what(each) == _what(own)
        ]
        if not of_child:
            free = [each for each in theirs if each.parent_target_id not in standing]
            of_child = _of_same_aim(own, parent, child.organisation_id, free)
        without += not of_child
        listed.extend(
            {
                "organisation": {"id": child.organisation_id, "name": child.name, "kind": child.kind},
                "target_id": each.target_id,
                "issuer_id": each.issuer_id,
                "target": each.value,
            }
            for each in of_child
        )
    total = sum(each["target"] for each in listed)
    return {
        "target_id": own.target_id,
        "metric": own.metric,
        "basis": own.basis,
        "issuer_id": own.issuer_id,
        "from": own.period_from,
        "to": own.period_to,
        "comparison": own.comparison,
        "target": own.value,
        "children_total": total,
        "difference": total - own.value,
        "children_without_target": without,
        "children_targets": listed,
    }


def _of_same_aim(own: Any, parent: str, child: str, targets: list[Any]) -> list[Any]:
    same = [each for each in targets if _aim(each) == _aim(own)]
    for issuer in (parent, own.issuer_id, child):
        if of_issuer := [each for each in same if each.issuer_id == issuer]:
            return of_issuer
    return same


def _aim(row: Any) -> tuple[Any, ...]:
    return (row.basis, *_what(row))


def _what(row: Any) -> tuple[Any, ...]:
    return (row.metric, row.comparison, row.period_from, row.period_to)
