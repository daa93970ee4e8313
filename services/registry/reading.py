"""Messages to events: what needs nothing but the message itself, and is done before its turn comes."""

from msgspec import Raw

from services.registry.deliveries import Delivery, Message, Read
from shared.events.codec import MAX_MESSAGE, Submitted, read, split_batch
from shared.events.receipts import Reason
from shared.events.refusing import Unreadable
from shared.events.subjects import BATCH


def read_message(message: Message) -> list[Read]:
    """The events of a message, each with its delivery; an unreadable batch is one delivery. Reads it once."""
    if message.reads is None:
        message.reads = _read(message)
    return message.reads


def _read(message: Message) -> list[Read]:
    source, sequence = message.source, message.stream_sequence
    first = Delivery(source, sequence, 0)
    if message.payload is None:
        return []
    if len(message.payload) > MAX_MESSAGE:
        found = f"expected a message of at most {MAX_MESSAGE:,} bytes, found {len(message.payload):,}"
        return [(first, Unreadable(Reason("too-large", found)))]
    if message.event_name != BATCH:
        return [(first, read_event(message.payload, source, message.event_name))]
    try:
        events = split_batch(message.payload)
    except Unreadable as whole:
        return [(first, whole)]
    return [(Delivery(source, sequence, index), read_event(event, source)) for index, event in enumerate(events)]


def read_event(payload: bytes | Raw, source: str, event_name: str | None = None) -> Submitted | Unreadable:
    """One event that `source` published, or why it cannot be read."""
    try:
        return read(payload, source, event_name)
    except Unreadable as unreadable:
        return unreadable
