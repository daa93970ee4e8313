"""Whatever the order of arrival, with repeats: the same state, the same head counts."""

import random
from collections import Counter
from datetime import date
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.registry.turn import Turn
from tests.given import (
    admitted,
    balance,
    corrected,
    enrolled,
    event,
    identified,
    linked,
    merged,
    organisation,
    root,
    split,
)
from tests.unit.registry.given import in_the_hands_of, turn

CELLS = ("cell", "other", "heir")


def history(chosen: random.Random) -> list[dict[str, Any]]:
    """A made-up history of a few people that is valid in timeline order."""
    events = [root(), *(organisation(cell) for cell in CELLS)]
    events += [balance("cell", "2021-01-01", 4), balance("other", "2021-01-01", 1)]
    if chosen.random() < 0.5:
        known = "00000000-0000-4000-8000-00000000ffff"
        events.append(enrolled(known, "2021-06-01", "other", in_opening_balance=True))
    for number in range(chosen.randint(1, 4)):
        person = f"00000000-0000-4000-8000-{number:012d}"
        subject = f"person/{person}"
        cell = chosen.choice(("cell", "other"))
        if chosen.random() < 0.2:
            events.append(enrolled(person, "2021-06-01", "cell", in_opening_balance=True))
            continue
        events.append(identified(person, "2022-01-01", cell))
        if chosen.random() < 0.7:
            events.append(event("CandidateListed", subject, "2022-02-01"))
        if chosen.random() < 0.3:
            events.append(event("CandidateClosed", subject, "2022-03-01", {"reason": "withdrew"}))
            if chosen.random() < 0.5:
                continue
            events.append(identified(person, "2022-04-01", cell))
        if chosen.random() < 0.3:
            continue
        events.append(admitted(person, "2022-05-01", cell))
        if chosen.random() < 0.6:
            events.append(event("MemberConfirmed", subject, "2023-05-01", {"official_from": "2023-05-01"}))
        if chosen.random() < 0.5:
            sent = {"from": cell, "to": "heir", "kind": chosen.choice(("official", "temporary"))}
            events.append(event("TransferInitiated", subject, "2023-06-01", sent))
            there = {"organisation_id": "heir", "presented_on": "2023-06-20"}
            events.append(event("TransferAccepted", subject, "2023-06-20", there))
        if chosen.random() < 0.3:
            events.append(event("MembershipEnded", subject, "2023-09-01", {"reason": "resigned"}))
    events += _mistakes(chosen, events)
    ends = chosen.random()
    if ends < 0.3:
        events.append(event("OrganisationDissolved", "organisation/other", "2024-01-01", {"successor_id": "heir"}))
    elif ends < 0.6:
        events.append(merged("heir", "2024-01-01", "other", targets=chosen.choice(("sum", "keep", "void"))))
    return events


def _mistakes(chosen: random.Random, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Facts that were none or other ones, and what corrects them; a person enrolled twice; a split."""
    found: list[dict[str, Any]] = []
    if chosen.random() < 0.4:
        wrong = enrolled("00000000-0000-4000-8000-00000000eeee", "2021-07-01", "cell")
        right = {"data": {"organisation_id": "other", "status": "official", "in_opening_balance": False}}
        found += [wrong, corrected(wrong, chosen.choice((None, right, {"effectiveon": "2021-08-01"})))]
    if chosen.random() < 0.4:
        first, second = "00000000-0000-4000-8000-00000000aaaa", "00000000-0000-4000-8000-00000000bbbb"
        found += [enrolled(first, "2021-07-01", "cell"), enrolled(second, "2021-07-02", "other")]
        found.append(linked(first, second, "2022-07-01"))
        if chosen.random() < 0.5:
            ended = event("MembershipEnded", f"person/{second}", "2023-02-01", {"reason": "resigned"})
            found.append(ended)
    if chosen.random() < 0.4:
        listed = "00000000-0000-4000-8000-00000000dddd"
        found += [enrolled(listed, "2021-07-01", "cell"), split("cell", "2022-08-01", heir=[listed])]
    return found


def _as_corrected(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events as the last correction of each says, without the corrections."""
    said = {each["data"]["corrects"]: each["data"]["replacement"] for each in events if "corrects" in each["data"]}
    facts = [each for each in events if "corrects" not in each["data"]]
    kept = [each for each in facts if said.get(each["id"], {}) is not None]
    return [{**each, **said.get(each["id"], {})} for each in kept]


def recounted(events: list[dict[str, Any]], on: str) -> Counter[str]:
    """An independent count of members by organisation: a few lines over the raw events."""
    where: dict[str, str] = {}
    members: Counter[str] = Counter()
    official: dict[str, bool] = {}
    links: dict[str, str] = {}
    for each in sorted(_as_corrected(events), key=lambda one: one["effectiveon"]):
        if each["effectiveon"] > on:
            break
        name, data = each["type"].split(".")[0], each["data"]
        who = links.get(each["subject"], each["subject"])
        if name in ("MemberAdmitted", "MemberEnrolled"):
            where[who] = data["organisation_id"]
            members[data["organisation_id"]] -= data.get("in_opening_balance", False)
        elif name == "OpeningBalanceDeclared":
            members[each["subject"].partition("/")[2]] += data["official"]
        elif name == "MembershipEnded":
            del where[who]
        elif name == "TransferInitiated":
            official[who] = data["kind"] == "official"
        elif name == "TransferAccepted" and official[who]:
            where[who] = data["organisation_id"]
        elif name == "PersonsLinked":
            links[f"person/{data['other_person_id']}"] = who
            where.pop(f"person/{data['other_person_id']}", None)
        elif name == "OrganisationSplit":
            where |= {f"person/{one}": "heir" for one in data["allocations"][0]["person_ids"]}
        elif name in ("OrganisationDissolved", "OrganisationsMerged"):
            where = {person: "heir" if at == "other" else at for person, at in where.items()}
            members["heir"] += members.pop("other", 0)
    return +(members + Counter(where.values()))


def counted(after: Turn, on: str) -> Counter[str]:
    """Members by organisation as the registry's head counts have them, in the hands that hold them on a day."""
    members: Counter[str] = Counter()
    for organisation_id in ("root", *CELLS):
        for measure, amount in in_the_hands_of(organisation_id, after, on).items():
            if measure.startswith(("members.", "balance.")):
                members[organisation_id] += amount
    return +members


def _nonzero(after: Turn) -> dict[tuple[str, str, date], int]:
    return {key: amount for key, amount in after.situation.headcount_changes.items() if amount}


@settings(max_examples=200)
@given(seed=st.integers(0, 2**32), order=st.integers(0, 2**32))
def test_any_order_of_arrival_ends_in_the_same_state_and_head_counts(seed: int, order: int) -> None:
    events = history(random.Random(seed))
    expected = turn(events)
    shuffled = [*events, *random.Random(order).choices(events, k=5)]
    random.Random(order).shuffle(shuffled)

    found = turn(shuffled)

    assert len(found.outcomes.log) == len(events)
    assert {each.subject for each in found.outcomes.log} == found.situation.changed
    states = {subject: folded.state for subject, folded in found.situation.changed_folds().items()}
    assert states == {subject: folded.state for subject, folded in expected.situation.changed_folds().items()}
    assert _nonzero(found) == _nonzero(expected)
    for day in ("2021-12-31", "2022-05-01", "2023-06-20", "2023-12-31", "2024-01-01"):
        assert counted(found, day) == recounted(events, day)
