"""Identity: which ids are one person's, as links known now say. Pure; what it needs it asks the book for."""

from shared.events.correction import FactCorrected
from shared.events.person import PersonErased, PersonsLinked
from shared.timeline.book import Book
from shared.timeline.correcting import corrected
from shared.timeline.fact import Fact
from shared.timeline.person import PersonState

_MAY_ERASE = frozenset({PersonErased, PersonsLinked, FactCorrected})


def same_person(book: Book, subject: str) -> frozenset[str]:
    """All ids of the person with this id, itself among them. Raises Unloaded."""
    found = dict.fromkeys([subject])
    pending = [subject]
    for each in pending:  # grows on the way
        near = _seconds(book, each)
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


def _seconds(book: Book, subject: str) -> list[str]:
    """Second ids of a first one: those that links about it name, as far as these count."""
    named = [
        f"person/{fact.data.other_person_id}"
        for fact in corrected(book.facts(subject))
        if isinstance(fact.data, PersonsLinked) and fact.subject == subject
    ]
    book.ask_folds(named)
    return [other for other in named if _linked_to(book, other) == subject]
