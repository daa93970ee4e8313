"""Where the registry's tables and what the judge of outcomes says are not alike, each as a line for a person."""

import json
from collections import Counter
from typing import Any

import asyncpg

from services.registry.api.waiting import BEGINNING, Filter, Place, WaitingReadings
from tests.oracle.judge import REJECTIONS, Judge

Said = tuple[str, str | None, int | None, frozenset[str]]
"""Outcome, code, position, codes of findings."""
Delivered = tuple[str, int, int]
"""Publisher, stream sequence, index in its batch."""


async def differing_outcomes(
    judge: Judge, places: list[Delivered], asking: asyncpg.Connection
) -> tuple[list[str], bool]:
    """Outcomes that are not the judge's, and whether the registry has rejected what might as well have waited.

    `places`: where each arrival was delivered. What the registry has rejected so, the judge takes in.
    """
    rows = await asking.fetch(
        "SELECT source, stream_sequence, batch_index, outcome, position, code, findings::text AS findings "
        "FROM registry.delivery"
    )
    found = {(row["source"], row["stream_sequence"], row["batch_index"]): _said(row) for row in rows}
    differing, conceded = [], False
    for arrival, place in enumerate(places):
        said = found.pop(place, None)
        conceded |= _concede(judge, arrival, said)
        if said not in _possible(judge, arrival):
            expected = _possible(judge, arrival)
            differing.append(f"{judge.arrived[arrival]['id']} {said}, expected {expected}")
    return differing + [f"an outcome of {place}, which never came" for place in found], conceded


def _said(row: asyncpg.Record) -> Said:
    findings = frozenset(each["code"] for each in json.loads(row["findings"] or "[]"))
    return row["outcome"], row["code"], row["position"], findings


def _possible(judge: Judge, arrival: int) -> set[Said]:
    """What may be said of an arrival: of one that waits, as of any moment at which it was decided."""
    verdict = judge.verdicts[arrival]
    if verdict.outcome == "quarantined":
        codes = verdict.so_far - set(REJECTIONS)
        return {("quarantined", code, None, frozenset()) for code in codes}
    code = "discarded" if verdict.outcome == "discarded" else verdict.code
    return {(verdict.outcome, code, verdict.position, frozenset(verdict.findings))}


def _concede(judge: Judge, arrival: int, said: Said | None) -> bool:
    """Where it is open whether something waits or was rejected meanwhile, the registry says which."""
    verdict = judge.verdicts[arrival]
    rejected = said is not None and said[0] == "rejected" and said[1] in verdict.so_far
    if rejected and verdict.outcome == "quarantined":
        judge.concede(arrival, str(said and said[1]))
        return True
    return False


def moot(judge: Judge) -> bool:
    """Whether it matters when something was decided again, or how a province was put under another one.

    As `tests/unit/registry/judged.py` has it, for sources that may come late.
    """
    moved = [each["subject"] for each in judge.record.facts if each["name"] == "OrganisationReparented"]
    if set(moved).intersection(judge.roots.values()):
        return True
    return any(each.outcome != "rejected" and each.so_far & set(REJECTIONS) for each in judge.verdicts)


async def differing_quarantine(judge: Judge, readings: WaitingReadings, page: int) -> list[str]:
    """What differs between the quarantine, in pages of so many rows, and what the judge has waiting."""
    items: list[dict[str, Any]] = []
    place: Place | None = BEGINNING
    while place is not None:
        some, following = await readings.page(Filter(), place, page)
        items += some
        place = None if following is None else Place.read(following)
    waiting = [judge.arrived[each] for each in judge.waiting]
    expected = sorted((each["effectiveon"], each["time"], each["id"], each["source"]) for each in waiting)
    shown = [json.loads(bytes(each["event"])) for each in items]
    differing = [f"{each['id']} waits unsealed" for each in shown if any(map(_readable, _profiles(each["data"])))]
    if [(each["effectiveon"], each["time"], each["id"], each["source"]) for each in shown] != expected:
        differing.append(f"quarantine {[each['id'] for each in shown]}, expected {expected}")
    return differing + [line for item in items for line in _awaited(judge, item)]


def _profiles(data: dict[str, Any]) -> list[Any]:
    replacement = data.get("replacement")
    instead = replacement.get("data") if isinstance(replacement, dict) else None
    return [each.get("profile") for each in (data, instead) if isinstance(each, dict)]


def _readable(profile: object) -> bool:
    return profile is not None and not str(profile).startswith("sealed:v1:")


def _awaited(judge: Judge, item: dict[str, Any]) -> list[str]:
    """What an item says wrongly of what it waits for."""
    record, found = judge.record, []
    for each in item["waits_for"]:
        match each.kind:
            case "target":
                known = each.id in record.target_ids()
            case "event":
                source, _, event_id = each.id.partition("/")
                known = record.event(source, event_id) is not None
            case _:
                known = record.knows(each.kind, each.id)
        if known != each.known:
            found.append(f"{item['event_id']} ({item['reason']['code']}) waits for {each}, known: {known}")
    return found


async def differing_heads(judge: Judge, asking: asyncpg.Connection) -> list[str]:
    """Where head counts differ from a recount of what is on record."""
    rows = await asking.fetch(
        "SELECT organisation_id, measure, sum(amount)::int AS amount FROM registry.headcount GROUP BY 1, 2"
    )
    kept = Counter({(row["organisation_id"], row["measure"]): row["amount"] for row in rows})
    persons = judge.record.all_persons()
    counted: Counter[tuple[str, str]] = Counter()
    for person, state in persons.known.items():
        if person in persons.second_ids:
            continue
        if state["member"] is not None:
            counted[(state["member"]["at"], f"members.{state['member']['status']}")] += 1
        elif state["candidate"] is not None:
            counted[(state["candidate"]["at"], "candidates.open")] += 1
    for organisation, _, status, amount in persons.balances:
        counted[(organisation, f"balance.{status}")] += amount
    keys = kept.keys() | counted.keys()
    return [f"{key}: {kept[key]} kept, {counted[key]} counted" for key in keys if kept[key] != counted[key]]
