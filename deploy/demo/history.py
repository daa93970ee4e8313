"""The made-up history of the demo: one seed gives the events behind the figures of Điện Biên district."""

import json
from itertools import groupby

from deploy.demo import organisations, places
from deploy.demo.candidacies import Pool
from deploy.demo.chronicle import Chronicle, Event
from deploy.demo.memberships import Memberships
from deploy.demo.openings import Openings

SOURCE = "dien-bien"
ROOT = organisations.PROVINCE
SEED = 20221130


def history(seed: int = SEED) -> list[Event]:
    """Every event of the demo in the order of its publishing, `sequence` counting from "1".

    Deterministic: the same seed gives the same events, ids included. The history is valid in timeline order;
    a handful of events come before their cause or months late, so that quarantine and release are seen at
    work, and all end as recorded.
    """
    chronicle = Chronicle(SOURCE, seed)
    tree = organisations.found(chronicle)
    places.settle(chronicle, tree)
    openings = Openings(chronicle)
    openings.declare(tree)
    pool = Pool(chronicle, openings)
    memberships = Memberships(chronicle, openings)
    memberships.hand_over(tree)
    memberships.staff(tree, pool)
    pool.fill(tree)
    memberships.confirm(tree)
    memberships.move(tree)
    memberships.end(tree)
    organisations.assign_targets(chronicle)
    events = sorted(chronicle.events, key=in_timeline_order)
    _disturb(events)
    for number, event in enumerate(events, start=1):
        event["sequence"] = str(number)
    return events


def encoded(seed: int = SEED) -> list[bytes]:
    """The events of `history` as JSON texts, as `deploy.publishing.publish` takes them."""
    return [json.dumps(event, ensure_ascii=False).encode() for event in history(seed)]


def in_timeline_order(event: Event) -> tuple[str, str, str]:
    """The sort key of DOMAIN.md's timeline: effective day, time, id. All times have the same offset."""
    return event["effectiveon"], event["time"], event["id"]


def _disturb(events: list[Event]) -> None:
    """Publish a handful of events late: what waits for them is quarantined first and released by them."""
    chains = _chains(events)
    commune = chains["organisation/muong-pon"]
    # The commune comes after three of its cells.
    _delay(events, commune[0], chains["organisation/muong-pon-3"][0])
    # A cell comes after its opening balance.
    of_a_cell = chains["organisation/db-xa-05-1"]
    _delay(events, of_a_cell[0], of_a_cell[1])
    # A village comes after its coverage.
    village = chains["place/muong-pon-ban-2"]
    _delay(events, village[0], village[1])
    # A balance comes after a person was taken out of it.
    enrolled = next(chain[0] for chain in chains.values() if chain[0]["data"].get("status") == "probationary")
    balances = chains[f"organisation/{enrolled['data']['organisation_id']}"]
    balance = next(event for event in balances if event["data"].get("probationary"))
    _delay(events, balance, enrolled)
    # Candidates come after all that happened to them; the listing of one comes months late.
    steps = ("CandidateIdentified", "CandidateListed", "MentorAssigned", "VoteHeld", "DecisionIssued")
    admitted = _those(chains, *steps, "MemberAdmitted")
    for chain in admitted[10:13]:
        _delay(events, chain[0], chain[-1])
    _delay(events, admitted[20][1], admitted[20][-1])
    # An admission of the spring is reported at the end of the year.
    spring = next(chain for chain in admitted if chain[-1]["effectiveon"][:7] == "2022-03")
    _delay(events, spring[-1], events[-1])
    # A member comes after the confirmation, and an acceptance before the transfer.
    confirmed = _those(chains, "MemberEnrolled", "MemberConfirmed")[5]
    _delay(events, confirmed[0], confirmed[1])
    for chain in _those(chains, "MemberEnrolled", "TransferInitiated", "TransferAccepted")[5:7]:
        _delay(events, chain[1], chain[2])


def _chains(events: list[Event]) -> dict[str, list[Event]]:
    """Subject → its events, in the order of `events`; subjects in the order of their first event."""
    in_order = {event["id"]: place for place, event in enumerate(events)}
    by_subject = sorted(events, key=lambda event: event["subject"])
    chains = {subject: list(chain) for subject, chain in groupby(by_subject, lambda event: event["subject"])}
    return dict(sorted(chains.items(), key=lambda item: in_order[item[1][0]["id"]]))


def _those(chains: dict[str, list[Event]], *names: str) -> list[list[Event]]:
    """The subjects' chains that consist of exactly these types of event."""
    types = [f"{name}.v1" for name in names]
    return [chain for chain in chains.values() if [event["type"] for event in chain] == types]


def _delay(events: list[Event], late: Event, after: Event) -> None:
    """Move `late` to the place right after `after`."""
    events.remove(late)
    events.insert(events.index(after) + 1, late)
