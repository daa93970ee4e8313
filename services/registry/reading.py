"""Messages to events: what needs nothing but the message itself, and is done before its turn comes."""

from collections.abc import Iterator
from itertools import islice

from msgspec import Raw

from services.registry.deliveries import Delivery, Message, Read
from shared.events.codec import MAX_MESSAGE, Submitted, read, split_batch
from shared.events.receipts import Reason
from shared.events.refusing import Unreadable
from shared.events.subjects import BATCH

EVENTS_A_STEP = 32
"""A fifth of a millisecond's, for which an answer of PostgreSQL may have to wait."""


def read_message(message: Message) -> list[Read]:
    """The events of a message, each with its delivery; an unreadable batch is one delivery. Reads it once."""
    if message.reads is None:
        message.reads = list(_read(message))
    return message.reads


def read_in_steps(message: Message) -> Iterator[None]:
    """What `read_message` does, with a pause after each few events. Left before its end, it did nothing."""
    if message.reads is None:
        found: list[Read] = []
        events = _read(message)
        while some := list(islice(events, EVENTS_A_STEP)):
            found += some
            yield
        message.reads = found


def _read(message: Message) -> Iterator[Read]:
    source, sequence = message.source, message.stream_sequence
    first = Delivery(source, sequence, 0)
    if message.payload is None:
        return
    if len(message.payload) > MAX_MESSAGE:
        found = f"expected a message of at most {MAX_MESSAGE:,} bytes, found {len(message.payload):,}"
        yield first, Unreadable(Reason("too-large", found))
        return
    if message.event_name != BATCH:
        yield first, read_event(message.payload, source, message.event_name)
        return
    try:
        events = split_batch(message.payload)
    except Unreadable as whole:
        yield first, whole
        return
    for index, event in enumerate(events):
        yield Delivery(source, sequence, index), read_event(event, source)


def read_event(payload: bytes | Raw, source: str, event_name: str | None = None) -> Submitted | Unreadable:
    """One event that `source` published, or why it cannot be read."""
    try:
        return read(payload, source, event_name)
    except Unreadable as unreadable:
        # Kept until its turn is written: what led to it would keep five times as much.
        unreadable.__traceback__ = unreadable.__context__ = None
        return unreadable
