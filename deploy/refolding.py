"""The registry's state made anew from the log, with the owner's way to the database."""

from collections.abc import Callable

from deploy.stack.errors import StackError


async def refold(database_url: str, advance: Callable[[int, int], None]) -> dict[str, int]:
    """As `services.registry.refolding.refold`. Raises StackError."""
    from services.registry.lease import Fenced
    from services.registry.refolding import NotRefolded
    from services.registry.refolding import refold as make_anew
    from shared.runtime.database import create_engine

    engine = create_engine(database_url, "log-refold", 2, command_timeout=None)
    try:
        return await make_anew(engine, advance)
    except Fenced:
        raise StackError("a registry took over meanwhile, so nothing was changed: say the command again") from None
    except NotRefolded as error:
        raise StackError(f"nothing was changed, since not all could be looked at: {error}") from None
    finally:
        await engine.dispose()
