"""`ketnap validate` asks in arrays that the registry takes, whatever the size of the events."""

import pytest

from deploy.cli.validate import arrays
from services.registry.api.routes import MAX_VALIDATED
from services.registry.app import MAX_BODY


@pytest.mark.parametrize(
    ("size", "number"), [(1, 5001), (1677, 5001), (1700, 5000), (64 * 1024, 130), (MAX_BODY // 2 - 1, 3)]
)
def test_no_array_is_larger_than_the_registry_takes_and_no_event_is_left_out(size: int, number: int) -> None:
    events = [b"x" * size] * number

    found = list(arrays(events))

    assert [event for part in found for event in part] == events
    assert max(len(b"[%s]" % b",".join(part)) for part in found) <= MAX_BODY
    assert max(map(len, found)) <= MAX_VALIDATED
