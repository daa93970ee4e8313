"""Reorganisations: whatever merges, splits or ends, nobody is lost and nobody comes from nowhere."""

from datetime import date
from typing import Any

import pytest

from services.registry.rules.targets import held_by
from shared.timeline.targets import standings
from tests.given import (
    admitted,
    balance,
    corrected,
    enrolled,
    event,
    identified,
    linked,
    merged,
    new_uuid,
    organisation,
    root,
    split,
    target,
)
from tests.unit.registry.given import in_the_hands_of, last_reason, outcomes, turn

ANA, BAO, CHI = new_uuid(), new_uuid(), new_uuid()
WORLD = [
    root(),
    organisation("west", kind="intermediate_committee"),
    organisation("east", kind="intermediate_committee"),
    organisation("a", parent="west"),
    organisation("b", parent="west"),
    organisation("c", parent="east"),
]
PEOPLE = [
    balance("a", "2021-01-01", 5, 2),
    balance("b", "2021-01-01", 3),
    enrolled(ANA, "2022-01-01", "a"),
    identified(BAO, "2022-01-01", "b"),
]
RECORDED = ("recorded", None)


def transfer(day: str, from_: str, to: str, person: str) -> dict[str, Any]:
    return event("TransferInitiated", f"person/{person}", day, {"from": from_, "to": to, "kind": "official"})


def accepted(person: str, day: str, to: str) -> dict[str, Any]:
    return event("TransferAccepted", f"person/{person}", day, {"organisation_id": to, "presented_on": day})


def test_a_merger_puts_members_balances_and_candidates_into_the_survivors_hands() -> None:
    after = turn([*WORLD, *PEOPLE, merged("c", "2023-01-01", "a", "b")])

    everyone = {
        "balance.official": 8, "balance.probationary": 2, "candidates.open": 1, "members.official": 1,
    }  # fmt: skip
    assert in_the_hands_of("c", after) == everyone
    assert in_the_hands_of("a", after) == in_the_hands_of("b", after) == {}
    assert in_the_hands_of("a", after, "2022-12-31")["balance.official"] == 5
    assert in_the_hands_of("c", after, "2022-12-31") == {}


def test_whoever_was_merged_goes_on_in_the_survivor() -> None:
    sent_on = transfer("2023-02-01", "c", "east", ANA)
    assert outcomes([*WORLD, *PEOPLE, merged("c", "2023-01-01", "a"), sent_on])[-1] == RECORDED


def test_a_transfer_from_the_survivor_waits_for_a_merger_on_its_way() -> None:
    late = [transfer("2023-02-01", "c", "east", ANA), merged("c", "2023-01-01", "a")]
    assert outcomes([*WORLD, *PEOPLE, *late])[-2:] == [RECORDED, RECORDED]


def test_a_recorded_transfer_fits_again_when_a_merger_makes_both_ends_one() -> None:
    """Ana is a member of c at first; it then turns out that she had gone to a, which was merged into c."""
    there_and_back = [
        enrolled(CHI, "2022-01-01", "c"),
        transfer("2023-02-01", "c", "b", CHI),
        transfer("2022-03-01", "c", "a", CHI),
        event(
            "TransferAccepted",
            f"person/{CHI}",
            "2022-04-01",
            {"organisation_id": "a", "presented_on": "2022-04-01"},
        ),
    ]
    before = turn([*WORLD, *there_and_back])
    assert len(before.situation.changed_folds()[f"person/{CHI}"].unseated) == 1

    after = turn([*WORLD, *there_and_back, merged("c", "2023-01-01", "a")])

    folded = after.situation.changed_folds()[f"person/{CHI}"]
    assert folded.unseated == frozenset()
    assert folded.state.transfer is not None  # type: ignore[union-attr]


REFUSED: dict[str, tuple[list[dict[str, Any]], str]] = {
    "the survivor among the sources": ([merged("c", "2023-01-01", "a", "c")], "another organisation as successor"),
    "a survivor under a source": ([merged("a", "2023-01-01", "west")], "found a under it"),
    "a source that has ended": (
        [merged("c", "2022-01-01", "a"), merged("b", "2023-01-01", "a")], "expected organisation/a to be active"
    ),
    "a survivor that has ended": (
        [merged("c", "2022-01-01", "a"), merged("a", "2023-01-01", "b")], "active on 2023-01-01"
    ),
    "a split that lists a stranger": ([split("a", "2023-01-01", b=[CHI])], "a member or candidate of a"),
    "a split that lists one who is elsewhere": (
        [enrolled(CHI, "2022-01-01", "c"), split("a", "2023-01-01", b=[CHI])], "a member or candidate of a"
    ),
    "a split to itself": ([*PEOPLE, split("a", "2023-01-01", a=[ANA])], "other organisations as recipients"),
    "a split that lists a person twice": (
        [*PEOPLE, split("a", "2023-01-01", b=[ANA], c=[ANA])], "listed once, found it 2 times"
    ),
    "an end that leaves a member who comes by a merger": (
        [*PEOPLE, merged("c", "2023-01-01", "a"), event("OrganisationDissolved", "organisation/c", "2022-06-01")],
        "no members left in c",
    ),
}  # fmt: skip


@pytest.mark.parametrize("given", REFUSED)
def test_what_a_reorganisation_breaks_is_said(given: str) -> None:
    events, said = REFUSED[given]
    assert said in last_reason([*WORLD, *events])


@pytest.mark.parametrize("by", ["the successor itself", "one above the successor"])
def test_a_late_end_that_would_put_a_later_survivor_under_itself_waits_until_that_one_was_moved_out(
    by: str,
) -> None:
    goes_over = "between" if by == "the successor itself" else "above"
    world = [
        root(),
        organisation("old", kind="grassroots_committee"),
        organisation("inner", parent="old"),
        organisation("above"),
        organisation("between", parent="above"),
        merged("inner", "2022-04-08", goes_over),
    ]
    late = event("OrganisationDissolved", "organisation/old", "2022-02-22", {"successor_id": "between"})
    moved_out = event("OrganisationReparented", "organisation/inner", "2022-02-01", {"parent_id": "root"})

    assert "and inner lies under old; move it out first" in last_reason([*world, late])
    assert turn([*world, late, moved_out]).position == turn([*world, moved_out, late]).position == 8


def reparented(organisation_id: str, day: str, parent: str) -> dict[str, Any]:
    return event("OrganisationReparented", f"organisation/{organisation_id}", day, {"parent_id": parent})


TAKEN_OVER = {
    "by a merger": merged("b", "2022-04-08", "c"),
    "by its successor": event("OrganisationDissolved", "organisation/c", "2022-04-08", {"successor_id": "b"}),
}


@pytest.mark.parametrize("how", TAKEN_OVER)
@pytest.mark.parametrize("as_correction", [False, True])
def test_a_late_move_under_one_that_is_later_taken_over_from_below_waits_until_there_is_no_circle(
    how: str, as_correction: bool
) -> None:
    """From 8 April on, what lies under c lies under b; had west come under c before, b would lie under itself."""
    moved_before = reparented("west", "2021-04-09", "root")
    late = reparented("west", "2021-05-01", "c")
    if as_correction:
        late = corrected(moved_before, {"data": {"parent_id": "c"}})
    world = [*WORLD, moved_before, TAKEN_OVER[how]]
    moved_on = reparented("west", "2022-03-01", "root")

    assert "lies under it on 2022-04-08" in last_reason([*world, late])
    assert outcomes([*world, late, moved_on])[-2:] == [RECORDED, RECORDED]
    assert outcomes([*world, moved_on, late])[-2:] == [RECORDED, RECORDED]


def test_a_late_merger_that_would_leave_the_survivor_under_a_source_waits() -> None:
    """With the merger the end of a never came, so that c lay under a, which it has taken over."""
    moved, end = (
        reparented("c", "2022-11-07", "a"),
        event("OrganisationDissolved", "organisation/a", "2021-12-31", {"successor_id": "b"}),
    )
    late, elsewhere = merged("c", "2021-08-29", "a"), reparented("c", "2022-01-01", "east")

    said = "a parent of c outside it, found a, which then lies under it on 2022-11-07"
    assert said in last_reason([*WORLD, moved, end, late])
    back = corrected(moved, {"data": {"parent_id": "east"}})
    assert outcomes([*WORLD, moved, end, late, elsewhere, back])[-3:] == [RECORDED] * 3


def test_a_late_end_that_takes_back_a_move_waits_where_it_would_leave_one_under_itself() -> None:
    """Had a ended in 2021 it would not have moved out from under west, which has come under it since."""
    there = [organisation("below", parent="a"), reparented("a", "2022-01-01", "root")]
    under_it = reparented("west", "2022-12-31", "below")
    late = event("OrganisationDissolved", "organisation/a", "2021-01-10")

    assert "lies under it on 2022-12-31" in last_reason([*WORLD, *there, under_it, late])
    moved_out = reparented("below", "2021-06-01", "east")
    assert outcomes([*WORLD, *there, under_it, late, moved_out])[-2:] == [RECORDED] * 2


def test_a_late_move_is_held_against_later_days_only_until_the_next_one_be_it_back_to_where_it_lay() -> None:
    back = reparented("west", "2022-01-01", "root")
    under_it = reparented("c", "2023-01-01", "a")
    late = reparented("west", "2021-01-01", "c")

    assert outcomes([*WORLD, late, back, under_it])[-3:] == [RECORDED] * 3
    assert outcomes([*WORLD, back, under_it, late])[-3:] == [RECORDED] * 3


def test_an_unknown_source_is_waited_for() -> None:
    found = outcomes([*WORLD, merged("c", "2023-01-01", "d"), organisation("d", parent="west")])
    assert found[-2:] == [RECORDED, RECORDED]


def test_a_foreign_source_is_refused() -> None:
    there = [root("son-la-root", source="son-la"), organisation("far", parent="son-la-root", source="son-la")]
    assert outcomes([*WORLD, *there, merged("c", "2023-01-01", "far")])[-1] == ("rejected", "foreign-organisation")


def test_a_split_moves_exactly_whom_it_lists() -> None:
    others = [enrolled(CHI, "2022-01-01", "a"), identified(new_uuid(), "2022-01-01", "a")]
    after = turn([*WORLD, *PEOPLE, *others, split("a", "2023-01-01", b=[ANA], c=[CHI])])

    assert in_the_hands_of("a", after) == {
        "balance.official": 5, "balance.probationary": 2, "candidates.open": 1,
    }  # fmt: skip
    assert in_the_hands_of("b", after)["members.official"] == 1
    assert in_the_hands_of("c", after) == {"members.official": 1}
    assert in_the_hands_of("a", after, "2022-12-31")["members.official"] == 2


def test_a_split_comes_before_all_else_on_its_day() -> None:
    admission = admitted(BAO, "2023-01-01", "c", time="2023-01-01T07:00:00+07:00")
    events = [*WORLD, *PEOPLE, admission, split("b", "2023-01-01", c=[BAO])]
    assert outcomes(events)[-1] == RECORDED
    assert in_the_hands_of("c", turn(events)) == {"members.probationary": 1}


@pytest.mark.parametrize("arrival", [(0, 1), (1, 0)])
@pytest.mark.parametrize("ids", [(0, 1), (1, 0)])
def test_splits_of_one_day_are_gone_through_in_the_order_of_their_times_whatever_their_ids_and_arrival(
    ids: tuple[int, int], arrival: tuple[int, int]
) -> None:
    there = split("b", "2023-01-01", c=[BAO]) | {"time": "2022-12-01T09:00:00+07:00"}
    onward = split("c", "2023-01-01", a=[BAO]) | {"time": "2022-12-02T09:00:00+07:00"}
    for each, number in zip((there, onward), ids, strict=True):
        each["id"] = f"00000000-0000-4000-8000-00000000000{number}"
    after = turn([*WORLD, *PEOPLE, *((there, onward)[number] for number in arrival)])

    assert in_the_hands_of("a", after)["candidates.open"] == 1


def test_an_organisation_may_turn_out_to_have_ended_earlier() -> None:
    end = event("OrganisationDissolved", "organisation/a", "2023-06-01", {"successor_id": "b"})
    earlier = event("OrganisationDissolved", "organisation/a", "2023-01-01", {"successor_id": "c"})
    after = turn([*WORLD, *PEOPLE, end, earlier])

    assert [finding.code for finding in after.outcomes.log[-1].findings] == ["unseats"]
    assert in_the_hands_of("c", after)["members.official"] == 1


AIM = {"metric": "admissions", "basis": "assigned", "issuer_id": "west", "comparison": "at_least"}


def standing(targets: str, *more: dict[str, Any], on: str = "2022-07-01") -> dict[str, tuple[str, int]]:
    """Who holds which target at which value after a merger of a and b into c on 1 July 2022."""
    given = [
        target("a", value=5, **AIM), target("b", value=3, **AIM), target("c", value=4, **AIM),
        target("a", target_id="only-a", value=7, **{**AIM, "basis": "own"}),
    ]  # fmt: skip
    after = turn([*WORLD, *given, merged("c", "2022-07-01", "a", "b", targets=targets), *more])
    situation = after.situation
    states = {name: situation.organisation(name) for name in ("a", "b", "c")}
    return {
        each.target.target_id: (each.holder, each.value)
        for each in standings({name: state for name, state in states.items() if state}, situation.lineage)
        if each.since <= date.fromisoformat(on) < each.until
    }


def test_targets_are_added_up_kept_or_void() -> None:
    before = {"target-a": ("a", 5), "target-b": ("b", 3), "target-c": ("c", 4), "only-a": ("a", 7)}
    assert standing("sum", on="2022-06-30") == before
    assert standing("sum") == {"target-c": ("c", 12), "only-a": ("c", 7)}
    assert standing("keep") == {
        "target-a": ("c", 5),
        "target-b": ("c", 3),
        "target-c": ("c", 4),
        "only-a": ("c", 7),
    }
    assert standing("void") == {"target-c": ("c", 4)}


def test_an_heir_revises_and_withdraws_what_it_took_over() -> None:
    revised = {"target_id": "only-a", "value": 9, "reason": "other"}
    more = event("TargetRevised", "organisation/c", "2022-08-01", revised)
    assert standing("keep", more, on="2022-08-01")["only-a"] == ("c", 9)
    gone = event("TargetWithdrawn", "organisation/c", "2022-09-01", {"target_id": "only-a", "reason": "other"})
    assert "only-a" not in standing("keep", more, gone, on="2022-09-01")


def test_only_who_holds_a_target_revises_it() -> None:
    data = {"target_id": "target-a", "value": 9, "reason": "other"}
    by_another = event("TargetRevised", "organisation/b", "2022-08-01", data)
    assert "expected target target-a to be b's" in last_reason([*WORLD, target("a"), by_another])


def test_whom_an_event_refers_to_is_active_on_its_day_or_not_on_record() -> None:
    def issued(day: str, issuer: str) -> dict[str, Any]:
        return target("a", day, issuer_id=issuer)

    def nominated(day: str, by: str) -> dict[str, Any]:
        data = {"organisation_id": "a", "categories": [], "nominated_by": by}
        return event("CandidateIdentified", f"person/{new_uuid()}", day, data)

    ended = [*WORLD, merged("c", "2022-07-01", "b")]
    for said in (issued, nominated):
        assert outcomes([*ended, said("2022-06-30", "b")])[-1] == RECORDED
        assert "expected b to be active on 2022-07-01" in last_reason([*ended, said("2022-07-01", "b")])
        assert outcomes([*ended, said("2022-07-01", "youth-union")])[-1] == RECORDED
    first = issued("2022-07-01", "b")
    corrected_day = corrected(first, {"effectiveon": "2022-07-01"})
    assert "expected b to be active" in last_reason(
        [*ended, issued("2022-06-30", "b") | {"id": first["id"]}, corrected_day]
    )


def test_a_target_waits_for_its_issuer_to_be_active() -> None:
    merger = merged("c", "2022-07-01", "b")
    waiting = target("a", "2022-07-01", issuer_id="b")
    assert outcomes([*WORLD, merger, waiting, corrected(merger, None)])[-2:] == [RECORDED, RECORDED]


def test_one_aim_has_one_target_also_after_a_merger() -> None:
    again = target("c", "2022-08-01", target_id="again", **AIM)
    merger = merged("c", "2022-07-01", "a")
    assert "taken over from a" in last_reason([*WORLD, target("a", **AIM), merger, again])
    void = merged("c", "2022-07-01", "a", targets="void")
    assert outcomes([*WORLD, target("a", **AIM), void, again])[-1] == RECORDED


def test_held_by_is_empty_for_who_took_over_from_nobody() -> None:
    assert held_by("a", turn([*WORLD, target("a")]).situation) == []


def test_first_of_july_2025_two_communes_become_one_and_the_district_tier_ends() -> None:
    """As published: communes merge, the district committee ends, and its cells come under the commune committee.

    The tier and the day are as in Vietnam's reorganisation of 1 July 2025; names and numbers are made up.
    """
    day = "2025-07-01"
    before = [
        root(),
        organisation("district", kind="intermediate_committee"),
        organisation("commune-1", kind="grassroots_committee", parent="district"),
        organisation("commune-2", kind="grassroots_committee", parent="district"),
        organisation("school", kind="grassroots_cell", parent="district"),
        organisation("cell-1", parent="commune-1"),
        organisation("cell-2", parent="commune-2"),
        balance("cell-1", "2024-01-01", 21, 2),
        balance("cell-2", "2024-01-01", 34, 1),
        balance("school", "2024-01-01", 13),
        enrolled(ANA, "2024-02-01", "cell-1"),
        identified(BAO, "2024-02-01", "cell-2"),
    ]
    reform = [
        organisation("new-commune", day, kind="intermediate_committee", time=f"{day}T00:00:00+07:00"),
        merged("new-commune", day, "commune-1", "commune-2"),
        event("OrganisationReparented", "organisation/school", day, {"parent_id": "new-commune"}),
        event("OrganisationDissolved", "organisation/district", day),
    ]
    assert outcomes([*before, *reform])[-4:] == [RECORDED] * 4

    after = turn([*before, *reform])

    names = ("district", "commune-1", "commune-2", "new-commune", "school", "cell-1", "cell-2")
    for when in ("2025-06-30", "2025-07-01"):
        held = [in_the_hands_of(name, after, when) for name in names]
        assert sum(sum(each.values()) for each in held) == 21 + 2 + 34 + 1 + 13 + 1 + 1


def moved(organisation_id: str, day: str, parent: str) -> dict[str, Any]:
    return event("OrganisationReparented", f"organisation/{organisation_id}", day, {"parent_id": parent})


def test_a_late_move_makes_no_circle_through_a_merger_that_is_on_record() -> None:
    # `east` is taken over by `a`, which lies under `west`: from then on `west` would lie under itself.
    later = merged("a", "2023-01-01", "east")
    assert outcomes([*WORLD, later, moved("west", "2022-01-01", "east")])[-1] == ("quarantined", "rule-violated")
    assert "2023-01-01" in last_reason([*WORLD, later, moved("west", "2022-01-01", "east")])
    otherwise = corrected(WORLD[1], {"data": {**WORLD[1]["data"], "parent_id": "east"}})
    assert outcomes([*WORLD, later, otherwise])[-1] == ("quarantined", "rule-violated")
    for_a_year = [moved("west", "2022-12-31", "root"), moved("west", "2022-01-01", "east")]
    assert outcomes([*WORLD, later, *for_a_year])[-1] == RECORDED


def test_a_merger_is_not_taken_back_while_that_would_put_an_organisation_under_itself() -> None:
    # Since `a` went over to `east`, what lay under it lies there, and `west` was moved under that.
    below, merger = organisation("below", parent="a"), merged("c", "2022-01-01", "a")
    move = moved("west", "2023-01-01", "below")
    for change in (None, {"effectiveon": "2024-01-01"}):
        back = corrected(merger, change)
        assert outcomes([*WORLD, below, merger, move, back])[-1] == ("quarantined", "rule-violated")
        away = moved("below", "2022-06-01", "root")
        assert outcomes([*WORLD, below, merger, move, back, away])[-2:] == [RECORDED, RECORDED]


def test_a_split_finds_a_person_by_either_id() -> None:
    link = linked(ANA, BAO, "2022-06-01")
    people = [enrolled(ANA, "2022-01-01", "a"), identified(BAO, "2022-01-01", "b")]
    away = split("a", "2023-01-01", c=[BAO])
    for order in ([link, away], [away, link]):
        assert outcomes([*WORLD, *people, *order])[-2:] == [RECORDED, RECORDED]
        assert in_the_hands_of("c", turn([*WORLD, *people, *order])) == {"members.official": 1}
    twice = split("a", "2023-01-01", b=[ANA], c=[BAO])
    assert "listed once" in last_reason([*WORLD, *people, link, twice])


def test_nothing_that_comes_late_puts_an_organisation_under_itself() -> None:
    violated = ("quarantined", "rule-violated")
    # An end that unseats the move by which the others hang under `root`.
    away = [moved("west", "2022-06-01", "root"), moved("east", "2022-07-01", "a")]
    hung = [organisation("north"), moved("west", "2021-01-01", "east"), *away]
    assert outcomes([*WORLD, *hung])[-4:] == [RECORDED] * 4
    early = event("OrganisationDissolved", "organisation/west", "2022-06-01", {})
    assert outcomes([*WORLD, *hung, early])[-1] == violated
    # An end that takes the place of another one: the heir hangs under who ends, in whoever's hands that was.
    new = organisation("new", "2023-01-01", parent="a")
    other = event("OrganisationDissolved", "organisation/a", "2023-01-01", {"successor_id": "new"})
    taken_over = merged("west", "2023-01-01", "a", time="2023-01-01T23:00:00+07:00")
    assert outcomes([*WORLD, new, taken_over, other])[-1] == violated
    # A founding, of one that was founded before, which was taken back.
    first = organisation("first")
    lower = [organisation("lower", parent="first"), corrected(first, None), moved("root", "2022-01-01", "lower")]
    again = organisation("first", "2021-01-01", parent="a")
    assert outcomes([*WORLD, first, *lower, again])[-1] == violated
    assert outcomes([*WORLD, first, *lower[:2], again])[-1] == RECORDED


def test_an_end_without_a_successor_is_not_moved_to_where_somebody_would_be_left() -> None:
    end = event("OrganisationDissolved", "organisation/a", "2022-01-01", {})
    late = balance("a", "2021-06-01", 3)
    # The balance counts nothing after the end, and would again before a later one.
    unseated = corrected(late, {"effectiveon": "2022-06-01"})
    later = corrected(end, {"effectiveon": "2023-01-01"})
    assert outcomes([*WORLD, end, late, unseated])[-3:] == [RECORDED] * 3
    assert outcomes([*WORLD, end, late, unseated, later])[-1] == ("quarantined", "rule-violated")
    assert outcomes([*WORLD, end, late, unseated, corrected(end, {"effectiveon": "2022-05-01"})])[-1] == RECORDED


def test_an_end_without_a_successor_leaves_nobody_behind_in_place_of_one_that_handed_them_on() -> None:
    handed_on = event("OrganisationDissolved", "organisation/a", "2023-01-01", {"successor_id": "b"})
    earlier = event("OrganisationDissolved", "organisation/a", "2022-06-01", {})
    assert outcomes([*WORLD, *PEOPLE, handed_on, earlier])[-1] == ("quarantined", "rule-violated")
    assert "no members left in a" in last_reason([*WORLD, enrolled(ANA, "2022-01-01", "a"), handed_on, earlier])


def test_a_correction_of_a_target_meets_those_that_were_taken_over_without_what_it_said() -> None:
    ours, theirs = target("c", "2021-01-01", issuer_id="root"), target("a", "2022-01-01", issuer_id="root")
    merger = merged("c", "2022-06-01", "a", targets="sum")
    later = corrected(ours, {"effectiveon": "2023-01-01"})
    # Added to ours while that stood; with ours later, theirs is taken over as it is.
    assert outcomes([*WORLD, ours, theirs, merger, later])[-1] == ("quarantined", "rule-violated")
    assert "target-a, taken over from a" in last_reason([*WORLD, ours, theirs, merger, later])
