"""From the log to alerts: figures on the tree of their day, late and future facts, reorganisations, rebuilds."""

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from services.notifier.projector import Gap, Projector, Sweeper
from shared.events.recorded import Recorded, UnknownRecorded, read_recorded
from shared.runtime.database import create_engine
from shared.runtime.progress import Stopped
from shared.timeline.book import Book, Effect
from shared.timeline.fact import Fact
from tests.conftest import Database
from tests.given import (
    admitted,
    balance,
    corrected,
    enrolled,
    event,
    identified,
    new_uuid,
    organisation,
    root,
    target,
)
from tests.notifier_given import begin_anew

AUTUMN = datetime(2022, 10, 1, 2, tzinfo=UTC)


@dataclass
class Log:
    """What a registry would have recorded: gives events their positions."""

    events: list[dict[str, Any]] = field(default_factory=list)

    def record(self, *events: dict[str, Any]) -> list[Recorded]:
        """Append events and read them as a reader of the log does."""
        first = len(self.events) + 1
        self.events += [
            {**each, "position": first + index, "recordedat": "2022-10-01T02:00:00Z"}
            for index, each in enumerate(events)
        ]
        return self.read(first)

    def read(self, first: int = 1) -> list[Recorded]:
        """All from a position on."""
        return read_recorded(msgspec.json.encode(self.events[first - 1 :]))


@dataclass
class Case:
    """A notifier without its network: a log, a projector, a clock that the test sets."""

    database: Database
    log: Log = field(default_factory=Log)
    now: datetime = AUTUMN
    raised: int = 0

    def __post_init__(self) -> None:
        self.engine = create_engine(self.database.url("ketnap_notifier"), "test")
        self.projector = self.new_projector()

    def new_projector(self) -> Projector:
        """As after a restart."""
        return Projector(self.engine, lambda: self.now, self._count)

    def _count(self) -> None:
        self.raised += 1

    async def happen(self, *events: dict[str, Any]) -> None:
        """Record events and apply them as one batch."""
        await self.projector.apply(self.log.record(*events))

    async def begin_anew(self) -> None:
        """Restart at the beginning of the log."""
        async with self.engine.begin() as connection:
            await begin_anew(connection)
        self.projector = self.new_projector()

    async def alerts(self) -> dict[tuple[str, str], str]:
        """(target, status) → state."""
        rows = await self.database.fetch("SELECT target_id, status, state FROM notifier.alert ORDER BY number")
        return {(row["target_id"], row["status"]): row["state"] for row in rows}

    async def actual(self, target_id: str) -> int:
        """The actual that an alert was raised with."""
        rows = await self.database.fetch("SELECT actual FROM notifier.alert WHERE target_id = $1", target_id)
        return int(rows[0]["actual"])


@pytest.fixture
async def case(database: Database) -> AsyncIterator[Case]:
    """A province with a district, a commune committee and two cells."""
    case = Case(database)
    await case.happen(
        root(),
        organisation("district", kind="intermediate_committee"),
        organisation("commune", kind="grassroots_committee", parent="district"),
        organisation("cell", parent="commune"),
        organisation("other", parent="district", kind="grassroots_cell"),
    )
    yield case
    await case.engine.dispose()


def admission(day: str, cell: str = "cell", before: str = "2022-01-02") -> list[dict[str, Any]]:
    """A person who is identified and then admitted."""
    person = new_uuid()
    return [identified(person, before, cell), admitted(person, day, cell)]


async def test_a_target_above_is_attained_by_admissions_below(case: Case) -> None:
    await case.happen(target("district", value=2, issuer_id="root"), *admission("2022-03-01"))
    assert await case.alerts() == {}
    await case.happen(*admission("2022-04-01", "other"))
    assert await case.alerts() == {("target-district", "attained"): "open"}
    assert case.raised == 1
    await case.happen(*admission("2022-04-02"))
    assert await case.alerts() == {
        ("target-district", "attained"): "open",
        ("target-district", "exceeded"): "open",
    }


async def test_a_batch_that_jumps_over_the_target_says_exceeded_only(case: Case) -> None:
    await case.happen(target("district", value=1), *admission("2022-03-01"), *admission("2022-03-02"))
    assert await case.alerts() == {("target-district", "exceeded"): "open"}


async def test_admissions_outside_the_period_or_elsewhere_do_not_count(case: Case) -> None:
    await case.happen(target("commune", value=1), *admission("2022-03-01", "other"))
    await case.happen(*admission("2021-12-31", before="2021-12-01"))
    assert await case.alerts() == {}


async def test_a_fact_of_the_future_counts_from_its_day(case: Case) -> None:
    sweeper = Sweeper(case.projector, lambda: case.now)
    await case.happen(target("district", value=1), *admission("2022-10-02"))
    assert await sweeper.sweep_if_due()
    case.now = datetime(2022, 10, 1, 16, 59, tzinfo=UTC)
    assert not await sweeper.sweep_if_due()
    assert await case.alerts() == {}
    case.now = datetime(2022, 10, 1, 17, 0, tzinfo=UTC)  # midnight in Vietnam
    assert await sweeper.sweep_if_due()
    assert await case.alerts() == {("target-district", "attained"): "open"}


async def test_a_late_fact_that_unseats_an_admission_resolves_the_alert_and_again_sends_nothing(
    case: Case,
) -> None:
    person = new_uuid()
    await case.happen(
        target("district", value=1), identified(person, "2022-01-02"), admitted(person, "2022-03-01")
    )
    case.raised = 0
    await case.happen(event("CandidateClosed", f"person/{person}", "2022-02-01", {"reason": "withdrew"}))
    assert await case.alerts() == {("target-district", "attained"): "resolved"}
    await case.happen(*admission("2022-05-01"))
    assert await case.alerts() == {("target-district", "attained"): "open"}
    assert case.raised == 0


async def test_what_was_said_of_a_target_that_stands_no_more_is_resolved(case: Case) -> None:
    goal = target("district", value=1)
    await case.happen(goal, *admission("2022-03-01"))
    withdrawal = {"target_id": "target-district", "reason": "other"}
    withdrawn = event("TargetWithdrawn", "organisation/district", "2022-09-01", withdrawal)

    await case.happen(withdrawn)
    assert await case.alerts() == {("target-district", "attained"): "resolved"}

    await case.happen(corrected(withdrawn, None))
    assert await case.alerts() == {("target-district", "attained"): "open"}

    await case.happen(corrected(goal, None))
    assert await case.alerts() == {("target-district", "attained"): "resolved"}


async def test_a_target_that_is_withdrawn_for_a_later_day_is_resolved_on_it(case: Case) -> None:
    withdrawal = {"target_id": "target-district", "reason": "other"}
    withdrawn = event("TargetWithdrawn", "organisation/district", "2022-10-02", withdrawal)
    await case.happen(target("district", value=1), *admission("2022-03-01"), withdrawn)
    assert await case.alerts() == {("target-district", "attained"): "open"}

    case.now = datetime(2022, 10, 2, 2, tzinfo=UTC)
    await case.projector.sweep()

    assert await case.alerts() == {("target-district", "attained"): "resolved"}


async def test_exactly_is_resolved_when_overshot(case: Case) -> None:
    await case.happen(target("district", value=1, comparison="exactly"), *admission("2022-03-01"))
    assert await case.alerts() == {("target-district", "attained"): "open"}
    await case.happen(*admission("2022-03-02"))
    assert await case.alerts() == {("target-district", "attained"): "resolved"}


async def test_at_most_is_attained_at_the_end_of_its_period(case: Case) -> None:
    await case.happen(target("district", value=1, comparison="at_most"), *admission("2022-03-01"))
    assert await case.alerts() == {}
    case.now = datetime(2022, 12, 31, 2, tzinfo=UTC)
    await case.projector.sweep()
    assert await case.alerts() == {("target-district", "attained"): "open"}


async def test_members_count_opening_balances_and_those_who_are_enrolled(case: Case) -> None:
    goal = target("district", metric="members", value=6)
    await case.happen(goal, balance("cell", "2022-02-01", 4, 1))
    assert await case.alerts() == {}
    await case.happen(enrolled(new_uuid(), "2022-03-01", in_opening_balance=True))
    assert await case.alerts() == {}
    await case.happen(enrolled(new_uuid(), "2022-03-01"))
    assert await case.alerts() == {("target-district", "attained"): "open"}


async def test_organisations_founded_count_by_sector(case: Case) -> None:
    goal = target("district", metric="private_enterprise_organisations_founded", value=1)
    await case.happen(goal, organisation("school", "2022-02-01", sector="education", parent="commune"))
    assert await case.alerts() == {}
    await case.happen(organisation("firm", "2022-02-02", sector="private_enterprise", parent="commune"))
    assert await case.alerts() == {("target-district", "attained"): "open"}


async def test_places_without_members_fall_under_a_bound(case: Case) -> None:
    register = {"name": "Bản", "kind": "village", "organisation_id": "commune", "tags": []}
    await case.happen(
        event("PlaceRegistered", "place/a", "2020-02-01", register),
        event("PlaceRegistered", "place/b", "2020-02-01", register),
        event("PlaceCovered", "place/a", "2020-03-01", {"cell_id": "cell", "shared": False}),
        target("district", metric="places_without_members", comparison="at_most", value=1),
    )
    assert await case.alerts() == {}
    await case.happen(enrolled(new_uuid(), "2022-03-01"))
    assert await case.alerts() == {("target-district", "attained"): "open"}
    assert await case.actual("target-district") == 1


async def test_places_count_whose_ids_are_those_of_organisations_too(case: Case) -> None:
    register = {"name": "Bản", "kind": "village", "organisation_id": "commune", "tags": []}
    both = ("cell", "commune", "district")
    await case.happen(
        *(event("OrganisationRenamed", f"organisation/{each}", "2020-02-01", {"name": "Mới"}) for each in both),
        *(event("PlaceRegistered", f"place/{each}", "2020-02-01", register) for each in both),
        target("district", metric="places_without_members", comparison="exactly", value=3),
    )
    assert await case.alerts() == {("target-district", "attained"): "open"}
    assert await case.actual("target-district") == 3


async def test_places_of_an_organisation_that_has_ended_count_no_more(case: Case) -> None:
    register = {"name": "Bản", "kind": "village", "organisation_id": "cell", "tags": []}
    ends = event("OrganisationDissolved", "organisation/cell", "2022-02-01")
    await case.happen(
        event("PlaceRegistered", "place/a", "2020-02-01", register),
        target("district", metric="places_without_members", comparison="at_most", value=0),
    )
    assert await case.alerts() == {}
    await case.happen(ends)
    assert await case.alerts() == {("target-district", "attained"): "open"}
    assert await case.actual("target-district") == 0
    await case.happen(corrected(ends, None))
    assert await case.alerts() == {("target-district", "attained"): "resolved"}


async def test_a_place_whose_cell_has_ended_has_no_member_whoever_is_left_there(case: Case) -> None:
    register = {"name": "Bản", "kind": "village", "organisation_id": "commune", "tags": []}
    await case.happen(
        event("PlaceRegistered", "place/a", "2020-02-01", register),
        event("PlaceCovered", "place/a", "2020-03-01", {"cell_id": "cell", "shared": False}),
        target("district", metric="places_without_members", comparison="exactly", value=1),
        event("OrganisationDissolved", "organisation/cell", "2022-02-01"),
        enrolled(new_uuid(), "2022-01-15"),
    )
    assert await case.alerts() == {("target-district", "attained"): "open"}


async def test_whoever_is_left_in_an_organisation_that_has_ended_is_no_member_of_any(case: Case) -> None:
    await case.happen(
        target("district", metric="members", value=1),
        event("OrganisationDissolved", "organisation/cell", "2022-02-01"),
        enrolled(new_uuid(), "2022-01-15"),
    )
    assert await case.alerts() == {}


async def test_a_successor_takes_over_targets_cells_and_what_is_admitted_there(case: Case) -> None:
    await case.happen(
        target("commune", value=2),
        organisation("heir", kind="grassroots_committee", parent="district"),
        event("OrganisationDissolved", "organisation/commune", "2022-06-01", {"successor_id": "heir"}),
        *admission("2022-07-01"),
    )
    assert await case.alerts() == {}
    await case.happen(*admission("2022-08-01"))
    assert await case.alerts() == {("target-commune", "attained"): "open"}
    rows = await case.database.fetch("SELECT organisation_id, addressees FROM notifier.alert")
    assert (rows[0]["organisation_id"], rows[0]["addressees"]) == ("heir", ["commune", "heir"])


async def test_levels_move_to_the_successor_also_when_they_arrive_late(case: Case) -> None:
    await case.happen(
        organisation("heir", kind="cell", parent="district"),
        target("heir", metric="members", value=3),
        balance("cell", "2022-02-01", 2),
        event("OrganisationDissolved", "organisation/cell", "2022-06-01", {"successor_id": "heir"}),
    )
    assert await case.alerts() == {}
    await case.happen(enrolled(new_uuid(), "2022-03-01", "cell"))
    assert await case.alerts() == {("target-heir", "attained"): "open"}


async def test_a_redelivered_batch_changes_nothing(case: Case) -> None:
    await case.happen(target("district", value=2), *admission("2022-03-01"))
    await case.projector.apply(case.log.read())
    await case.projector.apply(case.log.read(3))
    assert await case.alerts() == {}
    assert await case.projector.position() == len(case.log.events)


async def test_a_gap_is_refused_and_nothing_is_applied(case: Case) -> None:
    position = await case.projector.position()
    case.log.record(target("district", value=1))
    with pytest.raises(Gap):
        await case.projector.apply(case.log.record(*admission("2022-03-01")))
    assert await case.projector.position() == position


async def test_ranges_that_overlap_in_one_batch_count_once(case: Case) -> None:
    first = case.log.record(target("district", value=2), *admission("2022-03-01"))
    second = case.log.record(target("commune", target_id="t2", value=9))

    await case.projector.apply([*first, *first[1:], *second])

    assert await case.alerts() == {}
    assert await case.projector.position() == len(case.log.events)


async def test_a_gap_within_a_batch_is_refused_and_nothing_is_applied(case: Case) -> None:
    position = await case.projector.position()
    first = case.log.record(target("district", value=1), *admission("2022-03-01"))
    case.log.record(target("commune", target_id="t2", value=9))
    after = case.log.record(*admission("2022-03-02"))

    with pytest.raises(Gap, match=f"expected position {position + 4}"):
        await case.projector.apply([*first, *after])

    assert await case.projector.position() == position


async def test_an_event_of_a_later_version_stops_the_reader_with_its_position(case: Case) -> None:
    with pytest.raises(UnknownRecorded, match="position 6"):
        case.log.record(event("SomethingNew", "organisation/district", "2022-01-01"))


async def test_a_mistake_in_applying_stops_it_before_that_event_and_it_goes_on_without_it(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    effect = Book.effect

    def mistaken(book: Book, fact: Fact) -> Effect:
        if fact.subject == "organisation/odd":
            raise ZeroDivisionError("no member left to divide by")
        return effect(book, fact)

    events = case.log.record(organisation("even"), organisation("odd"), organisation("after"))
    stopped_at = "SELECT position, stopped_at, stopped_why FROM notifier.checkpoint"
    with monkeypatch.context() as patched:
        patched.setattr(Book, "effect", mistaken)
        with pytest.raises(Stopped, match="no member left"):
            await case.projector.apply(events)
        [row] = await case.database.fetch(stopped_at)
        assert (row["position"], row["stopped_at"]) == (events[0].position, events[1].position)

    await case.projector.apply(events)
    [row] = await case.database.fetch(stopped_at)
    assert (row["position"], row["stopped_at"], row["stopped_why"]) == (events[-1].position, None, None)


async def test_a_rebuild_in_other_batches_raises_nothing_new(case: Case) -> None:
    await case.happen(target("district", value=1), *admission("2022-03-01"), *admission("2022-03-02"))
    before = await case.database.fetch("SELECT * FROM notifier.alert")
    tallies = await case.database.fetch("SELECT * FROM notifier.tally ORDER BY 1, 2, 3")
    case.raised = 0
    await case.begin_anew()
    for each in case.log.read():
        # One by one, the admission that attains the target stands alone for a moment.
        await case.projector.apply([each])
        await case.projector.sweep()
    assert await case.database.fetch("SELECT * FROM notifier.alert") == before
    assert await case.database.fetch("SELECT * FROM notifier.tally ORDER BY 1, 2, 3") == tallies
    assert case.raised == 0


async def test_what_came_in_several_batches_is_judged_once(case: Case) -> None:
    await case.happen(target("district", value=2))
    for _ in range(3):
        await case.projector.apply(case.log.record(*admission("2022-03-01")), more=True)
    assert await case.alerts() == {}

    await case.projector.judge()
    await case.projector.judge()

    assert await case.alerts() == {("target-district", "exceeded"): "open"}
    assert case.raised == 1


async def test_any_order_of_a_persons_facts_ends_in_the_same_tallies(case: Case) -> None:
    facts = admission("2022-03-01")
    facts.append(event("MemberConfirmed", facts[0]["subject"], "2022-09-01", {"official_from": "2022-09-01"}))
    person = facts[0]["subject"].partition("/")[2]
    query = "SELECT * FROM notifier.tally WHERE amount <> 0 ORDER BY 1, 2, 3"
    await case.happen(*facts)
    expected = await case.database.fetch(query)
    for seed in range(5):
        case.log = Log(case.log.events[:5])
        await case.begin_anew()
        shuffled = random.Random(seed).sample(facts, len(facts))
        await case.projector.apply(case.log.read())
        await case.happen(*shuffled)
        assert await case.database.fetch(query) == expected
    stored = await case.database.fetch(
        "SELECT count(*) AS n FROM notifier.fact WHERE subject = $1", f"person/{person}"
    )
    assert stored[0]["n"] == 3


async def test_no_profile_and_no_person_reach_an_alert(case: Case) -> None:
    person = new_uuid()
    known = identified(person, "2022-01-02")
    known["data"]["profile"] = "sealed:v1:AAAA"
    await case.happen(target("district", value=1), known, admitted(person, "2022-03-01"))
    facts = await case.database.fetch("SELECT data FROM notifier.fact")
    assert not any("sealed" in row["data"] for row in facts)
    alerts = await case.database.fetch("SELECT * FROM notifier.alert")
    assert person not in str(alerts)
