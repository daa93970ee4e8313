"""`ranking`: an organisation's children side by side, by a figure or by how far a target is."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from services.reporting.naming import name_order
from services.reporting.reports import organisations
from services.reporting.reports.additive import Bodies
from services.reporting.reports.attainment import attainment
from services.reporting.reports.evidence import UnknownMeasure, wanted
from services.reporting.reports.question import WHOLE, Organisation, Question
from services.reporting.reports.reading import Reading
from shared.timeline.attainment import percent

ATTAINMENT = "attainment_percent"


class Order(Struct, frozen=True):
    """What children are ranked by. `metric`, `basis` and `issuer` say which target, for `attainment_percent`."""

    measure: str
    descending: bool
    metric: str
    basis: str
    issuer: str | None


async def ranking(reading: Reading, order: Order) -> Bodies:
    """Each child's value, its rank and its share of all children's; equal values share a rank.

    Children without a value, for want of a target, come last and have no rank. Raises UnknownMeasure.
    """
    question = await _with_children(reading)
    by_child = Reading(reading.connection, question)
    if order.measure == ATTAINMENT:
        rows = by_attainment(await attainment(by_child), question, order)
        said = {"metric": order.metric, "basis": order.basis}
    else:
        try:
            asked = wanted(order.measure, question)
        except UnknownMeasure as error:
            raise UnknownMeasure(f"{error}; or {ATTAINMENT}") from None
        sums = await by_child.sums(asked)
        rows = {child.id: {"value": sum(sums[child.id].values())} for child in question.children}
        said = {}
    return {WHOLE: {"measure": order.measure, **said, "ranking": ranked(question.children, rows, order)}}


async def _with_children(reading: Reading) -> Question:
    question = reading.question
    if question.by_child:
        return question
    day = question.today if question.hierarchy == "current" else question.as_of
    children = await organisations.children(reading.connection, question.root, day, question.known)
    return replace(question, by_child=True, children=children)


def by_attainment(bodies: Bodies, question: Question, order: Order) -> dict[str, dict[str, Any]]:
    """Each child's row, with the target that it is ranked by; a value of None where it has none of that aim."""
    found: dict[str, dict[str, Any]] = {}
    for child in question.children:
        fitting = [
            target
            for target in bodies[child.id]["targets"]
            if (target["metric"], target["basis"]) == (order.metric, order.basis)
            and order.issuer in (None, target["issuer_id"])
        ]
        # Of several issuers' the asked organisation's counts, then the child's own; of several periods the last.
        preferred = (question.root, child.id)
        fitting.sort(
            key=lambda target: (
                preferred.index(target["issuer_id"]) if target["issuer_id"] in preferred else len(preferred),
                -target["from"].toordinal(),
                target["target_id"],
            )
        )
        found[child.id] = {"value": None}
        if fitting:
            chosen = fitting[0]
            names = ("target_id", "issuer_id", "actual", "target", "status")
            found[child.id] = {
                "value": chosen["attainment_percent"],
                **{name: chosen[name] for name in names},
            }
    return found


def ranked(
    children: tuple[Organisation, ...], rows: Mapping[str, dict[str, Any]], order: Order
) -> list[dict[str, Any]]:
    """Rows in order: by value, and where that is equal by name as Vietnamese sorts them."""
    values = [row["value"] for row in rows.values() if row["value"] is not None]
    shares = order.measure != ATTAINMENT
    total = sum(values) if shares else 0
    sign = -1 if order.descending else 1

    def place(child: Organisation) -> tuple[Any, ...]:
        value = rows[child.id]["value"]
        return (value is None, sign * (value or 0), name_order(child.name), child.id)

    ranks: dict[Any, int] = {}
    for number, value in enumerate(sorted(values, reverse=order.descending), 1):
        ranks.setdefault(value, number)
    return [
        {
            "rank": ranks.get(rows[child.id]["value"]),
            "organisation": child,
            **rows[child.id],
            **({"share_percent": percent(rows[child.id]["value"], total)} if shares else {}),
        }
        for child in sorted(children, key=place)
    ]
