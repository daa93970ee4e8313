"""Erasure in PostgreSQL: the key goes with the event, nothing brings it back, and the counts stay."""

import itertools
import json
from typing import Any
from uuid import UUID

import pytest

from services.registry.deliveries import Message
from services.registry.sealing import Sealer, Unsealable, Wrapped
from services.registry.writer import Writer
from tests.conftest import Database
from tests.given import admitted, corrected, encoded, event, identified, new_uuid, organisation, root
from tests.integration.test_registry_log import message, started

OCCUPATION = "zzq-occupation-1"


def erased(person: str, day: str = "2023-01-01", **more: Any) -> dict[str, Any]:
    """The person asks to be forgotten."""
    return event("PersonErased", f"person/{person}", day, {"request_ref": "YC-1"}, **more)


def with_profile(one: dict[str, Any], **profile: Any) -> dict[str, Any]:
    return {**one, "data": {**one["data"], "profile": profile or {"occupation": OCCUPATION}}}


async def recorded(database: Database, one: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """An event as it stands on the log, and the codes of its findings."""
    (row,) = await database.fetch(
        "SELECT event::text, findings::text FROM registry.log WHERE event_id = $1", UUID(one["id"])
    )
    return json.loads(row["event"]), [each["code"] for each in json.loads(row["findings"] or "[]")]


async def outcomes(database: Database, sequence: int) -> list[tuple[str, str | None]]:
    rows = await database.fetch(
        "SELECT outcome, code FROM registry.delivery WHERE stream_sequence = $1 ORDER BY batch_index", sequence
    )
    return [tuple(row) for row in rows]


async def key_of(database: Database, person: str) -> Wrapped | None:
    rows = await database.fetch("SELECT master, wrapped FROM registry.person_key WHERE person = $1", person)
    return Wrapped(*rows[0]) if rows else None


@pytest.fixture
async def writer(database: Database) -> Writer:
    """A writer with a root and a cell on its log."""
    writer = await started(database)
    await writer.write([message(1, root(), organisation("cell"))])
    return writer


async def test_the_key_goes_with_the_event_and_what_it_sealed_stays_closed(
    database: Database, writer: Writer
) -> None:
    person = new_uuid()
    subject = f"person/{person}"
    first = with_profile(identified(person, "2022-01-05"))
    await writer.write([message(2, first)])
    sealed = (await recorded(database, first))[0]["data"]["profile"]
    wrapped = await key_of(database, subject)
    assert wrapped is not None
    sealer = Sealer(b"m" * 32)
    opened = sealer.open(sealed, sealer.unwrap(wrapped, subject), subject, UUID(first["id"]))
    assert opened["occupation"] == OCCUPATION

    await writer.write([message(3, erased(person))])

    assert await outcomes(database, 3) == [("recorded", None)]
    assert await key_of(database, subject) is None
    assert (await recorded(database, first))[0]["data"]["profile"] == sealed
    other_key, _ = sealer.new_key(subject)
    with pytest.raises(Unsealable):
        sealer.open(sealed, other_key, subject, UUID(first["id"]))


async def test_the_key_stays_if_the_turn_fails(database: Database, writer: Writer) -> None:
    person = new_uuid()
    await writer.write([message(2, with_profile(identified(person, "2022-01-05")))])
    await database.fetch("ALTER TABLE registry.source ADD CONSTRAINT broken CHECK (settled < 3) NOT VALID")
    with pytest.raises(Exception, match="broken") as failed:
        await writer.write([message(3, erased(person), with_profile(admitted(new_uuid(), "2022-01-05")))])
    # What a statement was given must not come into a log by way of its error.
    assert "parameters hidden" in str(failed.value)
    assert await key_of(database, f"person/{person}") is not None
    assert await database.fetch("SELECT * FROM registry.erased_person") == []


async def test_a_later_profile_is_dropped_with_a_finding_and_its_event_is_still_recognised(
    database: Database, writer: Writer
) -> None:
    person = new_uuid()
    later = with_profile(admitted(person, "2024-01-05"))
    await writer.write([message(2, identified(person, "2022-01-05"), erased(person))])

    await writer.write([message(3, later)])
    await writer.write([message(4, later, {**later, "data": {**later["data"], "profile": {"sex": "male"}}})])

    stored, codes = await recorded(database, later)
    assert "profile" not in stored["data"]
    assert "profile-dropped" in codes
    assert await outcomes(database, 4) == [("duplicate", None), ("rejected", "id-conflict")]
    assert await key_of(database, f"person/{person}") is None


async def test_in_one_batch_a_profile_before_the_erasure_is_closed_and_one_after_it_dropped(
    database: Database, writer: Writer
) -> None:
    person = new_uuid()
    before = with_profile(identified(person, "2022-01-05"))
    after = with_profile(admitted(person, "2024-01-05"))
    await writer.write([message(2, before, erased(person), after)])
    assert (await recorded(database, before))[0]["data"]["profile"].startswith("sealed:v1:")
    assert "profile" not in (await recorded(database, after))[0]["data"]
    assert await key_of(database, f"person/{person}") is None


@pytest.mark.parametrize("arrives", ["before the erasure", "after the erasure", "in the turn of the erasure"])
async def test_a_profile_that_waits_in_quarantine_cannot_be_read_and_is_released_without(
    database: Database, writer: Writer, arrives: str
) -> None:
    person = new_uuid()
    waits = with_profile(admitted(person, "2024-01-05", "not-yet"))
    young = {**waits, "data": {**waits["data"], "profile": {"birth_year": 2015, "occupation": OCCUPATION}}}
    turns = {
        "before the erasure": [[young], [erased(person)]],
        "after the erasure": [[erased(person)], [young]],
        "in the turn of the erasure": [[young, erased(person)]],
    }[arrives]
    await writer.write([message(2, identified(person, "2022-01-05"))])
    sequences = itertools.count(3)
    for events in turns:
        await writer.write([message(next(sequences), *events)])
    (row,) = await database.fetch("SELECT event::text, content_hash FROM registry.quarantine")
    assert OCCUPATION not in row["event"]
    assert "sealed:v1:" in row["event"]

    await writer.write([message(next(sequences), organisation("not-yet"))])

    stored, codes = await recorded(database, young)
    assert "profile" not in stored["data"]
    assert "profile-dropped" in codes
    assert "age-out-of-range" not in codes
    (kept,) = await database.fetch("SELECT content_hash FROM registry.log WHERE event_id = $1", UUID(young["id"]))
    assert kept["content_hash"] == row["content_hash"]


async def test_age_is_judged_by_what_was_last_told_of_the_person_until_it_is_erased(
    database: Database, writer: Writer
) -> None:
    young, told_otherwise, gone = new_uuid(), new_uuid(), new_uuid()
    begun = {
        each: with_profile(identified(each, "2022-01-05"), birth_year=2010)
        for each in (young, told_otherwise, gone)
    }
    await writer.write([message(2, *begun.values())])
    first = begun[told_otherwise]
    await writer.write(
        [message(3, corrected(first, {"data": with_profile(first, birth_year=1990)["data"]}), erased(gone))]
    )

    admissions = [admitted(each, "2024-01-05") for each in begun]
    await writer.write([message(4, *admissions)])

    codes = [(await recorded(database, each))[1] for each in admissions]
    assert ["age-out-of-range" in each for each in codes] == [True, False, False]
    earlier = corrected(admissions[0], {"effectiveon": "2023-01-05"})
    await writer.write([message(5, earlier)])
    assert "age-out-of-range" in (await recorded(database, earlier))[1]


async def test_the_erasure_of_nobody_waits_and_a_second_one_is_recorded(
    database: Database, writer: Writer
) -> None:
    person = new_uuid()
    first = erased(person)
    await writer.write([message(2, first)])
    assert await outcomes(database, 2) == [("quarantined", "unknown-subject")]
    assert await database.fetch("SELECT * FROM registry.erased_person") == []

    await writer.write([message(3, with_profile(identified(person, "2022-01-05")))])
    await writer.write([message(4, erased(person))])

    assert [outcome for outcome, _ in [*await outcomes(database, 2), *await outcomes(database, 4)]] == [
        "recorded", "recorded",
    ]  # fmt: skip
    rows = await database.fetch("SELECT person FROM registry.erased_person")
    assert [row["person"] for row in rows] == [f"person/{person}"]
    assert await key_of(database, f"person/{person}") is None


@pytest.mark.parametrize("day", ["1990-01-01", "2021-12-31", "2022-06-01", "2023-06-01"])
async def test_another_source_erases_nobody_whatever_day_it_names(
    database: Database, writer: Writer, day: str
) -> None:
    await database.fetch(
        "INSERT INTO registry.source (source, root, public_key) VALUES ('son-la', 'son-la-root', '')"
    )
    writer = await started(database)
    person = new_uuid()
    ended = event("CandidateClosed", f"person/{person}", "2023-01-01", {"reason": "withdrew"})
    await writer.write([message(2, with_profile(identified(person, "2022-01-05")), ended)])

    theirs = [root("son-la-root", source="son-la"), erased(person, day, source="son-la")]
    await writer.write([Message("son-la", 1, 0, "batch", encoded(theirs))])

    rows = await database.fetch("SELECT outcome, code FROM registry.delivery WHERE source = 'son-la' ORDER BY 1")
    assert tuple(rows[1]) == ("rejected", "foreign-organisation")
    assert await key_of(database, f"person/{person}") is not None


async def test_no_key_comes_back_for_one_who_is_erased(database: Database, writer: Writer) -> None:
    person, subject = (known := new_uuid()), f"person/{known}"
    await writer.write([message(2, with_profile(identified(person, "2022-01-05")))])
    copy = await key_of(database, subject)
    assert copy is not None
    await writer.write([message(3, erased(person))])
    put = "INSERT INTO registry.person_key (person, master, wrapped) VALUES ($1, $2, $3)"
    await database.fetch(put, subject, *copy)
    assert await key_of(database, subject) is None


async def test_the_counts_are_what_they_were_in_whatever_order_the_erasure_arrives(
    database: Database, writer: Writer
) -> None:
    sequences = itertools.count(2)
    found = set()
    for number, order in enumerate(itertools.permutations(range(4))):
        person, cell = new_uuid(), f"cell-{number}"
        events = [
            with_profile(identified(person, "2022-01-05", cell)),
            with_profile(admitted(person, "2022-06-01", cell)),
            erased(person, "2022-03-01"),
            event("MemberConfirmed", f"person/{person}", "2023-06-01", {"official_from": "2023-06-01"}),
        ]
        await writer.write([message(next(sequences), organisation(cell))])
        for index in order:
            await writer.write([message(next(sequences), events[index])])
        (row,) = await database.fetch(
            "SELECT (SELECT convert_from(folded, 'UTF8')::json ->> 'state' FROM registry.subject "
            "WHERE subject = $1), "
            "(SELECT json_agg((measure, day, amount) ORDER BY measure, day)::text FROM registry.headcount "
            "WHERE organisation_id = $2 AND amount <> 0), "
            "(SELECT count(*) FROM registry.person_key WHERE person = $1)",
            f"person/{person}",
            cell,
        )
        found.add((row[0].replace(cell, "cell"), row[1], row[2]))
    (only,) = found
    assert '"erased":true' in only[0]
    assert '"official"' in only[0]
    assert "members.official" in only[1]
    assert only[2] == 0


async def test_what_a_correction_says_of_a_profile_is_sealed_too(database: Database, writer: Writer) -> None:
    data = {
        "corrects": new_uuid(),
        "replacement": {"data": {"organisation_id": "cell", "profile": {"occupation": OCCUPATION}}},
        "reason": "mistake",
    }
    await writer.write([message(2, event("FactCorrected", f"person/{new_uuid()}", "2022-01-05", data))])
    (row,) = await database.fetch("SELECT event::text FROM registry.quarantine")
    assert OCCUPATION not in row["event"]
    assert "sealed:v1:" in row["event"]
