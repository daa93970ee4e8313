"""Persons as recorded facts have them, from one fact to the next, in the order of the timeline."""

from datetime import date
from typing import Any

from tests.oracle.facts import Fact
from tests.oracle.judge.organisations import Organisations

Person = dict[str, Any]
OF_CANDIDATES = (
    "CandidateListed",
    "CandidateMoved",
    "CandidateClosed",
    "ApplicationSubmitted",
    "IntroductionConfirmed",
    "BackgroundVerified",
    "MemberAdmitted",
)


def nobody() -> Person:
    """One of whom nothing is known."""
    return {
        "member": None,  # {"at", "status", "since": the ceremony or None}
        "candidate": None,  # {"at"}
        "transfer": None,  # {"to", "kind"}
        "mentors": set(),
        "reports": set(),  # (mentor, first day, last day)
        "certificate": None,  # the latest one: (issued, last valid day or None)
        "votes": set(),  # purposes
        "decision": None,  # data of the last one on the admission
        "home": None,  # where they belonged last
    }


class Persons:
    """All of them at a place in the timeline, after the facts before it."""

    def __init__(self, organisations: Organisations) -> None:
        self.organisations = organisations
        self.known: dict[str, Person] = {}
        self.second_ids: dict[str, str] = {}
        """A person's second id → the first one."""
        self.passed_over: set[tuple[str, str, str]] = set()
        """(source, id, person) of facts whose rule failed where they stand, and about whom."""
        self.balances: list[tuple[str, date, str, int]] = []
        """(organisation, day, status, more or fewer members not known one by one)."""

    def ids_of(self, person: str) -> list[str]:
        """A person's id, and the first ids that facts about it go to, one after the other."""
        found = [person]
        while found[-1] in self.second_ids and self.second_ids[found[-1]] not in found:
            found.append(self.second_ids[found[-1]])
        return found

    def first_id(self, person: str) -> str:
        """The id to which facts about a person go."""
        return self.ids_of(person)[-1]

    def state(self, person: str) -> Person:
        """What is known of a person."""
        return self.known.setdefault(self.first_id(person), nobody())

    def home(self, person: str) -> str | None:
        """The organisation that a member or candidate belongs to, as facts name it."""
        state = self.state(person)
        standing = state["member"] or state["candidate"]
        return None if standing is None else standing["at"]

    def last_home(self, person: str) -> str | None:
        """Where a person belongs, or belonged last; by their second ids, if not by their own and the first one."""
        own = self.known.get(person, nobody())["home"]
        found: str | None = self.home(person) or self.state(person)["home"] or own
        others = (each for each in self.second_ids if self.first_id(each) == self.first_id(person))
        return found or next((home for each in others if (home := self.known[each]["home"])), None)

    def fits(self, fact: Fact) -> bool:
        """Whether a fact about a person keeps the rules of their timeline here."""
        too_many = fact["name"] == "VoteHeld" and fact["data"]["in_favour"] > fact["data"]["eligible"]
        return self.in_its_stage(fact) and not too_many

    def in_its_stage(self, fact: Fact) -> bool:
        """Whether the person's candidacy, membership, mentors or transfer are such that a fact fits."""
        name, data, day = fact["name"], fact["data"], fact["day"]
        state = self.state(fact["subject"])
        member, candidate, transfer = state["member"], state["candidate"], state["transfer"]
        holder = self.organisations.holder
        if name == "CandidateIdentified":
            return member is None and candidate is None
        if name in OF_CANDIDATES:
            return candidate is not None
        if name == "MentorAssigned":
            return candidate is not None or (member is not None and member["status"] == "probationary")
        if name == "MentorReleased":
            return data["mentor_id"] in state["mentors"]
        if name in ("VoteHeld", "DecisionIssued"):
            return candidate is not None or member is not None
        if name == "MemberConfirmed":
            return member is not None and member["status"] == "probationary"
        if name == "MemberEnrolled":
            return member is None
        if name == "TransferInitiated":
            of = member is not None and holder(member["at"], day) == holder(data["from"], day)
            return of and transfer is None
        if name == "TransferAccepted":
            to = holder(data["organisation_id"], day)
            return transfer is not None and holder(transfer["to"], day) == to
        if name == "TransferCancelled":
            return transfer is not None
        if name == "MembershipEnded":
            return member is not None
        return True

    def apply(self, fact: Fact) -> None:
        """Go on by one fact."""
        name, data = fact["name"], fact["data"]
        if fact["kind"] == "organisation":
            if name == "OpeningBalanceDeclared" and self.organisations.fits(fact):
                self.balances.append((fact["subject"], fact["day"], "official", data["official"]))
                self.balances.append((fact["subject"], fact["day"], "probationary", data["probationary"]))
            elif name == "OrganisationSplit":
                moved: set[str] = set()
                for allocation in data["allocations"]:
                    for person in allocation["person_ids"]:
                        # Who turns out to be listed by both their ids goes where the first one says.
                        if self.first_id(person) not in moved:
                            self._allocate(person, fact, allocation["organisation_id"])
                        moved.add(self.first_id(person))
            return
        if fact["kind"] != "person":
            return
        if not self.fits(fact):
            self._pass_over(fact, fact["subject"])
            return
        first = self.first_id(fact["subject"])
        before = self.home(first)
        self._change(fact)
        self.state(first)["home"] = self.home(first) or before or self.state(first)["home"]

    def belongs(self, person: str, organisation: str, day: date) -> bool:
        """Whether a member or candidate belongs to an organisation."""
        home, holder = self.home(person), self.organisations.holder
        return home is not None and holder(home, day) == holder(organisation, day)

    def _allocate(self, person: str, split: Fact, to: str) -> None:
        if self.belongs(person, split["subject"], split["day"]):
            state = self.state(person)
            (state["member"] or state["candidate"])["at"] = to
            state["home"] = to
        else:
            self._pass_over(split, person)

    def _pass_over(self, fact: Fact, person: str) -> None:
        self.passed_over.add((fact["source"], fact["id"], person))

    def _change(self, fact: Fact) -> None:
        name, data = fact["name"], fact["data"]
        state = self.state(fact["subject"])
        match name:
            case "CandidateIdentified":
                state["candidate"] = {"at": data["organisation_id"]}
                state |= {"mentors": set(), "reports": set(), "votes": set(), "decision": None}
            case "CandidateMoved":
                state["candidate"]["at"] = data["organisation_id"]
            case "CandidateClosed":
                state["candidate"] = None
            case "MentorAssigned":
                state["mentors"].add(data["mentor_id"])
            case "MentorReleased":
                state["mentors"].remove(data["mentor_id"])
            case "MentorReportSubmitted":
                state["reports"].add((data["mentor_id"], data["period_from"], data["period_to"]))
            case "TrainingCompleted":
                said = data.get("certificate", data)
                if state["certificate"] is None or state["certificate"][0] <= said["issued_on"]:
                    state["certificate"] = (said["issued_on"], said.get("expires_on"))
            case "VoteHeld":
                state["votes"].add(data["purpose"])
            case "DecisionIssued":
                if data["purpose"] == "admission":
                    state["decision"] = data
            case "MemberAdmitted":
                state["candidate"] = None
                state["member"] = {"at": data["organisation_id"], "status": "probationary", "since": fact["day"]}
            case "MemberConfirmed":
                state["member"]["status"] = "official"
            case "MemberEnrolled":
                state["candidate"] = None
                since = data.get("admitted_on") and date.fromisoformat(data["admitted_on"])
                state["member"] = {"at": data["organisation_id"], "status": data["status"], "since": since}
                if data["in_opening_balance"]:
                    self.balances.append((data["organisation_id"], fact["day"], data["status"], -1))
            case "TransferInitiated":
                state["transfer"] = {"to": data["to"], "kind": data["kind"]}
            case "TransferAccepted":
                if state["transfer"]["kind"] == "official":
                    state["member"]["at"] = data["organisation_id"]
                state["transfer"] = None
            case "TransferCancelled":
                state["transfer"] = None
            case "MembershipEnded":
                state |= {"member": None, "transfer": None}
            case "PersonsLinked":
                self._link(fact, data["other_person_id"])

    def _link(self, fact: Fact, second: str) -> None:
        """What the second id was ends; later facts about it go to the first."""
        if second in self.second_ids or self.first_id(fact["subject"]) == second:
            self._pass_over(fact, second)
        else:
            self.known[second] = {**nobody(), "home": self.last_home(second)}
            self.second_ids[second] = fact["subject"]
