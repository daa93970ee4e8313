"""The made-up nation that is loaded in bulk."""

import msgspec

from benchmarks.nation import Nation
from shared.events.recorded import read_recorded, write_batch


def small(seed: int = 1) -> Nation:
    """Two provinces."""
    return Nation(seed=seed, provinces=2, communes=4, grassroots=30)


def test_the_same_seed_records_the_same_nation_and_another_seed_another() -> None:
    first, again, other = (list(small(seed).recorded(3_000)) for seed in (1, 1, 2))

    assert first == again
    assert first != other


def test_every_event_can_be_read_from_the_log_in_its_place() -> None:
    recorded = read_recorded(write_batch(small().recorded(6_000)))

    assert [each.position for each in recorded] == list(range(1, 6_001))
    assert [each.recordedat for each in recorded] == sorted(each.recordedat for each in recorded)
    assert {each.source for each in recorded} == {"nation", "p00", "p01"}


def test_its_size_is_what_is_asked_for() -> None:
    kinds = [msgspec.json.decode(each)["data"].get("kind") for each in small().recorded(500)]

    assert kinds.count("provincial_committee") == 3
    assert kinds.count("intermediate_committee") == 4
    assert kinds.count("grassroots_committee") + kinds.count("grassroots_cell") == 30
