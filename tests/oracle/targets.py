"""Targets: assigned, revised, withdrawn, handed on, and what their status is."""

from datetime import date
from typing import Any

FLOWS = (
    "admissions",
    "confirmations",
    "candidates_identified",
    "training_completions",
    "organisations_founded",
    "private_enterprise_organisations_founded",
)

Targets = dict[str, dict[str, Any]]
"""id → {"assigned_to", "holder" (None: stands no more), "withdrawn", "aim", "comparison", "value", "data", …}."""


def apply(targets: Targets, name: str, organisation: str, data: dict[str, Any], day: date) -> None:
    """What an active organisation says of a target."""
    target = targets.get(data["target_id"])
    if name == "TargetAssigned":
        aim = tuple(data[member] for member in ("metric", "basis", "issuer_id", "from", "to"))
        own = [each for each in targets.values() if each["assigned_to"] == organisation]
        if target in own or any(each["aim"] == aim and not each["withdrawn"] for each in own):
            return
        targets[data["target_id"]] = {
            "assigned_to": organisation,
            "holder": organisation,
            "withdrawn": False,
            "aim": aim,
            "comparison": data["comparison"],
            "value": data["value"],
            "data": data,
            "since": day,
        }
    elif target is None or target["holder"] != organisation:
        return
    elif name == "TargetRevised":
        target["value"] = data["value"]
    elif name == "TargetWithdrawn":
        target |= {"holder": None, "withdrawn": True}


def hand_on(targets: Targets, source: str, heir: str | None, merging: str) -> None:
    """What becomes of the targets of an organisation that ends."""
    held = [each for each in targets.values() if each["holder"] == source]
    for target in sorted(held, key=lambda each: (each["since"], each["assigned_to"])):
        if heir is None or merging == "void":
            target["holder"] = None
            continue
        equal = [
            other
            for other in targets.values()
            if other["holder"] == heir
            and (other["aim"], other["comparison"]) == (target["aim"], target["comparison"])
        ]
        if merging == "sum" and equal:
            equal[0]["value"] += target["value"]
            target["holder"] = None
        else:
            target["holder"] = heir


def status(data: dict[str, Any], value: int, actual: int, as_of: date) -> str:
    """The table of CONTRACT.md."""
    first, last = date.fromisoformat(data["from"]), date.fromisoformat(data["to"])
    flow, over, comparison = data["metric"] in FLOWS, as_of >= last, data["comparison"]
    if comparison == "at_least":
        if actual >= value:
            return "exceeded" if actual > value else "attained"
        if over:
            return "missed"
        days = (last - first).days + 1
        elapsed = min(max((as_of - first).days + 1, 0), days)
        # More than ten points of a hundred under the expected share, without fractions.
        behind = 10 * (value * elapsed - actual * days) > value * days
        return "behind" if flow and behind else "on_track"
    if comparison == "exactly":
        if actual == value:
            return "attained"
        return "missed" if over or (flow and actual > value) else "on_track"
    if flow:
        if actual > value:
            return "missed"
        return "attained" if over else "on_track"
    if actual <= value:
        return "attained"
    return "missed" if over else "on_track"
