"""What a PostgreSQL of a pair does when it starts: make its cluster, copy the other's, follow, or go on as it was.

After a promotion the server that was overtaken must not take writes again. It finds the other one on a later
timeline, puts its own data aside, and follows.
"""

from typing import Literal

from deploy.stack.errors import StackError
from deploy.stack.replication import Standing

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
