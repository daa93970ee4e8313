"""Pages of the quarantine: bounded in bytes, and gone on with from a place that only a page before has told."""

from base64 import urlsafe_b64encode
from datetime import datetime

import msgspec
import pytest

from services.registry.api.waiting import BEGINNING, PAGE_BYTES, Filter, Place, WaitingReadings
from shared.runtime.database import create_engine
from tests.conftest import Database
from tests.given import corrected, identified, new_uuid, organisation, root
from tests.integration.test_registry_log import disposed, message, started

__all__ = ["disposed"]
ANY = Filter()
ID = "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize("limit", [4, 100])
async def test_a_page_of_events_that_wait_for_very_much_is_short_and_says_where_it_goes_on(
    database: Database, limit: int
) -> None:
    # Made up: 45 splits, each of 1,400 persons of whom nothing is known.
    await database.fetch(
        "INSERT INTO registry.quarantine SELECT 'dien-bien', gen_random_uuid(), n, 0, 'OrganisationSplit.v1', "
        "'organisation/root', DATE '2022-01-01' + n, now(), '', 'wrong-stage', '', "
        "ARRAY(SELECT 'person/' || gen_random_uuid() FROM generate_series(1, 1400)), '{}', now() "
        "FROM generate_series(1, 45) AS n"
    )
    engine = create_engine(database.url("ketnap_registry"), "test")
    waiting, place, pages = WaitingReadings(engine), BEGINNING, []
    try:
        while True:
            items, following = await waiting.page(ANY, place, limit)
            pages.append(items)
            if following is None:
                break
            place = Place.read(following)
    finally:
        await engine.dispose()

    assert [each["stream_sequence"] for page in pages for each in page] == list(range(1, 46))
    assert len(pages) == (12 if limit == 4 else 3)
    assert max(len(str(page)) for page in pages) < 40 * PAGE_BYTES


@pytest.mark.parametrize(
    "written",
    [
        ["2022-01-01", datetime(2022, 1, 1), ID, "dien-bien"],  # noqa: DTZ001 - without its zone is the point
        ["2022-01-01", "2022-01-01T00:00:00Z", ID, "a\0b"],
        ["2022-01-01", "2022-01-01T00:00:00Z", ID],
    ],
    ids=["no zone", "NUL", "too short"],
)
def test_a_cursor_that_no_page_told_is_none(written: list[object]) -> None:
    cursor = urlsafe_b64encode(msgspec.json.encode(written)).decode().rstrip("=")

    with pytest.raises(ValueError, match="expected the `next` of an earlier page"):
        Place.read(cursor)


async def awaited(database: Database) -> dict[str, tuple[bool, str]]:
    """What is waited for: whether it is told to be on record, and in which words."""
    engine = create_engine(database.url("ketnap_registry"), "test")
    try:
        items, _ = await WaitingReadings(engine).page(ANY, BEGINNING, 100)
    finally:
        await engine.dispose()
    said = [each for item in items for each in item["waits_for"]]
    return {f"{each.kind}/{each.id}": (each.known, each.message) for each in said}


async def test_an_organisation_whose_founding_was_taken_back_is_told_not_to_be_on_record(
    database: Database,
) -> None:
    writer, cell, person = await started(database), organisation("cell"), new_uuid()
    await writer.write([message(1, root(), cell, corrected(cell, None), identified(person, "2022-01-05"))])

    assert (await awaited(database))["organisation/cell"] == (
        False,
        "the first fact about organisation/cell, which is not on record: OrganisationEstablished",
    )


async def test_what_a_correction_corrects_is_told_to_be_on_record_once_it_is(database: Database) -> None:
    writer, mistaken = await started(database), identified(new_uuid(), "2022-01-05")
    other = identified(new_uuid(), "2022-01-05")
    # Of the same source, and about somebody else than it says.
    misdirected = {**corrected(mistaken, None), "subject": other["subject"]}
    await writer.write([message(1, root(), organisation("cell"), other, misdirected)])
    key = f"event/dien-bien/{mistaken['id']}"
    assert (await awaited(database))[key] == (False, f"{key.replace('/', ' ', 1)}, which is not on record")

    await writer.write([message(2, mistaken)])

    known, said = (await awaited(database))[key]
    assert (known, said) == (True, "a fact that makes the correction fit; what it corrects is on record")
