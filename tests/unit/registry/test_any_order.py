"""Whatever the order of arrival, with repeats: the same state, the same head counts."""

import random
from collections import Counter
from datetime import date
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.given import admitted, balance, enrolled, event, identified, organisation, root
from tests.unit.registry.given import turn

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
    if chosen.random() < 0.5:
        events.append(event("OrganisationDissolved", "organisation/other", "2024-01-01", {"successor_id": "heir"}))
    return events


def recounted(events: list[dict[str, Any]], on: str) -> Counter[str]:
    """An independent count of members by organisation: a few lines over the raw events."""
    where: dict[str, str] = {}
    members: Counter[str] = Counter()
    official: dict[str, bool] = {}
    for each in sorted(events, key=lambda one: one["effectiveon"]):
        if each["effectiveon"] > on:
            break
        name, who, data = each["type"].split(".")[0], each["subject"], each["data"]
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
        elif name == "OrganisationDissolved":
            where = {person: "heir" if at == "other" else at for person, at in where.items()}
            members["heir"] += members.pop("other", 0)
    return +(members + Counter(where.values()))


def counted(changes: Counter[tuple[str, str, date]], on: str) -> Counter[str]:
    """Members by organisation as the registry's head counts have them."""
    members: Counter[str] = Counter()
    for (organisation_id, measure, day), amount in changes.items():
        if measure.startswith(("members.", "balance.")) and day.isoformat() <= on:
            members[organisation_id] += amount
    return +members


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
    assert +found.situation.headcount_changes == +expected.situation.headcount_changes
    for day in ("2021-12-31", "2022-05-01", "2023-06-20", "2023-12-31", "2024-01-01"):
        assert counted(found.situation.headcount_changes, day) == recounted(events, day)
