"""Receipts: what became of each delivered event, and why."""

from datetime import datetime
from typing import Literal, get_args
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType

Outcome = Literal["recorded", "duplicate", "quarantined", "rejected", "discarded"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)

RejectionCode = Literal[
    "too-large",
    "malformed-json",
    "not-a-cloudevent",
    "source-mismatch",
    "id-conflict",
    "unknown-type",
    "unknown-version",
    "invalid-data",
    "foreign-organisation",
]
QuarantineCode = Literal[
    "unknown-subject", "unknown-organisation", "unknown-target", "wrong-stage", "rule-violated"
]


class Reason(Struct, frozen=True, omit_defaults=True):
    """Why an event was not recorded: a code, what was expected and found, and where."""

    code: str
    message: str
    path: str | None = None
    """JSON path of the offending value, such as `$.data.organisation_id`."""


class Finding(Struct, frozen=True):
    """A soft rule that a recorded event breaks, or what recording it did to other facts."""

    code: str
    message: str


class Receipt(Struct, frozen=True):
    """The current outcome of one delivery: (source, stream_sequence, batch_index)."""

    event_id: UUID | None
    source: str
    outcome: Outcome
    stream_sequence: int
    batch_index: int
    at: datetime
    findings: tuple[Finding, ...] = ()
    position: int | UnsetType = UNSET
    reason: Reason | UnsetType = UNSET
