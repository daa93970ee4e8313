"""The values of the rule pack that an answer rests on, each with its regulation."""

from collections.abc import Iterable
from typing import Any

from services.reporting.reports.additive import Bodies
from services.reporting.reports.question import WHOLE, Question
from shared.law.rulepack import Rule, RuleValue, law


def with_rules(bodies: Bodies, question: Question, rules: Iterable[Rule]) -> Bodies:
    """The bodies, in the whole with those values as `rules` that are valid on a day of the period."""
    first, last = question.from_, max(question.until, question.from_)
    values = [value for rule in rules for value in law().all(rule)]
    bodies[WHOLE]["rules"] = [
        _rule(each) for each in values if each.from_ <= last and (each.to is None or first <= each.to)
    ]
    return bodies


def _rule(value: RuleValue) -> dict[str, Any]:
    return {
        "rule": value.rule,
        "value": value.value,
        "unit": value.unit,
        "from": value.from_,
        "to": value.to,
        "regulation": value.regulation,
        "regulation_vi": value.regulation_vi,
    }
