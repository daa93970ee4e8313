"""Events that name nobody but their own person, or their organisation: fewer questions, and the same decisions."""

import random
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import fields

from services.registry.rules.decide import decide_in_full, decide_ordinary
from services.registry.rules.decision import Decision
from services.registry.rules.references import NAMES_ITS_ORGANISATION, NAMES_NOBODY
from services.registry.turn import Turn
from shared.events.catalogue import NEWEST, EventType
from shared.timeline.fact import Fact
from tests.histories import ROOTS, history
from tests.unit.registry.given import turn

NAMING = {
    "organisation_id", "parent_id", "successor_id", "cell_id", "from_", "to", "sources", "allocations",
    "target_id", "other_person_id", "corrects",
}  # fmt: skip


def test_no_event_that_is_said_to_name_nobody_names_an_organisation_a_target_or_a_person_to_link() -> None:
    assert {data: named for data in NAMES_NOBODY if (named := NAMING & {each.name for each in fields(data)})} == {}


def test_only_events_about_persons_in_their_newest_version_name_nobody() -> None:
    about_persons = {entry.data for entry in NEWEST.values() if entry.subject == "person"}

    assert about_persons >= NAMES_NOBODY


def test_events_that_name_their_organisation_name_no_other_and_nobody_else() -> None:
    named = {data: NAMING & {each.name for each in fields(data)} for data in NAMES_ITS_ORGANISATION}

    assert set(map(frozenset, named.values())) == {frozenset({"organisation_id"})}
    assert {NEWEST[data.__name__].subject for data in named} == {"person"}


class BothWays(Turn):
    """A turn that decides plain events in full too."""

    plain = 0

    async def _decide(self, fact: Fact, entry: EventType, source: str, *, stored: bool) -> tuple[Decision, bool]:
        found = await super()._decide(fact, entry, source, stored=stored)
        if type(fact.data) in NAMES_NOBODY | NAMES_ITS_ORGANISATION:
            root = self._roots[source]
            plainly = decide_ordinary(fact, entry, root, self.situation)
            if plainly is not None:
                self.plain += 1
                assert plainly == decide_in_full(fact, entry, root, self.situation)
        return found


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32))
def test_what_is_plain_is_decided_as_all_rules_would(seed: int) -> None:
    events = history(random.Random(seed))
    late = random.Random(seed).sample(range(len(events)), len(events) // 10)
    arriving = [*(event for at, event in enumerate(events) if at not in late), *(events[at] for at in late)]

    after = turn(arriving, ROOTS, of=BothWays)

    assert cast(BothWays, after).plain > 0
