"""What the registry is handed and what it hands on: deliveries, and the rows that come of them."""

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from shared.events.codec import Submitted
from shared.events.receipts import Finding, Reason, Receipt
from shared.events.refusing import Unreadable
from shared.timeline.fact import Fact

MAX_SEQUENCE = 10**18
MAX_RANGES = 1000


@dataclass(slots=True)
class Message:
    """One message of a source's stream, with its place there, and that of the message before it.

    The one before need not be the next lower number: a stream may have lost messages. But until it is settled,
    this one must not be.
    """

    source: str
    stream_sequence: int
    previous: int
    event_name: str
    """Last token of the subject: an event name, or `batch`."""
    payload: bytes | None
    """None: this message, and any before it that is not settled, left the stream before it was read."""
    reads: "list[Read] | None" = field(default=None, repr=False, compare=False)
    """Its events, once `reading.read_message` has read them."""
    trace: tuple[str | None, int] | None = field(default=None, repr=False, compare=False)
    """The span that it comes from, if it says so, and when it arrived (`time.time_ns()`); None: nobody asks."""


class Delivery(Struct, frozen=True, gc=False):
    """The place of one event among all that a source delivered."""

    source: str
    stream_sequence: int
    batch_index: int


Read = tuple[Delivery, Submitted | Unreadable]
"""A delivery and its event, or why it cannot be read."""


class LogRow(Struct, frozen=True, gc=False):
    """A recorded event."""

    delivery: Delivery
    position: int
    recordedat: datetime
    event_id: UUID
    type: str
    subject: str
    content_hash: bytes
    findings: tuple[Finding, ...]
    event: bytes

    @property
    def receipt(self) -> Receipt:
        """What its source is told."""
        return Receipt(
            self.event_id,
            self.delivery.source,
            "recorded",
            self.delivery.stream_sequence,
            self.delivery.batch_index,
            self.recordedat,
            self.findings,
            self.position,
        )


class RefusedRow(Struct, frozen=True):
    """A delivery that ends without a place in the log."""

    delivery: Delivery
    event_id: UUID | None
    outcome: str
    position: int | None
    reason: Reason | None


class Waiting(Struct):
    """A quarantined event; `content` is its canonical JSON, profiles sealed."""

    delivery: Delivery
    fact: Fact
    type: str
    content_hash: bytes
    content: bytes
    reason: Reason
    waits_for: frozenset[str]
    at: datetime
    stored: bool
    """Whether the quarantine table has it already."""

    @property
    def key(self) -> tuple[str, UUID]:
        """What holds its id: source and event id."""
        return (self.delivery.source, self.fact.event_id)


@dataclass(slots=True)
class SourceProgress:
    """How far a source is settled, which of its own sequence numbers were seen, and what it lost."""

    source: str
    root: str
    settled: int
    last_seen: datetime | None
    sequences: list[tuple[int, int]]
    lost: list[tuple[int, int]]
    """Ranges of stream sequences whose messages left the stream before they were read."""

    def settle(self, message: Message) -> None:
        """All up to this message is settled; what lay between is lost."""
        first, last = self.settled + 1, message.stream_sequence - (message.payload is not None)
        if first <= last:
            self.lost.append((first, last))
            del self.lost[: max(0, len(self.lost) - MAX_RANGES)]
        self.settled = message.stream_sequence

    def see(self, sequence: int) -> None:
        """Add a number to the ranges seen, joining neighbours."""
        ranges = self.sequences
        if ranges and ranges[-1][1] + 1 == sequence:
            ranges[-1] = (ranges[-1][0], sequence)
            return
        at = bisect_right(ranges, (sequence, MAX_SEQUENCE))
        before = ranges[at - 1] if at else None
        after = ranges[at] if at < len(ranges) else None
        if before is not None and sequence <= before[1]:
            return
        first, last = sequence, sequence
        if before is not None and before[1] + 1 == sequence:
            first, at = before[0], at - 1
        if after is not None and sequence + 1 == after[0]:
            last = after[1]
        ranges[at : at + (first < sequence) + (last > sequence)] = [(first, last)]
        # Who counts in steps has no gapless count: the oldest of so many holes are forgotten.
        del ranges[: max(0, len(ranges) - MAX_RANGES)]


@dataclass(slots=True)
class Outcomes:
    """All that a turn writes beside the head and the state."""

    log: list[LogRow] = field(default_factory=list)
    refused: list[RefusedRow] = field(default_factory=list)
    held: dict[tuple[str, UUID], Waiting] = field(default_factory=dict)
    released: list[Waiting] = field(default_factory=list)
    told: list[Receipt] = field(default_factory=list)
    """Receipts of all that is not recorded; what is recorded, the log itself says."""

    @property
    def not_recorded(self) -> set[tuple[str, UUID]]:
        """Source and event id of all that came with this turn and is not recorded by it."""
        refused = {(row.delivery.source, row.event_id) for row in self.refused if row.event_id is not None}
        return refused | {key for key, waiting in self.held.items() if not waiting.stored}

    @property
    def receipts(self) -> list[Receipt]:
        """All, in the order of deliveries; of what waited and was recorded at once, first that it waited."""
        found = [*self.told, *(row.receipt for row in self.log)]
        return sorted(found, key=lambda each: (each.source, each.stream_sequence, each.batch_index))

    def numbers(self) -> Counter[tuple[str, str]]:
        """By source and outcome: how the numbers of current outcomes change."""
        found: Counter[tuple[str, str]] = Counter()
        for source, number in Counter(row.delivery.source for row in self.log).items():
            found[(source, "recorded")] += number
        for refused in self.refused:
            found[(refused.delivery.source, refused.outcome)] += 1
        for waiting in self.held.values():
            found[(waiting.delivery.source, "quarantined")] += not waiting.stored
        for released in self.released:
            found[(released.delivery.source, "quarantined")] -= 1
        return found
