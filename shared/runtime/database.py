"""PostgreSQL: one engine per service, on asyncpg."""

from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine


def create_engine(url: str, name: str, pool_size: int = 8, *, command_timeout: float | None = 60.0) -> AsyncEngine:
    """An engine for `url` (`postgresql://…`); `name` shows in pg_stat_activity.

    command_timeout: seconds after which a statement without an answer fails, and its connection is given up.
    """
    return create_async_engine(
        make_url(url).set(drivername="postgresql+asyncpg"),
        pool_size=pool_size,
        max_overflow=4,
        pool_timeout=30,
        pool_pre_ping=True,
        # An error must not carry what a statement was given, such as a person's wrapped key, into a log.
        hide_parameters=True,
        connect_args={
            "timeout": 10,
            "command_timeout": command_timeout,
            "server_settings": {"application_name": f"ketnap-{name}", "timezone": "UTC"},
        },
    )
