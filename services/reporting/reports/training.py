"""`training`: certificates of those who are not members yet, and classes completed."""

from typing import Any

from services.reporting.reports.additive import Bodies
from services.reporting.reports.figures import expiry_months, nested
from services.reporting.reports.made_of import amounts
from services.reporting.reports.reading import Reading
from services.reporting.reports.rules import with_rules


async def training(reading: Reading) -> Bodies:
    """Certificates of candidates on the evening of `as_of`, used and not, and classes completed in the period."""
    question = reading.question
    months = expiry_months(question.as_of)
    bodies: Bodies = {}
    for part, found in (await amounts(reading, "training")).items():
        body = nested({path: amount for path, amount in found.items() if amount or path not in months})
        certificates: Any = body["certificates"]
        certificates.setdefault("by_expiry_month", {})
        bodies[part] = body
    return with_rules(bodies, question, ("certificate",))
