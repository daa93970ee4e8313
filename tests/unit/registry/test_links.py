"""Links: two ids that turn out to be one person's become one in the figures, from the day of the link on."""

from tests.given import admitted, corrected, enrolled, event, identified, linked, new_uuid, organisation, root
from tests.unit.registry.given import in_the_hands_of, last_reason, outcomes, turn

FIRST, SECOND, THIRD = new_uuid(), new_uuid(), new_uuid()
WORLD = [root(), organisation("cell"), organisation("other")]
TWICE = [enrolled(FIRST, "2022-01-01", "cell"), enrolled(SECOND, "2022-02-01", "other")]
RECORDED = ("recorded", None)


def test_the_subjects_membership_stands_and_the_others_ends() -> None:
    after = turn([*WORLD, *TWICE, linked(FIRST, SECOND, "2023-01-01")])

    assert in_the_hands_of("cell", after) == {"members.official": 1}
    assert in_the_hands_of("other", after) == {}
    assert in_the_hands_of("other", after, "2022-12-31") == {"members.official": 1}


def test_later_facts_on_either_id_go_to_the_subject() -> None:
    ended = event("MembershipEnded", f"person/{SECOND}", "2023-06-01", {"reason": "resigned"})
    link = linked(FIRST, SECOND, "2023-01-01")
    assert outcomes([*WORLD, *TWICE, link, ended])[-1] == RECORDED
    assert in_the_hands_of("cell", turn([*WORLD, *TWICE, link, ended])) == {}
    # In whatever order they come.
    assert in_the_hands_of("cell", turn([*WORLD, *TWICE, ended, link])) == {}


def test_earlier_facts_stay_with_the_id_that_they_are_about() -> None:
    ended = event("MembershipEnded", f"person/{SECOND}", "2022-06-01", {"reason": "resigned"})
    after = turn([*WORLD, *TWICE, linked(FIRST, SECOND, "2023-01-01"), ended])
    assert in_the_hands_of("cell", after) == {"members.official": 1}
    assert in_the_hands_of("other", after, "2022-06-01") == {}


def test_links_of_links_lead_to_the_first_id() -> None:
    chain = [
        enrolled(THIRD, "2022-01-01", "cell"),
        linked(FIRST, SECOND, "2023-01-01"),
        linked(THIRD, FIRST, "2023-02-01"),
        event("MembershipEnded", f"person/{SECOND}", "2023-06-01", {"reason": "resigned"}),
    ]
    assert outcomes([*WORLD, *TWICE, *chain])[-1] == RECORDED
    assert in_the_hands_of("cell", turn([*WORLD, *TWICE, *chain])) == {}


def test_a_link_that_was_a_mistake_is_taken_back() -> None:
    link = linked(FIRST, SECOND, "2023-01-01")
    ended = event("MembershipEnded", f"person/{SECOND}", "2023-06-01", {"reason": "resigned"})
    after = turn([*WORLD, *TWICE, link, ended, corrected(link, None)])
    assert in_the_hands_of("cell", after) == {"members.official": 1}
    assert in_the_hands_of("other", after) == {}
    assert in_the_hands_of("other", after, "2023-05-31") == {"members.official": 1}


def test_what_a_link_breaks_is_said() -> None:
    assert outcomes([*WORLD, *TWICE, linked(FIRST, new_uuid(), "2023-01-01")])[-1] == (
        "quarantined",
        "unknown-target",
    )
    assert "another person's id" in last_reason([*WORLD, *TWICE, linked(FIRST, FIRST, "2023-01-01")])
    again = [linked(FIRST, SECOND, "2023-01-01"), linked(FIRST, SECOND, "2023-02-01")]
    assert "nobody's second id" in last_reason([*WORLD, *TWICE, *again])
    round_about = [linked(FIRST, SECOND, "2023-01-01"), linked(SECOND, FIRST, "2023-02-01")]
    assert "not linked yet" in last_reason([*WORLD, *TWICE, *round_about])


def test_both_persons_are_the_sources_own() -> None:
    there = [root("son-la-root", source="son-la"), organisation("far", parent="son-la-root", source="son-la")]
    stranger = enrolled(THIRD, "2022-01-01", "far", source="son-la")
    link = linked(FIRST, THIRD, "2023-01-01")
    assert outcomes([*WORLD, *TWICE, *there, stranger, link])[-1] == ("rejected", "foreign-organisation")


def test_a_candidacy_goes_on_under_the_first_id() -> None:
    events = [
        enrolled(SECOND, "2022-02-01", "other"),
        identified(FIRST, "2022-01-01"),
        linked(FIRST, SECOND, "2022-03-01"),
        admitted(SECOND, "2022-05-01"),
    ]
    assert outcomes([*WORLD, *events])[-1] == RECORDED
    assert in_the_hands_of("cell", turn([*WORLD, *events])) == {"members.probationary": 1}


def test_of_two_ids_only_one_is_the_first_on_whatever_day() -> None:
    given = [*WORLD, enrolled(FIRST, "2021-01-01"), enrolled(SECOND, "2021-01-01")]
    one, other = linked(FIRST, SECOND, "2022-06-01"), linked(SECOND, FIRST, "2022-01-01")
    assert outcomes([*given, one, other])[-2:] == [RECORDED, ("quarantined", "rule-violated")]
    assert outcomes([*given, other, one])[-2:] == [RECORDED, ("quarantined", "rule-violated")]


def test_a_link_that_is_taken_back_gives_the_person_back_to_whom_they_were_linked_before() -> None:
    given = [
        *WORLD,
        identified(THIRD, "2021-06-01"),
        identified(SECOND, "2020-06-01"),
        identified(FIRST, "2020-06-01"),
    ]
    to_third, to_second = linked(THIRD, FIRST, "2023-01-01"), linked(SECOND, FIRST, "2022-01-01")
    admission = admitted(FIRST, "2023-06-01")
    before = turn([*given, to_third, admission])
    after = turn([*given, to_third, admission, to_second, corrected(to_second, None)])
    for day in ("2021-12-31", "2022-12-31", "2023-12-31"):
        assert in_the_hands_of("cell", after, day) == in_the_hands_of("cell", before, day)


def test_a_link_that_is_corrected_leads_from_the_other_id() -> None:
    given = [
        *WORLD,
        enrolled(FIRST, "2021-01-01"),
        identified(SECOND, "2021-01-01"),
        identified(THIRD, "2021-01-01"),
    ]
    link = linked(FIRST, SECOND, "2022-01-01")
    meant = corrected(link, {"data": {"other_person_id": THIRD}})
    ended = event("MembershipEnded", f"person/{THIRD}", "2023-01-01", {"reason": "removed"})
    again = linked(FIRST, THIRD, "2021-12-01")
    after = turn([*given, link, meant, ended, again])
    assert in_the_hands_of("cell", after) == {"candidates.open": 1}


def test_a_late_link_names_the_later_one_of_the_same_id_which_counts_nothing_beside_it() -> None:
    people = [*TWICE, enrolled(THIRD, "2022-01-01", "cell")]
    later, earlier = linked(FIRST, SECOND, "2023-02-01"), linked(THIRD, SECOND, "2023-01-01")
    last = turn([*WORLD, *people, later, earlier]).outcomes.log[-1]
    assert [each.code for each in last.findings] == ["unseats"]
    assert later["id"] in last.findings[0].message
    again = turn([*WORLD, *people, later, earlier, corrected(earlier, None)]).outcomes.log[-1]
    assert [each.code for each in again.findings] == ["reseats"]


def test_nobody_is_erased_by_a_second_id_but_by_the_source_they_belong_to() -> None:
    abroad = [
        root("son-la-root", source="son-la"),
        organisation("abroad", parent="son-la-root", source="son-la"),
        enrolled(FIRST, "2022-06-01", "abroad", source="son-la"),
    ]
    trained = {"certificate_ref": "C-1", "issued_on": "2021-12-01"}
    known = event("TrainingCompleted", f"person/{SECOND}", "2021-12-01", trained)
    link = linked(FIRST, SECOND, "2022-01-01")
    erased = event("PersonErased", f"person/{SECOND}", "2022-02-01", {"request_ref": "YC-1"})
    foreign = ("rejected", "foreign-organisation")
    assert outcomes([*WORLD, *abroad, known, link, erased])[-2:] == [RECORDED, foreign]
    assert outcomes([*WORLD, *abroad, known, link, {**erased, "source": "son-la"}])[-1] == RECORDED
    before_the_link = {**erased, "effectiveon": "2021-12-15"}
    assert outcomes([*WORLD, *abroad, known, link, before_the_link])[-1] == foreign


def test_nobody_is_erased_by_a_first_id_that_belonged_nowhere_but_by_the_source_of_the_second_one() -> None:
    abroad = [root("son-la-root", source="son-la")]
    trained = {"certificate_ref": "C-1", "issued_on": "2021-12-01"}
    known = event("TrainingCompleted", f"person/{FIRST}", "2021-12-01", trained)
    candidate, link = identified(SECOND, "2022-01-01", "cell"), linked(FIRST, SECOND, "2022-02-01")
    further = event("TrainingCompleted", f"person/{THIRD}", "2021-12-01", trained)
    chain = [known, candidate, link, further, linked(THIRD, FIRST, "2022-03-01")]
    for person in (FIRST, SECOND, THIRD):
        for day in ("2021-06-01", "2023-01-01"):
            erased = event("PersonErased", f"person/{person}", day, {"request_ref": "YC-1"})
            foreign = {**erased, "source": "son-la"}
            assert outcomes([*WORLD, *abroad, *chain, foreign])[-1] == ("rejected", "foreign-organisation")
            assert outcomes([*WORLD, *abroad, *chain, erased])[-1] == RECORDED


def test_of_a_links_corrections_the_last_one_counts_whoever_leads_to_them() -> None:
    # SECOND is led to the retraction by THIRD, whom the link named at first, and to what it says now by itself.
    link, other = linked(FIRST, THIRD, "2022-03-01"), linked(SECOND, THIRD, "2021-06-01")
    known = [*TWICE, identified(THIRD, "2021-01-01", "cell")]
    instead = corrected(link, {"effectiveon": "2023-01-01", "data": {"other_person_id": SECOND}})
    ended = event("MembershipEnded", f"person/{SECOND}", "2023-06-01", {"reason": "resigned"})
    history = [*WORLD, *known, link, corrected(link, None), other, instead, ended]
    assert outcomes(history)[-4:] == [RECORDED] * 4
    # Both ids are one person, who has resigned.
    assert in_the_hands_of("cell", turn(history)) == {}
    assert in_the_hands_of("other", turn(history)) == {}
