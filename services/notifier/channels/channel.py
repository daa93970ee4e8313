"""What every channel takes and promises: a letter to one recipient, delivered or not."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Protocol
from uuid import UUID

from msgspec import Struct


class NotDelivered(Exception):
    """It did not arrive; trying again may help."""


class GivenUp(Exception):
    """It did not arrive, and trying again cannot help."""


class Alert(Struct, frozen=True, kw_only=True):
    """What an alert says: figures of an organisation, never a person."""

    id: UUID
    rule: str
    target_id: str
    status: str
    organisation_id: str
    organisation_name: str
    issuer_id: str
    metric: str
    basis: str
    comparison: str
    value: int
    actual: int
    attainment_percent: float | None
    excess_percent: float | None
    first: date
    last: date
    as_of: date
    raised_at: datetime
    state: str
    resolved_at: datetime | None
    acknowledged_at: datetime | None
    muted_until: datetime | None

    @classmethod
    def of_row(cls, row: Mapping[Any, Any]) -> "Alert":
        """The alert that a row of the table holds."""
        return cls(**{name: row[name] for name in cls.__struct_fields__})

    def body(self) -> dict[str, Any]:
        """As the API and webhooks say it."""
        return {
            "id": self.id,
            "rule": self.rule,
            "state": self.state,
            "status": self.status,
            "organisation": {"id": self.organisation_id, "name": self.organisation_name},
            "target_id": self.target_id,
            "metric": self.metric,
            "basis": self.basis,
            "issuer_id": self.issuer_id,
            "comparison": self.comparison,
            "from": self.first,
            "to": self.last,
            "as_of": self.as_of,
            "target": self.value,
            "actual": self.actual,
            "attainment_percent": self.attainment_percent,
            "excess_percent": self.excess_percent,
            "raised_at": self.raised_at,
        }


class Letter(Struct, frozen=True, kw_only=True):
    """One alert for one recipient; `delivery_id` is the same on every attempt."""

    delivery_id: UUID
    recipient: str
    language: str
    secret: str | None
    alert: Alert

    @classmethod
    def of_row(cls, row: Mapping[Any, Any]) -> "Letter":
        """The letter that a claimed row holds."""
        own = {name: row[name] for name in ("delivery_id", "recipient", "language", "secret")}
        return cls(**own, alert=Alert.of_row(row))


class Channel(Protocol):
    """A way out."""

    name: str
    at_once: int
    """Letters, each to another recipient, that may be on their way at the same time."""

    async def send(self, letter: Letter) -> None:
        """Deliver. Raises NotDelivered or GivenUp."""
