"""Histories with wrong events in them on purpose: too early, too young, twice, misshapen, of another source.

Events of a made-up history are dropped, repeated and changed, and events of every type are added that name whom
and what the history knows, and now and then what nobody knows, on any of its days.
"""

import random
from typing import Any

from tests.histories import METRICS, ROOTS, SAME_DAY

Event = dict[str, Any]

NOBODY = "00000000-0000-4000-8000-00000000aaaa"
MENTORS = ["00000000-0000-4000-8000-00000000fff1", "00000000-0000-4000-8000-00000000fff2"]
ORGANISATIONS = ("organisation_id", "parent_id", "from", "to", "cell_id", "successor_id", "issuer_id")
TYPES: dict[str, tuple[str, ...]] = {
    "organisation": (
        "OrganisationEstablished",
        "OrganisationRenamed",
        "OrganisationReclassified",
        "OrganisationReparented",
        "OrganisationsMerged",
        "OrganisationSplit",
        "OrganisationDissolved",
        "OpeningBalanceDeclared",
        "TargetAssigned",
        "TargetRevised",
        "TargetWithdrawn",
        "PeriodClosed",
    ),
    "place": ("PlaceRegistered", "PlaceCovered"),
    "person": (
        "CandidateIdentified",
        "CandidateListed",
        "CandidateMoved",
        "CandidateClosed",
        "MentorAssigned",
        "MentorReleased",
        "MentorReportSubmitted",
        "TrainingCompleted",
        "ApplicationSubmitted",
        "IntroductionConfirmed",
        "BackgroundVerified",
        "VoteHeld",
        "DecisionIssued",
        "MemberAdmitted",
        "MemberConfirmed",
        "MemberEnrolled",
        "TransferInitiated",
        "TransferAccepted",
        "TransferCancelled",
        "MembershipEnded",
        "PersonsLinked",
        "PersonErased",
    ),
    "": ("FactCorrected",),
}
KIND_OF = {name: kind for kind, names in TYPES.items() for name in names}


def spoiled(chosen: random.Random, events: list[Event], most: int = 12) -> list[Event]:
    """The history with up to so many things wrong with it."""
    found = [{**each, "data": dict(each["data"])} for each in events]
    spoiler = Spoiler(chosen, found)
    for _ in range(chosen.randint(1, most)):
        index = chosen.randrange(len(found))
        spoil = chosen.choice(
            (
                spoiler.drop,
                spoiler.repeat,
                spoiler.misshape,
                spoiler.portray,
                *[spoiler.change] * 3,
                *[spoiler.add] * 8,
            )
        )
        spoil(index)
    return found


class Spoiler:
    """Spoils `events`, which are a history; it names what the history knows."""

    def __init__(self, chosen: random.Random, events: list[Event]) -> None:
        self.chosen = chosen
        self.events = events
        self.number = 0
        subjects = dict.fromkeys(each["subject"].split("/", 1)[1] for each in events)
        kinds = {each["subject"].split("/", 1)[1]: each["subject"].split("/")[0] for each in events}
        self.known = {
            kind: [each for each in subjects if kinds[each] == kind]
            for kind in ("organisation", "place", "person")
        }
        assigned = [each["data"].get("target_id") for each in events]
        self.targets = list(dict.fromkeys(each for each in assigned if each)) or ["t0"]

    def drop(self, index: int) -> None:
        """An event never comes."""
        if len(self.events) > 1:
            self.events.pop(index)

    def repeat(self, index: int) -> None:
        """An event comes again: the same, with another id, or with its id and other content."""
        again = {**self.events[index], "data": dict(self.events[index]["data"])}
        what = self.chosen.random()
        if what < 0.5:
            again["id"] = self.new_id()
        elif what < 0.8:
            again["effectiveon"] = self.day()
        self.insert(again)

    def change(self, index: int) -> None:
        """An event is on another day, about somebody else, of another source, or of another organisation."""
        event = self.events[index]
        name = event["type"].partition(".")[0]
        if name not in KIND_OF:
            return
        what = self.chosen.random()
        if what < 0.3:
            self._on(event, self.day())
        elif what < 0.5 and KIND_OF[name]:
            event["subject"] = f"{KIND_OF[name]}/{self.one(KIND_OF[name])}"
        elif what < 0.65:
            event["source"] = self.source()
        elif what < 0.7 and KIND_OF[name]:
            event["data"] = self.data(name, event["subject"].split("/", 1)[1], event["effectiveon"])
        else:
            named = [each for each in ORGANISATIONS if isinstance(event["data"].get(each), str)]
            for member in named if event["type"] not in ("TargetAssigned.v1", "PeriodClosed.v1") else ():
                event["data"][member] = self.one("organisation")

    def misshape(self, index: int) -> None:
        """An event has a member too many or too few, or a type that nobody knows."""
        event = self.events[index]
        what = self.chosen.random()
        if what < 0.3:
            event["data"] |= self.chosen.choice(
                (
                    {"unknown_member": 1},
                    {"to": "1999-12-31"},
                    {"period_to": "1999-12-31"},
                    {"sources": ["o3", "o3"]},
                )
            )
        elif what < 0.6 and event["data"]:
            event["data"].pop(self.chosen.choice(list(event["data"])))
        elif what < 0.8:
            event["type"] = self.chosen.choice(("MemberAdmitted.v9", "MemberKnighted.v1"))
        else:
            event["subject"] = f"place/{self.one('place')}"

    def portray(self, _: int) -> None:
        """A candidate or a new member has a year of birth, of whom it may be erased before or after."""
        begun = [each for each in self.events if each["type"] in ("CandidateIdentified.v1", "MemberAdmitted.v1")]
        if begun:
            event = self.chosen.choice(begun)
            event["data"] |= self._profile(event["effectiveon"])
            if self.chosen.random() < 0.4:
                data = {"request_ref": "YC-1"}
                erased = self._made("PersonErased", event["subject"], event["effectiveon"], data)
                self.insert({**erased, "source": event["source"]})

    def add(self, _: int) -> None:
        """An event of any type, about anybody on record."""
        name = self.chosen.choice(list(KIND_OF))
        day = self.day()
        if name == "FactCorrected":
            event = self._correction(day)
        else:
            subject = self.one(KIND_OF[name])
            event = self._made(name, f"{KIND_OF[name]}/{subject}", day, self.data(name, subject, day))
        self.insert(event)

    def insert(self, event: Event) -> None:
        """It arrives at any time."""
        self.events.insert(self.chosen.randint(0, len(self.events)), event)

    def one(self, kind: str) -> str:
        """Somebody or something on record, and now and then nobody."""
        if self.known[kind] and self.chosen.random() < 0.97:
            return self.chosen.choice(self.known[kind])
        return NOBODY if kind == "person" else "nowhere"

    def day(self) -> str:
        """A day on which something happened."""
        found: str = self.chosen.choice(self.events)["effectiveon"]
        return found

    def source(self) -> str:
        """Any source."""
        return self.chosen.choice(list(ROOTS))

    def new_id(self) -> str:
        """An id that no event has."""
        self.number += 1
        return f"0194{self.number:04x}-0000-7000-8000-000000000000"

    def _made(self, name: str, subject: str, day: str, data: dict[str, Any], version: int = 1) -> Event:
        # Mostly of a source that has already spoken of the subject, so that not all is foreign.
        said = [each["source"] for each in self.events if each["subject"] == subject]
        source = self.chosen.choice(said) if said and self.chosen.random() < 0.85 else self.source()
        time = f"{day}T{self.chosen.randint(0, 23):02}:{self.chosen.randint(0, 59):02}:00+07:00"
        return {
            "specversion": "1.0",
            "id": self.new_id(),
            "source": source,
            "type": f"{name}.v{version}",
            "subject": subject,
            "time": time,
            "effectiveon": day,
            "datacontenttype": "application/json",
            "data": data,
        }

    def _on(self, event: Event, day: str) -> None:
        event["effectiveon"] = day
        member = SAME_DAY.get(event["type"])
        if member is not None and self.chosen.random() < 0.9:
            event["data"][member] = day

    def _correction(self, day: str) -> Event:
        wrong = self.chosen.choice(self.events)
        name = wrong["type"].partition(".")[0]
        other, replacement = self.day(), None
        what = self.chosen.random()
        if what < 0.35:
            replacement = {"effectiveon": other}
        elif what < 0.7 and KIND_OF.get(name):
            about = wrong["subject"].partition("/")[2]
            replacement = {"effectiveon": other, "data": self.data(name, about, other)}
        elif what < 0.8:
            replacement = {"data": wrong["data"]}
        data = {"corrects": wrong["id"], "replacement": replacement, "reason": self._reason()}
        corrected = self._made("FactCorrected", wrong["subject"], day, data)
        return {**corrected, "source": wrong["source"] if self.chosen.random() < 0.95 else self.source()}

    def _reason(self) -> str:
        return self.chosen.choice(("other", "other", "withdrew", "on_no_list"))

    def data(self, name: str, subject: str, day: str) -> dict[str, Any]:
        """Data of an event of a type about a subject: of the right shape, and true or not."""
        data = self._data(name, subject, day)
        assert data is not None, name
        return data

    def _data(self, name: str, subject: str, day: str) -> dict[str, Any]:
        chosen, one = self.chosen, self.one
        if KIND_OF[name] == "organisation":
            return self._of_organisation(name, subject, day)
        match name:
            case "PlaceRegistered":
                return {"name": "Bản", "kind": "village", "organisation_id": one("organisation"), "tags": []}
            case "PlaceCovered":
                return {"cell_id": chosen.choice((None, one("organisation"))), "shared": False}
            case "CandidateIdentified":
                nominated = chosen.choice(({}, {"nominated_by": one("organisation")}))
                return {
                    "organisation_id": one("organisation"),
                    "categories": [],
                    **nominated,
                    **self._profile(day),
                }
            case "CandidateListed" | "ApplicationSubmitted":
                return {}
            case "CandidateMoved":
                return {"organisation_id": one("organisation")}
            case "CandidateClosed" | "TransferCancelled":
                return {"reason": self._reason()}
            case "MentorAssigned":
                return {"mentor_id": self._mentor(), "role": "mentor"}
            case "MentorReleased":
                return {"mentor_id": self._mentor(), "reason": self._reason()}
            case "MentorReportSubmitted":
                period = {"period_from": "2021-10-01", "period_to": "2021-12-31"}
                return {"mentor_id": self._mentor(), "rating": "good", **period}
            case "TrainingCompleted":
                until = chosen.choice(({}, {"expires_on": self.day()}, {"expires_on": "2030-01-01"}))
                issued = chosen.choice(("2016-12-31", "2017-02-10", "2021-12-01"))
                return {"certificate_ref": "C-1", "issued_on": issued, **until}
            case "IntroductionConfirmed":
                ids = chosen.choice((["youth"], [MENTORS[0], "youth"], [MENTORS[0], MENTORS[0]]))
                return {"introducers": [{"id": each, "kind": "member"} for each in ids]}
            case "BackgroundVerified":
                return {"outcome": chosen.choice(("cleared", "not_cleared", "incomplete"))}
            case "VoteHeld":
                eligible, in_favour = chosen.choice(((3, 2), (3, 1), (3, 4), (5, 3), (6, 4)))
                said = {"eligible": eligible, "in_favour": in_favour, "round": chosen.randint(1, 3)}
                return {"purpose": self._purpose(), "level": "cell", **said}
            case "DecisionIssued":
                received = chosen.choice(({}, {"received_on": self.day()}, {"received_on": "2021-11-01"}))
                outcome = chosen.choice(("approved", "approved", "refused"))
                said = {"decision_ref": "QD-1", "decided_on": day}
                return {"purpose": self._purpose(), "outcome": outcome, **said, **received}
            case "MemberAdmitted":
                return {"organisation_id": one("organisation"), "ceremony_on": day, **self._profile(day)}
            case "MemberConfirmed":
                return {"official_from": day}
            case "MemberEnrolled":
                status = chosen.choice(("official", "probationary"))
                since = chosen.choice(({}, {"admitted_on": "2021-01-20"}))
                known = {"in_opening_balance": chosen.random() < 0.4}
                return {"organisation_id": one("organisation"), "status": status, **known, **since}
            case "TransferInitiated":
                kind = chosen.choice(("official", "official", "temporary"))
                return {"from": one("organisation"), "to": one("organisation"), "kind": kind}
            case "TransferAccepted":
                return {"organisation_id": one("organisation"), "presented_on": day}
            case "MembershipEnded":
                return {"reason": "resigned"}
            case "PersonsLinked":
                return {"other_person_id": self.one("person")}
        return {"request_ref": "YC-1"}

    def _of_organisation(self, name: str, subject: str, day: str) -> dict[str, Any]:
        chosen, one = self.chosen, self.one
        known = {"target_id": chosen.choice(self.targets)}
        match name:
            case "OrganisationEstablished":
                above = chosen.choice(({}, {"parent_id": one("organisation")}, {"parent_id": one("organisation")}))
                return {"name": "Tổ chức", "kind": "cell", "sector": "territorial", "tags": [], **above}
            case "OrganisationRenamed":
                return {"name": "Tên mới"}
            case "OrganisationReclassified":
                return {"kind": "cell"}
            case "OrganisationReparented":
                return {"parent_id": one("organisation")}
            case "OrganisationsMerged":
                sources = list({one("organisation") for _ in range(chosen.randint(1, 2))})
                return {"sources": sorted(sources), "targets": chosen.choice(("sum", "keep", "void"))}
            case "OrganisationSplit":
                people = [self.one("person") for _ in range(chosen.randint(1, 2))]
                return {"allocations": [{"organisation_id": one("organisation"), "person_ids": people}]}
            case "OrganisationDissolved":
                return chosen.choice(({}, {"successor_id": one("organisation")}))
            case "OpeningBalanceDeclared":
                return {"as_of": day, "official": chosen.randint(0, 2), "probationary": chosen.randint(0, 1)}
            case "TargetAssigned":
                target_id = chosen.choice((f"t-{self.new_id()}", chosen.choice(self.targets)))
                metric = chosen.choice((METRICS[0], METRICS[0], chosen.choice(METRICS)))
                aim = {"metric": metric, "basis": "own", "issuer_id": chosen.choice(("root", one("organisation")))}
                period = {"from": "2022-01-01", "to": "2022-12-31"}
                return {"target_id": target_id, **aim, **period, "comparison": "at_least", "value": 3}
            case "TargetRevised":
                return {**known, "value": chosen.randint(0, 5), "reason": self._reason()}
            case "TargetWithdrawn":
                return {**known, "reason": self._reason()}
        return {"from": "2022-01-01", "to": self.chosen.choice(("2022-12-31", max(day, "2022-01-01")))}

    def _mentor(self) -> str:
        return self.chosen.choice([*MENTORS, self.one("person")])

    def _purpose(self) -> str:
        return self.chosen.choice(("admission", "admission", "confirmation", "removal"))

    def _profile(self, day: str) -> dict[str, Any]:
        if self.chosen.random() < 0.5:
            return {}
        year = int(day[:4]) - self.chosen.choice((16, 17, 18, 19, 40, 59, 60, 61, 62))
        return {"profile": {"sex": "female", "birth_year": year}}
