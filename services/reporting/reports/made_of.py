"""What each figure of each report is made of, said once: for the report, its evidence and what changed in it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date

from msgspec import Struct

from services.reporting.due_days import days_of_reports
from services.reporting.reports import figures, wanted
from services.reporting.reports.figures import Measures, added, measures_of
from services.reporting.reports.question import Question
from services.reporting.reports.reading import Reading
from services.reporting.reports.wanted import DAY, Wanted
from shared.timeline.measures import MEMBER_LEVELS

Paths = Mapping[str, Measures]
"""Dotted path of a figure in its report's answer → the measures that it adds up."""


class Figures(Struct, frozen=True):
    """Figures of a report that one statement reads."""

    of: Wanted
    """All their measures."""
    paths: Paths

    def each(self) -> Iterator[tuple[str, Wanted]]:
        """Each figure by itself: its path, and what it adds up."""
        for path, measures in self.paths.items():
            yield path, self.of.of(measures)


class Asked(Struct, frozen=True):
    """A question, and what a report's own parameters say."""

    question: Question
    at_least: int = 1
    """How many candidates a cell of `blocked` has."""


def _totals(asked: Asked) -> Iterator[Figures]:
    yield _standing(wanted.levels, asked.question.as_of, figures.TOTALS)


def _structure(asked: Asked) -> Iterator[Figures]:
    question = asked.question
    yield _standing(wanted.levels, question.as_of, figures.STRUCTURE_LEVELS)
    yield _moving(wanted.own_flows, question, figures.STRUCTURE_FLOWS)


def _attainment(asked: Asked) -> Iterator[Figures]:
    last = asked.question.until
    yield _moving(
        wanted.flows, asked.question, {f"actuals.{each}": of for each, of in figures.ACTUAL_FLOWS.items()}
    )
    yield _standing(wanted.levels, last, {"actuals.members": MEMBER_LEVELS})
    places = wanted.places_without_members(last)
    yield Figures(places, {"actuals.places_without_members": tuple(places.measures)})


def _movements(asked: Asked) -> Iterator[Figures]:
    # A period that begins after `as_of` has no day yet: it closes as it opens.
    first, last = asked.question.from_, max(asked.question.until, asked.question.from_ - DAY)
    yield _standing(wanted.levels, first - DAY, {"opening": MEMBER_LEVELS})
    yield Figures(wanted.movements(first, last, measures_of(figures.MOVEMENTS)), figures.MOVEMENTS)
    yield _standing(wanted.levels, last, {"closing": MEMBER_LEVELS})


def _profile(asked: Asked) -> Iterator[Figures]:
    # Of its groups there is no evidence, whatever their size: it would say who is in them.
    yield _moving(wanted.flows, asked.question, {"admitted": figures.ACTUAL_FLOWS["admissions"]})


def _funnel(asked: Asked) -> Iterator[Figures]:
    question = asked.question
    yield _standing(wanted.levels, question.as_of, figures.CANDIDATES)
    measures = measures_of(figures.CONVERSION)
    cohort = wanted.cohort(question.from_, question.until, question.as_of, measures)
    yield Figures(cohort, figures.CONVERSION)
    yield _moving(wanted.went_on, question, figures.DAYS)


def _blocked(asked: Asked) -> Iterator[Figures]:
    measures = measures_of(figures.BLOCKED)
    yield Figures(wanted.blocked(asked.question.as_of, asked.at_least, measures), figures.BLOCKED)


def _coverage(asked: Asked) -> Iterator[Figures]:
    yield _standing(wanted.places, asked.question.as_of, figures.COVERAGE)


def _enterprise(asked: Asked) -> Iterator[Figures]:
    yield _standing(wanted.enterprises, asked.question.as_of, figures.ENTERPRISE)


def _retention(asked: Asked) -> Iterator[Figures]:
    yield cohort_of(asked.question, None)


def _timeliness(asked: Asked) -> Iterator[Figures]:
    yield _moving(wanted.spell_flows, asked.question, figures.TIMELINESS_FLOWS)
    yield _standing(wanted.spell_levels, asked.question.as_of, figures.TIMELINESS_LEVELS)


def _mentoring(asked: Asked) -> Iterator[Figures]:
    question = asked.question
    days = days_of_reports(question.from_, question.until)
    yield Figures(wanted.spell_days(days, measures_of(figures.MENTORING_DAYS)), figures.MENTORING_DAYS)
    yield _moving(wanted.spell_flows, question, figures.MENTORING_FLOWS)
    yield _standing(wanted.spell_levels, question.as_of, figures.MENTORING_LEVELS)
    yield _standing(wanted.mentors, question.as_of, figures.MENTORS)


def _training(asked: Asked) -> Iterator[Figures]:
    question = asked.question
    levels = {**figures.TRAINING_LEVELS, **figures.expiry_months(question.as_of)}
    yield _standing(wanted.spell_levels, question.as_of, levels)
    yield _moving(wanted.flows, question, figures.TRAINING_FLOWS)


def _standing(kind: Callable[[date, set[str]], Wanted], day: date, paths: Paths) -> Figures:
    return Figures(kind(day, measures_of(paths)), paths)


def _moving(kind: Callable[[date, date, set[str]], Wanted], question: Question, paths: Paths) -> Figures:
    return Figures(kind(question.from_, question.until, measures_of(paths)), paths)


def cohort_of(question: Question, year: int | None) -> Figures:
    """Admissions of one year, or of all up to `as_of`, and what became of them by its evening."""
    first = date.min if year is None else date(year, 1, 1)
    last = question.as_of if year is None else min(date(year, 12, 31), question.as_of)
    cohort = wanted.retention(first, last, question.as_of, measures_of(figures.RETENTION))
    return Figures(cohort, figures.RETENTION)


FIGURES: Mapping[str, Callable[[Asked], Iterator[Figures]]] = {
    "totals": _totals,
    "attainment": _attainment,
    "movements": _movements,
    "profile": _profile,
    "funnel": _funnel,
    "blocked": _blocked,
    "mentoring": _mentoring,
    "training": _training,
    "timeliness": _timeliness,
    "retention": _retention,
    "structure": _structure,
    "coverage": _coverage,
    "enterprise": _enterprise,
}
"""Report → its figures with events behind them."""


def figures_of(question: Question, at_least: int = 1) -> Iterator[tuple[str, str, Wanted]]:
    """All figures with events behind them: report, path in its answer, and what it adds up."""
    for report, described in FIGURES.items():
        for each in described(Asked(question, at_least)):
            for path, adds_up in each.each():
                yield report, path, adds_up


async def amounts(read: Reading, report: str) -> dict[str, dict[str, int]]:
    """Part of the answer → path → figure, of all figures of a report that is nothing but these."""
    return await amounts_of(read, FIGURES[report](Asked(read.question)))


async def amounts_of(read: Reading, described: Iterable[Figures]) -> dict[str, dict[str, int]]:
    """The same of some of them."""
    found: dict[str, dict[str, int]] = {part: {} for part in read.question.parts}
    for each in described:
        for part, figure in (await values(read, each)).items():
            found[part] |= figure
    return found


async def values(read: Reading, each: Figures) -> dict[str, dict[str, int]]:
    """The same of figures that one statement reads."""
    sums = await read.sums(each.of)
    return {part: added(each.paths, sums[part]) for part in read.question.parts}
