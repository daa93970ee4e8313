"""Erasure of a person with several ids: whichever is named, the keys of all go, in whatever order they come."""

import itertools
from typing import Any

import pytest

from services.registry.writer import Writer
from tests.conftest import Database
from tests.given import admitted, corrected, identified, linked, new_uuid, organisation, root
from tests.integration.test_log_verification import faults, verify, write
from tests.integration.test_registry_erasure import erased, key_of, recorded, with_profile
from tests.integration.test_registry_log import message, started


@pytest.fixture
async def writer(database: Database) -> Writer:
    """A writer with a root and a cell on its log."""
    writer = await started(database)
    await writer.write([message(1, root(), organisation("cell"))])
    return writer


def known(person: str) -> dict[str, Any]:
    """A candidate with a profile."""
    return with_profile(identified(person, "2022-01-05"))


async def keys_of(database: Database, *persons: str) -> list[bool]:
    """Who of these persons still has a key."""
    return [await key_of(database, f"person/{each}") is not None for each in persons]


async def test_the_erasure_of_one_id_erases_all_linked_with_it(database: Database, writer: Writer) -> None:
    for number, named in enumerate(range(3), 1):
        first, second, third = persons = [new_uuid() for _ in range(3)]
        stranger = new_uuid()
        links = [linked(first, second, "2022-02-01"), linked(third, first, "2022-03-01")]
        await writer.write([message(2 * number, *map(known, [*persons, stranger]), *links)])
        assert await keys_of(database, *persons, stranger) == [True] * 4

        await writer.write([message(2 * number + 1, erased(persons[named]))])

        assert await keys_of(database, *persons, stranger) == [False, False, False, True]
        buried = await database.fetch("SELECT person FROM registry.erased_person")
        assert {f"person/{each}" for each in persons} <= {row["person"] for row in buried}


@pytest.mark.parametrize("named", ["the first id", "the second id"])
async def test_a_link_with_one_who_is_erased_erases_the_other(
    database: Database, writer: Writer, named: str
) -> None:
    first, second = new_uuid(), new_uuid()
    gone = first if named == "the first id" else second
    await writer.write([message(2, known(first), known(second))])
    await writer.write([message(3, erased(gone))])
    assert sorted(await keys_of(database, first, second)) == [False, True]

    await writer.write([message(4, linked(first, second, "2022-02-01"))])

    assert await keys_of(database, first, second) == [False, False]


async def test_whatever_order_link_and_erasure_and_profiles_come_in_nothing_stays_open(
    database: Database, writer: Writer
) -> None:
    sequences = itertools.count(2)
    for order in itertools.permutations(range(3)):
        first, second = new_uuid(), new_uuid()
        start = [identified(first, "2022-01-01"), identified(second, "2022-01-01")]
        later = with_profile(admitted(second, "2022-01-15"))
        events = [later, linked(first, second, "2022-02-01"), erased(first, "2022-03-01")]
        await writer.write([message(next(sequences), *start)])
        for index in order:
            await writer.write([message(next(sequences), events[index])])
        assert await keys_of(database, first, second) == [False, False]
        stored, codes = await recorded(database, later)
        dropped = order.index(0) > max(order.index(1), order.index(2))
        assert ("profile" not in stored["data"], "profile-dropped" in codes) == (dropped, dropped)


async def test_a_profile_of_the_other_id_that_comes_after_the_erasure_is_dropped(
    database: Database, writer: Writer
) -> None:
    first, second = new_uuid(), new_uuid()
    await writer.write([message(2, known(first), known(second), linked(first, second, "2022-02-01"))])
    later = with_profile(admitted(second, "2024-01-05"))
    await writer.write([message(3, erased(first), later)])
    stored, codes = await recorded(database, later)
    assert "profile" not in stored["data"]
    assert "profile-dropped" in codes


async def test_a_link_that_was_taken_back_before_the_erasure_spares_the_other(
    database: Database, writer: Writer
) -> None:
    first, second, third = new_uuid(), new_uuid(), new_uuid()
    link = linked(first, second, "2022-02-01")
    await writer.write([message(2, known(first), known(second), known(third), link)])
    other_one = corrected(link, {"data": {"other_person_id": third}})
    await writer.write([message(3, other_one)])
    await writer.write([message(4, erased(first))])
    assert await keys_of(database, first, second, third) == [False, True, False]


async def test_a_link_that_a_correction_makes_erases_too(database: Database, writer: Writer) -> None:
    first, second, third = new_uuid(), new_uuid(), new_uuid()
    link = linked(first, second, "2022-02-01")
    await writer.write([message(2, known(first), known(second), known(third), link, erased(third))])
    assert await keys_of(database, first, second, third) == [True, True, False]
    await writer.write([message(3, corrected(link, {"data": {"other_person_id": third}}))])
    assert await keys_of(database, first, second, third) == [False, True, False]


async def test_the_verification_knows_why_the_keys_of_linked_ids_are_gone(database: Database) -> None:
    first, second = new_uuid(), new_uuid()
    start = [root(), organisation("cell"), known(first), known(second)]
    await write(database, message(1, *start, linked(first, second, "2022-02-01"), erased(second)))
    assert await keys_of(database, first, second) == [False, False]
    assert faults(await verify(database)) == {}
