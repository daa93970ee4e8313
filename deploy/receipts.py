"""The tally of receipts: which of the events that we published has which outcome now."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

import httpx
import msgspec

from shared.events.receipts import OUTCOMES, Receipt
from shared.runtime.tls import trusting

_RECEIPTS = msgspec.json.Decoder(Receipt | list[Receipt])
_PAGE = 1000


class _Page(msgspec.Struct):
    receipts: list[Receipt]
    next: int | str | None = None


@dataclass(frozen=True)
class Problem:
    """An event that is not recorded: its place among those published, from 0, and its receipt."""

    index: int
    receipt: Receipt


@dataclass
class _Message:
    first: int
    outcomes: bytearray
    """For each event of the message its outcome, as 1 + index in OUTCOMES; 0 is none yet."""


class Tally:
    """Counts outcomes by delivery. Receipts may come more than once, and before their message is expected."""

    KEPT: ClassVar[int] = 10_000
    """How many problems are kept; all are counted."""
    EARLY: ClassVar[int] = 20_000
    """How many receipts are put aside of messages that are not ours, or not yet: others may publish as the same
    source without end. Twice what our messages on the way have of events; the registry tells the rest again."""

    def __init__(self) -> None:
        self.open = 0
        """Events expected that have no outcome yet."""
        self.last_position = 0
        self.findings: Counter[str] = Counter()
        """By code, recorded events that carry such a finding."""
        self.released = 0
        """Events whose quarantine was heard of before they were recorded."""
        self.moved = asyncio.Event()
        """Set whenever an outcome of ours is new or changes."""
        self._counts: Counter[str] = Counter()
        self._messages: dict[int, _Message] = {}
        self._early: dict[int, list[Receipt]] | None = {}
        """By message, the one that was heard of first before the others; None: no more messages are expected."""
        self._put_aside = 0
        self._problems: dict[int, Receipt] = {}

    @property
    def waiting(self) -> int:
        """Events in quarantine."""
        return self._counts["quarantined"]

    def expect(self, stream_sequence: int, first: int, count: int) -> None:
        """The stream holds a message of ours: `count` events, the first of which is number `first`."""
        self._messages[stream_sequence] = _Message(first, bytearray(count))
        self.open += count
        assert self._early is not None, "no more messages are expected"
        early = self._early.pop(stream_sequence, [])
        self._put_aside -= len(early)
        for receipt in early:
            self.hear(receipt)

    def expect_no_more(self) -> None:
        """The stream holds all messages of ours: receipts of others are not put aside any more."""
        self._early = None

    def hear(self, receipt: Receipt) -> None:
        """Take in a receipt; one of a message that is not ours, or not yet, is put aside."""
        message = self._messages.get(receipt.stream_sequence)
        if message is None:
            self._keep_early(receipt)
            return
        if receipt.batch_index >= len(message.outcomes):
            return
        before = message.outcomes[receipt.batch_index]
        known = OUTCOMES[before - 1] if before else None
        if known == receipt.outcome or (known is not None and receipt.outcome == "quarantined"):
            return  # said again, or overtaken by what became of it later
        message.outcomes[receipt.batch_index] = 1 + OUTCOMES.index(receipt.outcome)
        self._count(message.first + receipt.batch_index, known, receipt)
        self.moved.set()

    def _keep_early(self, receipt: Receipt) -> None:
        if self._early is None:
            return
        self._early.setdefault(receipt.stream_sequence, []).append(receipt)
        self._put_aside += 1
        while self._put_aside > self.EARLY:
            # A message of ours is acknowledged soon after it is answered: what was put aside longest is others'.
            self._put_aside -= len(self._early.pop(next(iter(self._early))))

    def outcomes(self) -> dict[str, int]:
        """Current outcome → number of events, in the contract's order, without zeros."""
        return {outcome: self._counts[outcome] for outcome in OUTCOMES if self._counts[outcome]}

    def problems(self) -> tuple[Problem, ...]:
        """What is quarantined, rejected or discarded, in the order of publishing."""
        return tuple(Problem(index, self._problems[index]) for index in sorted(self._problems))

    def first_unsettled(self) -> int:
        """Lowest stream sequence of ours with an event that has no outcome or waits in quarantine."""
        waiting = 1 + OUTCOMES.index("quarantined")
        unsettled = (
            sequence
            for sequence, message in self._messages.items()
            if 0 in message.outcomes or waiting in message.outcomes
        )
        return min(unsettled, default=1)

    def _count(self, index: int, known: str | None, receipt: Receipt) -> None:
        if known is None:
            self.open -= 1
        else:
            self._counts[known] -= 1
        self._counts[receipt.outcome] += 1
        self._problems.pop(index, None)
        if isinstance(receipt.position, int):
            self.last_position = max(self.last_position, receipt.position)
        if receipt.outcome == "recorded":
            self.findings.update({finding.code for finding in receipt.findings})
            self.released += known == "quarantined"
        elif receipt.outcome != "duplicate" and len(self._problems) < self.KEPT:
            self._problems[index] = receipt


def read_receipts(payload: bytes) -> list[Receipt]:
    """The receipts of one NATS message: one object, or an array of them."""
    receipts = _RECEIPTS.decode(payload)
    return receipts if isinstance(receipts, list) else [receipts]


async def fetch_receipts(
    registry_url: str, source: str, after_stream_sequence: int, key: str = "", ca: str = ""
) -> AsyncIterator[Receipt]:
    """Every receipt of `source` after a stream sequence, page by page; ends early if the registry is away."""
    after: int | str = after_stream_sequence
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with httpx.AsyncClient(
        base_url=registry_url, timeout=30, trust_env=False, headers=headers, verify=trusting(ca)
    ) as client:
        while True:
            query = {"source": source, "after_stream_sequence": after, "limit": _PAGE}
            try:
                response = await client.get("/v1/receipts", params=query)
                response.raise_for_status()
            except httpx.HTTPError:
                return
            page = msgspec.json.decode(response.content, type=_Page)
            for receipt in page.receipts:
                yield receipt
            if not page.receipts or page.next is None or page.next == after:
                return
            after = page.next
