"""What a PostgreSQL of a pair does when it starts: make its cluster, copy the other's, follow, or go on as it was.

After a promotion the server that was overtaken must not take writes again. It finds the other one on a later
timeline, puts its own data aside, and follows.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from deploy.stack import replication
from deploy.stack.errors import StackError
from deploy.stack.privileges import Identity
from deploy.stack.replication import Server, Standing

LOOK = 0.5
PATIENCE = 120.0
"""Seconds that a server without data waits for the other one."""

Step = Literal["initialise", "copy", "start", "set aside and copy", "wait"]


def step(*, has_data: bool, follows: bool, timeline: int, first: bool, other: Standing | None) -> Step:
    """What to do now.

    has_data, follows, timeline: what lies in this server's directory. first: whether it is the one that begins an
    installation. other: what the other server is; None while it does not answer. Raises StackError where both have
    taken writes and neither has overtaken the other.
    """
    writes = other is not None and not other.following
    if not has_data:
        if writes:
            return "copy"
        return "initialise" if first and other is None else "wait"
    if follows or other is None or not writes:
        return "start"
    if other.timeline > timeline:
        return "set aside and copy"
    raise StackError(
        f"both servers of the pair take writes: this one on timeline {timeline}, the other on {other.timeline}. "
        "Look which one the services use, and empty the directory of the other"
    )


def join(
    cluster: Path,
    other: Server,
    secrets: Path,
    initialise: Callable[[], None],
    *,
    first: bool,
    identity: Identity | None = None,
) -> None:
    """Make `cluster` ready to be started beside the `other` server. Raises StackError.

    initialise: makes a cluster of its own, which only the `first` server of an installation does.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        has_data = (cluster / "PG_VERSION").exists()
        match step(
            has_data=has_data,
            follows=has_data and replication.is_following(cluster),
            timeline=replication.timeline_of(cluster) if has_data else 0,
            first=first,
            other=replication.standing(other, secrets),
        ):
            case "start":
                return None
            case "initialise":
                return initialise()
            case "set aside and copy":
                replication.set_aside(cluster)
                return replication.copy(cluster, other, secrets, identity)
            case "copy":
                return replication.copy(cluster, other, secrets, identity)
        if time.monotonic() > deadline:
            raise StackError(
                f"no data in {cluster}, and no PostgreSQL at {other.host}:{other.port} that takes writes: "
                "start that one first, or promote it"
            )
        time.sleep(LOOK)
