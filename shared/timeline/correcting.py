"""A timeline as it is folded: facts as recorded, with what later events correct, link and reorganise put in."""

from collections.abc import Callable, Iterable, Sequence
from typing import cast
from uuid import UUID

from msgspec.structs import replace

from shared.events.correction import FactCorrected
from shared.events.data import replaced
from shared.events.person import PersonsLinked
from shared.events.receipts import Reason
from shared.timeline.fact import Fact, OrderKey
from shared.timeline.perspective import LinkedAway, seen_by


def as_corrected(original: Fact, correction: Fact) -> Fact | Reason | None:
    """The fact as a correction of it says, or why it cannot say that; None: retracted."""
    data = cast(FactCorrected, correction.data)
    if data.replacement is None:
        return None
    now = replaced(original.data, original.effectiveon, data.replacement)
    return now if isinstance(now, Reason) else replace(original, effectiveon=now[0], data=now[1])


def corrected(facts: Iterable[Fact]) -> list[Fact]:
    """What facts, given in the order of their positions, say after the last correction of each; no corrections."""
    facts = list(facts)
    corrections: dict[tuple[str, UUID], Fact] = {}
    for fact in facts:
        if isinstance(fact.data, FactCorrected):
            corrections[(fact.source, fact.data.corrects)] = fact
    if not corrections:
        return facts  # nearly always
    said = []
    for fact in facts:
        if isinstance(fact.data, FactCorrected):
            continue
        correction = corrections.get((fact.source, fact.event_id))
        now = fact if correction is None else as_corrected(fact, correction)
        if isinstance(now, Reason):
            # Never recorded so: the decision about the correction has read it.
            raise ValueError(f"correction of {fact.event_id}: {now.message} at {now.path}")
        if now is not None:
            said.append(now)
    return said


def gathered(
    subject: str,
    own: Sequence[Fact],
    raw: Callable[[str], Sequence[Fact]],
    original: Callable[[Fact], Fact | None],
) -> list[Fact]:
    """All facts that a timeline is made of, each once: a subject's own, and those of ids linked to it.

    `raw` gives the facts that name a subject, in the order of their positions; `original` what a correction
    corrects, which may name the subject only in the words of the correction.
    """
    found = list(own)
    corrections = [fact for fact in found if isinstance(fact.data, FactCorrected)]
    if corrections:
        here = {(fact.source, fact.event_id) for fact in found}
        elsewhere = (original(fact) for fact in corrections)
        found[:0] = [each for each in elsewhere if each is not None and (each.source, each.event_id) not in here]
    followed = {subject}
    for fact in found:  # grows on the way
        other = _other_id(fact) if fact.subject in followed else None
        if other is not None and other not in followed:
            followed.add(other)
            found.extend(raw(other))
    if len(followed) == 1 and not corrections:
        return found
    return _in_order(list({(fact.source, fact.event_id): fact for fact in found}.values()), raw)


def _in_order(facts: list[Fact], raw: Callable[[str], Sequence[Fact]]) -> list[Fact]:
    """These facts, with the corrections of each one in the order of their positions, whoever led to them.

    A correction names the subject of what it corrects, so the facts that name that subject have them all in order.
    """
    corrections: dict[tuple[str, UUID], list[int]] = {}
    for index, fact in enumerate(facts):
        if isinstance(fact.data, FactCorrected):
            corrections.setdefault((fact.source, fact.data.corrects), []).append(index)
    for places in corrections.values():
        if len(places) > 1:
            ids = [(each.source, each.event_id) for each in raw(facts[places[0]].subject)]
            order = {id_: place for place, id_ in enumerate(ids)}
            said = sorted((facts[index] for index in places), key=lambda each: order[each.source, each.event_id])
            for index, fact in zip(places, said, strict=True):
                facts[index] = fact
    return facts


def _other_id(fact: Fact) -> str | None:
    """The second id that a link names, or a correction of a link; the last correction may say otherwise."""
    if isinstance(fact.data, PersonsLinked):
        return f"person/{fact.data.other_person_id}"
    if isinstance(fact.data, FactCorrected) and fact.data.replacement is not None:
        data = fact.data.replacement.data
        # No other data has such a member, and what is recorded was read: it is a UUID.
        named = data.get("other_person_id") if isinstance(data, dict) else None
        return None if named is None else f"person/{UUID(named)}"
    return None


def timeline(subject: str, facts: Iterable[Fact]) -> list[Fact]:
    """What is folded for a subject, out of the facts that `gathered` gives; each fact as the subject sees it."""
    said = corrected(facts)
    links = _links(said)
    if not links:
        return [view for fact in said if (view := seen_by(fact, subject)) is not None]
    found = []
    persons = [subject, *(each for each in links if each != subject)]
    for fact in said:
        for person in persons:
            view = seen_by(fact, person)
            if view is None or (isinstance(view.data, LinkedAway) and person != subject):
                continue
            # A second link of one id stands where the first one does, and fits no more.
            if isinstance(view.data, LinkedAway) or _stands(person, view.key, links) == subject:
                found.append(view)
                break
    return found


_Links = dict[str, tuple[str, OrderKey]]
"""The second id of a person → the first, and from where in the timeline."""


def _links(said: Iterable[Fact]) -> _Links:
    links: _Links = {}
    for fact in said:
        if isinstance(fact.data, PersonsLinked):
            other = f"person/{fact.data.other_person_id}"
            if other not in links or fact.key < links[other][1]:
                links[other] = (fact.subject, fact.key)
    return links


def _stands(person: str, key: OrderKey, links: _Links) -> str:
    """On whose timeline a fact about `person` stands."""
    seen = {person}
    while person in links and key > links[person][1] and links[person][0] not in seen:
        person = links[person][0]
        seen.add(person)
    return person
