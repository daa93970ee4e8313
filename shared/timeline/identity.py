"""Identity: which ids are one person's, as links known now say. Pure; what it needs it asks the book for."""

from collections.abc import Iterable
from typing import Protocol

from shared.events.correction import FactCorrected
from shared.events.person import PersonErased, PersonsLinked
from shared.timeline.correcting import corrected
from shared.timeline.fact import Fact
from shared.timeline.fold import Folded
from shared.timeline.person import PersonState


class Book(Protocol):
    """What is asked of the book of timelines; each raises Unloaded for what is not read."""

    def folded(self, subject: str) -> Folded | None:
        """The fold of a subject, None where nothing about it is on record."""

    def facts(self, subject: str) -> list[Fact]:
        """All facts that name a subject, in the order of their positions."""

    def ask_folds(self, subjects: Iterable[str]) -> None:
        """Have these folds read."""


_MAY_ERASE = frozenset({PersonErased, PersonsLinked, FactCorrected})


def same_person(book: Book, subject: str) -> frozenset[str]:
    """All ids of the person with this id, itself among them. Raises Unloaded."""
    found = dict.fromkeys([subject])
    pending = [subject]
    for each in pending:  # grows on the way
        near = second_ids(book, each)
        first = _linked_to(book, each)
        if first is not None:
            near.append(first)
        for other in near:
            if other not in found:
                found[other] = None
                pending.append(other)
    return frozenset(found)


def may_erase(fact: Fact) -> bool:
    """Whether a fact can be the reason that someone is erased: an erasure, a link, or a correction of a link."""
    said = type(fact.data)
    return said in _MAY_ERASE and (said is not FactCorrected or fact.subject.startswith("person/"))


def _linked_to(book: Book, subject: str) -> str | None:
    folded = book.folded(subject)
    return folded.state.linked_to if folded is not None and isinstance(folded.state, PersonState) else None


def second_ids(book: Book, subject: str) -> list[str]:
    """Second ids of a first one, in timeline order: those that links about it name, as far as these count.

    Raises Unloaded.
    """
    links = [
        (fact.key, fact.data.other_person_id)
        for fact in corrected(book.facts(subject))
        if isinstance(fact.data, PersonsLinked) and fact.subject == subject
    ]
    named = [f"person/{other}" for _, other in sorted(links)]
    book.ask_folds(named)
    return [other for other in named if _linked_to(book, other) == subject]
