"""Any stream: whatever comes, valid or not, corrected or not, in whatever order, the books are right at its end.

Other tests have histories that make sense. Here is nonsense about few subjects on few days, so that it meets.
"""

import asyncio
import random
from collections import Counter
from typing import Any

import pytest

from services.registry.turn import Turn
from shared.timeline.person import PersonState
from tests.given import corrected, event, new_uuid, root
from tests.unit.registry.given import turned

Event = dict[str, Any]

ORGANISATIONS = ("root", "a", "b", "c", "d")
PERSONS = tuple(new_uuid() for _ in range(3))
DAYS = ("2020-01-01", "2021-01-01", "2021-06-01", "2022-01-01", "2022-06-01", "2023-01-01")
FOUNDED = {"name": "Chi bộ", "kind": "cell", "sector": "other"}
AIM = {"metric": "admissions", "basis": "own", "issuer_id": "root", "from": "2022-01-01", "to": "2022-12-31"}


class Stream:
    """Made-up events of one source, from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def events(self, number: int) -> list[Event]:
        """A root, most of its organisations, and then anything, a quarter of it corrections of the rest."""
        found = [root(), *(self._about("OrganisationEstablished", f"organisation/{each}") for each in "abcd")]
        while len(found) < number:
            found.append(self._correction(found) if self.random.random() < 0.25 else self._anything())
        if self.random.random() < 0.5:
            rest = found[1:]
            self.random.shuffle(rest)
            found[1:] = rest
        return found

    def _correction(self, of: list[Event]) -> Event:
        original = self.random.choice([each for each in of[1:] if each["type"] != "FactCorrected.v1"])
        how = self.random.random()
        if how < 0.35:
            return corrected(original, None)
        day = self.random.choice(DAYS)
        if how < 0.6:
            return corrected(original, {"effectiveon": day})
        name = original["type"].removesuffix(".v1")
        return corrected(original, {"effectiveon": day, "data": self._data(name, day)})

    def _anything(self) -> Event:
        name = self.random.choice(list(_SUBJECTS))
        return self._about(name, self._subject(_SUBJECTS[name]))

    def _subject(self, kind: str) -> str:
        named = {"organisation": self._organisation, "person": self._person, "place": lambda: "ban-1"}
        return f"{kind}/{named[kind]()}"

    def _about(self, name: str, subject: str) -> Event:
        day = self.random.choice(DAYS)
        time = f"{day}T{self.random.randrange(24):02}:00:00+07:00"
        return event(name, subject, day, self._data(name, day), time=time)

    def _organisation(self) -> str:
        return self.random.choice(ORGANISATIONS)

    def _person(self) -> str:
        return self.random.choice(PERSONS)

    def _data(self, name: str, day: str) -> Event:
        some, target = self._organisation(), self.random.choice(["t1", "t2"])
        value, few = self.random.randrange(5), self.random.choice([1, 1, 2])
        return {
            "OrganisationEstablished": {**FOUNDED, "parent_id": some},
            "OrganisationsMerged": {
                "sources": self.random.sample(ORGANISATIONS, few),
                "targets": self.random.choice(["sum", "keep", "void"]),
            },
            "OrganisationDissolved": {"successor_id": self.random.choice([None, some])},
            "OrganisationReparented": {"parent_id": some},
            "OrganisationSplit": {
                "allocations": [{"organisation_id": some, "person_ids": self.random.sample(PERSONS, few)}]
            },
            "OpeningBalanceDeclared": {"as_of": day, "official": value, "probationary": few},
            "TargetAssigned": {**AIM, "target_id": target, "comparison": "at_least", "value": value},
            "TargetRevised": {"target_id": target, "value": value, "reason": "other"},
            "TargetWithdrawn": {"target_id": target, "reason": "other"},
            "PeriodClosed": {"from": "2021-01-01", "to": "2021-12-31"},
            "PlaceRegistered": {"name": "Bản 1", "kind": "village", "organisation_id": some},
            "PlaceCovered": {"cell_id": self.random.choice([None, some]), "shared": False},
            "CandidateIdentified": {"organisation_id": some},
            "CandidateMoved": {"organisation_id": some},
            "CandidateClosed": {"reason": "other"},
            "MentorAssigned": {"mentor_id": self._person(), "role": "mentor"},
            "MemberAdmitted": {"organisation_id": some, "ceremony_on": day},
            "MemberEnrolled": {
                "organisation_id": some,
                "status": self.random.choice(["official", "probationary"]),
                "in_opening_balance": self.random.random() < 0.4,
            },
            "MemberConfirmed": {"official_from": day},
            "TransferInitiated": {"from": some, "to": self._organisation(), "kind": "official"},
            "TransferAccepted": {"organisation_id": some, "presented_on": day},
            "TransferCancelled": {"reason": "other"},
            "MembershipEnded": {"reason": "removed"},
            "PersonsLinked": {"other_person_id": self._person()},
        }[name]


_SUBJECTS = {
    **dict.fromkeys(
        (
            "OrganisationEstablished",
            "OrganisationsMerged",
            "OrganisationDissolved",
            "OrganisationReparented",
            "OrganisationSplit",
            "OpeningBalanceDeclared",
            "TargetAssigned",
            "TargetRevised",
            "TargetWithdrawn",
            "PeriodClosed",
        ),
        "organisation",
    ),
    **dict.fromkeys(("PlaceRegistered", "PlaceCovered"), "place"),
    **dict.fromkeys(
        (
            "CandidateIdentified",
            "CandidateMoved",
            "CandidateClosed",
            "MentorAssigned",
            "MemberAdmitted",
            "MemberEnrolled",
            "MemberConfirmed",
            "TransferInitiated",
            "TransferAccepted",
            "TransferCancelled",
            "MembershipEnded",
            "PersonsLinked",
        ),
        "person",
    ),
}


def heads(turn: Turn) -> Counter[str]:
    """Members and open candidates by the head counts of all organisations."""
    found: Counter[str] = Counter()
    for (_, measure, _), amount in turn.situation.headcount_changes.items():
        kind = measure.partition(".")[0]
        if kind != "balance":
            found[kind] += amount
    return +found


def standing(turn: Turn) -> Counter[str]:
    """Members and open candidates by where each person stands."""
    folds = [turn.situation.folded(subject) for subject in turn.situation.changed if "person/" in subject]
    states = [each.state for each in folds if each is not None and isinstance(each.state, PersonState)]
    members = sum(state.membership is not None for state in states)
    return +Counter(members=members, candidates=sum(state.candidacy is not None for state in states))


def own_successors(turn: Turn) -> list[str]:
    """Organisations to which what they hand on comes back."""
    lineage = turn.situation.lineage
    chains = {each: list(lineage.onward(each)) for each in ORGANISATIONS}
    return [each for each, chain in chains.items() if chain and lineage.succession(chain[-1].successor_id)]


SEEDS_A_TEST = 25


@pytest.mark.parametrize("first", range(0, 100, SEEDS_A_TEST))
def test_nothing_waits_in_vain_and_everybody_is_counted_once(first: int) -> None:
    async def tried(seed: int) -> tuple[Turn, list[str]]:
        turn = await turned(Stream(seed).events(120))
        recorded = len(turn.outcomes.log)
        await turn.retry(*turn._room)
        return turn, [row.type for row in turn.outcomes.log[recorded:]]

    for seed in range(first, first + SEEDS_A_TEST):
        turn, in_vain = asyncio.run(tried(seed))
        assert not in_vain, f"seed {seed}: only asked again were {in_vain} recorded"
        assert heads(turn) == standing(turn), f"seed {seed}"
        assert not own_successors(turn), f"seed {seed}"
