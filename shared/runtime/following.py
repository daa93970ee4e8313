"""Following recorded events through a reader of the log: a line each at level `debug`, and their traces."""

import logging
from collections.abc import Mapping, Sequence
from typing import Protocol
from uuid import UUID

import structlog

from shared.runtime import carried, tracing

log = structlog.get_logger(__name__)


class Followed(Protocol):
    """What is told of an event."""

    @property
    def event_id(self) -> UUID: ...

    @property
    def source(self) -> str: ...

    @property
    def position(self) -> int: ...


def followed(what: str, events: Sequence[Followed]) -> None:
    """Say that `what` has happened to each of these, where `debug` is wanted."""
    if logging.getLogger(__name__).isEnabledFor(logging.DEBUG):
        for event in events:
            log.debug(what, event_id=str(event.event_id), source=event.source, position=event.position)


def traced(what: str, headers: Mapping[str, str], began: int) -> None:
    """`what` has happened since `began` (`time.time_ns()`) to all that a message of the log carries."""
    if tracing.on():
        for first, last, parent in carried.read(headers.get(carried.HEADER, "")):
            tracing.past(what, parent, began, first=first, last=last)
