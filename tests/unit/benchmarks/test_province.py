"""The made-up province that the benchmarks publish."""

import msgspec

from benchmarks.province import Province, batches
from shared.events.codec import read


def test_the_same_seed_tells_the_same_history_and_another_seed_another() -> None:
    first, again, other = (list(Province("made-up", seed=seed).events(3_000)) for seed in (1, 1, 2))

    assert first == again
    assert first != other
    assert len(first) == 3_000


def test_every_event_can_be_read_and_has_an_id_of_its_own() -> None:
    read_ = [read(event, "made-up") for event in Province("made-up").events(6_000)]

    assert [event.fault for event in read_ if event.fault is not None] == []
    assert len({event.envelope.id for event in read_}) == 6_000


def test_a_late_event_comes_later_and_none_is_lost() -> None:
    told = [int(msgspec.json.decode(event)["sequence"]) for event in Province("made-up", late=0.05).events(4_000)]

    assert told != sorted(told)
    assert sorted(told) == list(range(1, 4_001))


def test_batches_hold_all_events_in_their_order() -> None:
    events = list(Province("made-up").events(1_201))

    packed = list(batches(iter(events), 500))

    assert [len(msgspec.json.decode(each)) for each in packed] == [500, 500, 201]
    assert b"[%s]" % b",".join(events[:500]) == packed[0]
