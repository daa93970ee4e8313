"""Which admissions count, as known at each position, and which profile and categories count for each. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import cast
from uuid import UUID

from msgspec import Struct

from services.reporting.unsealing import ProfilePlace
from shared.events.correction import FactCorrected
from shared.events.person import CandidateIdentified, MemberAdmitted, PersonsLinked
from shared.timeline.correcting import gathered, timeline
from shared.timeline.fact import Fact
from shared.timeline.fold import steps
from shared.timeline.lineage import Lineage

STILL_KNOWN = 2**63 - 1
"""As `known_to`: nothing else is known."""

NO_LINEAGE = Lineage()
"""Who holds whose things decides where a member is, never whether one is admitted."""


class Placed(Struct, frozen=True):
    """A fact and its position in the log."""

    position: int
    fact: Fact


class Admission(Struct, frozen=True):
    """An admission that counts. `categories`: as the admission says, else as the candidacy began with.

    `profile`: of the last fact up to the admission, itself included, that brings one; later ones replace it whole.
    """

    person: UUID
    source: str
    event_id: UUID
    organisation_id: str
    day: date
    categories: tuple[str, ...]
    profile: ProfilePlace | None


class KnownAdmission(Struct, frozen=True):
    """An admission and the positions from `known_from` to before `known_to` at which it is what is known."""

    admission: Admission
    known_from: int
    known_to: int


def known_admissions(subject: str, facts: Mapping[str, Sequence[Placed]]) -> list[KnownAdmission]:
    """The admissions of a person at all positions.

    `facts` are those that name the subject and each id that it was ever linked with, by id, in log order; those of
    others may be among them.
    """
    own = facts.get(subject, ())
    if _plain(own):
        whole = _admissions(subject, {subject: own}, STILL_KNOWN)
        positions = {(each.fact.source, each.fact.event_id): each.position for each in own}
        return [KnownAdmission(each, positions[(each.source, each.event_id)], STILL_KNOWN) for each in whole]
    facts = _of_same_person(subject, facts)
    known: list[KnownAdmission] = []
    since: dict[Admission, int] = {}
    for position in sorted({placed.position for each in facts.values() for placed in each}):
        now = set(_admissions(subject, facts, position))
        known += [KnownAdmission(gone, since.pop(gone), position) for gone in since.keys() - now]
        since |= dict.fromkeys(now - since.keys(), position)
    return known + [KnownAdmission(each, position, STILL_KNOWN) for each, position in since.items()]


def also_named(fact: Fact) -> Iterable[str]:
    """Persons whom a fact about a person may name besides: as a link does, and a correction of one."""
    match fact.data:
        case PersonsLinked(other_person_id=other):
            yield f"person/{other}"
        case FactCorrected(replacement=replacement) if replacement is not None:
            members = replacement.data
            if isinstance(members, dict) and "other_person_id" in members:
                yield f"person/{members['other_person_id']}"


def _of_same_person(subject: str, facts: Mapping[str, Sequence[Placed]]) -> dict[str, Sequence[Placed]]:
    """Of `facts` those of one person, under all ids. All of them are gone through at each of their positions."""
    found: dict[str, Sequence[Placed]] = {}
    wanted = {subject}
    while wanted:
        found |= {each: facts.get(each, ()) for each in wanted}
        near = [placed.fact for each in wanted for placed in found[each]]
        wanted = {each for fact in near for each in (fact.subject, *also_named(fact))} - found.keys()
    return found


def _plain(own: Sequence[Placed]) -> bool:
    """Whether facts came in the order of their timeline, and none says anything about another: nearly always."""
    keys = [placed.fact.key for placed in own]
    return keys == sorted(keys) and not any(
        isinstance(placed.fact.data, (FactCorrected, PersonsLinked)) for placed in own
    )


def _admissions(subject: str, facts: Mapping[str, Sequence[Placed]], position: int) -> Iterator[Admission]:
    """The admissions on a subject's timeline as known at a position."""
    known = {each: [one.fact for one in placed if one.position <= position] for each, placed in facts.items()}
    recorded = {(fact.source, fact.event_id): fact for each in known.values() for fact in each}
    places = _profile_places(recorded.values())

    def original(correction: Fact) -> Fact | None:
        return recorded.get((correction.source, cast(FactCorrected, correction.data).corrects))

    def named(each: str) -> Sequence[Fact]:
        return known.get(each, ())

    profile: ProfilePlace | None = None
    categories: tuple[str, ...] = ()
    for step in steps("person", timeline(subject, gathered(subject, named(subject), named, original)), NO_LINEAGE):
        data = step.fact.data
        if isinstance(data, (CandidateIdentified, MemberAdmitted)):
            if isinstance(data.profile, str):
                profile = places.get(data.profile, profile)
            if data.categories is not None:
                categories = data.categories
        if isinstance(data, MemberAdmitted):
            yield Admission(
                UUID(subject.partition("/")[2]),
                step.fact.source,
                step.fact.event_id,
                data.organisation_id,
                step.fact.effectiveon,
                tuple(sorted(set(categories))),
                profile,
            )


def _profile_places(facts: Iterable[Fact]) -> dict[str, ProfilePlace]:
    """Where each sealed profile came from: a corrected fact carries what the correction sealed."""
    found = {}
    for fact in facts:
        if not fact.subject.startswith("person/"):
            continue
        data = fact.data
        if isinstance(data, FactCorrected):
            members = data.replacement.data if data.replacement is not None else None
            sealed = members.get("profile") if isinstance(members, dict) else None
        else:
            sealed = getattr(data, "profile", None)
        if isinstance(sealed, str):
            found[sealed] = ProfilePlace(UUID(fact.subject.partition("/")[2]), fact.source, fact.event_id)
    return found
