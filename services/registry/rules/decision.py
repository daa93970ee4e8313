"""What can be decided about an event."""

from msgspec import Struct

from shared.events.receipts import Finding, Reason
from shared.timeline.book import Effect


class Record(Struct, frozen=True, gc=False):
    """Put it on the log, with this effect on folds and figures."""

    effect: Effect
    findings: tuple[Finding, ...]


class Quarantine(Struct, frozen=True):
    """Let it wait for facts about any of the subjects in `waits_for`."""

    reason: Reason
    waits_for: frozenset[str]


class Reject(Struct, frozen=True):
    """It can never be recorded."""

    reason: Reason


Decision = Record | Quarantine | Reject
