"""A province that publishes through a fault: what is not acknowledged goes again, and it counts for itself."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import Any

import nats.errors
import nats.js.errors
from nats.aio.client import Client

from shared.runtime.connection import connect
from tests.given import admitted, encoded, enrolled, identified, new_uuid, organisation, root, target

BATCH = 20
PEOPLE = 480
AS_OF = date(2022, 9, 30)
"""Some of the history lies after this day."""

Event = dict[str, Any]


class Province:
    """A source with a tree of its own and a made-up history, in batches of BATCH events each."""

    def __init__(self, source: str, people: int = PEOPLE) -> None:
        self.source = source
        self.root = f"{source}-root"
        self.cells = [f"{source}-cell-{number}" for number in range(4)]
        self.goal = f"{source}-goal"
        self.events = self._history(people)
        self.batches = [self.events[first : first + BATCH] for first in range(0, len(self.events), BATCH)]
        self.acknowledged: dict[int, list[Event]] = {}
        """Stream sequence → the batch of which the server said that it keeps it."""

    def members(self) -> dict[str, int]:
        """Cell → members on AS_OF, counted from the events without any rule of the product."""
        return {cell: self._count("MemberEnrolled", [cell]) + self.admissions([cell]) for cell in self.cells}

    def admissions(self, cells: list[str] | None = None) -> int:
        """Admissions up to AS_OF; all are of 2022."""
        return self._count("MemberAdmitted", cells or self.cells)

    def open_candidates(self) -> int:
        """Those identified and not admitted by AS_OF."""
        return self._count("CandidateIdentified", self.cells) - self.admissions()

    @asynccontextmanager
    async def connected(self, nats_url: str, seed: str) -> AsyncIterator[Client]:
        """A client with its credentials, that waits for a server that goes away."""

        async def quiet(error: Exception) -> None:
            """A server that goes away is what this is about."""

        client = await connect(
            nats_url,
            nkeys_seed_str=seed,
            inbox_prefix=f"_INBOX_{self.source}",
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.1,
            error_cb=quiet,
        )
        try:
            yield client
        finally:
            await client.close()

    async def publish(self, client: Client, batches: Iterable[list[Event]]) -> None:
        """Publish in order, each batch until it is acknowledged."""
        stream = client.jetstream(timeout=2)
        for batch in batches:
            while True:
                with contextlib.suppress(nats.errors.Error, nats.js.errors.Error, TimeoutError, OSError):
                    answer = await stream.publish(f"ingest.{self.source}.batch", encoded(batch))
                    self.acknowledged[answer.seq] = batch
                    break
                await asyncio.sleep(0.1)

    def _count(self, name: str, cells: list[str]) -> int:
        return sum(
            event["type"] == f"{name}.v1"
            and event["data"]["organisation_id"] in cells
            and event["effectiveon"] <= AS_OF.isoformat()
            for event in self.events
        )

    def _history(self, people: int) -> list[Event]:
        events = [root(self.root), *(organisation(cell, parent=self.root) for cell in self.cells)]
        events.append(target(self.root, value=1, target_id=self.goal))
        late: list[Event] = []
        for number in range(people):
            person, cell = new_uuid(), self.cells[number % len(self.cells)]
            day = date(2022, 1, 3) + timedelta(days=number % 300)
            begins = identified(person, day.isoformat(), cell)
            ends = admitted(person, (day + timedelta(days=40)).isoformat(), cell)
            if number % 7 == 5:
                # The admission waits in quarantine, for a batch or two, until its candidacy comes.
                events.append(ends)
                late.append(begins)
            else:
                events += [begins, ends] if number % 3 else [begins]
            if len(late) > 4:
                events.append(late.pop(0))
        events += late
        while len(events) % BATCH:
            events.append(enrolled(new_uuid(), "2022-05-02", self.cells[0]))
        return [event | {"source": self.source} for event in events]
