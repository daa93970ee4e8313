"""Persons: candidacies, memberships, transfers, links; which facts fit, and what they change."""

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from tests.oracle import waiting
from tests.oracle.facts import Fact

if TYPE_CHECKING:
    from tests.oracle.world import World

STAGES = ["identified", "listed", "mentored", "trained", "applied", "introduced", "verified", "voted", "decided"]

MILESTONES = {
    "CandidateListed": "listed",
    "ApplicationSubmitted": "applied",
    "IntroductionConfirmed": "introduced",
    "BackgroundVerified": "verified",
}


def apply(world: "World", fact: Fact) -> None:
    """Change what a fact about a person changes, if it fits there."""
    who = _first_id(world, fact["subject"])
    person = world.persons.setdefault(who, waiting.nobody())
    was = deepcopy(person)
    fits = _fits(world, was, fact)
    _apply(world, person, fact)
    if fits:
        waiting.apply(world, person, fact, was)


def _fits(world: "World", person: dict[str, Any], fact: Fact) -> bool:
    """Whether a fact says anything about what is waited for."""
    name, member, transfer = fact["name"], person["member"], person["transfer"]
    if name == "CandidateIdentified":
        return member is None and person["candidate"] is None
    if name in ("CandidateListed", "CandidateClosed", "MemberAdmitted"):
        return person["candidate"] is not None
    if name == "MemberEnrolled":
        return member is None
    if name == "MemberConfirmed":
        return member is not None and member["status"] == "probationary"
    if name == "MembershipEnded":
        return member is not None
    if name == "TransferInitiated":
        return member is not None and transfer is None and member["at"] == world.holder(fact["data"]["from"])
    if name == "TransferAccepted":
        to = world.holder(fact["data"]["organisation_id"])
        return transfer is not None and world.holder(transfer["to"]) == to
    if name == "TransferCancelled":
        return transfer is not None
    return True


def _apply(world: "World", person: dict[str, Any], fact: Fact) -> None:
    name, data = fact["name"], fact["data"]
    member, candidate = person["member"], person["candidate"]
    if name == "CandidateIdentified":
        if member is None and candidate is None:
            at = world.holder(data["organisation_id"])
            world.journeys.append({"at": at, "on": fact["day"], "stage": "identified", "end": None})
            person["candidate"] = {
                "at": at,
                "stage": "identified",
                "since": fact["day"],
                "journey": len(world.journeys) - 1,
            }
            world.happened.append(("candidates_identified", at, None))
    elif name in MILESTONES:
        _reach(world, candidate, MILESTONES[name], fact)
    elif name == "MentorAssigned":
        _reach(world, candidate, "mentored", fact)
    elif name in ("VoteHeld", "DecisionIssued"):
        if data["purpose"] == "admission":
            _reach(world, candidate, "voted" if name == "VoteHeld" else "decided", fact)
    elif name == "TrainingCompleted":
        _reach(world, candidate, "trained", fact)
        standing = member or candidate
        if standing is not None:
            world.happened.append(("training_completions", standing["at"], None))
    elif name == "CandidateMoved":
        if candidate is not None:
            candidate["at"] = world.holder(data["organisation_id"])
    elif name == "CandidateClosed":
        _give_up(world, person, "closed")
    elif name == "MemberAdmitted":
        if candidate is not None:
            at = world.holder(data["organisation_id"])
            world.went_on.append((candidate["stage"], at, (fact["day"] - candidate["since"]).days))
            _give_up(world, person, "admitted")
            _join(world, person, data["organisation_id"], "probationary", "admissions")
            world.admissions.append({"at": at, "on": fact["day"], "end": None})
            person["member"]["admission"] = len(world.admissions) - 1
    elif name == "MemberEnrolled":
        if member is None:
            what = None if data["in_opening_balance"] else "enrolled"
            _join(world, person, data["organisation_id"], data["status"], what)
            if what is None:
                world.add_balance(person["member"]["at"], data["status"], -1)
    elif name == "PersonsLinked":
        _link(world, fact["subject"], data["other_person_id"])
    elif member is not None:
        _membership(world, person, fact)


def _membership(world: "World", person: dict[str, Any], fact: Fact) -> None:
    """What concerns members only."""
    name, data, member, transfer = fact["name"], fact["data"], person["member"], person["transfer"]
    if name == "MemberConfirmed" and member["status"] == "probationary":
        member["status"] = "official"
        world.happened.append(("confirmations", member["at"], None))
    elif name == "TransferInitiated":
        if transfer is None and member["at"] == world.holder(data["from"]):
            person["transfer"] = {"to": data["to"], "kind": data["kind"]}
    elif name == "TransferAccepted":
        to = world.holder(data["organisation_id"])
        if transfer is not None and world.holder(transfer["to"]) == to:
            person["transfer"] = None
            if transfer["kind"] == "official":
                _move(world, member, to, "transferred")
    elif name == "TransferCancelled":
        person["transfer"] = None
    elif name == "MembershipEnded":
        person["member"] = person["transfer"] = None
        _lose(world, member, data["reason"])
        what = "transferred_out" if data["reason"] == "transferred_out" else "ended"
        world.happened.append((what, member["at"], None))


def reallocate(world: "World", subject: str, from_: str, to: str) -> None:
    """A split says that a person goes elsewhere; it fits whoever belongs to the divided organisation."""
    person = world.persons.get(_first_id(world, subject))
    if person is None:
        return
    standing = person["member"] or person["candidate"]
    if standing is None or standing["at"] != world.holder(from_):
        return
    if person["member"] is not None:
        _move(world, standing, world.holder(to), "reorganised")
    else:
        standing["at"] = world.holder(to)


def _move(world: "World", member: dict[str, Any], to: str, how: str) -> None:
    origin = member["at"]
    member["at"] = to
    if origin != to:
        world.happened.append((f"{how}_out", origin, to))
        world.happened.append((f"{how}_in", to, origin))


def _join(world: "World", person: dict[str, Any], organisation: str, status: str, what: str | None) -> None:
    at = world.holder(organisation)
    _give_up(world, person, "otherwise")
    person["member"] = {"at": at, "status": status}
    if what is not None:
        world.happened.append((what, at, None))


def _reach(world: "World", candidate: dict[str, Any] | None, stage: str, fact: Fact) -> None:
    if candidate is not None and STAGES.index(candidate["stage"]) < STAGES.index(stage):
        waited = (fact["day"] - candidate["since"]).days
        world.went_on.append((candidate["stage"], candidate["at"], waited))
        candidate |= {"stage": stage, "since": fact["day"]}
        world.journeys[candidate["journey"]]["stage"] = stage


def _give_up(world: "World", person: dict[str, Any], why: str) -> None:
    """Whoever is a candidate is none any more."""
    if person["candidate"] is not None:
        world.journeys[person["candidate"]["journey"]]["end"] = why
    person["candidate"] = None


def _lose(world: "World", member: dict[str, Any], why: str) -> None:
    """A membership is over; of one that began with an admission that is remembered."""
    if "admission" in member:
        world.admissions[member["admission"]]["end"] = why


def _link(world: "World", first: str, second: str) -> None:
    """From now on the second id is the first; what it was ends."""
    if second in world.second_ids:
        return
    world.second_ids[second] = first
    person = world.persons.get(second)
    if person is None:
        return
    if person["member"] is not None:
        world.happened.append(("linked", person["member"]["at"], None))
        _lose(world, person["member"], "linked")
    _give_up(world, person, "otherwise")
    world.persons[second] = waiting.nobody()


def _first_id(world: "World", person: str) -> str:
    seen = set()
    while person in world.second_ids and person not in seen:
        seen.add(person)
        person = world.second_ids[person]
    return person
