"""What is asked of a question's scope: which kind of contribution, of which measures, on which days."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

from services.reporting.projector.spells import counted_kind
from services.reporting.reports.figures import MANY
from services.reporting.reports.statements import Contribution
from shared.law.rulepack import law
from shared.timeline.measures import CANDIDATE_LEVELS, MEMBER_LEVELS

DAY = timedelta(days=1)


class Wanted:
    """Contributions to read: which kind, of which measures, on which days."""

    def __init__(
        self,
        contribution: Contribution,
        measures: Iterable[str],
        first: date,
        last: date,
        days: Sequence[date] = (),
        at_least: int = 1,
    ) -> None:
        """`days` are those on which items are read, for contributions made of items; by default the last.

        Of a cohort and of retention: the evening up to which it is followed. `at_least`: see `blocked`.
        """
        self.contribution = contribution
        self.measures = sorted(measures)
        self.first = first
        self.last = last
        self.days = tuple(days) or (last,)
        self.at_least = at_least

    def of(self, measures: Iterable[str]) -> "Wanted":
        """The same of other measures."""
        return Wanted(self.contribution, measures, self.first, self.last, self.days, self.at_least)

    @property
    def empty(self) -> bool:
        """Whether there is no day to count."""
        return self.last < self.first

    def parameters(self) -> dict[str, Any]:
        """What the statements ask for. Movements begin the evening before, so that a crossing shows."""
        lower = self.first - DAY if self.contribution == "movements" else self.first
        days: dict[str, Any] = {"lower": lower, "upper": self.last + DAY}
        match self.contribution:
            case "levels":
                return {**days, "day": self.last, "measures": self.measures}
            case "flows" | "own_flows" | "went_on":
                return {**days, "first": self.first, "measures": self.measures}
            case "level_steps":
                return {**days, "measures": self.measures}
            case "movements":
                return {
                    **days,
                    "first": self.first,
                    "measures": self.measures,
                    "member_levels": list(MEMBER_LEVELS),
                }
            case "cohort" | "retention":
                return {**days, "first": self.first, "day": self.days[-1], "measures": self.measures}
            case "blocked":
                return {
                    **days,
                    "day": self.last,
                    "measures": self.measures,
                    "candidate_levels": list(CANDIDATE_LEVELS),
                    "at_least": self.at_least,
                    "no_admission_since": twelve_months_to(self.last),
                }
            case "spell_levels" | "spell_days":
                return {**days, "days": list(self.days), **self._spells()}
            case "spell_flows":
                return {**days, "first": self.first, **self._spells()}
            case "mentors":
                limits = [law().on("mentor_load", day) for day in self.days]
                return {
                    **days,
                    "day": self.days[-1],
                    "days": list(self.days),
                    "measures": self.measures,
                    "kinds": ["charge"],
                    "many": MANY,
                    "most": [limit and limit.value for limit in limits],
                }
            case "places_without_members":
                return {**days, "day": self.last, "member_levels": list(MEMBER_LEVELS)}
            case "places" | "enterprises":
                return {
                    **days,
                    "day": self.days[-1],
                    "days": list(self.days),
                    "measures": self.measures,
                    "member_levels": list(MEMBER_LEVELS),
                }

    def _spells(self) -> dict[str, Any]:
        return {"measures": self.measures, "kinds": sorted({counted_kind(each) for each in self.measures})}


def levels(day: date, measures: Iterable[str]) -> Wanted:
    """Levels on the evening of a day."""
    return Wanted("levels", measures, day, day)


def flows(first: date, last: date, measures: Iterable[str]) -> Wanted:
    """Flows of the days `first` to `last`, both included."""
    return Wanted("flows", measures, first, last)


def own_flows(first: date, last: date, measures: Iterable[str]) -> Wanted:
    """Flows of organisations themselves, such as their founding, where they were then."""
    return Wanted("own_flows", measures, first, last)


def movements(first: date, last: date, measures: Iterable[str]) -> Wanted:
    """Flows, and as `entered` and `left` the members of organisations that changed sides."""
    return Wanted("movements", measures, first, last)


def places_without_members(day: date) -> Wanted:
    """Places without members on the evening of a day."""
    return Wanted("places_without_members", ("places_without_members",), day, day)


def places(day: date, measures: Iterable[str]) -> Wanted:
    """Places of a day's evening that a measure of coverage counts."""
    return Wanted("places", measures, day, day)


def enterprises(day: date, measures: Iterable[str]) -> Wanted:
    """Private enterprises of a day's evening that a measure counts."""
    return Wanted("enterprises", measures, day, day)


def cohort(first: date, last: date, until: date, measures: Iterable[str]) -> Wanted:
    """Candidacies that began on the days `first` to `last`, followed to the evening of `until`."""
    return Wanted("cohort", measures, first, last, (until,))


def went_on(first: date, last: date, measures: Iterable[str]) -> Wanted:
    """Steps of the days `first` to `last` by which candidates went on from a stage."""
    return Wanted("went_on", measures, first, last)


def retention(first: date, last: date, until: date, measures: Iterable[str]) -> Wanted:
    """Admissions of the days `first` to `last`, and what became of them by the evening of `until`."""
    return Wanted("retention", measures, first, last, (until,))


def blocked(day: date, at_least: int, measures: Iterable[str]) -> Wanted:
    """Cells of a day's evening, with at least so many candidates and without an admission in twelve months."""
    return Wanted("blocked", measures, day, day, at_least=at_least)


def twelve_months_to(day: date) -> date:
    """The first day of the twelve months that end with `day`."""
    leap_day = (day.month, day.day) == (2, 29)
    return day.replace(year=day.year - 1, day=28 if leap_day else day.day) + DAY


def spell_levels(day: date, measures: Iterable[str]) -> Wanted:
    """Levels of spells on the evening of a day."""
    return Wanted("spell_levels", measures, day, day)


def spell_days(days: Sequence[date], measures: Iterable[str]) -> Wanted:
    """Levels of spells on the evenings of days, in their order, added up."""
    first, last = (days[0], days[-1]) if days else (date.max, date.min)
    return Wanted("spell_days", measures, first, last, days)


def spell_flows(first: date, last: date, measures: Iterable[str]) -> Wanted:
    """Flows of spells on the days `first` to `last`, both included."""
    return Wanted("spell_flows", measures, first, last)


def mentors(day: date, measures: Iterable[str]) -> Wanted:
    """Mentors of a day's evening by how many persons of the scope are in their charge."""
    return Wanted("mentors", measures, day, day)
