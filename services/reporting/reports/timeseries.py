"""`timeseries`: one figure over time: levels on the evening of each span's last day, flows within each span."""

from itertools import accumulate

from services.reporting.reports.additive import Bodies
from services.reporting.reports.evidence import UnknownMeasure, wanted
from services.reporting.reports.reading import Reading
from services.reporting.reports.spans import Span, Step, spans
from services.reporting.reports.statements import Contribution
from services.reporting.reports.wanted import Wanted

OF_A_WHOLE: frozenset[Contribution] = frozenset({"cohort", "retention", "blocked"})
"""What these count follows from all days up to `as_of` together."""
MOST = 1000
"""Points that a series may have."""


class TooManyPoints(Exception):
    """The series would have more points than an answer holds; the message says how many."""


async def timeseries(reading: Reading, measure: str, step: Step) -> Bodies:
    """Points from `from` to the earlier of `to` and `as_of`, read by one statement.

    Raises UnknownMeasure, TooManyPoints.
    """
    question = reading.question
    asked = wanted(measure, question)
    if measure.removeprefix("movements.") == "opening":
        raise UnknownMeasure("expected a measure with a value of its own each day, found opening; ask for closing")
    if asked.contribution in OF_A_WHOLE:
        raise UnknownMeasure(f"expected a measure with a value of its own each day, found {measure}")
    over = spans(question.from_, question.until, step)
    if len(over) > MOST:
        raise TooManyPoints(f"expected at most {MOST} points, found {len(over)}")
    amounts = await _amounts(reading, asked, over) if over else {part: [] for part in question.parts}
    return {
        part: {
            "measure": measure,
            "step": step,
            "from": question.from_,
            "to": question.to,
            "points": [
                {"from": span.first, "to": span.last, "value": amount}
                for span, amount in zip(over, amounts[part], strict=True)
            ],
        }
        for part in question.parts
    }


async def _amounts(reading: Reading, asked: Wanted, over: list[Span]) -> dict[str, list[int]]:
    first, last = over[0].first, over[-1].last
    starts = [span.first for span in over]
    match asked.contribution:
        case "levels":
            steps = await reading.series(Wanted("level_steps", asked.measures, first, last), starts)
            return {part: list(accumulate(amounts)) for part, amounts in steps.items()}
        case "places_without_members" | "places" | "enterprises":
            without = asked.contribution == "places_without_members"
            kind: Contribution = "enterprises" if asked.contribution == "enterprises" else "places"
            measures = ["places.without_members"] if without else asked.measures
            items = Wanted(kind, measures, first, last, [span.last for span in over])
            return dict(await reading.series(items, starts))
        case "spell_levels" | "mentors":
            evenings = Wanted(asked.contribution, asked.measures, first, last, [span.last for span in over])
            return dict(await reading.series(evenings, starts))
        case "spell_days":
            return dict(await reading.series(asked, starts))
        case _:
            flowing = Wanted(asked.contribution, asked.measures, first, last)
            return dict(await reading.series(flowing, starts))
