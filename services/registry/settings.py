"""The registry's settings."""

from typing import Annotated

from msgspec import Meta

from shared.runtime.service import ServiceSettings

HexKey = Annotated[str, Meta(pattern=r"^[0-9a-fA-F]{64}\Z")]
"""32 bytes as hexadecimal digits."""


class RegistrySettings(ServiceSettings, kw_only=True):
    """`content_key` keys the hashes of events' contents, `master_key` wraps the keys of persons."""

    content_key: HexKey
    master_key: HexKey
    http_port: int = 8081
