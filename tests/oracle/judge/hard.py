"""Hard rules: the first one that a fact breaks on what is on record, as its code.

The order of the checks is that of CONTRACT.md: unknown subject, organisation and target, foreign organisation, the
subject's own stage, and any other rule.
"""

from datetime import timedelta
from typing import Any

from tests.oracle.facts import Fact
from tests.oracle.judge.record import Record
from tests.oracle.judge.shapes import OPENING

Sources = dict[str, str]
"""Source → its root."""


def broken(fact: Fact, record: Record, roots: Sources) -> str | None:
    """The code of the first rule that a new fact breaks; None where it keeps all."""
    if fact["name"] not in OPENING and not record.knows(fact["kind"], fact["subject"]):
        return "unknown-subject"
    unknown = unnamed(fact, record)
    if unknown is not None:
        return unknown
    if not _may_write(fact, record, roots) or not others_own(fact, record, roots):
        return "foreign-organisation"
    if on_the_way(fact, record, roots[fact["source"]]):
        return "wrong-stage"
    stage = _own_stage(fact, record)
    if stage is not None:
        return stage
    if taken(fact, record) or not _on_timelines_of_others(fact, record) or not all_active(fact, record):
        return "rule-violated"
    return "rule-violated" if violated(fact, record, roots) or _circular(fact, record) else None


def unnamed(fact: Fact, record: Record) -> str | None:
    """The code of what a fact names and that is not on record."""
    if not all(record.knows("organisation", each) for each in named(fact)):
        return "unknown-organisation"
    return "unknown-target" if _unknown_target(fact, record) else None


def named(fact: Fact) -> list[str]:
    """Organisations that a fact names and that have to be on record."""
    data = fact["data"]
    members = ["organisation_id", "parent_id", "cell_id", "successor_id"]
    if fact["name"] == "TransferInitiated":
        members += ["from", "to"]
    found = [data[member] for member in members if data.get(member) is not None]
    found += data.get("sources", [])
    return found + [each["organisation_id"] for each in data.get("allocations", [])]


def _unknown_target(fact: Fact, record: Record) -> bool:
    name, data = fact["name"], fact["data"]
    if name in ("TargetRevised", "TargetWithdrawn"):
        return data["target_id"] not in record.target_ids()
    if name == "PersonsLinked":
        return not record.knows("person", data["other_person_id"])
    return False


def _may_write(fact: Fact, record: Record, roots: Sources) -> bool:
    """Ownership: a source writes about what lies under its root on that day."""
    name, day, root = fact["name"], fact["day"], roots[fact["source"]]

    def own(organisation: str) -> bool:
        return record.organisations.own(root, organisation, day)

    if not all(own(each) for each in own_ones(fact, root)):
        return False
    if name == "OrganisationEstablished":
        return True
    if fact["kind"] == "organisation":
        return own(fact["subject"])
    if fact["kind"] == "place":
        registered = record.registered(fact["subject"])
        if name == "PlaceRegistered" or registered is None or not record.of_known_place(fact):
            return True  # it may yet turn out to be anybody's
        return own(registered["data"]["organisation_id"])
    if name in ("CandidateIdentified", "TransferAccepted"):
        return True
    if name == "MemberEnrolled" and record.persons(fact).state(fact["subject"])["member"] is not None:
        return True  # its source may yet say that they left: it waits
    if name == "PersonErased":
        then, ever = record.persons(fact), record.all_persons()
        home = then.home(fact["subject"]) or then.state(fact["subject"])["home"] or ever.last_home(fact["subject"])
        return home is None or own(home) or on_the_way(fact, record, root)
    return _own_person(fact["subject"], fact, record, root) or on_the_way(fact, record, root)


def only_elsewhere(fact: Fact, record: Record, roots: Sources) -> bool:
    """Whether all that a fact about a person names is the source's own, but not the person."""
    root = roots[fact["source"]]
    own = [record.organisations.own(root, each, fact["day"]) for each in own_ones(fact, root)]
    return fact["kind"] == "person" and all(own) and not _may_write(fact, record, roots)


def own_ones(fact: Fact, root: str) -> list[str]:
    """Organisations that a fact names and that must be the source's; others are plain references."""
    if fact["name"] == "TransferInitiated":
        return [fact["data"]["from"]]
    of_root = fact["subject"] == root and fact["name"] in ("OrganisationEstablished", "OrganisationReparented")
    return [] if of_root else named(fact)


def others_own(fact: Fact, record: Record, roots: Sources) -> bool:
    """Whether a person whom a fact names besides its subject is the source's, or nobody's."""
    if fact["name"] != "PersonsLinked":
        return True
    other = fact["data"]["other_person_id"]
    # One who is somebody's second id already belongs nowhere any more.
    linked = other in record.persons(fact).second_ids
    return linked or _own_person(other, fact, record, roots[fact["source"]])


def _own_person(person: str, fact: Fact, record: Record, root: str) -> bool:
    home = record.persons(fact).home(person)
    return home is None or record.organisations.own(root, home, fact["day"])


def on_the_way(fact: Fact, record: Record, root: str) -> bool:
    """Whether another source's member has an open transfer to this one, whose acceptance may yet come."""
    if fact["kind"] != "person" or fact["name"] in ("CandidateIdentified", "TransferAccepted"):
        return False
    transfer = record.persons(fact).state(fact["subject"])["transfer"]
    there = transfer is not None and record.organisations.own(root, transfer["to"], fact["day"])
    return there and not _own_person(fact["subject"], fact, record, root)


def _own_stage(fact: Fact, record: Record) -> str | None:
    """The rule of the subject's own timeline."""
    name = fact["name"]
    if fact["kind"] == "person":
        if not record.persons(fact).in_its_stage(fact):
            return "wrong-stage"
        return None if record.persons(fact).fits(fact) else "rule-violated"
    if name in ("OrganisationEstablished", "PlaceRegistered"):
        return None
    if fact["kind"] == "place":
        return None if record.of_known_place(fact) else "wrong-stage"
    if not record.organisations.stands(fact):
        return "wrong-stage"
    if name.startswith("Target"):
        return None if record.targets(fact).fits(fact) else "rule-violated"
    return "rule-violated" if name == "PeriodClosed" and record.organisations.closed_before(fact) else None


def taken(fact: Fact, record: Record) -> bool:
    """Whether the id that a fact gives is taken, on whatever day."""
    if fact["name"] == "OrganisationEstablished":
        return record.knows("organisation", fact["subject"])
    if fact["name"] == "PlaceRegistered":
        return record.registered(fact["subject"]) is not None
    if fact["name"] != "TargetAssigned":
        return False
    # Also by an assignment that counts nothing now: it may fit again.
    assigned = [each["data"]["target_id"] for each in record.facts if each["name"] == "TargetAssigned"]
    return fact["data"]["target_id"] in assigned


def _on_timelines_of_others(fact: Fact, record: Record) -> bool:
    """Whether a merger, split or link fits all whom it ends or moves, where it stands on their timelines."""
    if fact["name"] == "OrganisationsMerged":
        known = record.organisations
        return all(
            known.may_end(each, fact) and known.active(each, fact["day"]) for each in fact["data"]["sources"]
        )
    if fact["name"] == "OrganisationSplit":
        persons = record.persons(fact)
        return all(persons.belongs(each, fact["subject"], fact["day"]) for each in _listed(fact))
    if fact["name"] == "PersonsLinked":
        return fact["data"]["other_person_id"] not in record.persons(fact).second_ids
    return True


def all_active(fact: Fact, record: Record, *, but: str | None = None) -> bool:
    """Whether organisations that a fact names are active on its day; one that it only refers to, if on record."""
    if fact["name"] == "OrganisationsMerged":
        return True
    known = record.organisations.founding
    mentioned = [fact["data"].get(each) for each in ("issuer_id", "nominated_by")]
    all_ = [*named(fact), *(each for each in mentioned if each in known)]
    return all(each == but or record.organisations.active(each, fact["day"]) for each in all_)


def violated(fact: Fact, record: Record, roots: Sources) -> bool:
    """Whether another rule fails that looks at more than the subject's own stage."""
    name, data = fact["name"], fact["data"]
    match name:
        case "OrganisationEstablished":
            rootless = data.get("parent_id") is None and fact["subject"] != roots[fact["source"]]
            return rootless or data.get("parent_id") == fact["subject"]
        case "OrganisationsMerged":
            return any(_under(fact["subject"], each, fact, record) for each in data["sources"])
        case "OrganisationSplit":
            recipients = [each["organisation_id"] for each in data["allocations"]]
            listed = [record.persons(fact).first_id(each) for each in _listed(fact)]
            return len(set(listed)) < len(listed) or fact["subject"] in recipients
        case "OrganisationDissolved":
            if data.get("successor_id") is None:
                return anybody_left(fact, record)
            return _under(data["successor_id"], fact["subject"], fact, record)
        case "TargetAssigned":
            return record.targets_by_evening(fact).took_over(fact["subject"], data)
        case "TargetRevised" | "TargetWithdrawn":
            assigned = record.targets_by_evening(fact).assigned.get(data["target_id"])
            # Whether its own one is withdrawn is for its timeline to say.
            return assigned is None or fact["subject"] not in (assigned["to"], assigned["by"])
        case "MemberEnrolled":
            return data["in_opening_balance"] and not _one_in_balance(fact, record)
        case "PersonsLinked":
            return data["other_person_id"] in record.all_persons().ids_of(fact["subject"])
    return False


def _listed(fact: Fact) -> list[str]:
    return [person for each in fact["data"]["allocations"] for person in each["person_ids"]]


def _circular(fact: Fact, record: Record) -> bool:
    """Whether a fact puts an organisation under itself, on whatever day."""
    moving = ("OrganisationEstablished", "OrganisationReparented", "OrganisationsMerged", "OrganisationDissolved")
    if fact["name"] not in moving:
        return False
    with_it = [*record.events, as_event(fact)]
    return Record(with_it).organisations.circular()


def _under(successor: str, ended: str, fact: Fact, record: Record) -> bool:
    """Whether a successor is who ends, lies under it or goes over to it: on the day of the end, or later."""
    days = {fact["day"], *(each["day"] for each in record.facts if each["day"] > fact["day"])}
    return any(ended in record.organisations.above(successor, day) for day in days)


def as_event(fact: Fact) -> dict[str, Any]:
    """A fact as the event that says it."""
    return {
        "id": fact["id"],
        "source": fact["source"],
        "type": f"{fact['name']}.v1",
        "subject": f"{fact['kind']}/{fact['subject']}",
        "time": fact["time"].isoformat(),
        "effectiveon": fact["day"].isoformat(),
        "data": fact["data"],
    }


def anybody_left(fact: Fact, record: Record) -> bool:
    """On the evening before its day, or on a later one, by what others hand on then too."""
    before, since = fact["day"] - timedelta(days=1), fact["day"]
    for day in {before, *(each["day"] for each in record.facts if each["day"] >= since)}:
        held = record.organisations.held(fact["subject"], day)
        persons = record.evening(day)
        if any(persons.home(each) in held for each in list(persons.known)):
            return True
        if sum(amount for at, begun, _, amount in persons.balances if at in held and begun <= day):
            return True
    return False


def _one_in_balance(fact: Fact, record: Record) -> bool:
    """On the evening of its day and on every later one."""
    at, status = fact["data"]["organisation_id"], fact["data"]["status"]
    days = {fact["day"], *(each["day"] for each in record.facts if each["day"] > fact["day"])}
    return all(record.balances(day)[record.organisations.holder(at, day), status] >= 1 for day in days)
