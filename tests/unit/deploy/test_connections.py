"""All connections that services may hold, on two machines with one leading PostgreSQL, are fewer than it takes."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from deploy.stack.keys import new_seed
from deploy.stack.postgres import SETTINGS
from services.notifier.service import Notifier
from services.notifier.settings import NotifierSettings
from services.registry.service import Registry
from services.registry.settings import RegistrySettings
from services.reporting.service import Reporting
from services.reporting.settings import ReportingSettings

MACHINES = 2
"""Of a cluster, on which services run; all of them work on the PostgreSQL that leads."""
RESERVED = 3
"""`superuser_reserved_connections`, PostgreSQL's default."""
TOOLS = 15
"""A rebuild (12, and one more a core), or a backup and a doctor; and what follows sources on each machine."""

COMMON: dict[str, Any] = {"database_url": "postgresql://nobody@127.0.0.1:1/none", "nats_url": ""}


def bound(service: object) -> int:
    """The most connections that a service may hold, whatever it is asked."""
    engines = [each for each in vars(service).values() if isinstance(each, AsyncEngine)]
    assert engines
    # SQLAlchemy tells how many a pool keeps, and not how many more it may open.
    return sum(each.pool.size() + each.pool._max_overflow for each in engines)  # type: ignore[attr-defined]


async def test_two_machines_whose_pools_are_full_leave_postgresql_connections_for_tools() -> None:
    keys = {"content_key": "c0" * 32, "master_key": "5e" * 32}
    services = {
        "registry": Registry(RegistrySettings(**COMMON, **keys, nats_seed=new_seed())),
        "reporting": Reporting(ReportingSettings(**COMMON, nats_seed=new_seed())),
        "notifier": Notifier(NotifierSettings(**COMMON, nats_seed=new_seed(), registry_url="http://127.0.0.1:1")),
    }

    bounds = {name: bound(service) for name, service in services.items()}

    assert bounds == {"registry": 16, "reporting": 16, "notifier": 8}
    assert MACHINES * sum(bounds.values()) + RESERVED + TOOLS <= int(SETTINGS["max_connections"])
