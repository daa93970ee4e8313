"""Targets of a restatement: those that are set or attained otherwise by now, and the events that set them."""

from collections import defaultdict
from typing import Any

from services.reporting.reports.attainment import attainment
from services.reporting.reports.changes import SQL
from services.reporting.reports.question import WHOLE
from services.reporting.reports.reading import Reading

_SAID = ("metric", "basis", "issuer_id", "from", "to")
_COMPARED = ("comparison", "target", "actual", "attainment_percent", "status")


async def restated_targets(reading: Reading, was: Reading) -> list[dict[str, Any]]:
    """The asked organisation's targets that are not what they were; `then` or `now` is None where there is none.

    `events` are those recorded in between that made the target another; where there are none, the actual is.
    """
    then = {row["target_id"]: row for row in (await attainment(was))[WHOLE]["targets"]}
    now = {row["target_id"]: row for row in (await attainment(reading))[WHOLE]["targets"]}
    differ = [each for each in {**then, **now} if _compared(then.get(each)) != _compared(now.get(each))]
    if not differ:
        return []
    parameters = {"targets": differ, "since": was.question.known, "until": reading.question.known}
    set_by: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in (await reading.connection.execute(SQL["retargeted"], parameters)).all():
        told = dict(row._mapping)
        set_by[told.pop("target_id")].append(told)
    return [
        {
            "target_id": each,
            **{name: (now.get(each) or then[each])[name] for name in _SAID},
            "then": _compared(then.get(each)),
            "now": _compared(now.get(each)),
            "events": set_by[each],
        }
        for each in differ
    ]


def _compared(row: dict[str, Any] | None) -> dict[str, Any] | None:
    return row and {name: row[name] for name in _COMPARED}
