"""Data of the events whose subject is an organisation."""

from datetime import date
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct, field

from shared.events.vocabulary import (
    Basis,
    Code,
    Comparison,
    Count,
    Metric,
    Name,
    OrganisationKind,
    OuterId,
    Sector,
    Tags,
    TargetMerging,
)


class OrganisationEstablished(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """An organisation is active from this day on. Only a source's registered root may lack a parent."""

    name: Name
    kind: OrganisationKind
    sector: Sector
    parent_id: OuterId | None = None
    tags: Tags = ()


class OrganisationDissolved(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """The organisation is active no more from the start of this day; a successor takes all that it had."""

    successor_id: OuterId | None = None


class OrganisationsMerged(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """The sources end at the start of this day, and all that they had is the survivor's, who is the subject."""

    sources: Annotated[tuple[OuterId, ...], Meta(min_length=1, max_length=1000)]
    targets: TargetMerging

    def __post_init__(self) -> None:
        if len(set(self.sources)) != len(self.sources):
            raise ValueError("expected each of `sources` once, found one twice")


class Allocation(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """Members and candidates that go to one organisation."""

    organisation_id: OuterId
    person_ids: Annotated[tuple[UUID, ...], Meta(min_length=1, max_length=2000)]


class OrganisationSplit(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """At the start of this day the listed persons go from the subject to others; the subject stays."""

    allocations: Annotated[tuple[Allocation, ...], Meta(min_length=1, max_length=1000)]


class OpeningBalanceDeclared(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """Members who are not known one by one, from the start of the day `as_of`; balances add up."""

    as_of: date
    official: Count
    probationary: Count


class TargetAssigned(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """What the organisation is to reach for one metric from the day `from` to the day `to`, both included."""

    target_id: OuterId
    metric: Metric
    basis: Basis
    issuer_id: OuterId
    from_: date = field(name="from")
    to: date
    comparison: Comparison
    value: Annotated[int, Meta(ge=0, le=100_000_000)]
    parent_target_id: OuterId | None = None

    def __post_init__(self) -> None:
        if self.to < self.from_:
            raise ValueError(f"expected `to` on or after `from` ({self.from_}), found {self.to}")


class OrganisationRenamed(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """The organisation has another name from this day on."""

    name: Name


class OrganisationReclassified(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """Another kind, sector or tags from this day on: a grassroots cell becomes a committee, say."""

    kind: OrganisationKind | None = None
    sector: Sector | None = None
    tags: Tags | None = None

    def __post_init__(self) -> None:
        if self.kind is None and self.sector is None and self.tags is None:
            raise ValueError("expected `kind`, `sector` or `tags`, found none of them")


class OrganisationReparented(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """The organisation, with all below it, comes to lie under another one from this day on."""

    parent_id: OuterId


class TargetRevised(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """Another value of the target is known from this day on."""

    target_id: OuterId
    value: Annotated[int, Meta(ge=0, le=100_000_000)]
    reason: Code


class TargetWithdrawn(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """The target stands no more from this day on."""

    target_id: OuterId
    reason: Code


class PeriodClosed(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """The figures of the days `from` to `to` are reported: later facts within them are restatements."""

    from_: date = field(name="from")
    to: date

    def __post_init__(self) -> None:
        if self.to < self.from_:
            raise ValueError(f"expected `to` on or after `from` ({self.from_}), found {self.to}")
