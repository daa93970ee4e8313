"""What the registry decides about a history, beside what the judge of `tests/oracle/judge` decides."""

from typing import Any
from uuid import UUID

from services.registry.turn import Turn
from tests.histories import ROOTS
from tests.oracle.judge import REJECTIONS, Judge, Verdict
from tests.unit.registry.given import turn

Event = dict[str, Any]
Said = tuple[str, str | None, int | None]
"""Outcome, code, position."""


def disagreements(events: list[Event]) -> list[str]:
    """Where they differ: after each arrival in the outcomes of all so far, and at last in the findings."""
    judge = Judge(ROOTS)
    expected: list[list[set[Said]]] = []
    for event in events:
        judge.hear(event)
        expected.append([_possible(each) for each in judge.verdicts])
    if moot(judge):
        return []
    found: list[list[Said]] = []
    after = turn(events, ROOTS, after_each=lambda each: found.append(_said(each, events)))
    differing = [
        f"{events[index]['id']} after arrival {number}: {said}, expected {possible}"
        for number, (saids, possibles) in enumerate(zip(found, expected, strict=True))
        for index, (said, possible) in enumerate(zip(saids, possibles, strict=True))
        if said not in possible
    ]
    noted = {receipt.batch_index: {each.code for each in receipt.findings} for receipt in after.outcomes.receipts}
    return differing + [
        f"{events[index]['id']} with {noted[index]}, expected {verdict.findings}"
        for index, verdict in enumerate(judge.verdicts)
        if verdict.findings != noted[index]
    ]


def _said(after: Turn, events: list[Event]) -> list[Said]:
    """What stands of each arrival so far."""
    last = {each.batch_index: each for each in after.outcomes.receipts}
    found: list[Said] = []
    for index, receipt in sorted(last.items()):
        event = events[index]
        reason = getattr(receipt.reason, "code", None)
        if receipt.outcome == "quarantined":
            reason = after.outcomes.held[(event["source"], UUID(event["id"]))].reason.code
        position = receipt.position if isinstance(receipt.position, int) else None
        found.append((receipt.outcome, reason, position))
    return found


def _possible(verdict: Verdict) -> set[Said]:
    """What may be said of an arrival: of one that waits, as of any moment at which it was decided."""
    if verdict.outcome != "quarantined":
        return {(verdict.outcome, verdict.code, verdict.position)}
    return {("rejected" if code in REJECTIONS else "quarantined", code, None) for code in verdict.so_far}


def moot(judge: Judge) -> bool:
    """Whether it matters when a waiting event was decided again: it may have been rejected, and not for good.

    DOMAIN.md has it decided again when something comes that it could wait for, and leaves open what that is. Nor
    need anything wait for a whole province that is put under another one.
    """
    moved = [each["subject"] for each in judge.record.facts if each["name"] == "OrganisationReparented"]
    if set(moved).intersection(ROOTS.values()):
        return True
    ids = [(each["source"], each["id"]) for each in judge.arrived]
    for index, verdict in enumerate(judge.verdicts):
        maybe = verdict.outcome != "rejected" and verdict.so_far.intersection(REJECTIONS)
        if maybe and (verdict.outcome == "recorded" or ids.count(ids[index]) > 1):
            return True
    return False
