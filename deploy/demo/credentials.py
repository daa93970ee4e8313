"""The demo's own credentials: those of its source, made once and kept in the data directory."""

from deploy.demo.history import ROOT, SOURCE
from deploy.stack.keys import write_secret
from deploy.stack.layout import Addresses


async def credentials(addresses: Addresses) -> str:
    """The nkey seed of source `dien-bien`, which is registered on first use.

    The seed lies in `DATA_DIR/secrets/source-dien-bien.seed`. Where that file is gone although the source is
    registered, the source gets new credentials. Raises StackError.
    """
    # Loaded late: asyncpg and NATS are needed only here.
    from deploy.stack.provisioning import add_source, list_sources, rotate_source

    file = addresses.data_dir / "secrets" / f"source-{SOURCE}.seed"
    registered = any(each.source == SOURCE and each.removed_at is None for each in await list_sources(addresses))
    if registered and file.exists():
        return file.read_text(encoding="utf-8").strip()
    seed = await rotate_source(addresses, SOURCE) if registered else await add_source(addresses, SOURCE, ROOT)
    write_secret(file, seed)
    return seed
