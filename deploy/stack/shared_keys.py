"""The keys of the APIs on all machines of a cluster: what is made or revoked on one holds on all within seconds.

Each machine has a file of all keys, and a bucket in NATS says what the others have. Files are joined and never
replaced: every key that any of them has, revoked if it is so in any. So it does not matter in which order machines
come and go, or what a bucket that was lost had.
"""

import asyncio
import contextlib
from typing import TYPE_CHECKING

import msgspec
import structlog

from deploy.stack import nats
from deploy.stack.access import join_keys, list_keys
from deploy.stack.errors import StackError
from deploy.stack.layout import Addresses, Layout
from deploy.stack.nats_rights import KEYS_STREAM
from deploy.stack.provisioning import stream_replicas
from shared.runtime.access.keys import Entry, KeysFile

if TYPE_CHECKING:
    from nats.js import JetStreamContext
    from nats.js.kv import KeyValue

log = structlog.get_logger(__name__)

BUCKET = KEYS_STREAM.removeprefix("KV_")
_LOOK = 2.0
"""Seconds between two looks."""
_NAME = "keys.json"


async def follow_keys(addresses: Addresses) -> None:
    """Keep the file of keys of this machine in line with those of the others, until cancelled."""
    from nats.errors import Error as NatsError

    said = ""
    while True:
        try:
            client = await nats.connect(addresses.nats_url, addresses.nats_seed, ca=addresses.ca)
            try:
                shared = await bucket(client.jetstream(timeout=5))
                while True:
                    await exchange(shared, Layout(addresses.data_dir))
                    said = ""
                    await asyncio.sleep(_LOOK)
            finally:
                await client.close()
        except (NatsError, OSError, StackError) as fault:
            if said != repr(fault):  # once is enough, however often it is tried
                log.warning("keys of the APIs may be those of before; trying again", fault=repr(fault))
            said = repr(fault)
        await asyncio.sleep(_LOOK)


async def exchange(shared: "KeyValue", layout: Layout) -> None:
    """Join file and bucket, and write both where either lacks something. Raises StackError, and NATS's Error."""
    from nats.js.errors import KeyNotFoundError, KeyWrongLastSequenceError

    said: list[Entry] = []
    revision = 0
    try:
        entry = await shared.get(_NAME)
        said, revision = _read(entry.value or b""), entry.revision or 0
    except KeyNotFoundError as absent:
        if absent.entry is not None:  # deleted by hand: what is written next goes behind the mark that it left
            revision = absent.entry.revision or 0
    joined = join_keys(layout, said) if said else list_keys(layout)
    if {each.id: each for each in joined} != {each.id: each for each in said}:
        # Another machine was faster: the next look joins what it said.
        with contextlib.suppress(KeyWrongLastSequenceError):
            await shared.update(_NAME, msgspec.json.encode(KeysFile(list(joined))), last=revision)


def _read(value: bytes) -> list[Entry]:
    try:
        return msgspec.json.decode(value, type=KeysFile).keys
    except msgspec.DecodeError as error:
        raise StackError(f"what the others say of keys cannot be read: {error}") from None


async def bucket(jetstream: "JetStreamContext") -> "KeyValue":
    """Where the machines tell each other their keys, made on first use. Raises NATS's Error."""
    from nats.js.api import KeyValueConfig
    from nats.js.errors import BucketNotFoundError

    with contextlib.suppress(BucketNotFoundError):
        return await jetstream.key_value(BUCKET)
    return await jetstream.create_key_value(KeyValueConfig(bucket=BUCKET, replicas=stream_replicas()))
