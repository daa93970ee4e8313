"""`training`: certificates of those who are not members yet, and classes completed."""

from typing import Any

from services.reporting.reports import figures
from services.reporting.reports.additive import Bodies
from services.reporting.reports.figures import added, measures_of, nested
from services.reporting.reports.reading import Reading, flows, spell_levels
from services.reporting.reports.rules import with_rules


async def training(reading: Reading) -> Bodies:
    """Certificates of candidates on the evening of `as_of`, used and not, and classes completed in the period."""
    question = reading.question
    months = figures.expiry_months(question.as_of)
    levels = {**figures.TRAINING_LEVELS, **months}
    standing = await reading.sums(spell_levels(question.as_of, measures_of(levels)))
    completed = await reading.sums(flows(question.from_, question.until, measures_of(figures.TRAINING_FLOWS)))
    bodies: Bodies = {}
    for part in question.parts:
        amounts = added(levels, standing[part])
        body = nested(
            {path: amount for path, amount in amounts.items() if amount or path not in months}
            | added(figures.TRAINING_FLOWS, completed[part])
        )
        certificates: Any = body["certificates"]
        certificates.setdefault("by_expiry_month", {})
        bodies[part] = body
    return with_rules(bodies, question, ("certificate",))
