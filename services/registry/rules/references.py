"""Which organisations, persons and targets an event names, and which of them must be the source's own."""

from collections.abc import Iterator
from typing import cast
from uuid import UUID

from msgspec import Struct

from shared.events import organisation, person, place
from shared.timeline.fact import Fact
from shared.timeline.perspective import others


class NamedOrganisation(Struct, frozen=True):
    """An organisation named in `data.<member>`; `own`: must lie under the source's root."""

    member: str
    organisation_id: str
    own: bool


NAMES_NOBODY = frozenset(
    {
        person.CandidateListed,
        person.CandidateClosed,
        person.MentorAssigned,
        person.MentorReportSubmitted,
        person.TrainingCompleted,
        person.ApplicationSubmitted,
        person.IntroductionConfirmed,
        person.BackgroundVerified,
        person.VoteHeld,
        person.DecisionIssued,
        person.MemberConfirmed,
    }
)
"""Most of what is published: about its own person only, without an organisation, a target or whom it is linked to.

No hard rule about others can hold it back; it spares the question which of all others it is.
"""


NAMES_ITS_ORGANISATION = frozenset({person.CandidateIdentified, person.MemberAdmitted, person.MemberEnrolled})
"""About their own person, and one organisation, in `organisation_id`, which is the source's own.

Of the hard rules about others, only that about opening balances concerns them.
"""

READ_ALONE = NAMES_NOBODY - {person.MentorAssigned}
"""Of these, `subjects_to_read` gives the event's own subject only; a mentor is looked at for a finding."""


def named_organisations(fact: Fact, root: str) -> list[NamedOrganisation]:
    """The organisations that `data` names and that must be on record and active on its day."""
    if type(fact.data) in NAMES_NOBODY:
        return []
    return [
        NamedOrganisation(member, organisation_id, own)
        for member, organisation_id, own in _named(fact, root)
        if organisation_id is not None
    ]


def referred_organisations(fact: Fact) -> list[NamedOrganisation]:
    """Organisations of anybody that `data` refers to: on record or not, but active on its day if they are."""
    match fact.data:
        case organisation.TargetAssigned(issuer_id=issuer_id):
            return [NamedOrganisation("issuer_id", issuer_id, own=False)]
        case person.CandidateIdentified(nominated_by=str(nominated_by)):
            return [NamedOrganisation("nominated_by", nominated_by, own=False)]
    return []


def _named(fact: Fact, root: str) -> Iterator[tuple[str, str | None, bool]]:
    match fact.data:
        case (
            organisation.OrganisationEstablished(parent_id=parent_id)
            | organisation.OrganisationReparented(parent_id=parent_id)
        ):
            yield "parent_id", parent_id, fact.subject_id != root
        case organisation.OrganisationDissolved(successor_id=successor_id):
            yield "successor_id", successor_id, True
        case organisation.OrganisationsMerged(sources=sources):
            for source_id in sources:
                yield "sources", source_id, True
        case organisation.OrganisationSplit(allocations=allocations):
            for allocation in allocations:
                yield "allocations", allocation.organisation_id, True
        case place.PlaceCovered(cell_id=cell_id):
            yield "cell_id", cell_id, True
        case person.TransferInitiated(from_=from_, to=to):
            yield "from", from_, True
            yield "to", to, False
        case (
            place.PlaceRegistered(organisation_id=organisation_id)
            | person.CandidateIdentified(organisation_id=organisation_id)
            | person.CandidateMoved(organisation_id=organisation_id)
            | person.MemberAdmitted(organisation_id=organisation_id)
            | person.MemberEnrolled(organisation_id=organisation_id)
            | person.TransferAccepted(organisation_id=organisation_id)
        ):
            yield "organisation_id", organisation_id, True


def named_target(fact: Fact) -> str | None:
    """The target that must be on record."""
    match fact.data:
        case organisation.TargetRevised(target_id=target_id) | organisation.TargetWithdrawn(target_id=target_id):
            return target_id
    return None


def named_person(fact: Fact) -> str | None:
    """The person, other than the subject, who must be on record."""
    match fact.data:
        case person.PersonsLinked(other_person_id=other):
            return str(other)
    return None


def subjects_to_read(fact: Fact, root: str) -> list[str]:
    """Subjects whose folds a decision about `fact` is sure to ask for."""
    if type(fact.data) in NAMES_NOBODY:
        if isinstance(fact.data, person.MentorAssigned):
            return [fact.subject, person_key(str(fact.data.mentor_id))]
        return [fact.subject]
    if type(fact.data) in NAMES_ITS_ORGANISATION:
        named_one = cast(person.CandidateIdentified, fact.data).organisation_id
        referred = [organisation_key(each.organisation_id) for each in referred_organisations(fact)]
        return [fact.subject, organisation_key(named_one), *referred]
    named = (*named_organisations(fact, root), *referred_organisations(fact))
    return [fact.subject, *others(fact), *(organisation_key(each.organisation_id) for each in named)]


def targets_to_read(fact: Fact) -> list[str]:
    """Targets whose owners a decision about `fact` is sure to ask for."""
    match fact.data:
        case (
            organisation.TargetAssigned(target_id=target_id)
            | organisation.TargetRevised(target_id=target_id)
            | organisation.TargetWithdrawn(target_id=target_id)
        ):
            return [target_id]
    return []


def organisation_key(organisation_id: str) -> str:
    """What waits for an organisation waits under this key; also its subject."""
    return f"organisation/{organisation_id}"


def person_key(person_id: str) -> str:
    """What waits for a person waits under this key; also its subject."""
    return f"person/{person_id}"


def target_key(target_id: str) -> str:
    """What waits for a target waits under this key."""
    return f"target/{target_id}"


def event_key(source: str, event_id: UUID) -> str:
    """What waits for another event waits under this key."""
    return f"event/{source}/{event_id}"


EVERY_KIND = frozenset({"person", "organisation", "place", "target", "event"})
"""Kinds of keys under which something may wait."""


def kind_of_key(key: str) -> str:
    """Of what kind it is that something waits for under this key."""
    return key.partition("/")[0]
