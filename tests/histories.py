"""Made-up histories of a small province and its neighbour: valid in timeline order, with many facts on few days.

A history is written day by day against the oracle's world, so that most facts fit where they stand: a merger names
active organisations, a transfer begins where its person is. Mistakes are then put in, each with what corrects it.
"""

import random
from datetime import date, timedelta
from typing import Any

from tests.given import event
from tests.oracle.facts import facts
from tests.oracle.world import World

Event = dict[str, Any]

FIRST_DAY = date(2022, 1, 1)
ROOTS = {"dien-bien": "root", "son-la": "son-la-root"}
KINDS = ("grassroots_committee", "grassroots_cell", "cell")
SECTORS = ("territorial", "private_enterprise", "education")
METRICS = (
    "admissions",
    "confirmations",
    "candidates_identified",
    "training_completions",
    "organisations_founded",
    "private_enterprise_organisations_founded",
    "members",
    "places_without_members",
)
MILESTONES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("CandidateListed", {}),
    ("MentorAssigned", {"mentor_id": "00000000-0000-4000-8000-00000000fffe", "role": "mentor"}),
    ("TrainingCompleted", {"certificate_ref": "C-1", "issued_on": "2021-12-01"}),
    ("ApplicationSubmitted", {}),
    ("IntroductionConfirmed", {"introducers": [{"id": "youth", "kind": "youth_union"}]}),
    ("BackgroundVerified", {"outcome": "cleared"}),
    ("VoteHeld", {"purpose": "admission", "level": "cell", "eligible": 3, "in_favour": 2, "round": 1}),
    (
        "DecisionIssued",
        {"purpose": "admission", "outcome": "approved", "decision_ref": "QD-1", "decided_on": "2022-01-01"},
    ),
)


class Writer:
    """Writes a history; `events` are in timeline order."""

    def __init__(self, chosen: random.Random, *, between_sources: bool) -> None:
        self.chosen = chosen
        self.between_sources = between_sources
        self.reorganised: set[str] = set()
        """Organisations that a reorganisation of this day names: a second one would find them ended or changed."""
        self.closed: set[tuple[str, str]] = set()
        """Organisations with the last day of each period that they closed: none is closed twice."""
        self.world = World()
        self.events: list[Event] = []
        self.day = FIRST_DAY
        self.minute = 0
        self.number = 0

    def say(self, name: str, kind: str, subject: str, data: dict[str, Any], source: str = "dien-bien") -> Event:
        """Another fact of this day."""
        self.minute += 1
        said = self.made(name, f"{kind}/{subject}", data, source)
        self.events.append(said)
        for fact in facts([{**said, "position": 1}], 1):
            self.world.apply(fact)
        return said

    def made(self, name: str, subject: str, data: dict[str, Any], source: str) -> Event:
        """A fact that changes nothing here. Its time is later in the day than those before it."""
        self.number += 1
        time = f"{self.day}T{8 + self.minute // 60:02}:{self.minute % 60:02}:00+07:00"
        made = event(name, subject, self.day.isoformat(), data, source=source, time=time)
        return {**made, "id": f"0193{self.number:04x}-0000-7000-8000-000000000000"}

    def new_id(self, prefix: str) -> str:
        """An id that nothing has yet."""
        self.number += 1
        return f"{prefix}{self.number}"

    def source_of(self, organisation: str) -> str:
        """Who may write about an organisation."""
        under = self.world.below("son-la-root")
        return "son-la" if self.world.holder(organisation) in under else "dien-bien"

    def active(self, source: str | None = None) -> list[str]:
        """Active organisations but the roots, of a source or of both."""
        found = [each for each in self.world.organisations if self.world.active(each) and "root" not in each]
        return [each for each in found if source is None or self.source_of(each) == source]

    def persons(self, standing: str) -> list[str]:
        """Members, or candidates."""
        return [name for name, each in self.world.persons.items() if each[standing] is not None]


def begin(writer: Writer) -> None:
    """Two provinces: one with a commune, committees and cells, its neighbour with a cell."""
    top = {"kind": "provincial_committee", "sector": "territorial", "tags": []}
    writer.say("OrganisationEstablished", "organisation", "root", {"name": "Tỉnh", **top})
    writer.say("OrganisationEstablished", "organisation", "son-la-root", {"name": "Tỉnh khác", **top}, "son-la")
    found(writer, "root", "intermediate_committee")
    for kind in ("grassroots_committee", "cell", "cell", "grassroots_cell"):
        found(writer, writer.chosen.choice(["root", *writer.active("dien-bien")]), kind)
    found(writer, "son-la-root", "grassroots_cell")
    for _ in range(2):
        declare(writer)
        enrol(writer)
        identify(writer)
        accompany(writer)
        settle(writer)


def found(writer: Writer, parent: str | None = None, kind: str | None = None) -> None:
    """An organisation."""
    above = parent or writer.chosen.choice([*writer.active(), "root", "son-la-root"])
    data = {
        "name": "Tổ chức",
        "kind": kind or writer.chosen.choice(KINDS),
        "sector": writer.chosen.choice(SECTORS),
        "parent_id": above,
        "tags": [],
    }
    source = writer.source_of(above)
    writer.say("OrganisationEstablished", "organisation", writer.new_id("o"), data, source)


def declare(writer: Writer) -> None:
    """An opening balance."""
    at = writer.chosen.choice(writer.active() or ["root"])
    counts = {"official": writer.chosen.randint(0, 3), "probationary": writer.chosen.randint(0, 1)}
    data = {"as_of": writer.day.isoformat(), **counts}
    writer.say("OpeningBalanceDeclared", "organisation", at, data, writer.source_of(at))


def enrol(writer: Writer) -> None:
    """A member who was one before, where there is one out of a balance."""
    at = writer.chosen.choice(writer.active() or ["root"])
    status = writer.chosen.choice(("official", "probationary"))
    known = writer.world.balances.get(at, {}).get(status, 0) > 0
    data = {"organisation_id": at, "status": status, "in_opening_balance": known and writer.chosen.random() < 0.6}
    if status == "probationary":
        data["admitted_on"] = writer.chosen.choice(("2020-06-01", "2020-12-20", "2021-01-20", "2021-12-01"))
    writer.say("MemberEnrolled", "person", _person(writer), data, writer.source_of(at))


def identify(writer: Writer) -> None:
    """A candidate."""
    at = writer.chosen.choice(writer.active() or ["root"])
    data = {"organisation_id": at, "categories": []}
    writer.say("CandidateIdentified", "person", _person(writer), data, writer.source_of(at))


def prepare(writer: Writer) -> None:
    """A candidate reaches milestones, in any order."""
    for who in writer.persons("candidate")[:2]:
        name, data = writer.chosen.choice(MILESTONES)
        at = writer.world.persons[who]["candidate"]["at"]
        writer.say(name, "person", who, data, writer.source_of(at))


def admit(writer: Writer) -> None:
    """A candidate becomes a member, goes elsewhere or withdraws."""
    for who in writer.persons("candidate")[:1]:
        at = writer.world.persons[who]["candidate"]["at"]
        source = writer.source_of(at)
        end = writer.chosen.random()
        if end < 0.6:
            to = at if end < 0.5 else writer.chosen.choice(writer.active(source) or [at])
            data = {"organisation_id": to, "ceremony_on": writer.day.isoformat()}
            writer.say("MemberAdmitted", "person", who, data, source)
        elif end < 0.8:
            there = writer.chosen.choice(writer.active(source) or [at])
            writer.say("CandidateMoved", "person", who, {"organisation_id": there}, source)
        else:
            writer.say("CandidateClosed", "person", who, {"reason": "withdrew"}, source)


def accompany(writer: Writer) -> None:
    """Candidates and probationary members are mentored, reported on, voted on, decided on, or trained."""
    members = [who for who in writer.persons("member") if _status(writer, who) == "probationary"]
    for who in writer.chosen.sample(all_ := members + writer.persons("candidate"), min(len(all_), 3)):
        person = writer.world.persons[who]
        at = (person["member"] or person["candidate"])["at"]
        name, data = writer.chosen.choice(_following(writer, person, at))
        writer.say(name, "person", who, data, writer.source_of(at))


def _following(writer: Writer, person: dict[str, Any], at: str) -> list[tuple[str, dict[str, Any]]]:
    """What may come next; what is waited for more often."""
    chosen, today, waits = writer.chosen, writer.day.isoformat(), person["waits"]
    purpose = "confirmation" if person["member"] else "admission"
    mentored = {"mentor_id": f"00000000-0000-4000-8000-00000000fff{chosen.randint(1, 2)}"}
    vote = {"purpose": purpose, "level": "cell", "eligible": 3, "in_favour": chosen.choice((1, 2, 3)), "round": 1}
    decision = {
        "purpose": purpose,
        "outcome": chosen.choice(("approved", "approved", "refused")),
        "decision_ref": "QD-1",
        "decided_on": today,
        "received_on": chosen.choice(("2021-11-01", today, today)),
    }
    expires_on = {"expires_on": chosen.choice(("2022-02-05", "2022-12-31"))}
    found: list[tuple[str, dict[str, Any]]] = [
        ("MentorAssigned", {**mentored, "role": "mentor"}),
        ("VoteHeld", vote),
        ("DecisionIssued", decision),
        ("TrainingCompleted", {"certificate_ref": "C-1", "issued_on": "2017-02-10"}),
        ("TrainingCompleted", {"certificate_ref": "C-1", "issued_on": "2021-02-10", **expires_on}),
    ]
    if person["candidate"] and not person["mentors"]:
        found += [("CandidateListed", {})] * 3
    if "mentor_assignment" in waits:
        found += [("MentorAssigned", {**mentored, "role": "overseer"})] * 6
    if "decision_admission" in waits or "decision_confirmation" in waits:
        found += [("DecisionIssued", {**decision, "outcome": "approved"})] * 6
    if "ceremony" in waits:
        found += [("MemberAdmitted", {"organisation_id": at, "ceremony_on": today})] * 6
    for each in person["mentors"]:
        until = chosen.choice(("2021-12-31", "2022-02-10", "2022-03-31", "2022-03-31", "2022-06-30"))
        report = {"mentor_id": each, "rating": "good", "period_from": "2021-10-01", "period_to": until}
        found += [("MentorReportSubmitted", report)] * 5
        found.append(("MentorReleased", {"mentor_id": each, "reason": "other"}))
    return found


def _status(writer: Writer, who: str) -> str:
    found: str = writer.world.persons[who]["member"]["status"]
    return found


def confirm(writer: Writer) -> None:
    """A probationary member becomes an official one, an official one completes a class."""
    who = writer.chosen.choice(writer.persons("member") or [""])
    if who:
        member = writer.world.persons[who]["member"]
        source = writer.source_of(member["at"])
        if member["status"] == "probationary":
            writer.say("MemberConfirmed", "person", who, {"official_from": writer.day.isoformat()}, source)
        else:
            writer.say("TrainingCompleted", "person", who, dict(MILESTONES[2][1]), source)


def leave(writer: Writer) -> None:
    """A member is one no more."""
    who = writer.chosen.choice(writer.persons("member") or [""])
    if who:
        reason = writer.chosen.choice(("resigned", "deceased", "transferred_out"))
        at = writer.world.persons[who]["member"]["at"]
        writer.say("MembershipEnded", "person", who, {"reason": reason}, writer.source_of(at))


def transfer(writer: Writer) -> None:
    """A member is sent on, arrives, or does not go."""
    who = writer.chosen.choice(writer.persons("member") or [""])
    if not who:
        return
    person = writer.world.persons[who]
    at, going = person["member"]["at"], person["transfer"]
    if going is None:
        there = None if writer.between_sources else writer.source_of(at)
        to = writer.chosen.choice(writer.active(there) or [at])
        kind = "official" if writer.chosen.random() < 0.8 else "temporary"
        data = {"from": at, "to": to, "kind": kind}
        writer.say("TransferInitiated", "person", who, data, writer.source_of(at))
        if writer.chosen.random() < 0.6:
            return
        going = {"to": to}
    if writer.chosen.random() < 0.85:
        to = writer.world.holder(going["to"])
        if writer.world.active(to):
            data = {"organisation_id": to, "presented_on": writer.day.isoformat()}
            writer.say("TransferAccepted", "person", who, data, writer.source_of(to))
    else:
        writer.say("TransferCancelled", "person", who, {"reason": "other"}, writer.source_of(at))


def link(writer: Writer) -> None:
    """Two ids are one person."""
    known = writer.persons("member") + writer.persons("candidate")
    if len(known) > 1:
        first, second = writer.chosen.sample(known, 2)
        people = (writer.world.persons[first], writer.world.persons[second])
        sources = {writer.source_of((each["member"] or each["candidate"])["at"]) for each in people}
        if len(sources) == 1:
            writer.say("PersonsLinked", "person", first, {"other_person_id": second}, *sources)


def erase(writer: Writer) -> None:
    """Somebody asks to be forgotten, and counts all the same."""
    who = writer.chosen.choice(writer.persons("member") or [""])
    if who:
        at = writer.world.persons[who]["member"]["at"]
        writer.say("PersonErased", "person", who, {"request_ref": "YC-1"}, writer.source_of(at))


def rearrange(writer: Writer) -> None:
    """An organisation is another one, or elsewhere."""
    each = writer.chosen.choice(writer.active() or ["root"])
    source = writer.source_of(each)
    what = writer.chosen.random()
    if what < 0.4:
        above = [one for one in (*writer.active(source), ROOTS[source]) if one not in writer.world.below(each)]
        if each not in ROOTS.values() and above:
            data = {"parent_id": writer.chosen.choice(above)}
            writer.say("OrganisationReparented", "organisation", each, data, source)
    elif what < 0.8:
        data = {"kind": writer.chosen.choice(KINDS), "sector": writer.chosen.choice(SECTORS)}
        writer.say("OrganisationReclassified", "organisation", each, data, source)
    elif what < 0.9:
        writer.say("OrganisationRenamed", "organisation", each, {"name": "Tên mới"}, source)
    else:
        closed = {"from": FIRST_DAY.isoformat(), "to": writer.day.isoformat()}
        if (each, closed["to"]) not in writer.closed:
            writer.closed.add((each, closed["to"]))
            writer.say("PeriodClosed", "organisation", each, closed, source)


def aim(writer: Writer) -> None:
    """A target is assigned, revised or withdrawn, also by heirs."""
    standing = [(name, each) for name, each in writer.world.targets.items() if each["holder"] is not None]
    what = writer.chosen.random()
    if what < 0.5 and standing:
        name, target = writer.chosen.choice(standing)
        source = writer.source_of(target["holder"])
        reason = {"target_id": name, "reason": "other"}
        if what < 0.35:
            data = {**reason, "value": writer.chosen.randint(0, 5)}
            writer.say("TargetRevised", "organisation", target["holder"], data, source)
        else:
            writer.say("TargetWithdrawn", "organisation", target["holder"], reason, source)
        return
    at = writer.chosen.choice(writer.active() or ["root"])
    metric = writer.chosen.choice(METRICS)
    if writer.chosen.random() < 0.5:
        metric = "admissions"
    year = {"from": "2022-01-01", "to": writer.chosen.choice(("2022-12-31", "2022-03-10"))}
    taken = [each for each in writer.world.targets.values() if each["holder"] == at and each["aim"][0] == metric]
    if taken:
        return
    data = {
        "target_id": writer.new_id("t"),
        "metric": metric,
        "basis": writer.chosen.choice(("own", "own", "resolution")),
        "issuer_id": writer.chosen.choice(("root", "root", at)),
        "comparison": writer.chosen.choice(("at_least", "at_least", "at_most", "exactly")),
        "value": writer.chosen.randint(0, 4),
        **year,
    }
    if standing and writer.chosen.random() < 0.4:
        data["parent_target_id"] = writer.chosen.choice(standing)[0]
    writer.say("TargetAssigned", "organisation", at, data, writer.source_of(at))


def settle(writer: Writer) -> None:
    """A place is registered, or covered by another cell."""
    at = writer.chosen.choice(writer.active() or ["root"])
    source = writer.source_of(at)
    own = [name for name, each in writer.world.places.items() if writer.source_of(each["organisation"]) == source]
    if own and writer.chosen.random() < 0.6:
        cell = at if writer.chosen.random() < 0.8 else None
        data: dict[str, Any] = {"cell_id": cell, "shared": writer.chosen.random() < 0.2}
        writer.say("PlaceCovered", "place", writer.chosen.choice(own), data, source)
    else:
        kind = writer.chosen.choice(("village", "private_enterprise"))
        data = {"name": "Bản", "kind": kind, "organisation_id": at, "tags": []}
        writer.say("PlaceRegistered", "place", writer.new_id("p"), data, source)


def untouched(writer: Writer, source: str | None = None) -> list[str]:
    """Active organisations that no reorganisation of this day names yet."""
    return [each for each in writer.active(source) if each not in writer.reorganised]


def merge(writer: Writer) -> None:
    """Organisations become one."""
    survivor = writer.chosen.choice(untouched(writer) or ["root"])
    source = writer.source_of(survivor)
    if writer.chosen.random() < 0.3:
        # Founded on the day on which it takes over, as the communes were in 2025.
        above = ROOTS[source]
        data: dict[str, Any] = {
            "name": "Xã",
            "kind": "intermediate_committee",
            "sector": "territorial",
            "parent_id": above,
        }
        survivor = writer.new_id("o")
        writer.say("OrganisationEstablished", "organisation", survivor, {**data, "tags": []}, source)
    free = [each for each in untouched(writer, source) if survivor not in writer.world.below(each)]
    if free:
        ending = writer.chosen.sample(free, min(len(free), writer.chosen.choice((1, 1, 2))))
        merged = {"sources": ending, "targets": writer.chosen.choice(("sum", "keep", "void"))}
        writer.reorganised |= {survivor, *ending}
        writer.say("OrganisationsMerged", "organisation", survivor, merged, source)


def dissolve(writer: Writer) -> None:
    """An organisation ends, with a successor, or without where nobody is left."""
    each = writer.chosen.choice(untouched(writer) or ["root"])
    if each in ROOTS.values():
        return
    source = writer.source_of(each)
    others = [one for one in untouched(writer, source) if one not in writer.world.below(each)]
    empty = not sum(writer.world.members({each}).values()) and not any(
        person["candidate"] and person["candidate"]["at"] == each for person in writer.world.persons.values()
    )
    data: dict[str, Any] = {}
    if not empty or writer.chosen.random() < 0.5:
        if not others:
            return
        data = {"successor_id": writer.chosen.choice(others)}
    elif writer.world.below(each) != {each}:
        return
    writer.reorganised |= {each, *data.values()}
    writer.say("OrganisationDissolved", "organisation", each, data, source)


def split(writer: Writer) -> None:
    """Persons of one organisation go to others."""
    homes: dict[str, list[str]] = {}
    for who, person in writer.world.persons.items():
        standing = person["member"] or person["candidate"]
        if standing is not None:
            homes.setdefault(standing["at"], []).append(who)
    if not homes:
        return
    divided = writer.chosen.choice(sorted(homes))
    source = writer.source_of(divided)
    others = [each for each in writer.active(source) if each != divided]
    if others and writer.world.active(divided):
        listed = homes[divided][: writer.chosen.randint(1, 2)]
        allocations = [{"organisation_id": writer.chosen.choice(others), "person_ids": listed}]
        writer.say("OrganisationSplit", "organisation", divided, {"allocations": allocations}, source)


def _person(writer: Writer) -> str:
    """Somebody new, or who is neither member nor candidate any more."""
    gone = [
        who
        for who, each in writer.world.persons.items()
        if each["member"] is None and each["candidate"] is None and who not in writer.world.second_ids
    ]
    if gone and writer.between_sources and writer.chosen.random() < 0.3:
        return writer.chosen.choice(gone)
    writer.number += 1
    return f"00000000-0000-4000-8000-{writer.number:012d}"


ORDINARY = (
    found,
    declare,
    enrol,
    identify,
    prepare,
    prepare,
    prepare,
    admit,
    admit,
    accompany,
    accompany,
    accompany,
    accompany,
    confirm,
    leave,
    transfer,
    transfer,
    link,
    link,
    erase,
    rearrange,
    rearrange,
    aim,
    aim,
    settle,
    settle,
)


def history(
    chosen: random.Random, days: int = 8, *, mistakes: bool = True, between_sources: bool = True
) -> list[Event]:
    """A made-up history that is valid in timeline order once its corrections are put in."""
    writer = Writer(chosen, between_sources=between_sources)
    begin(writer)
    for _ in range(chosen.randint(2, days)):
        writer.day += timedelta(days=chosen.choice((1, 1, 7, 30, 45)))
        writer.minute = 0
        writer.reorganised = set()
        ends = (merge, dissolve, split)
        for act in ends:
            # Mergers and dissolutions before splits: all hold from the start of the day.
            if chosen.random() < 0.3:
                act(writer)
        for _ in range(chosen.randint(0, 4)):
            chosen.choice(ORDINARY)(writer)
    events = writer.events
    return [*events, *_corrections(writer, events)] if mistakes else events


def _corrections(writer: Writer, events: list[Event]) -> list[Event]:
    """Some facts first say something else, or are none, and a correction puts them right."""
    found: list[Event] = []
    chosen = writer.chosen
    writer.day = date(2025, 12, 31)
    for index in range(len(events)):
        right = events[index]
        if chosen.random() >= 0.08:
            continue
        events[index] = mistaken(chosen, right, events)
        if chosen.random() < 0.3:
            # Corrected into something else that is wrong first, or retracted; which of the two counts depends on
            # their order on the log.
            wrong = mistaken(chosen, right, events)
            other = chosen.choice(({"effectiveon": wrong["effectiveon"], "data": wrong["data"]}, None))
            writer.minute += 1
            data = {"corrects": right["id"], "replacement": other, "reason": "other"}
            found.append(writer.made("FactCorrected", right["subject"], data, right["source"]))
        replacement = {"effectiveon": right["effectiveon"], "data": right["data"]}
        writer.minute += 1
        data = {"corrects": right["id"], "replacement": replacement, "reason": "other"}
        found.append(writer.made("FactCorrected", right["subject"], data, right["source"]))
    for _ in range(chosen.randint(0, 2)):
        extra = chosen.choice(events)
        if extra["type"] == "OrganisationEstablished.v1":
            continue
        writer.number += 1
        bogus = mistaken(chosen, {**extra, "id": f"0193{writer.number:04x}-0000-7000-8000-000000000000"}, events)
        writer.minute += 1
        data = {"corrects": bogus["id"], "replacement": None, "reason": "other"}
        found += [bogus, writer.made("FactCorrected", bogus["subject"], data, bogus["source"])]
    return found


SAME_DAY = {
    "MemberAdmitted.v1": "ceremony_on",
    "MemberConfirmed.v1": "official_from",
    "TransferAccepted.v1": "presented_on",
    "OpeningBalanceDeclared.v1": "as_of",
}


def mistaken(chosen: random.Random, right: Event, events: list[Event]) -> Event:
    """The same fact on another day, or about other organisations."""
    data = dict(right["data"])
    day = right["effectiveon"]
    if chosen.random() < 0.5:
        day = chosen.choice(events)["effectiveon"]
    known = [each["subject"].partition("/")[2] for each in events if each["type"] == "OrganisationEstablished.v1"]
    for member in ("organisation_id", "parent_id", "from", "to", "cell_id", "successor_id"):
        if isinstance(data.get(member), str) and data[member] in known and chosen.random() < 0.3:
            data[member] = chosen.choice(known)
    if "sources" in data and chosen.random() < 0.5:
        free = [each for each in known if each != right["subject"].partition("/")[2]]
        data["sources"] = chosen.sample(free, min(len(free), 2))
    if "value" in data and chosen.random() < 0.5:
        data["value"] = chosen.randint(0, 5)
    if right["type"] in SAME_DAY:
        data[SAME_DAY[right["type"]]] = day
    return {**right, "effectiveon": day, "data": data}
