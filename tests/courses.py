"""Courses: a made-up history cut into messages and turns, and what befalls the registry between them.

A course is a flat list, so that whatever part of it is left out, the rest is one too. An item with `event` is a
delivery; consecutive ones of a publisher make a batch, until an item with `then` ends the message, or the turn and
something happens.
"""

import random
from collections import Counter
from typing import Any

from tests.histories import ROOTS, history
from tests.spoiled import spoiled

Event = dict[str, Any]
Item = dict[str, Any]
"""{"event", "by": the publisher, "single": whether it is a message of its own, "name": what its subject says}, or
{"then": one of HAPPENINGS, and what else that needs}."""

LATE = "muong-ang"
"""A source that is registered when others have published for a while."""
HAPPENINGS = (
    "message",  # the next event begins another message
    "turn",  # all so far is one turn
    "anew",  # the writer is thrown away and another one begins, by the rule pack that is in force
    "other",  # another registry takes over: "silent" if the one before does not know yet
    "again",  # the last so many messages of each source come again with the next turn
    "killed",  # PostgreSQL ends the session at such a "statement" of the next turn
    "unanswered",  # the next turn is committed, and its writer never hears of it
    "retried",  # an operator has what waits decided again: a "share" of it
    "rehearsed",  # what a retry of the one at such a "place" would do is told, and done
    "validated",  # the next turn is tried out before it comes
    "discarded",  # an operator drops something that waits, the one at such a "place"
    "rotated",  # another master key wraps from now on; the one before may be "dropped"
    "decreed",  # the rule pack has "added" entries
    "registered",  # the source LATE with its "root"
)
ADDED: tuple[dict[str, Any], ...] = (
    {"rule": "introducers", "value": 1, "unit": "introducers", "from": "2022-02-01", "to": "2022-03-31"},
    {"rule": "introducers", "value": 3, "unit": "introducers", "from": "2022-01-15", "to": None},
    {"rule": "vote_threshold", "value": 1, "of": 3, "unit": "share", "from": "2022-01-02", "to": None},
    {"rule": "vote_threshold", "value": 1, "of": 1, "unit": "share", "from": "2022-02-01", "to": "2022-02-28"},
    {"rule": "admission_age_minimum", "value": 17, "unit": "years", "from": "2022-01-10", "to": None},
    {"rule": "admission_age_maximum", "value": 40, "unit": "years", "from": "2022-01-01", "to": None},
    {"rule": "probation", "value": 1, "unit": "months", "from": "2022-01-01", "to": "2022-06-30"},
    {"rule": "certificate", "value": 2, "unit": "months", "from": "2021-01-01", "to": None},
    {"rule": "ceremony", "value": 5, "unit": "working_days", "from": "2022-01-01", "to": None},
    {"rule": "holiday", "from": "2021-11-01", "to": "2022-02-28"},
    {"rule": "working_day", "from": "2022-01-01", "to": "2022-01-31"},
)
_REGULATION = {"regulation": "made up", "regulation_vi": "đặt ra"}


def course(seed: int) -> list[Item]:
    """A history with what is wrong in it, and what befalls the registry while it comes."""
    chosen = random.Random(seed)
    events = history(chosen, mistakes=chosen.random() < 0.5)
    if chosen.random() < 0.5:
        chosen.shuffle(events)
    return befallen(chosen, _portrayed(chosen, _renewed(chosen, spoiled(chosen, events))))


def befallen(chosen: random.Random, events: list[Event]) -> list[Item]:
    """These events in messages and turns, with happenings between."""
    found: list[Item] = []
    late = _of_another(chosen, events) if chosen.random() < 0.4 else None
    sizes = chosen.choice(((1,), (1, 3), (1, 3, 10), (3, 10, 40), (1, 2, 3, 10, 40)))
    # What a writer keeps from turn to turn shows its faults only where nothing happens for a while.
    eventful = chosen.choice((0.02, 0.1, 0.4, 0.9))
    left = chosen.choice(sizes)
    if chosen.random() < 0.5:
        _count(chosen, events)
    for index, event in enumerate(events):
        if late is not None and event["source"] == LATE:
            found.append({"then": "registered", "root": late})
            late = None
        found.append(_delivered(chosen, event))
        left -= 1
        if left <= 0:
            while chosen.random() < eventful:
                found.append(_happening(chosen, events[: index + 1]))
                eventful = min(eventful, 0.5)
            found.append({"then": "turn"})
            left = chosen.choice(sizes)
        elif chosen.random() < 0.2:
            found.append({"then": "message"})
    if chosen.random() < 0.3:
        # Whoever is in doubt publishes everything once more.
        found += [{"then": "turn"}, *[_delivered(chosen, each) for each in events]]
    return [*found, {"then": "turn"}]


def _count(chosen: random.Random, events: list[Event]) -> None:
    """Each source counts what it says; now and then a number is left out, or an event has none."""
    numbers: Counter[str] = Counter()
    for event in events:
        numbers[event["source"]] += chosen.choice((1, 1, 1, 1, 2))
        if chosen.random() < 0.9:
            event["sequence"] = str(numbers[event["source"]])


def _delivered(chosen: random.Random, event: Event) -> Item:
    found = {"event": event, "by": event["source"], "single": chosen.random() < 0.15, "name": None}
    if found["single"]:
        found["name"] = event["type"].partition(".")[0]
    what = chosen.random()
    if what < 0.01:
        found["by"] = chosen.choice(list(ROOTS))
    elif what < 0.02 and found["single"]:
        found["name"] = "MemberAdmitted"
    return found


def _happening(chosen: random.Random, events: list[Event]) -> Item:
    what = chosen.choice(
        (
            *("anew", "other", "other", "again", "killed", "killed", "unanswered", "retried", "discarded"),
            *("rotated", "decreed", "repeated", "rehearsed", "validated"),
        )
    )
    match what:
        case "other":
            return {"then": what, "silent": chosen.random() < 0.5}
        case "again":
            return {"then": what, "last": chosen.randint(1, 4)}
        case "killed":
            return {"then": what, "statement": chosen.randint(1, 30)}
        case "retried":
            return {"then": what, "share": chosen.choice((0.3, 1.0))}
        case "discarded" | "rehearsed":
            return {"then": what, "place": chosen.random()}
        case "rotated":
            return {"then": what, "dropped": chosen.random() < 0.6}
        case "decreed":
            added = [{**each, **_REGULATION} for each in chosen.sample(ADDED, chosen.randint(1, 4))]
            return {"then": what, "added": added}
        case "repeated":
            return _delivered(chosen, chosen.choice(events))
    return {"then": what}


def _of_another(chosen: random.Random, events: list[Event]) -> str | None:
    """Let a source that is registered late say some of this; its root, which lies under another's or not."""
    founded = [each for each in events if each["type"] == "OrganisationEstablished.v1"]
    if not founded:
        return None
    root = chosen.choice(founded)["subject"].partition("/")[2]
    for event in events:
        if event["source"] in ROOTS and chosen.random() < 0.2:
            event["source"] = LATE
    return str(root)


def _renewed(chosen: random.Random, events: list[Event]) -> list[Event]:
    """Some certificates are told in version 2."""
    for event in events:
        data = event["data"]
        whole = {"certificate_ref", "issued_on"} <= data.keys()
        if event["type"] == "TrainingCompleted.v1" and whole and chosen.random() < 0.5:
            rest = {**data}
            names = {"certificate_ref": "ref", "issued_on": "issued_on", "expires_on": "expires_on"}
            said = {names[name]: rest.pop(name) for name in names if name in data}
            event["type"] = "TrainingCompleted.v2"
            event["data"] = {"certificate": said, **rest}
    return events


def _portrayed(chosen: random.Random, events: list[Event]) -> list[Event]:
    """More profiles, and more who are erased, than histories have."""
    found = list(events)
    for number, event in enumerate(events):
        if event["type"] not in ("CandidateIdentified.v1", "MemberAdmitted.v1") or chosen.random() < 0.5:
            continue
        year = int(event["effectiveon"][:4]) - chosen.choice((16, 17, 18, 19, 40, 59, 60, 61, 62))
        profile: dict[str, Any] = {"sex": "female", "birth_year": year}
        event["data"] = {**event["data"], "profile": {**profile, "ethnic_minority": None}}
        if chosen.random() < 0.4:
            erased = {"type": "PersonErased.v1", "data": {"request_ref": "YC-1"}}
            erasure = {**event, **erased, "id": f"0195{number:04x}-0000-7000-8000-000000000000"}
            # At once, or after more has been said of the person.
            found.insert(chosen.randint(found.index(event) + 1, len(found)), erasure)
    return found
