"""Following events by their ids: what became of each goes into the log at level `debug`, and into traces."""

import logging
import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any

import structlog

from services.registry.deliveries import Message, Outcomes
from shared.runtime import carried, tracing

log = structlog.get_logger(__name__)

KEPT = 20_000
"""Positions whose span is remembered until they are relayed. What is lost with the process, is not traced on."""


class Following:
    """Of one registry. Where no trace is wanted and no `debug`, each call is one look at a flag."""

    def __init__(self) -> None:
        self._arrived: dict[tuple[str, int], Message] = {}
        self._spans: OrderedDict[int, str] = OrderedDict()

    def begun(self, messages: Iterable[Message]) -> None:
        """These are about to be decided."""
        if tracing.on():
            self._arrived = {(each.source, each.stream_sequence): each for each in messages}

    def committed(self, outcomes: Outcomes) -> None:
        """This is what became of them."""
        if logging.getLogger(__name__).isEnabledFor(logging.DEBUG):
            for receipt in outcomes.receipts:
                log.debug(
                    "an event has its outcome",
                    event_id=str(receipt.event_id),
                    source=receipt.source,
                    outcome=receipt.outcome,
                    position=receipt.position or None,
                    code=receipt.reason.code if receipt.reason else None,
                    stream_sequence=receipt.stream_sequence,
                    batch_index=receipt.batch_index,
                )
        if tracing.on():
            self._trace(outcomes)

    def _trace(self, outcomes: Outcomes) -> None:
        arrived, self._arrived = self._arrived, {}
        positions: dict[tuple[str, int], list[int]] = {place: [] for place in arrived}
        for row in outcomes.log:
            positions.get((row.delivery.source, row.delivery.stream_sequence), []).append(row.position)
        for place, message in arrived.items():
            parent, began = message.trace or (None, time.time_ns())
            span = tracing.past(
                "decide", parent, began, source=place[0], stream_sequence=place[1], recorded=len(positions[place])
            )
            if span is not None:
                self._spans.update(dict.fromkeys(positions[place], span))
        while len(self._spans) > KEPT:
            self._spans.popitem(last=False)

    def relaying(self, first: int, last: int) -> dict[str, str]:
        """The headers with which these positions go to LOG: the traces that they belong to, if any."""
        if not self._spans:
            return {}
        found = [(position, self._spans.get(position)) for position in range(first, last + 1)]
        began = time.time_ns()
        relayed: dict[str, str | None] = {}
        for _, span in found:
            if span is not None and span not in relayed:
                relayed[span] = tracing.past("relay", span, began, first=first, last=last)
        traced = [(position, on) for position, span in found if span is not None and (on := relayed[span])]
        return {carried.HEADER: carried.write(traced)} if traced else {}

    def relayed(self, rows: Sequence[Any]) -> None:
        """These rows of the log (event_id, source, position) are in the stream LOG."""
        if self._spans:
            for row in rows:
                self._spans.pop(row.position, None)
        if logging.getLogger(__name__).isEnabledFor(logging.DEBUG):
            for row in rows:
                log.debug(
                    "an event was relayed", event_id=str(row.event_id), source=row.source, position=row.position
                )
