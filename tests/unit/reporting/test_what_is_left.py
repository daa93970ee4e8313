"""What belongs to no child of an organisation: the whole without all children."""

from services.reporting.reports.person_running import Became, Taken, left


def test_what_no_child_has_is_the_whole_without_the_children() -> None:
    whole = [Taken("*", 0, 5, 3), Taken("*", 0, 9, 2), Taken("*", 1, 5, 1)]
    children = [Taken("north", 0, 5, 1), Taken("south", 0, 5, 1), Taken("south", 0, 9, 2)]

    assert left([*whole, *children]) == [Taken("", 0, 5, 1), Taken("", 1, 5, 1)]


def test_nothing_is_left_where_children_have_all() -> None:
    assert left([Became("*", 2022, "admitted", 4), Became("north", 2022, "admitted", 4)]) == []
    assert left([]) == []
