"""Which figures' events can be walked to in log order, and which rows each of them may count."""

from collections.abc import Mapping
from datetime import date
from typing import Any, get_args

from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.projector import waymarks
from services.reporting.projector.spells import How
from services.reporting.reports.person_running import ENDS, measures_of_step
from services.reporting.reports.question import Question
from services.reporting.reports.statements import OF_STEPS, Contribution, counting, walked, walked_by_measure
from services.reporting.reports.walking import Marks, Walk, WalkByMeasure
from services.reporting.reports.wanted import Wanted
from shared.timeline.measures import MEMBER_LEVELS
from shared.timeline.person import STAGES

OFTEN = frozenset(
    {"candidates", "members", "admissions", "confirmations", "candidates_identified", "training_completions"}
)
"""What stands before the first dot of measures that `delta_rare` leaves out."""

OF_DELTAS: frozenset[Contribution] = frozenset({"levels", "flows", "own_flows", "movements"})
_OF_SPELLS: frozenset[Contribution] = frozenset({"spell_levels", "spell_days", "spell_flows"})
CHANGED_BY_POSITION: frozenset[Contribution] = OF_DELTAS | _OF_SPELLS
"""Contributions whose events each count for what they changed."""
WALKED: frozenset[Contribution] = CHANGED_BY_POSITION | OF_STEPS

MOST_UNMARKED = 50_000
"""Positions without waymarks, of which it is not known yet which steps became known belatedly."""
AT_FIRST = 1_000
"""Deltas or edges that are gone through first."""
STEPS_AT_FIRST = 250
"""The same of steps: of each of these persons all are read."""
_ENDED_BY = ("MembershipEnded", "LinkedAway")
_ADMITTED = len(STAGES)
_ALL_HOWS = frozenset(get_args(How))
_HOWS: Mapping[str, frozenset[str]] = {
    "on_time": frozenset({"kept"}),
    "late": frozenset({"kept"}),
    "due": _ALL_HOWS - {"kept"},
    "reports_late": frozenset({"begins"}),
}
"""What stands before the first dot of measures that some edges only are counted by, and which: see `counted_…`."""


async def walk(
    connection: AsyncConnection, question: Question, wanted: Wanted, scope: dict[str, Any], *, is_vast: bool
) -> Walk | None:
    """The way to the events behind one of `WALKED`, if any; `scope` is what statements ask for about the scope."""
    known = question.known
    statement = counting(walked(question.hierarchy, wanted.contribution), wanted.contribution, wanted.measures)
    if wanted.contribution in OF_DELTAS:
        following, parameters = _over_deltas(wanted, scope)
        return Walk(connection, known, following, statement, parameters, AT_FIRST, is_vast)
    parameters = _parameters(wanted, scope)
    marked = await connection.scalar(waymarks.SQL["marked"])
    if wanted.contribution in OF_STEPS:
        if known - marked > MOST_UNMARKED:
            return None
        steps = _steps(wanted)
        kinds = [f"step.{name}" for name in steps["names"]] or ["step.stage"]
        marks = Marks(kinds, steps["since_day"], steps["until_day"], marked)
        return Walk(connection, known, "next_steps", statement, parameters | steps, STEPS_AT_FIRST, is_vast, marks)
    since = _spells_since(wanted)
    marks = Marks(parameters["kinds"], since, wanted.last, marked)
    parameters |= {"since_day": since, "hows": _hows(wanted)}
    return Walk(connection, known, "next_edges", statement, parameters, AT_FIRST, is_vast, marks)


def walk_by_measure(
    connection: AsyncConnection, question: Question, wanted: Wanted, scope: dict[str, Any]
) -> WalkByMeasure:
    """The way to what changes each of the measures of one of `OF_DELTAS`."""
    following, parameters = _over_deltas(wanted, scope)
    statement = walked_by_measure(question.hierarchy, wanted.contribution)
    return WalkByMeasure(connection, question.known, following, statement, parameters, AT_FIRST)


def _parameters(wanted: Wanted, scope: dict[str, Any]) -> dict[str, Any]:
    """What statements of the whole scope ask for."""
    return {**wanted.parameters(), **scope, "by_child": False, "children": []}


def _over_deltas(wanted: Wanted, scope: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """By which index the next deltas are found that may count, and what is asked of them."""
    kinds, since = _deltas(wanted)
    return _deltas_following(kinds, since), _parameters(wanted, scope) | {"kinds": kinds, "since_day": since}


def _deltas(wanted: Wanted) -> tuple[list[str], date]:
    """Measures of the deltas that may count, and the first of their days."""
    if wanted.contribution == "levels":
        return wanted.measures, date.min
    if wanted.contribution == "movements" and {"entered", "left"} & set(wanted.measures):
        return sorted({*wanted.measures, *MEMBER_LEVELS}), date.min
    return wanted.measures, wanted.first


def _deltas_following(kinds: list[str], since: date) -> str:
    """By which index the next deltas are found."""
    often = [kind.partition(".")[0] in OFTEN for kind in kinds]
    if not any(often):
        return "walked_rare"
    return "walked_often" if all(often) and since > date.min else "walked"


def _spells_since(wanted: Wanted) -> date:
    """The first day on which an edge can be counted that counts for more than nothing in the end.

    Some levels go up and down again by one edge, on its last day or the next: they tell of late last days only.
    """
    if wanted.contribution == "spell_flows":
        return wanted.first
    return min(_last_day_from(measure, wanted.first) for measure in wanted.measures)


def _last_day_from(measure: str, day: date) -> date:
    family, _, which = measure.partition(".")
    if family == "reports_in" or measure == "certificates.valid":
        return day
    if family == "certificates" and which[:1].isdigit():
        year, _, month = which.partition("-")
        return date(int(year), int(month), 1)
    return date.min


def _hows(wanted: Wanted) -> list[str]:
    """Of which edges the measures are made."""
    found = [_HOWS.get(measure.partition(".")[0], _ALL_HOWS) for measure in wanted.measures]
    return sorted(frozenset[str]().union(*found))


def _steps(wanted: Wanted) -> dict[str, Any]:
    """Which steps may count; the pieces `cohort`, `went_on` and `retention` say which do."""
    names: list[str] = []
    turns: list[int] = []
    if wanted.contribution == "retention":
        counted = {measure.partition(".")[2] for measure in wanted.measures}
        names = ["MemberAdmitted"] * bool(counted & {"admitted", "still_members"})
        names += _ENDED_BY if counted - {"admitted"} else ()
    else:
        stages = [None, *range(_ADMITTED + 1)]
        turns = [
            _turn(before, after)
            for before in stages
            for after in stages
            if before != after and _counts(wanted, before, after)
        ]
    return {
        "names": names,
        "turns": turns,
        "since_day": wanted.first,
        "until_day": wanted.last if wanted.contribution == "went_on" else wanted.days[-1],
        "began_until": wanted.last if wanted.contribution == "cohort" else None,
        "positions": [],
        "persons": [],
    }


def _turn(before: int | None, after: int | None) -> int:
    """A number for a step from one stage to another, as `next_steps` reckons it."""
    return (0 if before is None else before + 1) * (_ADMITTED + 2) + (0 if after is None else after + 1)


def _counts(wanted: Wanted, before: int | None, after: int | None) -> bool:
    """Whether a step from one stage to another may count for more than nothing."""
    if wanted.contribution == "went_on":
        return (
            before is not None and after is not None and before < after and f"went_on.{before}" in wanted.measures
        )
    ends = ENDS if after is None else (str(after),)
    return any(
        sum(change for measure, change in measures_of_step(before, each) if measure in wanted.measures)
        for each in ends
    )
