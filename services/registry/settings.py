"""The registry's settings."""

from typing import Annotated

from msgspec import Meta

from services.registry.keyring import MASTER_KEYS
from shared.runtime.duration import Duration
from shared.runtime.service import Port, ServiceSettings

HexKey = Annotated[str, Meta(pattern=r"^[0-9a-fA-F]{64}\Z")]
"""32 bytes as hexadecimal digits."""

MasterKeys = Annotated[str, Meta(pattern=MASTER_KEYS)]
"""Such keys, one a line; the first one wraps, the others only unwrap."""


class RegistrySettings(ServiceSettings, kw_only=True):
    """`content_key` keys the hashes of events' contents, `master_key` wraps the keys of persons.

    `master_key_file` is where the latter was read, if it was a file: it is read again when a key is unknown.

    Health warns of events that have waited in quarantine for longer than `quarantine_warn_after`.
    """

    content_key: HexKey
    master_key: MasterKeys
    master_key_file: str | None = None
    unseal_token: Annotated[str, Meta(min_length=32)] | None = None
    """Shared with reporting: who shows it may have profiles unsealed. Without it, nobody may."""
    stream_replicas: Annotated[int, Meta(ge=1, le=5)] = 1
    """On how many servers of a NATS cluster the streams `LOG` and `RECEIPTS` lie."""
    http_port: Port = 8081
    quarantine_warn_after: Duration = "1h"
