"""Data of the events whose subject is an organisation."""

from datetime import date
from typing import Annotated

from msgspec import Meta, Struct, field

from shared.events.vocabulary import (
    Basis,
    Comparison,
    Count,
    Metric,
    Name,
    OrganisationKind,
    OuterId,
    Sector,
    Tags,
)


class OrganisationEstablished(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An organisation is active from this day on. Only a source's registered root may lack a parent."""

    name: Name
    kind: OrganisationKind
    sector: Sector
    parent_id: OuterId | None = None
    tags: Tags = ()


class OrganisationDissolved(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The organisation is active no more from the start of this day; a successor takes all that it had."""

    successor_id: OuterId | None = None


class OpeningBalanceDeclared(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Members who are not known one by one, from the start of the day `as_of`; balances add up."""

    as_of: date
    official: Count
    probationary: Count


class TargetAssigned(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
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
