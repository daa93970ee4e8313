"""Ownership: whether a source may say this, on that day."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING
from uuid import UUID

from services.registry.rules.decision import Decision, Quarantine, Reject
from services.registry.rules.references import NamedOrganisation
from services.registry.rules.tree import is_under
from shared.events import organisation, person, place
from shared.events.receipts import Reason
from shared.timeline.fact import Fact
from shared.timeline.fold import State
from shared.timeline.identity import second_ids
from shared.timeline.person import PersonState, belongs_to
from shared.timeline.place import PlaceState

if TYPE_CHECKING:
    from services.registry.rules.decide import Situation


def foreign(
    fact: Fact, named: list[NamedOrganisation], before: State, root: str, situation: "Situation"
) -> Reason | None:
    """Why the source with this root may not say it, or None. `before` is the state at the fact's place."""
    day = fact.effectiveon
    if named:
        found = not_own(fact, named, root, situation)
        if found is not None:
            return found
    owner = _owner(fact, before, root, situation)
    if owner is not None and not is_under(owner, root, day, situation):
        message = f"expected a subject that belongs under {root} on {day}, found {fact.subject} elsewhere"
        return Reason("foreign-organisation", message, "$.subject")
    return None


def not_own(fact: Fact, named: list[NamedOrganisation], root: str, situation: "Situation") -> Reason | None:
    """The first organisation that the source may not name there, since it lies outside its root on that day."""
    day = fact.effectiveon
    for each in named:
        if each.own and not is_under(each.organisation_id, root, day, situation):
            message = (
                f"expected an organisation under {root} on {day}, found {each.organisation_id}, which is not; "
                "only the source that owns it may say this"
            )
            return Reason("foreign-organisation", message, f"$.data.{each.member}")
    return None


def foreign_person(fact: Fact, befores: Mapping[str, State], root: str, situation: "Situation") -> Reason | None:
    """Why the source may not link the subject with that other person, or None."""
    if not isinstance(fact.data, person.PersonsLinked):
        return None
    before = befores[f"person/{fact.data.other_person_id}"]
    at = belongs_to(before) if isinstance(before, PersonState) else None
    if at is None or is_under(at, root, fact.effectiveon, situation):
        return None
    message = f"expected a person who belongs under {root} on {fact.effectiveon}, found one who is elsewhere"
    return Reason("foreign-organisation", message, "$.data.other_person_id")


_BRINGS_A_PERSON = frozenset({person.CandidateIdentified, person.MemberEnrolled, person.TransferAccepted})


def until_come(fact: Fact, rejected: Reject, waiting: Iterable[Fact], situation: "Situation") -> Decision:
    """What is said of a person who is elsewhere waits for what the source said before: it may bring the person.

    `waiting` are facts about the person that wait themselves, for another source to send the person on.
    """
    subject = situation.main_timeline(fact)
    folded = situation.folded(subject)
    unseated = folded.unseated if folded is not None else frozenset[UUID]()
    passed_over = [each for each in situation.timeline(subject) if each.event_id in unseated] if unseated else []
    said = [*((each, "waiting") for each in waiting), *((each, "counting nothing") for each in passed_over)]
    brings = [
        (each, how)
        for each, how in said
        if each.source == fact.source and type(each.data) in _BRINGS_A_PERSON and each.key < fact.key
    ]
    if not brings:
        return rejected
    first, how = min(brings, key=lambda each: each[0].key)
    message = (
        f"expected {fact.subject} to have come by {fact.effectiveon}, "
        f"found {first.name} of {first.effectiveon} ({first.event_id}) {how}"
    )
    return Quarantine(Reason("wrong-stage", message), frozenset({fact.subject, subject}))


def elsewhere(fact: Fact, reason: Reason) -> bool:
    """Whether a fact is refused because its person belongs to another source."""
    said = (reason.code, reason.path)
    return said == ("foreign-organisation", "$.subject") and fact.subject.startswith("person/")


def not_theirs_yet(fact: Fact, before: State, root: str, situation: "Situation") -> str | None:
    """Why a source has to wait that speaks of somebody on the way to it: their acceptance is not on record.

    It may be on its own way, so this is not rejected; until then the person belongs where they were.
    """
    if type(fact.data) in _OWNED_BY_WHOM_THEY_NAME or not isinstance(before, PersonState):
        return None
    at = belongs_to(before)
    if at is None or not _on_the_way(fact, before, root, situation):
        return None
    if is_under(at, root, fact.effectiveon, situation):
        return None
    return f"expected the transfer of {fact.subject} to be accepted by {fact.effectiveon}, found it open"


def _on_the_way(fact: Fact, before: PersonState, root: str, situation: "Situation") -> bool:
    """Whether the person has an open transfer to an organisation of this source."""
    return before.transfer is not None and is_under(before.transfer.to, root, fact.effectiveon, situation)


_OWNED_BY_WHOM_THEY_NAME = frozenset(
    {
        organisation.OrganisationEstablished,
        place.PlaceRegistered,
        person.CandidateIdentified,
        person.TransferAccepted,
    }
)


def _last_home(fact: Fact, situation: "Situation") -> str | None:
    """Where the person belongs, or belonged last, by whichever of their ids and on whatever day."""
    ids = list(reversed(situation.with_first_ids((fact.subject,))))
    for subject in ids:  # grows on the way
        folded = situation.folded(subject)
        if folded is None or not isinstance(folded.state, PersonState):
            continue
        if folded.state.home is not None:
            return folded.state.home
        ids += [each for each in second_ids(situation, subject) if each not in ids]
    return None


def _owner(fact: Fact, before: State, root: str, situation: "Situation") -> str | None:
    """The organisation that must be the source's own, beyond those that the event names; None: there is none.

    A person who belongs nowhere at that place in the timeline may yet turn out to be anybody's: what does not
    fit waits, and is not rejected.
    """
    if type(fact.data) in _OWNED_BY_WHOM_THEY_NAME:
        return None
    if isinstance(before, PersonState):
        if isinstance(fact.data, person.MemberEnrolled):
            return before.candidacy.organisation_id if before.candidacy is not None else None
        if _on_the_way(fact, before, root, situation):
            return None
        if isinstance(fact.data, person.PersonErased):
            # Not taken back by anything: whoever belongs nowhere on that day is still not anybody's to erase.
            return before.home or _last_home(fact, situation)
        return belongs_to(before)
    return before.organisation_id if isinstance(before, PlaceState) else fact.subject_id
