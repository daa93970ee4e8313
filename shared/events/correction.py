"""Data of the event that corrects another one, whatever that one is about."""

from datetime import date
from typing import Any
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType

from shared.events.vocabulary import Code


class Replacement(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the corrected fact says instead; what is left out stays as it was."""

    effectiveon: date | UnsetType = UNSET
    data: dict[str, Any] | UnsetType = UNSET
    """Replaces the data whole. Read as the type of the corrected fact, once that is known."""

    def __post_init__(self) -> None:
        if self.effectiveon is UNSET and self.data is UNSET:
            raise ValueError("expected `effectiveon` or `data`, or null as replacement to retract, found neither")


class FactCorrected(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Another fact of the same source and about the same subject says something else, or, with null, nothing."""

    corrects: UUID
    replacement: Replacement | None
    reason: Code
