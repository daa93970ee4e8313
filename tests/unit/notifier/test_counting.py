"""Where organisations and places stand, day by day, after successions."""

from datetime import date

from services.notifier.rules.counting import ENDLESS, Placement, Seat, placements, seats
from shared.timeline.lineage import Lineage, Succession
from shared.timeline.organisation import OrganisationState, Segment
from shared.timeline.place import Coverage, PlaceState

FOUNDED = date(2020, 1, 1)
DAY = date(2022, 5, 1)


def cell(parent: str | None) -> OrganisationState:
    return OrganisationState((Segment(FOUNDED, "Chi bộ", "cell", "territorial", parent),))


def test_a_child_of_an_ended_organisation_is_its_successors_from_that_day() -> None:
    lineage = Lineage([Succession("old", DAY, "new")])
    assert list(placements("cell", cell("old"), lineage)) == [
        Placement("cell", FOUNDED, DAY, "old"),
        Placement("cell", DAY, ENDLESS, "new"),
    ]


def test_a_child_that_succeeds_its_parent_is_a_root_from_that_day() -> None:
    lineage = Lineage([Succession("old", DAY, "cell")])
    assert list(placements("cell", cell("old"), lineage)) == [
        Placement("cell", FOUNDED, DAY, "old"),
        Placement("cell", DAY, ENDLESS, None),
    ]


def test_a_place_goes_on_with_its_owner_and_its_cell() -> None:
    covered = date(2021, 1, 1)
    coverage = (Coverage(FOUNDED, None, shared=False), Coverage(covered, "cell-a", shared=False))
    state = PlaceState("old", "Bản", "village", (), coverage)
    later = date(2023, 1, 1)
    lineage = Lineage([Succession("old", DAY, "new"), Succession("cell-a", later, "cell-b")])
    assert list(seats("place", state, lineage)) == [
        Seat("place", FOUNDED, covered, "old", None),
        Seat("place", covered, DAY, "old", "cell-a"),
        Seat("place", DAY, later, "new", "cell-a"),
        Seat("place", later, ENDLESS, "new", "cell-b"),
    ]


def test_an_organisation_whose_founding_was_retracted_stands_nowhere() -> None:
    assert list(placements("cell", OrganisationState(), Lineage())) == []
