"""What turns read of the registry's tables; nothing here writes."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.registry.deliveries import Delivery, SourceProgress, Waiting
from services.registry.sealing import Wrapped
from services.registry.situation import LoadedSituation
from shared.events.receipts import Reason
from shared.events.recorded import read_content, read_recorded
from shared.runtime.database import array
from shared.runtime.sql import Statements
from shared.timeline import fold
from shared.timeline.book import Unloaded
from shared.timeline.fact import Fact
from shared.timeline.lineage import Lineage, Succession
from shared.timeline.measures import Change

SQL = Statements("services.registry.sql", "turn.sql")


async def read_lineage(connection: AsyncConnection) -> Lineage:
    """All successions on record."""
    rows = await connection.execute(SQL["successions"])
    return Lineage(Succession(row.organisation_id, row.day, row.successor_id, row.targets) for row in rows)


async def read_sources(engine: AsyncEngine) -> dict[str, SourceProgress]:
    """All sources ever registered; removed ones may still have messages to settle."""
    async with engine.connect() as connection:
        rows = (await connection.execute(SQL["sources"])).all()
    return {
        row.source: SourceProgress(
            row.source,
            row.root,
            row.settled,
            row.last_seen,
            msgspec.json.decode(row.sequences, type=list[tuple[int, int]]),
            msgspec.json.decode(row.lost, type=list[tuple[int, int]]),
        )
        for row in rows
    }


class StoreReader:
    """Reads for one turn on one connection; a `Reader`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def held(self, ids: Iterable[tuple[str, UUID]]) -> list[Any]:
        """Rows (source, event_id, content_hash, position) of those ids that are held."""
        ids = list(ids)
        wanted = {"sources": array([source for source, _ in ids]), "ids": array([event_id for _, event_id in ids])}
        return list((await self._connection.execute(SQL["held_ids"], wanted)).all())

    async def anyone_waits(self) -> bool:
        """Whether the quarantine holds anything."""
        return bool(await self._connection.scalar(SQL["anyone_waits"]))

    async def load(self, situation: LoadedSituation, missing: Unloaded) -> None:
        """Read what was asked for into the situation."""
        loads = {
            "subject": self._load_subjects,
            "timeline": self._load_timelines,
            "event": self._load_events,
            "travellers": self._load_travellers,
            "target": self._load_targets,
            "headcount": self._load_headcounts,
        }
        await loads[missing.kind](situation, missing.keys)

    async def attached(self, organisations: Iterable[str]) -> list[str]:
        """Subjects of active organisations and of places that belong to these directly."""
        rows = await self._connection.execute(SQL["attached"], {"organisations": list(organisations)})
        return list(rows.scalars())

    async def _load_subjects(self, situation: LoadedSituation, subjects: Sequence[str]) -> None:
        rows = await self._connection.execute(SQL["subjects"], {"subjects": array(list(subjects))})
        found = {row.subject: fold.decode(fold.kind_of(row.subject), row.folded) for row in rows}
        situation.put_folds({subject: found.get(subject) for subject in subjects})

    async def _load_timelines(self, situation: LoadedSituation, subjects: Sequence[str]) -> None:
        rows = await self._connection.execute(SQL["timelines"], {"subjects": list(subjects)})
        facts: dict[str, list[Fact]] = {subject: [] for subject in subjects}
        for row in rows:
            facts[row.wanted].append(_recorded(row.event))
        for subject, found in facts.items():
            situation.put_facts(subject, found)

    async def _load_events(self, situation: LoadedSituation, keys: Sequence[str]) -> None:
        for key in keys:
            source, _, event_id = key.partition("/")
            wanted = {"source": source, "event_id": UUID(event_id)}
            row = (await self._connection.execute(SQL["recorded_event"], wanted)).one_or_none()
            situation.put_event(source, UUID(event_id), None if row is None else _recorded(row.event))

    async def _load_travellers(self, situation: LoadedSituation, organisations: Sequence[str]) -> None:
        rows = await self._connection.execute(SQL["travellers"], {"organisations": list(organisations)})
        found: dict[str, list[str]] = {organisation: [] for organisation in organisations}
        for row in rows:
            found[row.organisation_id].append(row.subject)
        for organisation, persons in found.items():
            situation.put_travellers(organisation, persons)

    async def _load_targets(self, situation: LoadedSituation, ids: Sequence[str]) -> None:
        rows = await self._connection.execute(SQL["target_owners"], {"ids": list(ids)})
        found = {row.target_id: row.organisation_id for row in rows}
        for target_id in ids:
            situation.put_owner(target_id, found.get(target_id))

    async def _load_headcounts(self, situation: LoadedSituation, organisations: Sequence[str]) -> None:
        rows = await self._connection.execute(SQL["headcounts"], {"organisations": list(organisations)})
        found: dict[str, list[Change]] = {organisation: [] for organisation in organisations}
        for row in rows:
            found[row.organisation_id].append(Change(row.organisation_id, row.measure, row.day, row.amount))
        for organisation, changes in found.items():
            situation.put_headcount(organisation, changes)

    async def waiting_for(self, keys: Iterable[str]) -> list[Waiting]:
        """Stored events that wait for any of these keys, in timeline order."""
        rows = await self._connection.execute(SQL["waiting_for"], {"keys": list(keys)})
        return [read_waiting(row) for row in rows]

    async def waiting_ones(self, keys: Sequence[tuple[str, UUID]]) -> list[Waiting]:
        """Those of these events (source, id) that wait."""
        wanted = {"sources": [source for source, _ in keys], "ids": [event_id for _, event_id in keys]}
        return [read_waiting(row) for row in await self._connection.execute(SQL["waiting_ones"], wanted)]

    async def person_keys(self, persons: Iterable[str]) -> dict[str, Wrapped | None]:
        """Wrapped keys of these persons; None of one who is erased; nobody who has none yet."""
        rows = await self._connection.execute(SQL["person_keys"], {"persons": array(list(persons))})
        return {row.person: row.wrapped and Wrapped(row.master, row.wrapped) for row in rows}

    async def sealed_profiles(self, persons: Iterable[str]) -> list[tuple[str, UUID, str]]:
        """Person, event and sealed profile of whatever is recorded about these persons and brings one."""
        rows = await self._connection.execute(SQL["sealed_profiles"], {"persons": array(list(persons))})
        return [(row.subject, row.event_id, row.profile) for row in rows]


def _recorded(event: str) -> Fact:
    (recorded,) = read_recorded(b"[%s]" % event.encode())
    return Fact.of_recorded(recorded)


def read_waiting(row: Any) -> Waiting:
    """The waiting event of a row of `registry.quarantine`."""
    content = row.event.encode()
    envelope, data = read_content(content)
    fact = Fact(
        envelope.id, envelope.subject, envelope.name, envelope.effectiveon, envelope.time, data, envelope.source
    )
    return Waiting(
        Delivery(row.source, row.stream_sequence, row.batch_index),
        fact,
        envelope.type,
        row.content_hash,
        content,
        Reason(row.code, row.message),
        frozenset(row.waits_for),
        row.at,
        stored=True,
    )
