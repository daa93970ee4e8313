"""Admissions as known at each position: worked out from one person's facts, under all ids, and nobody else's."""

from collections.abc import Sequence
from typing import Any

import msgspec

from services.reporting.persons.admissions import STILL_KNOWN, Placed, known_admissions
from shared.events.recorded import read_recorded
from shared.timeline.fact import Fact
from tests.given import admitted, identified, linked, new_uuid

ANA, BAO, CHI = (f"person/{new_uuid()}" for _ in range(3))


class Asked(dict[str, Sequence[Placed]]):
    """Facts by person, which remember whose were asked for."""

    def __init__(self, *events: dict[str, Any]) -> None:
        super().__init__()
        self.asked: set[str] = set()
        log = [
            {**each, "position": position, "recordedat": "2022-01-01T00:00:00Z"}
            for position, each in enumerate(events, start=1)
        ]
        for each in read_recorded(msgspec.json.encode(log)):
            placed = Placed(each.position, Fact.of_recorded(each))
            about = {each.subject}
            if other := getattr(each.data, "other_person_id", None):
                about.add(f"person/{other}")
            for subject in about:
                self[subject] = [*super().get(subject, ()), placed]

    def get(self, key: str, default: Any = None) -> Any:
        """As a dict."""
        self.asked.add(key)
        return super().get(key, default)

    def values(self) -> Any:
        """All of them were asked for."""
        self.asked |= self.keys()
        return super().values()

    def items(self) -> Any:
        """All of them were asked for."""
        self.asked |= self.keys()
        return super().items()


def _id(subject: str) -> str:
    return subject.partition("/")[2]


def test_a_late_fact_is_worked_out_without_a_look_at_other_persons() -> None:
    facts = Asked(
        identified(_id(BAO), "2022-01-01"),
        admitted(_id(ANA), "2022-05-01"),
        identified(_id(ANA), "2022-02-01"),
        admitted(_id(BAO), "2022-03-01"),
    )

    known = known_admissions(ANA, facts)

    assert [(each.known_from, each.known_to) for each in known] == [(3, STILL_KNOWN)]
    assert facts.asked == {ANA}


def test_who_is_linked_is_worked_out_from_the_facts_of_both_ids() -> None:
    facts = Asked(
        identified(_id(ANA), "2022-01-01"),
        admitted(_id(ANA), "2022-03-01"),
        identified(_id(BAO), "2022-01-01"),
        linked(_id(BAO), _id(ANA), "2022-06-01"),
        admitted(_id(CHI), "2022-03-01"),
    )

    known = known_admissions(ANA, facts)

    assert [each.admission.day.isoformat() for each in known if each.known_to == STILL_KNOWN] == ["2022-03-01"]
    assert facts.asked == {ANA, BAO}
