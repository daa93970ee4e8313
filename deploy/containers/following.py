"""Keeps a machine of a cluster in line with the others: who may publish to its NATS server, and who has a key.

Run as `python -m deploy.containers.following`; ends with SIGINT.
"""

import asyncio
import contextlib
from pathlib import Path

from deploy.containers.places import FOLLOWED
from deploy.stack.layout import default_data_dir, locate


async def follow() -> None:
    """Until cancelled."""
    from deploy.stack.provisioning import follow_sources
    from deploy.stack.shared_keys import follow_keys
    from shared.runtime import logging

    logging.configure("follower", "info", "json")
    needed = ("database_url", "nats_url", "nats_seed", "nats_system_seed", "ca")
    addresses = locate(default_data_dir(), needed)
    async with asyncio.TaskGroup() as both:
        both.create_task(follow_sources(addresses, lambda: Path(FOLLOWED).touch()))
        both.create_task(follow_keys(addresses))


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(follow())
