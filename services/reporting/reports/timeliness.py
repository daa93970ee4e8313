"""`timeliness`: are legal deadlines kept?"""

from typing import Any

from services.reporting.reports import figures
from services.reporting.reports.additive import Bodies
from services.reporting.reports.figures import added, measures_of, nested
from services.reporting.reports.reading import Reading, spell_flows, spell_levels
from services.reporting.reports.rules import with_rules
from shared.timeline.attainment import percent


async def timeliness(reading: Reading) -> Bodies:
    """On time ÷ due of each deadline and of all, in the period; what is open and overdue on `as_of`."""
    question = reading.question
    moved = await reading.sums(spell_flows(question.from_, question.until, measures_of(figures.TIMELINESS_FLOWS)))
    standing = await reading.sums(spell_levels(question.as_of, measures_of(figures.TIMELINESS_LEVELS)))
    bodies: Bodies = {}
    for part in question.parts:
        amounts = added(figures.TIMELINESS_FLOWS, moved[part]) | added(figures.TIMELINESS_LEVELS, standing[part])
        # One deadline after the other, each with its figures in the order of the report.
        names = ("all", *(f"deadlines.{rule}" for rule in figures.DEADLINES))
        kinds = ("due", "on_time", "missed", "late", "open", "overdue")
        body = nested({f"{name}.{kind}": amounts[f"{name}.{kind}"] for name in names for kind in kinds})
        deadlines: Any = body["deadlines"]
        for figure in (body["all"], *deadlines.values()):
            figure["on_time_percent"] = percent(figure["on_time"], figure["due"])
        bodies[part] = body
    return with_rules(bodies, question, (*figures.DEADLINES, "probation"))
