"""The tally knows the current outcome of each event, in whatever order and however often receipts come."""

from datetime import UTC, datetime

import pytest
from msgspec import UNSET

from deploy.publishing import batches
from deploy.receipts import Tally
from shared.events.receipts import Finding, Outcome, Reason, Receipt


def receipt(
    outcome: Outcome, sequence: int = 7, index: int = 0, position: int | None = None, findings: int = 0
) -> Receipt:
    return Receipt(
        None,
        "alpha",
        outcome,
        sequence,
        index,
        datetime(2022, 11, 30, tzinfo=UTC),
        (Finding("code", "message"),) * findings,
        UNSET if position is None else position,
        UNSET if outcome in {"recorded", "duplicate"} else Reason("wrong-stage", "expected …, found …"),
    )


def test_receipts_that_come_before_the_acknowledgement_count() -> None:
    tally = Tally()
    tally.hear(receipt("recorded", position=41, findings=1))
    tally.expect(7, first=0, count=1)

    assert (tally.open, tally.outcomes(), tally.last_position, tally.findings) == (
        0,
        {"recorded": 1},
        41,
        {"code": 1},
    )


def test_a_receipt_that_comes_again_counts_once() -> None:
    tally = Tally()
    tally.expect(7, first=0, count=2)
    for _ in range(3):
        tally.hear(receipt("rejected"))

    assert (tally.open, tally.outcomes()) == (1, {"rejected": 1})


def test_a_release_replaces_the_quarantine_and_a_late_quarantine_changes_nothing() -> None:
    tally = Tally()
    tally.expect(7, first=0, count=1)
    tally.hear(receipt("quarantined"))
    assert tally.waiting == 1
    tally.hear(receipt("recorded", position=3))
    tally.hear(receipt("quarantined"))

    assert (tally.waiting, tally.outcomes(), tally.problems()) == (0, {"recorded": 1}, ())


def test_problems_stand_in_the_order_of_publishing() -> None:
    tally = Tally()
    tally.expect(8, first=10, count=5)
    tally.expect(7, first=0, count=10)
    tally.hear(receipt("quarantined", 8, 4))
    tally.hear(receipt("rejected", 7, 3))

    assert [problem.index for problem in tally.problems()] == [3, 14]
    assert tally.first_unsettled() == 7


def test_receipts_of_other_messages_do_not_count() -> None:
    tally = Tally()
    tally.expect(7, first=0, count=1)
    tally.hear(receipt("recorded", 6, position=9))
    tally.hear(receipt("recorded", 7, index=1, position=9))

    assert (tally.open, tally.last_position) == (1, 0)


def test_of_receipts_that_others_get_without_end_only_the_latest_are_put_aside(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Tally, "EARLY", 4)
    tally = Tally()
    for sequence in range(1, 41):
        tally.hear(receipt("recorded", sequence, index=0))
        tally.hear(receipt("recorded", sequence, index=1))

    tally.expect(39, first=0, count=2)
    tally.expect(40, first=2, count=2)
    assert (tally.open, tally.outcomes()) == (0, {"recorded": 4})

    tally.expect(38, first=4, count=2)
    assert tally.open == 2  # the registry tells it again


def test_once_all_is_published_receipts_of_others_are_put_aside_no_more() -> None:
    tally = Tally()
    tally.expect(7, first=0, count=1)
    tally.expect_no_more()
    tally.hear(receipt("recorded", 6))
    tally.hear(receipt("recorded", 7))

    assert (tally.open, tally.outcomes()) == (0, {"recorded": 1})


def test_batches_keep_to_the_limits_of_a_message_and_to_the_order() -> None:
    events = (
        [b"%d" % n for n in range(2500)] + [b'"%s"' % (b"x" * 600_000)] * 2 + [b'"%s"' % (b"y" * 2_000_000), b"1"]
    )
    packed = list(batches(events))

    assert [count for _, count in packed] == [1000, 1000, 501, 1, 1, 1]
    assert b",".join(payload[1:-1] for payload, _ in packed) == b",".join(events)
    assert all(len(payload) < 1024 * 1024 for payload, count in packed if count > 1)


def test_no_events_make_no_message() -> None:
    assert list(batches([])) == []
