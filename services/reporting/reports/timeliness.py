"""`timeliness`: are legal deadlines kept?"""

from typing import Any

from services.reporting.reports import figures
from services.reporting.reports.additive import Bodies
from services.reporting.reports.figures import nested
from services.reporting.reports.made_of import amounts
from services.reporting.reports.reading import Reading
from services.reporting.reports.rules import with_rules
from shared.timeline.attainment import percent


async def timeliness(reading: Reading) -> Bodies:
    """On time ÷ due of each deadline and of all, in the period; what is open and overdue on `as_of`."""
    bodies: Bodies = {}
    for part, found in (await amounts(reading, "timeliness")).items():
        # One deadline after the other, each with its figures in the order of the report.
        names = ("all", *(f"deadlines.{rule}" for rule in figures.DEADLINES))
        kinds = ("due", "on_time", "missed", "late", "open", "overdue")
        body = nested({f"{name}.{kind}": found[f"{name}.{kind}"] for name in names for kind in kinds})
        deadlines: Any = body["deadlines"]
        for figure in (body["all"], *deadlines.values()):
            figure["on_time_percent"] = percent(figure["on_time"], figure["due"])
        bodies[part] = body
    return with_rules(bodies, reading.question, (*figures.DEADLINES, "probation"))
