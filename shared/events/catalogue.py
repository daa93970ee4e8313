"""The catalogue of event types: for each type its version, its data and the kind of its subject.

A name may stand here in several versions, in their order. All are accepted; whoever reads an event gets its data
in the newest one (`upcasting.py`).
"""

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

import msgspec

from shared.events import correction, earlier, organisation, person, place

SubjectKind = Literal["organisation", "place", "person"]


@dataclass(frozen=True, slots=True)
class EventType:
    """One entry: `name` and `version` make the CloudEvents type `name.vN`."""

    name: str
    version: int
    subject: SubjectKind | None
    """None: about any kind."""
    data: type[msgspec.Struct]
    same_day: str | None = None
    """The member of `data` that must equal `effectiveon`, where there is one."""
    opens: bool = False
    """Whether it may be the first fact about its subject."""

    type: str = field(init=False)
    """The CloudEvents `type`."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "type", f"{self.name}.v{self.version}")


_ENTRIES = (
    EventType("OrganisationEstablished", 1, "organisation", organisation.OrganisationEstablished, opens=True),
    EventType("OrganisationRenamed", 1, "organisation", organisation.OrganisationRenamed),
    EventType("OrganisationReclassified", 1, "organisation", organisation.OrganisationReclassified),
    EventType("OrganisationReparented", 1, "organisation", organisation.OrganisationReparented),
    EventType("OrganisationsMerged", 1, "organisation", organisation.OrganisationsMerged),
    EventType("OrganisationSplit", 1, "organisation", organisation.OrganisationSplit),
    EventType("OrganisationDissolved", 1, "organisation", organisation.OrganisationDissolved),
    EventType("OpeningBalanceDeclared", 1, "organisation", organisation.OpeningBalanceDeclared, "as_of"),
    EventType("TargetAssigned", 1, "organisation", organisation.TargetAssigned),
    EventType("TargetRevised", 1, "organisation", organisation.TargetRevised),
    EventType("TargetWithdrawn", 1, "organisation", organisation.TargetWithdrawn),
    EventType("PeriodClosed", 1, "organisation", organisation.PeriodClosed),
    EventType("PlaceRegistered", 1, "place", place.PlaceRegistered, opens=True),
    EventType("PlaceCovered", 1, "place", place.PlaceCovered),
    EventType("CandidateIdentified", 1, "person", person.CandidateIdentified, opens=True),
    EventType("CandidateListed", 1, "person", person.CandidateListed),
    EventType("CandidateMoved", 1, "person", person.CandidateMoved),
    EventType("CandidateClosed", 1, "person", person.CandidateClosed),
    EventType("MentorAssigned", 1, "person", person.MentorAssigned),
    EventType("MentorReleased", 1, "person", person.MentorReleased),
    EventType("MentorReportSubmitted", 1, "person", person.MentorReportSubmitted),
    EventType("TrainingCompleted", 1, "person", earlier.TrainingCompletedV1, opens=True),
    EventType("TrainingCompleted", 2, "person", person.TrainingCompleted, opens=True),
    EventType("ApplicationSubmitted", 1, "person", person.ApplicationSubmitted),
    EventType("IntroductionConfirmed", 1, "person", person.IntroductionConfirmed),
    EventType("BackgroundVerified", 1, "person", person.BackgroundVerified),
    EventType("VoteHeld", 1, "person", person.VoteHeld),
    EventType("DecisionIssued", 1, "person", person.DecisionIssued),
    EventType("MemberAdmitted", 1, "person", person.MemberAdmitted, "ceremony_on"),
    EventType("MemberConfirmed", 1, "person", person.MemberConfirmed, "official_from"),
    EventType("MemberEnrolled", 1, "person", person.MemberEnrolled, opens=True),
    EventType("TransferInitiated", 1, "person", person.TransferInitiated),
    EventType("TransferAccepted", 1, "person", person.TransferAccepted, "presented_on"),
    EventType("TransferCancelled", 1, "person", person.TransferCancelled),
    EventType("MembershipEnded", 1, "person", person.MembershipEnded),
    EventType("PersonsLinked", 1, "person", person.PersonsLinked),
    EventType("PersonErased", 1, "person", person.PersonErased),
    EventType("FactCorrected", 1, None, correction.FactCorrected),
)

CATALOGUE = MappingProxyType({entry.type: entry for entry in _ENTRIES})
"""CloudEvents type → entry."""

NEWEST = MappingProxyType({entry.name: entry for entry in _ENTRIES})
"""Event name → entry of its newest version, in which data of every version is read."""

NAMES = frozenset(NEWEST)
