"""The registry's verification, with the keys of a data directory or of the settings."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.stack.errors import StackError
from deploy.stack.layout import Layout

if TYPE_CHECKING:
    from nats.aio.client import Client

    from services.registry.verification.contents import Anchor
    from services.registry.verification.verify import Account, Progress


async def verify(
    database_url: str,
    layout: Layout,
    *,
    client: "Client | None" = None,
    anchor: "Anchor | None" = None,
    progress: "Progress | None" = None,
) -> "Account":
    """Check the log in a database; without a `client` of NATS, without the streams. Raises StackError."""
    from services.registry.keyring import Keyring
    from services.registry.sealing import Sealer
    from services.registry.verification.verify import verify as verify_log
    from shared.runtime.database import create_engine

    content_key = bytes.fromhex(_key("content_key", layout.content_key))
    sealer = Sealer(Keyring(_key("master_key", layout.master_key), layout.master_key))
    engine = create_engine(database_url, "log-verify", 1, command_timeout=None)
    try:
        told = {} if progress is None else {"progress": progress}
        return await verify_log(engine, content_key, sealer, client=client, anchor=anchor, **told)
    finally:
        await engine.dispose()


def _key(name: str, file: Path) -> str:
    """A key as the services get it, else the one in the data directory."""
    from shared.runtime.settings import read

    found = read(f"KETNAP_{name.upper()}", os.environ)
    if found is None and file.exists():
        found = file.read_text(encoding="utf-8").strip()
    if found is None:
        raise StackError(f"no key to compare with: {file} is not there, and KETNAP_{name.upper()}_FILE is not set")
    return found
