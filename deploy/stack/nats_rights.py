"""What each user of NATS may say and hear: a service reads and writes its own, and nobody deletes another's.

JetStream is asked over subjects, so these lists are also who may make, read or delete which stream and consumer.
"""

import json
from collections.abc import Sequence
from typing import NamedTuple

SERVICE_USERS = ("registry", "reporting", "notifier", "operator")

_ASK = "$JS.API"
KEYS_STREAM = "KV_access"
"""Of a cluster: what its machines tell each other of keys of the APIs (`deploy.stack.shared_keys`)."""
_SAID_BY_OTHERS = ("ingest.>", "log.>", "receipt.>")


class Rights(NamedTuple):
    """Subjects of publishing and subscribing; an empty `publish` is everything but what is denied."""

    subscribe: tuple[str, ...]
    publish: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()


def rights(user: str) -> Rights:
    """Those of one of SERVICE_USERS."""
    if user == "registry":
        return _registry()
    if user == "operator":
        # Makes and drops streams, also after a restore; it speaks for no source and does not write the log.
        return Rights(("_INBOX.>",), denied=_SAID_BY_OTHERS)
    return _reader(user)


def source_rights(source: str) -> Rights:
    """Those of a source, in an account of its own kind."""
    return Rights((f"receipt.{source}.>", f"_INBOX_{source}.>"), (f"ingest.{source}.>",))


def written(allowed: Rights) -> str:
    """The same as a piece of NATS's configuration."""
    publish = (("allow", allowed.publish), ("deny", allowed.denied))
    said = ", ".join(f"{verb}: {_list(subjects)}" for verb, subjects in publish if subjects)
    return f"permissions: {{ publish: {{ {said} }}, subscribe: {{ allow: {_list(allowed.subscribe)} }} }}"


def _registry() -> Rights:
    """Reads every source's stream with consumers that it makes; makes `LOG` and `RECEIPTS`, and writes both."""
    made = tuple(f"STREAM.{verb}.{stream}" for verb in ("CREATE", "UPDATE") for stream in ("LOG", "RECEIPTS"))
    asked = ("INFO", "STREAM.INFO.*", "STREAM.LIST", *made)  # the list: its metrics tell how full each stream is
    consumers = ("CREATE.*", "CREATE.*.>", "MSG.NEXT.*.*", "DELETE.*.*")
    # A subject cannot say `INGEST_…`, so all streams are allowed, and then those taken out that are no source's.
    foreign = ("CREATE", "DELETE", "MSG.NEXT")
    return Rights(
        ("_INBOX_registry.>",),
        (
            "log.recorded",
            "receipt.>",
            *(f"{_ASK}.{each}" for each in asked),
            *(f"{_ASK}.CONSUMER.{each}" for each in consumers),
        ),
        tuple(
            f"{_ASK}.CONSUMER.{verb}.{stream}{rest}"
            for verb in foreign
            for stream in ("LOG", "RECEIPTS", KEYS_STREAM)
            for rest in ("", ".>")
        ),
    )


def _reader(user: str) -> Rights:
    """Reads `LOG` with one consumer of its own, which it makes anew where it is gone."""
    asked = ("INFO", "STREAM.INFO.LOG")
    consumer = (
        f"INFO.LOG.{user}",
        f"CREATE.LOG.{user}",
        f"CREATE.LOG.{user}.>",
        f"DURABLE.CREATE.LOG.{user}",
        f"MSG.NEXT.LOG.{user}",
    )
    return Rights(
        (f"_INBOX_{user}.>",),
        (
            *(f"{_ASK}.{each}" for each in asked),
            *(f"{_ASK}.CONSUMER.{each}" for each in consumer),
            f"$JS.ACK.LOG.{user}.>",
        ),
    )


def _list(subjects: Sequence[str]) -> str:
    return json.dumps(list(subjects))
