"""Data of the events whose subject is a person: never a name, never free text."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from shared.events.vocabulary import (
    Categories,
    Code,
    EndReason,
    MembershipStatus,
    MentorRole,
    OuterId,
    Reference,
    TransferKind,
)

Attribute = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_./-]{0,63}\Z")]
"""A code such as `farmer` or `12/12`."""


class Profile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """Sensitive attributes of a person. Sealed with the person's own key before anything is stored."""

    sex: Literal["female", "male"] | None = None
    birth_year: Annotated[int, Meta(ge=1900, le=2200)] | None = None
    ethnic_minority: bool | None = None
    occupation: Attribute | None = None
    schooling: Attribute | None = None
    youth_union: bool | None = None


Purpose = Literal["admission", "confirmation", "removal"]
"""What a vote or a decision is about."""

Sealed = Annotated[str, Meta(pattern=r"^sealed:v1:[A-Za-z0-9_-]+\Z")]
"""A profile as it stands on the log: encrypted, base64url. A publisher sends a `Profile`."""


class CandidateIdentified(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """A person enters the pool of an organisation."""

    organisation_id: OuterId
    categories: Categories = ()
    nominated_by: OuterId | None = None
    profile: Profile | Sealed | None = None


class CandidateListed(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """The candidate stands on a list that the organisation has resolved."""

    resolution_ref: Reference | None = None


class CandidateClosed(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """The candidacy ends without admission."""

    reason: Code


class MentorAssigned(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """A member takes charge of a candidate or of a probationary member."""

    mentor_id: UUID
    role: MentorRole


class MentorReleased(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """The mentor's charge ends."""

    mentor_id: UUID
    reason: Code


class MemberAdmitted(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """The candidate becomes a probationary member on the day of the ceremony."""

    organisation_id: OuterId
    ceremony_on: date
    decision_ref: Reference | None = None
    categories: Categories | None = None
    profile: Profile | Sealed | None = None


class MemberConfirmed(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """The probationary member becomes an official one."""

    official_from: date


class MemberEnrolled(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """An existing member is registered, counted as new or taken out of the organisation's opening balance."""

    organisation_id: OuterId
    status: MembershipStatus
    admitted_on: date | None = None
    in_opening_balance: bool


class TransferInitiated(
    Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False, rename={"from_": "from"}
):
    """The member has been sent on; counts change only when the other end accepts an official transfer."""

    from_: OuterId
    to: OuterId
    kind: TransferKind


class TransferAccepted(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """The receiving organisation says that the member has presented the papers."""

    organisation_id: OuterId
    presented_on: date


class MembershipEnded(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """The person is a member no more."""

    reason: EndReason


class CandidateMoved(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """The open candidacy goes on in another organisation."""

    organisation_id: OuterId


class MentorReportSubmitted(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """A mentor's report for the days from `period_from` to `period_to`, both included."""

    mentor_id: UUID
    period_from: date
    period_to: date
    rating: Code

    def __post_init__(self) -> None:
        if self.period_to < self.period_from:
            raise ValueError(
                f"expected `period_to` on or after `period_from` ({self.period_from}), found {self.period_to}"
            )


class Certificate(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """What the class ended with; without `expires_on` the rule pack says how long it is valid."""

    ref: Reference
    issued_on: date
    expires_on: date | None = None
    grade: Code | None = None
    """As the certificate states it, such as `good`; a code only."""


class TrainingCompleted(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """An awareness class, and its certificate."""

    class_id: Reference | None = None
    certificate: Certificate


class ApplicationSubmitted(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """The candidate has applied for admission."""

    dossier_ref: Reference | None = None


class Introducer(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """Who introduces a candidate: a member, or an organisation such as the youth union."""

    id: OuterId
    kind: Code


class IntroductionConfirmed(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """These introduce the candidate."""

    introducers: Annotated[tuple[Introducer, ...], Meta(min_length=1, max_length=8)]


class BackgroundVerified(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """The outcome of the verification: a code only."""

    outcome: Literal["cleared", "not_cleared", "incomplete"]


class VoteHeld(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """A vote at one level: how many were eligible, and how many in favour."""

    purpose: Purpose
    level: Code
    eligible: Annotated[int, Meta(ge=1, le=1_000_000)]
    in_favour: Annotated[int, Meta(ge=0, le=1_000_000)]
    round: Annotated[int, Meta(ge=1, le=100)]


class DecisionIssued(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """A decision of the authority, and when the organisation received it."""

    purpose: Purpose
    outcome: Code
    decision_ref: Reference
    decided_on: date
    received_on: date | None = None


class TransferCancelled(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """The open transfer comes to nothing."""

    reason: Code


class PersonsLinked(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """Two ids are one person: the subject's membership stands, the other's ends as `linked`, from this day on."""

    other_person_id: UUID


class PersonErased(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """The person asked to be forgotten: attributes are erased for good, head counts stay."""

    request_ref: Reference
