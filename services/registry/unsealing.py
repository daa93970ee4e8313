"""Opens sealed profiles for reporting: what is asked for is read, unsealed and handed over, and kept nowhere."""

from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Struct, UnsetType
from sqlalchemy.ext.asyncio import AsyncEngine

from services.registry.profiles import sealed_in
from services.registry.sealing import Sealer, Unsealable
from services.registry.store_reader import StoreReader
from shared.runtime.sql import Statements

SQL = Statements("services.registry.sql", "api.sql")

State = Literal["unsealed", "erased", "absent", "closed"]


class Place(Struct, frozen=True, forbid_unknown_fields=True):
    """A recorded event about a person that may bring a profile."""

    person: UUID
    source: str
    event_id: UUID


class Found(Struct, frozen=True):
    """What there is at a place: `absent` where no profile is, `closed` where the person's key is missing."""

    person: UUID
    source: str
    event_id: UUID
    state: State
    profile: Any | UnsetType = UNSET


class Unsealing:
    """Reads the log and the keys of one registry database."""

    def __init__(self, engine: AsyncEngine, sealer: Sealer) -> None:
        self._engine = engine
        self._sealer = sealer

    async def at(self, places: Sequence[Place]) -> list[Found]:
        """What there is at each of these places, in their order."""
        wanted = {"sources": [each.source for each in places], "ids": [each.event_id for each in places]}
        found, keys = await self._read("profiles_of_events", wanted, {f"person/{each.person}" for each in places})
        rows = {(row.source, row.event_id, row.subject): row for row in found}
        return [
            self._open(each, rows.get((each.source, each.event_id, f"person/{each.person}")), keys)
            for each in places
        ]

    async def of(self, persons: Sequence[UUID]) -> list[Found]:
        """All profiles of these persons, in log order."""
        subjects = {f"person/{each}" for each in persons}
        found, keys = await self._read("profiles_of_persons", {"subjects": sorted(subjects)}, subjects)
        opened = [self._open(Place(UUID(row.subject[7:]), row.source, row.event_id), row, keys) for row in found]
        return [each for each in opened if each.state != "absent"]

    async def erased(self, persons: Sequence[UUID]) -> list[UUID]:
        """Those of these persons who are erased."""
        _, keys = await self._read(None, {}, {f"person/{each}" for each in persons})
        return sorted({each for each in persons if keys.get(f"person/{each}", b"") is None})

    async def _read(
        self, statement: str | None, wanted: dict[str, Any], subjects: set[str]
    ) -> tuple[list[Any], dict[str, bytes | None]]:
        """Rows of the log, and the keys of persons as they are afterwards; None of one who is erased."""
        async with self._engine.connect() as connection:
            rows = list((await connection.execute(SQL[statement], wanted)).all()) if statement else []
            wrapped = await StoreReader(connection).person_keys(subjects)
        keys: dict[str, bytes | None] = {}
        for person, each in wrapped.items():
            keys[person] = None if each is None else self._sealer.unwrap(each, person)
        return rows, keys

    def _open(self, place: Place, row: Any, keys: dict[str, bytes | None]) -> Found:
        subject = f"person/{place.person}"
        if keys.get(subject, b"") is None:
            return Found(place.person, place.source, place.event_id, "erased")
        sealed = None if row is None else sealed_in(msgspec.json.decode(row.data))
        if sealed is None:
            return Found(place.person, place.source, place.event_id, "absent")
        key = keys.get(subject)
        try:
            profile = self._sealer.open(sealed, key, subject, place.event_id) if key else None
        except Unsealable:
            profile = None
        if profile is None:
            return Found(place.person, place.source, place.event_id, "closed")
        return Found(place.person, place.source, place.event_id, "unsealed", profile)
