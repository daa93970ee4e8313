"""Pages of the quarantine: bounded in bytes, and gone on with from a place that only a page before has told."""

from base64 import urlsafe_b64encode
from datetime import datetime

import msgspec
import pytest

from services.registry.api.waiting import BEGINNING, PAGE_BYTES, Filter, Place, WaitingReadings
from shared.runtime.database import create_engine
from tests.conftest import Database

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
