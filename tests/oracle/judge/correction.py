"""Corrections: which fact they are about, and whether what it says instead may be said."""

from tests.oracle.facts import Fact, replaced
from tests.oracle.judge import hard
from tests.oracle.judge.hard import Sources, as_event
from tests.oracle.judge.record import Event, Record
from tests.oracle.judge.shapes import SHAPES, fitting


def broken(fact: Fact, record: Record, roots: Sources) -> str | None:
    """The code of the first rule that a correction breaks; None where it keeps all."""
    if f"{fact['kind']}/{fact['subject']}" not in record.mentioned:
        return "unknown-subject"
    original = record.event(fact["source"], fact["data"]["corrects"])
    if original is None:
        return "unknown-target"
    if original["type"] == "FactCorrected.v1" or original["subject"] != f"{fact['kind']}/{fact['subject']}":
        return "rule-violated"
    replacement = fact["data"]["replacement"]
    after = Record([*record.events, as_event(fact)])
    if replacement is not None:
        instead = replaced(_original(original, record), replacement)
        versions = [each for each in SHAPES if each.partition(".")[0] == instead["name"]]
        if not any(fitting(each, instead["data"], instead["day"].isoformat()) for each in versions):
            return "invalid-data"
        without = Record([each for each in record.events if not _about(each, original)])
        unknown = hard.unnamed(instead, record)
        if unknown is not None:
            return unknown
        root = roots[fact["source"]]
        own = [record.organisations.own(root, each, instead["day"]) for each in hard.own_ones(instead, root)]
        if not all(own) or not hard.others_own(instead, record, roots):
            return "foreign-organisation"
        if not hard.all_active(instead, record, but=fact["subject"]) or _gives_taken_id(instead, record):
            return "rule-violated"
        if instead["name"] == "OrganisationDissolved" and instead["data"].get("successor_id") is None:
            if hard.anybody_left(instead, after):
                return "rule-violated"
        elif instead["name"] != "MemberEnrolled" and hard.violated(instead, without, roots):
            return "rule-violated"
    if after.organisations.circular() or _overdrawn(record, after):
        return "rule-violated"
    return None


def _gives_taken_id(instead: Fact, record: Record) -> bool:
    """Whether a target gets the id of another one; that of another subject cannot be."""
    said = record.said(instead["source"], instead["id"])
    if instead["name"] != "TargetAssigned":
        return False
    same = said is not None and said["data"]["target_id"] == instead["data"]["target_id"]
    return not same and hard.taken(instead, record)


def _overdrawn(before: Record, after: Record) -> bool:
    """Whether a correction takes away members from a balance that were taken out of it one by one."""
    for day in {each["day"] for each in (*before.facts, *after.facts)}:
        had, left = before.balances(day), after.balances(day)
        if any(amount < 0 and amount != had[at] for at, amount in left.items()):
            return True
    return False


def _original(original: Event, record: Record) -> Fact:
    return Record([original]).facts[0]


def _about(event: Event, original: Event) -> bool:
    """Whether an event is this one or a correction of it."""
    if event["source"] != original["source"]:
        return False
    data = event["data"]
    corrects = (
        isinstance(data, dict) and event["type"] == "FactCorrected.v1" and data["corrects"] == original["id"]
    )
    return event["id"] == original["id"] or corrects
