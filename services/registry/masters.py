"""Whether the master keys at hand are those that this database was written with; asked before it is written."""

from sqlalchemy.ext.asyncio import AsyncEngine

from services.registry.keyring import WrongMasterKey
from services.registry.sealing import Sealer, Unsealable, Wrapped
from shared.runtime.sql import Statements

SQL = Statements("services.registry.sql", "turn.sql")


async def check(engine: AsyncEngine, sealer: Sealer) -> None:
    """Note the current master key as one that wraps. Raises WrongMasterKey where a needed one is missing."""
    ring = sealer.keyring
    ring.read_again()
    async with engine.begin() as connection:
        in_use = [row.id for row in await connection.execute(SQL["masters_in_use"])]
        missing = [each for each in in_use if ring.get(each) is None]
        if missing:
            raise WrongMasterKey(
                f"expected master key {', '.join(missing)}, which wraps keys of persons in this database, "
                f"found only {', '.join(ring.ids)}; put the missing key, one a line, into the file that "
                "KETNAP_MASTER_KEY_FILE names (`ketnap keys status` shows which are needed)"
            )
        unnamed = (await connection.execute(SQL["unnamed"])).one_or_none()
        if unnamed is not None:
            try:
                sealer.unwrap(Wrapped(None, unnamed.wrapped), unnamed.person)
            except Unsealable:
                raise WrongMasterKey(
                    f"expected the master key that this database was written with, found {', '.join(ring.ids)}, "
                    "which opens none of its keys of persons; set KETNAP_MASTER_KEY_FILE to the right file"
                ) from None
        await connection.execute(SQL["register_master"], {"id": ring.current.id})
