"""Which events stand between what a figure was, as known then, and what it is, as known now."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import count, groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import TextClause, text

from services.reporting.projector.person_sums import touched
from services.reporting.projector.running_sums import moved
from services.reporting.reports.planning import planned
from services.reporting.reports.question import Question
from services.reporting.reports.reading import Reading, scope_parameters
from services.reporting.reports.statements import (
    OF_STANDING,
    OF_STEPS,
    Contribution,
    contributions,
    steps_of_some,
)
from services.reporting.reports.walking import SQL as WALKING
from services.reporting.reports.walking import told
from services.reporting.reports.walks import CHANGED_BY_POSITION, OF_DELTAS
from services.reporting.reports.wanted import DAY, Wanted
from shared.runtime.sql import Statements, instead
from shared.timeline.measures import CANDIDATE_LEVELS, MEMBER_LEVELS

SQL = Statements("services.reporting.sql", "changed.sql")

_COUNTED_BY: dict[Contribution, tuple[str, ...]] = {
    "places": MEMBER_LEVELS,
    "places_without_members": MEMBER_LEVELS,
    "enterprises": MEMBER_LEVELS,
    "blocked": (*CANDIDATE_LEVELS, "admissions"),
}
"""Of places and organisations that are counted one by one: measures of whoever is in them that tell whether."""

FEW = 150_000
"""Positions whose deltas are gone through sooner than a tree is read as known then and as known now."""

SPAN_AT_FIRST = 256
SPAN_AT_MOST = 8_192
"""Positions whose persons are looked at by one statement."""

_OF_THEN = re.compile(
    r"\b(today_tree|tree|scope|held|held_active|held_edge|held_step|began|admission|crossing|item|contribution"
    r"|walked_step|named|up"
    r"|stood|branch|trunk|held_today|holding|held_by|active_there|standing_scope|placed|covers_others|admitted_in"
    r"|in_charge|in_active_hands|held_charge)\b"
    r"|:(known|organisation_id|children|kept|mark)\b"
)


def _of_then(statement: str) -> str:
    """The same pieces under names of their own, as known at `known_then`: to stand behind those of now."""
    bare = "\n".join(line for line in statement.splitlines() if not line.startswith("--"))
    named = _OF_THEN.sub(lambda m: f"then_{m[1]}" if m[1] else f":then_{m[2]}", bare)
    return instead(named, "WITH RECURSIVE", ",")


def _caused(contribution: Contribution, *, vast: bool = False) -> str:
    if contribution in OF_STEPS:
        caused = SQL["by_step"].text
    elif contribution in _COUNTED_BY:
        caused = instead(SQL["by_unit"].text, "--touched", SQL["touched_units"].text)
    elif contribution == "mentors":
        mentors = SQL["touched_mentors_held" if vast else "touched_mentors"]
        caused = instead(SQL["by_unit"].text, "--touched", mentors.text)
    else:
        caused = SQL["by_position"].text
    return SQL["figures"].text + "\n" + caused


@cache
def _changed_between(tree: str, contribution: Contribution, *, vast: bool) -> TextClause:
    counts = contributions(tree, contribution, vast=vast, whole=vast)
    return text("\n".join((counts, _of_then(counts), _caused(contribution, vast=vast), SQL["changed"].text)))


_CHANGED_STEPS = {
    (tree, contribution): text(
        "\n".join(
            (
                steps_of_some(tree, contribution),
                _of_then(steps_of_some(tree, contribution)),
                instead(
                    _caused(contribution), "c.position > :after", "c.position > :after AND c.position <= :until"
                ),
                SQL["changed"].text,
            )
        )
    )
    for tree in ("as_was", "current")
    for contribution in OF_STEPS
}
"""The same of some persons only, and of events between two positions."""

_RESTRUCTURED = {
    tree: text(
        "\n".join(
            each.text
            for each in (WALKING["named_by_versions"], WALKING[f"tree_{tree}_of_some"], SQL["restructured"])
        )
    )
    for tree in ("as_was", "current")
}


async def changed(
    reading: Reading, figures: Mapping[str, Wanted], then: Question, after: int, limit: int
) -> Mapping[str, Sequence[Any]]:
    """The first events from then to now, after a position, of each figure: path → rows in log order.

    Rows (position, source, event_id, type, effectiveon, recordedat, change). Of what is made of persons' steps
    also `days` and `days_then`: how long the steps took that count now, and that counted then, where their days
    are what is counted. Figures that are made alike are looked for together.
    """
    known = reading.question.known
    # Else what the tree was is to be compared with what it is.
    still = then.root == reading.question.root and not await moved(reading.connection, then.known, known)
    walked = still and not await reading.is_small() and await reading.is_walked(few=known - then.known <= FEW)
    found: dict[str, Sequence[Any]] = dict.fromkeys(figures, ())
    for alike in _alike(figures):
        contribution = next(iter(alike.values())).contribution
        if walked and contribution in OF_DELTAS and len(alike) > 1:
            found |= await _changed_together(reading, alike, max(after, then.known), limit)
        elif walked and contribution in CHANGED_BY_POSITION:
            for path, each in alike.items():
                found[path] = await _changed_one(reading, each, max(after, then.known), limit)
        else:
            found |= await _changed_in_tree(reading, alike, then, after, limit, still=still)
    return found


def _alike(figures: Mapping[str, Wanted]) -> Iterable[Mapping[str, Wanted]]:
    """Figures that differ in nothing but their measures, together; without those that have no day to count."""
    found: dict[Any, dict[str, Wanted]] = defaultdict(dict)
    for path, each in figures.items():
        if not each.empty:
            found[(each.contribution, each.first, each.last, each.days, each.at_least)][path] = each
    return found.values()


def _of_all(figures: Mapping[str, Wanted]) -> Wanted:
    """All measures of figures that are made alike."""
    return next(iter(figures.values())).of({measure for each in figures.values() for measure in each.measures})


async def _changed_one(reading: Reading, wanted: Wanted, after: int, limit: int) -> Sequence[Any]:
    walk = await reading.walk(wanted, few=True)
    assert walk is not None, "there is one to whatever is changed by position"
    rows = await walk.events(after, limit)
    return await told(reading.connection, {row.position: row.change for row in rows})


async def _changed_together(
    reading: Reading, figures: Mapping[str, Wanted], after: int, limit: int
) -> dict[str, Sequence[Any]]:
    """Of deltas, gone through once. Measures of figures that have their events are not looked for further."""
    found: dict[str, dict[int, int]] = {path: {} for path in figures}
    missing, here = dict(figures), after
    for turn in count():
        if not missing or here >= reading.question.known:
            break
        here, rows = await reading.walk_by_measure(_of_all(missing)).changes(here, turn)
        for position, changes in groupby(rows, key=attrgetter("position")):
            by_measure = {row.measure: row.change for row in changes}
            for path, each in missing.items():
                change = sum(by_measure.get(measure, 0) for measure in each.measures)
                if change and len(found[path]) < limit:
                    found[path][position] = change
        missing = {path: each for path, each in missing.items() if len(found[path]) < limit}
    return {path: await told(reading.connection, changes) for path, changes in found.items()}


async def _changed_in_tree(
    reading: Reading, figures: Mapping[str, Wanted], then: Question, after: int, limit: int, *, still: bool
) -> dict[str, Sequence[Any]]:
    """What counts in the tree now against what counted then; `still`: no organisation moved since."""
    wanted = _of_all(figures)
    tree, contribution = reading.question.hierarchy, wanted.contribution
    parameters = {
        **wanted.parameters(),
        **scope_parameters(reading.question),
        "then_known": then.known,
        "then_organisation_id": then.root,
        "then_children": [child.id for child in then.children],
        "touching": list(_COUNTED_BY.get(contribution, ())),
        "after": after,
        "limit": limit,
    }
    if contribution in OF_STEPS and reading.quick and still and reading.question.known - then.known <= FEW:
        return await _changed_steps(reading, figures, parameters)
    parameters |= _made_of(figures)
    # Standing sums do not say which events a mentor's charges came with.
    if contribution in OF_STANDING and await reading.is_vast() and (still or contribution != "mentors"):
        now, before = await reading.standing(contribution), await reading.standing(contribution, then.known)
        parameters |= {**now, "then_kept": before["kept"], "then_mark": before["mark"]}
        statement = _changed_between(tree, contribution, vast=True)
        return _by_path(await planned(reading.connection, "of_whole_tables", statement, parameters))
    return _by_path(await reading.look_up(_changed_between(tree, contribution, vast=False), parameters))


def _made_of(figures: Mapping[str, Wanted]) -> dict[str, list[str]]:
    made = [(path, measure) for path, each in figures.items() for measure in each.measures]
    return {"paths": [path for path, _ in made], "path_measures": [measure for _, measure in made]}


def _by_path(rows: Iterable[Any]) -> dict[str, Sequence[Any]]:
    return {path: list(of_path) for path, of_path in groupby(rows, key=attrgetter("path"))}


async def _changed_steps(
    reading: Reading, figures: Mapping[str, Wanted], parameters: dict[str, Any]
) -> dict[str, Sequence[Any]]:
    """The same of steps, where none but those of whom something became known since count otherwise.

    What an event changes is about persons of whom something became known at its position.
    """
    question, limit = reading.question, parameters["limit"]
    contribution = next(iter(figures.values())).contribution
    statement = _CHANGED_STEPS[(question.hierarchy, contribution)]
    found: dict[str, list[Any]] = {path: [] for path in figures}
    missing = dict(figures)
    here, span = max(parameters["after"], parameters["then_known"]), SPAN_AT_FIRST
    while here < question.known and missing:
        until = min(here + span, question.known)
        persons = await touched(reading.connection, here, until)
        if persons:
            of_missing = {**parameters, **_of_all(missing).parameters(), **_made_of(missing)}
            between = {"walked": persons, "after": here, "until": until}
            for path, rows in _by_path(await reading.connection.execute(statement, of_missing | between)).items():
                found[path] += rows[: limit - len(found[path])]
        missing = {path: each for path, each in missing.items() if len(found[path]) < limit}
        here, span = until, min(4 * span, SPAN_AT_MOST)
    return dict(found)


async def restructured(reading: Reading, since: int, until: int) -> Sequence[Any]:
    """Rows of events after one position up to another that changed what organisations of the tree are."""
    question = reading.question
    parameters: dict[str, Any] = {
        "organisation_id": question.root,
        "known": question.known,
        "lower": min(question.from_ - DAY, question.as_of),
        "upper": max(question.until, question.as_of) + DAY,
        "since": since,
        "until": until,
    }
    if question.hierarchy == "current":
        parameters["today"] = question.today
    return (await reading.connection.execute(_RESTRUCTURED[question.hierarchy], parameters)).all()
