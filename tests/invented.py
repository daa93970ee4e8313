"""Events of any type, true or not: data of the right shape that names whom and what a made-up history knows."""

import random
from typing import Any

from tests.histories import METRICS, ROOTS

Event = dict[str, Any]

NOBODY = "00000000-0000-4000-8000-00000000aaaa"
MENTORS = ["00000000-0000-4000-8000-00000000fff1", "00000000-0000-4000-8000-00000000fff2"]
LAST_DAYS = ("2022-01-19", "2022-01-20", "2022-02-10", "2022-02-11", "2022-12-01")
"""Twelve months after an admission, sixty after a certificate, and the days beside these."""
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


class Inventor:
    """Invents data; it names what the history `events` knows, and now and then what nobody knows."""

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

    def _mostly(self) -> bool:
        return self.chosen.random() < 0.7

    def said(self, subject: str, *members: str) -> list[str]:
        """What events about a subject have in these members of their data."""
        about = [each["data"] for each in self.events if each["subject"].endswith(f"/{subject}")]
        return [data[member] for data in about for member in members if isinstance(data.get(member), str)]

    def again(self, subject: str, *members: str) -> str | None:
        """One of these, more often than not."""
        found = self.said(subject, *members)
        return self.chosen.choice(found) if found and self._mostly() else None

    def one(self, kind: str) -> str:
        """Somebody or something on record, and now and then nobody."""
        if self.known[kind] and self.chosen.random() < 0.97:
            return self.chosen.choice(self.known[kind])
        return NOBODY if kind == "person" else "nowhere"

    def day(self) -> str:
        """A day on which something happened, or about which a deadline of a made-up history ends."""
        if self.chosen.random() < 0.06:
            return self.chosen.choice(LAST_DAYS)
        found: str = self.chosen.choice(self.events)["effectiveon"]
        return found

    def source(self) -> str:
        """Any source."""
        return self.chosen.choice(list(ROOTS))

    def new_id(self) -> str:
        """An id that no event has."""
        self.number += 1
        return f"0194{self.number:04x}-0000-7000-8000-000000000000"

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
                return {"mentor_id": self._mentor(subject), "role": "mentor"}
            case "MentorReleased":
                return {"mentor_id": self._mentor(subject), "reason": self._reason()}
            case "MentorReportSubmitted":
                period = {"period_from": "2021-10-01", "period_to": "2021-12-31"}
                return {"mentor_id": self._mentor(subject), "rating": "good", **period}
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
                home = self.again(subject, "organisation_id", "from") or one("organisation")
                return {"from": home, "to": one("organisation"), "kind": kind}
            case "TransferAccepted":
                return {"organisation_id": self.again(subject, "to") or one("organisation"), "presented_on": day}
            case "MembershipEnded":
                return {"reason": "resigned"}
            case "PersonsLinked":
                return {"other_person_id": self.one("person")}
        return {"request_ref": "YC-1"}

    def _of_organisation(self, name: str, subject: str, day: str) -> dict[str, Any]:
        chosen, one = self.chosen, self.one
        known = {"target_id": self.again(subject, "target_id") or chosen.choice(self.targets)}
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
                here = [
                    each for each in self.known["person"] if subject in self.said(each, "organisation_id", "to")
                ]
                people = [
                    chosen.choice(here) if here and self._mostly() else one("person")
                    for _ in range(chosen.randint(1, 2))
                ]
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
        until = self.again(subject, "to") or chosen.choice(("2022-12-31", max(day, "2022-01-01")))
        return {"from": "2022-01-01", "to": until}

    def _mentor(self, subject: str) -> str:
        return self.again(subject, "mentor_id") or self.chosen.choice([*MENTORS, self.one("person")])

    def _purpose(self) -> str:
        return self.chosen.choice(("admission", "admission", "confirmation", "removal"))

    def _profile(self, day: str) -> dict[str, Any]:
        if self.chosen.random() < 0.5:
            return {}
        year = int(day[:4]) - self.chosen.choice((16, 17, 18, 19, 40, 59, 60, 61, 62))
        return {"profile": {"sex": "female", "birth_year": year}}
