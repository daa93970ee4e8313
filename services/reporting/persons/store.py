"""The tables about single persons: the one place that fills them, and that erases from them."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.persons.admissions import KnownAdmission, Placed, also_named
from services.reporting.unsealing import ProfilePlace, UnsealedProfile
from shared.events.person import Profile
from shared.events.recorded import read_data
from shared.runtime.sql import Statements, write_rows
from shared.timeline.fact import Fact

SQL = Statements("services.reporting.sql", "persons.sql")


async def touched(connection: AsyncConnection, after: int, upto: int) -> list[str]:
    """Persons of whose admissions the positions after one, up to another, may say something new."""
    return list(await connection.scalars(SQL["touched"], {"after": after, "upto": upto}))


async def facts_with_links(
    connection: AsyncConnection, subjects: Iterable[str], upto: int
) -> dict[str, list[Placed]]:
    """All facts that name these persons, and those whom they were ever linked with, up to a position."""
    found: dict[str, list[Placed]] = {}
    wanted = set(subjects)
    while wanted:
        found |= {subject: [] for subject in wanted}
        near: set[str] = set()
        rows = await connection.execute(SQL["facts_of_persons"], {"subjects": sorted(wanted), "upto": upto})
        for row in rows:
            fact = _fact(row)
            found[row.wanted].append(Placed(row.position, fact))
            near |= {fact.subject, *also_named(fact)}
        wanted = near - found.keys()
    return found


def _fact(row: Any) -> Fact:
    data = read_data(row.type, row.data.encode(), row.position)
    name = row.type.partition(".")[0]
    return Fact(row.event_id, row.subject, name, row.effectiveon, row.time, data, row.source)


async def put_admissions(
    connection: AsyncConnection, persons: Sequence[str], known: Sequence[KnownAdmission]
) -> None:
    """Put these admissions in the place of all that was known of these persons, and expect their profiles."""
    ids = [UUID(person.partition("/")[2]) for person in persons]
    await connection.execute(SQL["drop_admissions"], {"persons": ids})
    await write_rows(
        connection,
        SQL["add_admissions"],
        ("person", "source", "event_id", "organisation_id", "day", "categories", "profile_source",
         "profile_event", "profile_person", "known_from", "known_to"),
        [
            (one.person, one.source, one.event_id, one.organisation_id, one.day, " ".join(one.categories),
             one.profile and one.profile.source, one.profile and one.profile.event_id,
             one.profile and one.profile.person, each.known_from, each.known_to)
            for each in known
            for one in (each.admission,)
        ],
    )  # fmt: skip
    places = {each.admission.profile for each in known if each.admission.profile is not None}
    await write_rows(
        connection,
        SQL["expect_profiles"],
        ("source", "event_id", "person"),
        sorted((each.source, each.event_id, each.person) for each in places),
    )


async def unread(connection: AsyncConnection, limit: int) -> list[ProfilePlace]:
    """Places of profiles that the registry has not been asked for, or whose key was missing an hour ago."""
    rows = await connection.execute(SQL["unread"], {"limit": limit})
    return [ProfilePlace(row.person, row.source, row.event_id) for row in rows]


async def keep(connection: AsyncConnection, found: Sequence[UnsealedProfile]) -> None:
    """Keep what the registry says of profiles; of whoever is erased nothing is kept."""
    rows = []
    for each in sorted(found, key=lambda one: (one.source, one.event_id)):
        profile = each.profile if isinstance(each.profile, Profile) and each.state == "unsealed" else Profile()
        rows.append((each.source, each.event_id, each.state, *msgspec.structs.astuple(profile)))
    await write_rows(
        connection, SQL["keep_profiles"], ("source", "event_id", "state", *Profile.__struct_fields__), rows
    )
    await write_rows(connection, SQL["keep_erased"], ("source", "event_id"), [row[:2] for row in rows])
    await connection.execute(SQL["changed"])


async def erased_among(connection: AsyncConnection, persons: Iterable[str]) -> set[str]:
    """Those of these persons who are erased."""
    wanted = {"persons": [UUID(person.partition("/")[2]) for person in persons]}
    return {f"person/{found}" for found in await connection.scalars(SQL["erased_among"], wanted)}


async def erase(connection: AsyncConnection, persons: Iterable[str]) -> None:
    """Rewrite what is kept of these persons by attribute, in the transaction of `connection`."""
    wanted = {"persons": sorted(UUID(person.partition("/")[2]) for person in persons)}
    await connection.execute(SQL["bury"], wanted)
    await connection.execute(SQL["erase"], wanted)
    await connection.execute(SQL["changed"])
