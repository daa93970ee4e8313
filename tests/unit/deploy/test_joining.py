"""Which step a PostgreSQL of a pair takes when it starts."""

import pytest

from deploy.stack.errors import StackError
from deploy.stack.joining import step
from deploy.stack.replication import Standing

WRITES = Standing(following=False, timeline=1)
FOLLOWS = Standing(following=True, timeline=1)
PROMOTED = Standing(following=False, timeline=2)


def test_the_first_server_of_an_installation_makes_its_cluster() -> None:
    assert step(has_data=False, follows=False, timeline=0, first=True, other=None) == "initialise"


def test_the_second_waits_for_the_first_and_copies_it() -> None:
    assert step(has_data=False, follows=False, timeline=0, first=False, other=None) == "wait"
    assert step(has_data=False, follows=False, timeline=0, first=False, other=WRITES) == "copy"


def test_a_first_server_that_lost_its_disk_copies_the_one_that_was_promoted() -> None:
    assert step(has_data=False, follows=False, timeline=0, first=True, other=PROMOTED) == "copy"


def test_a_first_server_that_lost_its_disk_makes_nothing_beside_a_replica() -> None:
    assert step(has_data=False, follows=False, timeline=0, first=True, other=FOLLOWS) == "wait"


@pytest.mark.parametrize("other", [None, FOLLOWS])
def test_who_took_writes_goes_on_doing_so(other: Standing | None) -> None:
    assert step(has_data=True, follows=False, timeline=1, first=True, other=other) == "start"


@pytest.mark.parametrize("other", [None, WRITES, PROMOTED])
def test_a_replica_goes_on_following(other: Standing | None) -> None:
    assert step(has_data=True, follows=True, timeline=1, first=False, other=other) == "start"


def test_who_was_overtaken_puts_its_data_aside_and_follows() -> None:
    assert step(has_data=True, follows=False, timeline=1, first=True, other=PROMOTED) == "set aside and copy"


def test_two_that_take_writes_on_one_timeline_are_told_apart_by_a_person() -> None:
    with pytest.raises(StackError, match="both servers of the pair take writes"):
        step(has_data=True, follows=False, timeline=2, first=True, other=PROMOTED)
