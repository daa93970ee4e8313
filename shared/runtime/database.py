"""PostgreSQL: one engine per service, on asyncpg; COPY; and the same statements on another schema."""

import contextlib
import re
from collections.abc import AsyncIterable, Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import sqlalchemy.exc
from sqlalchemy import event
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from shared.runtime.causes import causes, says_away, sqlstate

TOO_LATE = (TimeoutError, sqlalchemy.exc.TimeoutError)
"""Raised where a statement takes longer than `command_timeout`, and where no connection becomes free."""

_INSTEAD = "ketnap_instead"
ANSWERS_WITHIN = 3.0
"""Seconds in which a connection that was used before says a word, or is given up for a new one."""
CONNECTS_WITHIN = 5.0
"""Seconds in which a new connection is there: a server that is well takes a few milliseconds."""
GOODBYE = 0.5
"""Seconds in which a server may answer when a connection is closed: a service ends one after the other."""
_FOLLOWS = "25006"
"""PostgreSQL's error where the server takes no writes: another one of the pair leads by now."""


class Unreachable(ConnectionError):
    """No connection to the database could be made; the message says why."""


def is_away(error: BaseException) -> bool:
    """Whether the database is away, being stopped or out of room: no fault of what was asked, which may go on."""
    return any(isinstance(each, Unreachable) or _is_of_server_away(each) for each in causes(error))


def _is_of_server_away(error: BaseException) -> bool:
    if isinstance(error, sqlalchemy.exc.DBAPIError) and error.connection_invalidated:
        return True
    return says_away(error) or sqlstate(error) == _FOLLOWS


def create_engine(
    url: str,
    name: str,
    pool_size: int = 8,
    *,
    overflow: int = 4,
    command_timeout: float | None = 60.0,
    durable: bool = True,
    plan_for_all: bool = True,
) -> AsyncEngine:
    """An engine for `url` (`postgresql://…`); `name` shows in pg_stat_activity.

    The URL is the driver's to read, several servers included: it takes the one that takes writes of
    `postgresql://USER:PASSWORD@ONE,OTHER/ketnap?target_session_attrs=read-write`. `sslmode` and `sslrootcert` in
    it mean what they mean to every client of PostgreSQL.

    A server that says nothing is noticed by whoever wants a connection, within `ANSWERS_WITHIN`, and raises
    Unreachable `CONNECTS_WITHIN` later at most; one that falls silent amid a statement, by that.

    pool_size: connections that are kept; overflow: how many more there may be while so much is asked at once. What
    all services may hold together is bounded by the server's `max_connections`
    (`tests/unit/deploy/test_connections.py` adds it up).
    command_timeout: seconds after which a statement without an answer fails, and its connection is given up.
    durable: False for what may be lost with the server, since it is made anew then.
    plan_for_all: whether a statement asked several times may be planned once for whatever it is given. Such a
    plan takes lists and ranges for short, which may be wrong by a thousand times.
    """
    engine = create_async_engine(
        URL.create("postgresql+asyncpg"),
        pool_size=pool_size,
        max_overflow=overflow,
        pool_timeout=30,
        # An error must not carry what a statement was given, such as a person's wrapped key, into a log.
        hide_parameters=True,
        connect_args={
            "async_creator_fn": _connect,
            "dsn": url,
            "timeout": CONNECTS_WITHIN,
            "command_timeout": command_timeout,
            "server_settings": {
                "application_name": f"ketnap-{name}",
                "timezone": "UTC",
                **({} if durable else {"synchronous_commit": "off"}),
                **({} if plan_for_all else {"plan_cache_mode": "force_custom_plan"}),
            },
        },
    )
    event.listen(engine.sync_engine, "connect", _is_new)
    event.listen(engine.sync_engine, "checkout", _still_answers)
    return engine


# SQLAlchemy's own `pool_pre_ping` waits for as long as a statement may take, and asks three times.
_NEW = "ketnap_new"


def _is_new(_: Any, record: ConnectionPoolEntry) -> None:
    record.info[_NEW] = True


def _still_answers(connection: Any, record: ConnectionPoolEntry, _: Any) -> None:
    """Before a connection is handed out: one that says nothing any more is replaced by a new one."""
    if not record.info.pop(_NEW, False):
        connection.run_async(_ask)


async def _ask(driver: asyncpg.Connection) -> None:
    try:
        await driver.execute("SELECT", timeout=ANSWERS_WITHIN)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        driver.terminate()  # to say goodbye would be waited for too
        # The others in the pool are as old, and would be asked and waited for one after the other.
        raise sqlalchemy.exc.InvalidatePoolError(repr(error)) from None


class _Driver(asyncpg.Connection):
    """asyncpg's connection, which at an end would wait for a silent server as long as a statement may take."""

    async def execute(self, query: str, *args: Any, **how: Any) -> Any:
        if query == "ROLLBACK;":
            # What was begun and broken off is taken back at once, or not at all; whoever ends waits for it.
            how.setdefault("timeout", ANSWERS_WITHIN)
        return await super().execute(query, *args, **how)

    async def close(self, **_: Any) -> None:
        with contextlib.suppress(TimeoutError):  # given up then, which is as good
            await super().close(timeout=GOODBYE)


async def _connect(*args: Any, **options: Any) -> Any:
    try:
        return await asyncpg.connect(*args, connection_class=_Driver, **options)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        why = "no answer in time" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
        raise Unreachable(f"no connection to the database: {why}") from error


def redirected(engine: AsyncEngine, schema: str, instead: str) -> AsyncEngine:
    """The engine, on which statements written for `schema` go to the schema `instead`; they share their pool."""
    named = re.compile(rf"(?<![\w.]){re.escape(schema)}\.")
    other = engine.execution_options(**{_INSTEAD: {schema: instead}})

    @event.listens_for(other.sync_engine, "before_cursor_execute", retval=True)
    def redirect(_: Any, __: Any, statement: str, parameters: Any, ___: Any, ____: bool) -> tuple[str, Any]:
        return named.sub(f"{instead}.", statement), parameters

    return other


def array(values: Sequence[str | UUID | int | date]) -> str:
    """An array as text, for a parameter that the statement casts: `CAST(CAST(:ids AS text) AS uuid[])`.

    For thousands of values: the driver looks into a list item by item, for longer than all else takes. Raises
    ValueError for strings that JSON would not write as they are; ids have none of these.
    """
    written = msgspec.json.encode(values).decode()
    if "\\" in written:
        raise ValueError("expected strings without quotation marks, backslashes and control characters")
    return "{" + written[1:-1] + "}"


async def copy(
    connection: AsyncConnection, schema: str, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Add rows by COPY, in the transaction that the connection has begun: half the time of an INSERT."""
    rows = list(rows)
    if not rows:
        return
    driver, schema = await _driver(connection, schema)
    await driver.copy_records_to_table(table, schema_name=schema, columns=tuple(columns), records=rows)


async def copy_encoded(
    connection: AsyncConnection,
    schema: str,
    table: str,
    columns: Sequence[str],
    encoded: AsyncIterable[bytes],
    *,
    patience: float | None = None,
) -> None:
    """Add rows that are in the binary format of COPY already, in the transaction that the connection has begun.

    patience: seconds for all of it, if not those of any statement.
    """
    driver, schema = await _driver(connection, schema)
    await driver.copy_to_table(
        table, schema_name=schema, columns=tuple(columns), source=encoded, format="binary", timeout=patience
    )


async def _driver(connection: AsyncConnection, schema: str) -> tuple[Any, str]:
    """asyncpg's connection, and the schema that stands instead of this one."""
    driver = (await connection.get_raw_connection()).driver_connection
    assert driver is not None
    assert connection.sync_connection is not None
    instead = connection.sync_connection.get_execution_options().get(_INSTEAD, {})
    return driver, instead.get(schema, schema)
