"""What a batch of recorded events changes: signed deltas and versions, with the position that made them known."""

from typing import Any
from uuid import UUID

import msgspec
import pytest

from services.reporting.projector.batch import STILL_KNOWN, Batch, late_subjects
from services.reporting.projector.projector import Gap, _following
from services.reporting.projector.versions import HoldingVersion, OrganisationVersion, PlaceVersion, TargetVersion
from shared.events.recorded import Recorded, read_recorded
from shared.timeline.book import Unloaded
from shared.timeline.fact import Fact
from shared.timeline.lineage import Lineage
from tests.given import admitted, balance, corrected, event, identified, new_uuid, organisation, root, target

ANA, BAO = new_uuid(), new_uuid()

Delta = tuple[int, str, str, int]


def recorded(*events: dict[str, Any], first: int = 1) -> list[Recorded]:
    log = [
        {**each, "position": position, "recordedat": "2022-01-01T00:00:00Z"}
        for position, each in enumerate(events, start=first)
    ]
    return read_recorded(msgspec.json.encode(log))


def projected(*events: dict[str, Any]) -> Batch:
    """A batch on empty projections."""
    batch = Batch(Lineage())
    for each in recorded(*events):
        while True:
            try:
                batch.apply(each)
                break
            except Unloaded as missing:
                _find_nothing(batch, missing)
    return batch


def _find_nothing(batch: Batch, missing: Unloaded) -> None:
    for key in missing.keys:
        match missing.kind:
            case "subject":
                batch.book.put_folds({key: None})
            case "timeline":
                batch.book.put_facts(key, [])
            case "event":
                source, _, event_id = key.partition("/")
                batch.book.put_event(source, UUID(event_id), None)
            case "travellers":
                batch.book.put_travellers(key, [])
            case "dependents":
                batch.put_dependents(key, [])


def deltas(batch: Batch, *measures: str) -> list[Delta]:
    return [
        (position, change.organisation_id, change.measure, change.change)
        for position, change in batch.deltas
        if change.measure in measures
    ]


def test_an_admission_makes_a_candidate_a_probationary_member() -> None:
    batch = projected(identified(ANA, "2022-02-01"), admitted(ANA, "2022-05-01"))

    assert deltas(batch, "candidates.identified", "members.probationary", "admissions") == [
        (1, "cell", "candidates.identified", 1),
        (2, "cell", "candidates.identified", -1),
        (2, "cell", "members.probationary", 1),
        (2, "cell", "admissions", 1),
    ]


def test_a_late_fact_changes_by_the_difference_of_both_folds() -> None:
    batch = projected(
        identified(ANA, "2022-02-01"),
        admitted(ANA, "2022-05-01"),
        event("CandidateClosed", f"person/{ANA}", "2022-03-01", {"reason": "withdrew"}),
    )

    assert sorted(deltas(batch, "admissions", "members.probationary")) == [
        (2, "cell", "admissions", 1),
        (2, "cell", "members.probationary", 1),
        (3, "cell", "admissions", -1),
        (3, "cell", "members.probationary", -1),
    ]


def test_a_fact_that_fits_nowhere_counts_nothing_until_it_does() -> None:
    batch = projected(admitted(ANA, "2022-05-01"), identified(ANA, "2022-02-01"))

    assert deltas(batch, "admissions") == [(2, "cell", "admissions", 1)]
    assert batch.changed_folds()[f"person/{ANA}"].unseated == frozenset()


def test_a_refused_fact_at_the_end_is_unseated_and_moves_the_end() -> None:
    batch = projected(
        event("CandidateListed", f"person/{ANA}", "2022-03-01"),
    )

    folded = batch.changed_folds()[f"person/{ANA}"]
    assert len(folded.unseated) == 1
    assert folded.last == Fact.of_recorded(batch.facts[0]).key
    assert batch.deltas == []


def test_a_version_that_the_batch_itself_overtakes_is_kept_with_its_positions() -> None:
    batch = projected(
        root(),
        organisation("old"),
        organisation("new"),
        event("OrganisationDissolved", "organisation/old", "2022-07-01", {"successor_id": "new"}),
    )

    found = [
        (each.version.active, each.version.successor_id, each.known_from, each.known_to)
        for each in batch.new_versions()
        if isinstance(each.version, OrganisationVersion) and each.version.organisation_id == "old"
    ]
    assert sorted(found, key=str) == sorted(
        [(True, None, 2, 4), (True, None, 4, STILL_KNOWN), (False, "new", 4, STILL_KNOWN)], key=str
    )
    assert batch.closings == []


def test_a_succession_moves_children_places_and_targets() -> None:
    place = {"name": "Bản 1", "kind": "village", "organisation_id": "old", "tags": []}
    batch = projected(
        root(),
        organisation("old"),
        organisation("new"),
        organisation("child", parent="old"),
        target("old"),
        event("PlaceRegistered", "place/village", "2022-01-01", place),
        event("PlaceCovered", "place/village", "2022-01-02", {"cell_id": "old", "shared": False}),
        event("OrganisationDissolved", "organisation/old", "2022-07-01", {"successor_id": "new"}),
    )

    current = [each.version for each in batch.new_versions() if each.known_to == STILL_KNOWN]
    from_july = [each for each in current if str(each.valid_from) == "2022-07-01"]
    assert {each.parent_id for each in from_july if isinstance(each, OrganisationVersion) and each.active} == {
        "new"
    }
    assert [each.organisation_id for each in from_july if isinstance(each, TargetVersion)] == ["new"]
    assert [(each.organisation_id, each.cell_id) for each in from_july if isinstance(each, PlaceVersion)] == [
        ("new", "new")
    ]


def test_a_succession_puts_into_other_hands_what_stays_under_its_own_name() -> None:
    batch = projected(
        root(),
        organisation("old"),
        organisation("new"),
        balance("old", "2022-01-01", 5),
        event("OrganisationDissolved", "organisation/old", "2022-07-01", {"successor_id": "new"}),
        balance("old", "2022-02-01", 2),
    )

    assert deltas(batch, "balance.official") == [
        (4, "old", "balance.official", 5),
        (6, "old", "balance.official", 2),
    ]
    held = [
        (each.version.holder_id, str(each.version.valid_to))
        for each in batch.new_versions()
        if isinstance(each.version, HoldingVersion) and each.version.organisation_id == "old"
        if each.known_to == STILL_KNOWN
    ]
    assert sorted(held) == [("new", "9999-12-31"), ("old", "2022-07-01")]


def test_only_what_goes_before_the_end_of_its_timeline_is_late() -> None:
    log = recorded(
        identified(ANA, "2022-02-01"),
        admitted(ANA, "2022-05-01"),
        admitted(BAO, "2022-05-01"),
        identified(BAO, "2022-02-01"),
    )

    assert late_subjects(log, {}) == {f"person/{BAO}"}


def test_repeats_are_passed_over_and_a_gap_is_none_to_step_over() -> None:
    log = recorded(*(organisation(name) for name in "abcd"), first=3)

    assert [each.position for each in _following(log, 4)] == [5, 6]
    assert _following(log, 6) == []
    assert [each.position for each in _following([*log[:2], *log], 2)] == [3, 4, 5, 6]
    with pytest.raises(Gap) as gap:
        _following(log, 1)
    assert gap.value.position == 1
    with pytest.raises(Gap):
        _following([log[0], log[2]], 2)


def test_a_retracted_founding_above_a_successor_stops_nothing() -> None:
    above = organisation("above")
    ended = event("OrganisationDissolved", "organisation/above", "2022-07-01", {"successor_id": "below"})
    batch = projected(
        root(), above, organisation("below", parent="above"), ended, corrected(ended, None), corrected(above, None)
    )
    assert len(batch.facts) == 6
