"""Report statements, put together from pieces: a scope, contributions within it, and what is asked of them.

Of each there is one that looks organisations up, for trees of some, and one that goes through whole tables, for
vast ones (`sql/vast.sql`). They say the same.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Literal, get_args

from sqlalchemy import TextClause, text

from services.reporting.projector.running_sums import COUNTED, counted
from services.reporting.reports.walking import SQL as WALKING
from shared.runtime.sql import Statements, instead

PIECES = Statements("services.reporting.sql", "reports.sql")
PERSON_PIECES = Statements("services.reporting.sql", "person_reports.sql")
SPELLS = Statements("services.reporting.sql", "spells.sql")
VAST = Statements("services.reporting.sql", "vast.sql")

Contribution = Literal[
    "levels",
    "flows",
    "own_flows",
    "movements",
    "places_without_members",
    "level_steps",
    "places",
    "enterprises",
    "cohort",
    "went_on",
    "retention",
    "blocked",
    "spell_levels",
    "spell_days",
    "spell_flows",
    "mentors",
]
CONTRIBUTIONS: tuple[Contribution, ...] = get_args(Contribution)

OF_STEPS: frozenset[Contribution] = frozenset({"cohort", "went_on", "retention"})
"""Contributions made of persons' steps: each row has an event of its own."""
OF_STANDING: Mapping[Contribution, str] = {
    "places": "members",
    "enterprises": "members",
    "blocked": "candidates",
    "places_without_members": "members",
    "mentors": "charges",
}
"""Contributions that a vast tree makes of standing sums, and of which kind of these."""

_OF_SPELLS: Mapping[Contribution, tuple[str, ...]] = {
    "spell_levels": ("held_on_days", "held_edges", "spell_levels"),
    "spell_days": ("held_on_days", "held_edges", "spell_levels"),
    "spell_flows": ("spell_flows",),
    "mentors": ("held_on_days", "held_edges", "mentors_held", "mentors"),
}
"""Pieces of contributions made of edges of spells."""
_SPELL_LEVELS = ("spell_levels", "spell_days")
"""Of these, edges are added up first where it is not asked which events they come from."""

_LISTS: Mapping[str, tuple[Contribution, ...]] = {
    "listed_places": ("places",),
    "listed_enterprises": ("enterprises",),
    "listed_blocked": ("blocked",),
    "listed_mentors": ("mentors",),
    "days_taken": ("went_on",),
    "cohorts": ("retention",),
    "evidence_of_steps": tuple(OF_STEPS),
}
_OF_PERSONS = ("listed_blocked", "days_taken", "cohorts", "evidence_of_steps")


def asked_of(contribution: Contribution) -> list[str]:
    """What can be asked of a contribution."""
    return ["sums", "value", "evidence", "series", *(each for each, of in _LISTS.items() if contribution in of)]


def scope(hierarchy: str, *, vast: bool = False, whole: bool = False) -> str:
    """A question's scope on a tree; of a vast one no parts are made where only the `whole` is asked."""
    tree = (VAST if vast else PIECES)[f"tree_{hierarchy}"]
    return "\n".join([tree.text, PIECES["scope_of_whole" if whole else "scope"].text])


def held(hierarchy: str, *, vast: bool = False) -> str:
    """Whose facts count for the scope."""
    # On the tree of today holders are in it for whom they hold.
    pieces = VAST if vast and hierarchy == "as_was" else PIECES
    return pieces[f"held_{hierarchy}"].text


def scope_of_named(hierarchy: str, named: str) -> str:
    """The scope of those organisations only that a piece of `walking.sql` names."""
    tree = [WALKING[named].text, WALKING[f"tree_{hierarchy}_of_some"].text]
    return "\n".join([*tree, *(PIECES[piece].text for piece in ("scope", f"held_{hierarchy}"))])


@cache
def statement(
    hierarchy: str, contribution: Contribution, asked: str, *, vast: bool = False, whole: bool = False
) -> TextClause:
    """What is asked of a contribution, see `asked_of`; `vast`, `whole`: see `scope`."""
    pieces = SPELLS if asked == "listed_mentors" else PERSON_PIECES if asked in _OF_PERSONS else PIECES
    summed = asked in ("sums", "value")
    made = contributions(hierarchy, contribution, vast=vast, whole=whole, summed=summed)
    return text(made + "\n" + pieces[asked].text)


@cache
def of_few(hierarchy: str, contribution: Contribution, asked: str) -> TextClause:
    """The same of a tree of few organisations: levels are looked up one by one."""
    asking = statement(hierarchy, contribution, asked)
    if contribution != "levels":
        return asking
    # A join may go through all deltas there are, by their measure, and then look for those of the tree.
    each = PIECES[f"counting_{hierarchy}"].text + "\n" + PIECES["levels_of_each"].text
    return text(instead(asking.text, PIECES["levels"].text, each))


def counting(asking: TextClause, contribution: Contribution, measures: Iterable[str]) -> TextClause:
    """What is asked, of edges of spells by what these measures count only: else each is counted for a dozen."""
    if contribution not in ("spell_levels", "spell_days", "spell_flows"):
        return asking
    return _counting(asking.text, frozenset(measure.partition(".")[0] for measure in measures))


@cache
def _counting(asking: str, families: frozenset[str]) -> TextClause:
    return text(instead(asking, COUNTED, counted(families)))


@cache
def first_places() -> TextClause:
    """Organisations of the places that come first in a list, of whatever tree."""
    held_by = VAST["held_by"].text.removeprefix(",")
    return text("\n".join(["WITH", held_by, VAST["first_places"].text]))


@cache
def of_named(hierarchy: str, contribution: Contribution, asked: str) -> TextClause:
    """What is asked of a contribution, of the organisations `named` only."""
    pieces = [scope_of_named(hierarchy, "named_ones"), PIECES[contribution].text, PIECES[asked].text]
    return text("\n".join(pieces))


@cache
def of_rest(hierarchy: str, contribution: Contribution, asked: str) -> TextClause:
    """What is asked of all parts but of some children and of the whole: what is below these is not looked at."""
    # Who has no sums is small.
    whole = of_few(hierarchy, contribution, asked).text
    not_asked = "v.organisation_id <> CAST(:organisation_id AS text)"
    not_skipped = f"{not_asked} AND v.organisation_id <> ALL (CAST(:skipped AS text[]))"
    return text(instead(of_parts(whole), not_asked, not_skipped))


def of_parts(statement: str) -> str:
    """The same of all parts but the whole."""
    return instead(statement, PIECES["scope"].text, PIECES["scope_of_parts"].text)


@cache
def walked(hierarchy: str, contribution: Contribution) -> TextClause:
    """The events between two positions alone, for the tree of those organisations only that they name."""
    if contribution in OF_STEPS:
        return text(steps_of_some(hierarchy, contribution) + "\n" + WALKING["events_of_walked"].text)
    if contribution in _OF_SPELLS:
        spells = [(WALKING if piece == "held_on_days" else SPELLS)[piece] for piece in _OF_SPELLS[contribution]]
        pieces = [*spells, WALKING["events"]]
        of_spells = _of_walked(hierarchy, "edges", pieces).replace("--counted", COUNTED)
        return text(instead(of_spells, "JOIN reporting.spell_edge", "JOIN walked_edge"))
    return text(_of_walked_deltas(hierarchy, contribution) + "\n" + WALKING["events"].text)


@cache
def walked_by_measure(hierarchy: str, contribution: Contribution) -> TextClause:
    """What the events between two positions change of each measure; of contributions made of deltas."""
    return text(_of_walked_deltas(hierarchy, contribution) + "\n" + WALKING["changes_by_measure"].text)


def _of_walked_deltas(hierarchy: str, contribution: Contribution) -> str:
    scoped = scope_of_named(hierarchy, "named_by_deltas") + "\n" + PIECES[contribution].text
    return instead(scoped, "d.position <= :known", "d.position > :after AND d.position <= :until")


def steps_of_some(hierarchy: str, contribution: Contribution) -> str:
    """What the steps of some persons add to measures within a question's scope."""
    pieces = [PERSON_PIECES["held_steps"], PERSON_PIECES[contribution]]
    return instead(_of_walked(hierarchy, "steps", pieces), "JOIN reporting.person_step", "JOIN walked_step")


def _of_walked(hierarchy: str, what: str, pieces: Sequence[TextClause]) -> str:
    return "\n".join([scope_of_named(hierarchy, f"walked_{what}"), *(each.text for each in pieces)])


def contributions(
    hierarchy: str, contribution: Contribution, *, vast: bool = False, whole: bool = False, summed: bool = False
) -> str:
    """A question's scope, and what each position adds to measures within it; `summed`: some of them together.

    `vast`, `whole`: see `scope`.
    """
    pieces = [scope(hierarchy, vast=vast, whole=whole)]
    blocked = "blocked_summed" if summed else "blocked"
    if vast and contribution in OF_STANDING and contribution != "mentors":
        pieces += [VAST["held_by"].text, VAST["standing_scope"].text]
        if contribution == "blocked":
            pieces += [VAST["blocked_cells"].text, PERSON_PIECES[blocked].text]
        else:
            pieces.append(VAST[contribution].text)
        return "\n".join(pieces)
    pieces.append(held(hierarchy, vast=vast))
    if vast and contribution == "mentors":
        mentors = VAST["mentors_whole" if whole else "mentors_by_part"].text
        made = "\n".join([*pieces, VAST["mentors_held"].text, mentors, SPELLS["mentors"].text])
        return made if whole else of_parts(made)
    if contribution in _OF_SPELLS:
        for piece in _OF_SPELLS[contribution]:
            in_sum = summed and contribution in _SPELL_LEVELS and piece == "held_edges"
            found = SPELLS["held_edges_summed" if in_sum else piece]
            pieces.append(found.text.replace("--counted", COUNTED))
    elif contribution in OF_STEPS:
        pieces += [PERSON_PIECES["held_steps"].text, PERSON_PIECES[contribution].text]
    elif contribution == "blocked":
        pieces += [PERSON_PIECES["blocked_cells"].text, PERSON_PIECES[blocked].text]
    else:
        pieces.append(PIECES[contribution].text)
    return "\n".join(pieces)
