"""Perspective: on which timelines a fact stands besides its subject's, and what it says to each of them."""

from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from shared.events import organisation, person
from shared.events.vocabulary import TargetMerging
from shared.timeline.fact import Fact, at_start_of_day


class Absorbed(Struct, frozen=True):
    """To an organisation that is merged into another: it ends, and all that it has is the other's."""

    successor_id: str
    targets: TargetMerging


class Reallocated(Struct, frozen=True):
    """To a person whom a split lists: from one organisation to another at the start of the day."""

    from_: str
    to: str


class LinkedAway(Struct, frozen=True):
    """To the second id of one person: from now on it is the first, `person_id`."""

    person_id: str


_ABOUT_OTHERS = frozenset({organisation.OrganisationsMerged, organisation.OrganisationSplit, person.PersonsLinked})


def others(fact: Fact) -> list[str]:
    """Subjects that the fact is about besides its own."""
    if type(fact.data) not in _ABOUT_OTHERS:
        return []  # nearly always
    match fact.data:
        case organisation.OrganisationsMerged(sources=sources):
            return [f"organisation/{each}" for each in sources]
        case organisation.OrganisationSplit(allocations=allocations):
            return [f"person/{person_id}" for each in allocations for person_id in each.person_ids]
        case person.PersonsLinked(other_person_id=other):
            return [f"person/{other}"]
    return []


def seen_by(fact: Fact, subject: str) -> Fact | None:
    """The fact as it stands on a subject's timeline; None: it says nothing about that subject."""
    if subject == fact.subject:
        return fact
    kind, _, identifier = subject.partition("/")
    match fact.data:
        case organisation.OrganisationsMerged(sources=sources, targets=targets) if kind == "organisation":
            if identifier in sources:
                absorbed = Absorbed(fact.subject_id, targets)
                return replace(fact, subject=subject, time=at_start_of_day(fact.time), data=absorbed)
        case organisation.OrganisationSplit(allocations=allocations) if kind == "person":
            person_id = UUID(identifier)
            for each in allocations:
                if person_id in each.person_ids:
                    moved = Reallocated(fact.subject_id, each.organisation_id)
                    return replace(fact, subject=subject, time=at_start_of_day(fact.time), data=moved)
        case person.PersonsLinked(other_person_id=other) if subject == f"person/{other}":
            return replace(fact, subject=subject, data=LinkedAway(fact.subject_id))
    return None
