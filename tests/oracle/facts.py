"""Facts: recorded events up to a position, each as its last correction says, in the order of the timeline."""

import json
from datetime import date, datetime
from typing import Any

Fact = dict[str, Any]
"""{"id", "source", "name", "kind" and "subject" (an id), "day", "time", "data"}."""

SAME_DAY = {
    "MemberAdmitted": "ceremony_on",
    "MemberConfirmed": "official_from",
    "TransferAccepted": "presented_on",
    "OpeningBalanceDeclared": "as_of",
}
"""Members of the data that are the day on which the fact takes effect."""

ENDS = ("OrganisationsMerged", "OrganisationDissolved")
"""These hold from the start of their day, before all else; splits come right after them."""


def facts(events: list[Any], known_at: int) -> list[Fact]:
    """What is known at a position, in timeline order."""
    known = [read(_copied(event)) for event in events if event["position"] <= known_at]
    last = {(each["source"], each["data"]["corrects"]): each for each in known if each["name"] == "FactCorrected"}
    found = []
    for each in known:
        if each["name"] == "FactCorrected":
            continue
        correction = last.get((each["source"], each["id"]))
        if correction is not None:
            if correction["data"]["replacement"] is None:
                continue
            each = replaced(each, correction["data"]["replacement"])
        found.append(each)
    return sorted(found, key=place_of)


def _copied(event: Any) -> Any:
    return {**event, "data": json.loads(json.dumps(event["data"]))}


def read(event: Any) -> Fact:
    """The fact that an event tells."""
    kind, _, subject = event["subject"].partition("/")
    return {
        "id": event["id"],
        "source": event["source"],
        "name": event["type"].split(".")[0],
        "kind": kind,
        "subject": subject,
        "day": date.fromisoformat(event["effectiveon"]),
        "time": datetime.fromisoformat(event["time"]),
        "data": event["data"],
    }


def replaced(fact: Fact, replacement: dict[str, Any]) -> Fact:
    """The fact with another day, other data, or both; a day that stands in both is the same in both."""
    found = {**fact}
    member = SAME_DAY.get(fact["name"])
    if "data" in replacement:
        found["data"] = replacement["data"]
        if member is not None:
            found["day"] = date.fromisoformat(replacement["data"][member])
    if "effectiveon" in replacement:
        found["day"] = date.fromisoformat(replacement["effectiveon"])
        if member is not None:
            found["data"] = {**found["data"], member: replacement["effectiveon"]}
    return found


def place_of(fact: Fact) -> tuple[date, int, datetime, str]:
    """Where a fact stands in a timeline: by day, time and id; what ends organisations and splits comes first."""
    if fact["name"] in ENDS:
        return (fact["day"], 0, fact["time"], fact["id"])
    if fact["name"] == "OrganisationSplit":
        return (fact["day"], 1, fact["time"], fact["id"])
    return (fact["day"], 2, fact["time"], fact["id"])
