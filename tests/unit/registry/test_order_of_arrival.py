"""Small cases that made-up histories found: what arrives late must count as if it had come in time."""

from tests.given import balance, corrected, enrolled, event, merged, organisation, root, split, target
from tests.unit.registry.given import in_the_hands_of, outcomes, turn

PERSON = "00000000-0000-4000-8000-00000000000a"
CELLS = [root(), *(organisation(name) for name in ("cell", "other", "heir"))]


def moved_under(child: str, parent: str, day: str) -> dict[str, object]:
    return event("OrganisationReparented", f"organisation/{child}", day, {"parent_id": parent})


def test_a_split_of_whom_a_merger_brought_counts_nothing_once_the_merger_is_retracted() -> None:
    merger = merged("heir", "2022-02-01", "other")
    events = [
        *CELLS,
        enrolled(PERSON, "2022-01-01", "other"),
        merger,
        split("heir", "2022-03-01", cell=[PERSON]),
    ]
    assert in_the_hands_of("cell", turn(events)) == {"members.official": 1}

    after = turn([*events, corrected(merger, None)])

    assert in_the_hands_of("cell", after) == {}
    assert in_the_hands_of("other", after) == {"members.official": 1}


def test_a_split_that_was_corrected_follows_a_merger_that_is_retracted_too() -> None:
    merger, division = merged("heir", "2022-02-01", "other"), split("heir", "2022-03-01", cell=[PERSON])
    second = PERSON[:-1] + "b"
    instead = {"data": {"allocations": [{"organisation_id": "cell", "person_ids": [second]}]}}
    events = [
        *CELLS,
        enrolled(PERSON, "2022-01-01", "other"),
        enrolled(second, "2022-01-01", "other"),
        merger,
        division,
        corrected(division, instead),
    ]
    assert in_the_hands_of("cell", turn(events)) == {"members.official": 1}

    after = turn([*events, corrected(merger, None)])

    assert in_the_hands_of("cell", after) == {}
    assert in_the_hands_of("other", after) == {"members.official": 2}


def test_an_organisation_says_nothing_more_on_the_day_of_its_end() -> None:
    """Whatever the time of day: it was active to the day before."""
    early = {**balance("other", "2022-02-01", 5), "time": "2022-02-01T00:00:01+07:00"}
    merger = merged("heir", "2022-02-01", "other", time="2022-02-01T23:00:00+07:00")
    gone = event("OrganisationDissolved", "organisation/other", "2022-02-01", {"successor_id": "heir"})

    assert outcomes([*CELLS, merger, early])[-1] == ("quarantined", "wrong-stage")
    assert outcomes([*CELLS, gone, early])[-1] == ("quarantined", "wrong-stage")
    for end in (merger, gone):
        assert in_the_hands_of("heir", turn([*CELLS, early, end])) == {}


def test_an_heir_may_be_founded_on_the_day_on_which_it_takes_over() -> None:
    new = organisation("new", "2022-02-01", time="2022-02-01T09:00:00+07:00")
    merger = merged("new", "2022-02-01", "other", time="2022-02-01T10:00:00+07:00")

    after = turn([*CELLS, balance("other", "2022-01-01", 5), merger, new])

    assert in_the_hands_of("new", after) == {"balance.official": 5}


def test_what_an_heir_said_of_a_target_before_it_withdrew_it_is_recorded_late() -> None:
    def said(name: str, time: str, **data: object) -> dict[str, object]:
        content = {"target_id": "target-other", "reason": "other", **data}
        return event(name, "organisation/heir", "2022-03-01", content, time=f"2022-03-01T{time}:00+07:00")

    events = [
        *CELLS,
        target("other"),
        merged("heir", "2022-03-01", "other", time="2022-03-01T08:00:00+07:00"),
        said("TargetWithdrawn", "10:00"),
        said("TargetRevised", "09:00", value=4),
    ]

    assert [outcome for outcome, _ in outcomes(events)] == ["recorded"] * len(events)


def test_a_merger_into_a_branch_is_released_when_the_branch_moves_out() -> None:
    events = [
        root(),
        organisation("district", kind="intermediate_committee"),
        organisation("commune", kind="grassroots_committee", parent="district"),
        organisation("cell", parent="commune"),
        merged("cell", "2022-02-01", "district"),
        moved_under("commune", "root", "2022-01-31"),
    ]

    assert [outcome for outcome, _ in outcomes(events)] == ["recorded"] * len(events)


def test_a_late_move_under_a_parent_counts_only_until_the_next_move() -> None:
    events = [
        *CELLS,
        moved_under("cell", "root", "2022-01-02"),
        moved_under("cell", "other", "2022-01-04"),
        moved_under("heir", "cell", "2022-02-01"),
        moved_under("cell", "heir", "2022-01-03"),
    ]

    assert [outcome for outcome, _ in outcomes(events)] == ["recorded"] * len(events)


def test_what_overtook_its_own_acceptance_is_recorded_as_the_same_bytes_once_that_is() -> None:
    there = {"source": "son-la"}
    neighbour = [root("son-la-root", **there), organisation("far", parent="son-la-root", **there)]
    way = {"from": "cell", "to": "far", "kind": "official"}
    sent = event("TransferInitiated", f"person/{PERSON}", "2022-03-01", way)
    come = {"organisation_id": "far", "presented_on": "2022-03-10"}
    accepted = event("TransferAccepted", f"person/{PERSON}", "2022-03-10", come, **there)
    ended = event("MembershipEnded", f"person/{PERSON}", "2022-06-01", {"reason": "resigned"}, **there)
    known = [*CELLS, *neighbour, enrolled(PERSON, "2022-01-01")]

    assert outcomes([*known, ended])[-1] == ("rejected", "foreign-organisation")
    assert outcomes([*known, accepted, ended, sent])[-3:] == [("recorded", None)] * 3
    after = outcomes([*known, ended, sent, accepted, ended])
    assert (after[len(known)][0], after[-1]) == ("rejected", ("recorded", None))
