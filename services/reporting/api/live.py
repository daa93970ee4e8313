"""`/v1/live`: server-sent events that tell how far is projected."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
from litestar import Request, get
from litestar.di import NamedDependency
from litestar.response import ServerSentEvent, ServerSentEventMessage

from services.reporting.position import Watch
from services.reporting.service import Reporting
from shared.runtime.access.gate import Gate
from shared.runtime.access.principal import Principal
from shared.runtime.access.rules import any_key

HEARTBEAT = 15.0


@get(
    "/v1/live",
    media_type="text/event-stream",
    summary="The position as it advances, as server-sent events",
    opt=any_key(),
)
async def live(
    request: Request[Any, Any, Any],
    reporting: NamedDependency[Reporting],
    principal: NamedDependency[Principal],
) -> ServerSentEvent:
    """`event: position` with {"position", "time"} at once and whenever it moves; comments keep the line open.

    It ends soon after the key does that it was asked for with.
    """
    gate: Gate = request.app.state.gate
    return ServerSentEvent(_positions(reporting.watch, lambda: gate.still_admits(principal)))


async def _positions(watch: Watch, admitted: Callable[[], bool]) -> AsyncIterator[ServerSentEventMessage]:
    async for checkpoint in watch.checkpoints(HEARTBEAT):
        if not admitted():
            return
        if checkpoint is None:
            yield ServerSentEventMessage(comment="still here")
        else:
            data = {"position": checkpoint.position, "time": checkpoint.recordedat}
            yield ServerSentEventMessage(
                event="position", id=str(checkpoint.position), data=msgspec.json.encode(data).decode()
            )
