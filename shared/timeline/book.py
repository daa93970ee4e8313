"""The book: what is known of all timelines, and what one more fact changes in it. Pure; whoever keeps it reads.

The registry decides over it, reporting and the notifier count by it: one meaning of late facts, corrections, links
and reorganisations for all.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import cast
from uuid import UUID

from msgspec import Struct

from shared.events.correction import FactCorrected
from shared.events.organisation import OrganisationSplit
from shared.events.person import TransferAccepted, TransferInitiated
from shared.timeline.correcting import as_corrected, corrected, gathered, timeline
from shared.timeline.fact import Fact
from shared.timeline.fold import (
    Folded,
    Refolded,
    Step,
    empty,
    extend,
    folded,
    goes_at_end,
    kind_of,
    refolded,
    refusal,
    steps,
)
from shared.timeline.lineage import Lineage, Succession
from shared.timeline.measures import Change, added_up, changes, difference
from shared.timeline.organisation import OrganisationState, succession_of
from shared.timeline.person import PersonState
from shared.timeline.perspective import others


class Unloaded(LookupError):
    """Something was asked for that has not been read yet; read all of `keys` and ask again.

    Of a book: `subject` (folds), `timeline` (facts that name a subject), `event` (source/id) and `travellers`.
    """

    def __init__(self, kind: str, *keys: str) -> None:
        super().__init__(f"{kind} {', '.join(keys[:3])}")
        self.kind = kind
        self.keys = keys


class Effect(Struct, frozen=True, gc=False):
    """What a fact does when it is put into the book."""

    subjects: tuple[str, ...]
    """On whose timelines it stands, its main one first."""
    about: tuple[str, ...]
    """Those that it names besides its own subject: their timelines need it too."""
    folds: dict[str, Folded]
    """The folds that it makes anew."""
    changes: tuple[Change, ...]
    """What turns the figures before it into those after it."""
    step: Step | None
    """The fact on its main timeline, if it counts there."""
    successions: dict[str, Succession | None]
    """Organisations whose end changes."""
    refolded: dict[str, Refolded] = {}
    """By subject, the timelines that were folded again; none where the fact only adds `step` at the end of one."""

    def turned(self) -> Iterator[tuple[str, Refolded]]:
        """By subject, the steps that go and come with the fact."""
        if self.step is not None and not self.refolded:
            yield self.subjects[0], Refolded((), (self.step,))
        yield from self.refolded.items()


class Book:
    """Folds and facts that were read, with facts put in since laid over them."""

    def __init__(self, lineage: Lineage) -> None:
        self.lineage = lineage
        self._folds: dict[str, Folded | None] = {}
        self._facts: dict[str, list[Fact]] = {}
        self._new_facts: dict[str, list[Fact]] = {}
        self._events: dict[tuple[str, UUID], Fact | None] = {}
        self._unindexed: list[tuple[Fact, tuple[str, ...]]] = []
        """Facts put in since any were asked for, which is seldom; and whom each is about besides its subject."""
        self._travellers: dict[str, set[str]] = {}
        self._new_travellers: dict[str, set[str]] = {}

    def folded(self, subject: str) -> Folded | None:
        """The fold of a subject; None: nothing about it is known. Raises Unloaded."""
        if subject not in self._folds:
            raise Unloaded("subject", subject)
        return self._folds[subject]

    def has(self, subject: str) -> bool:
        """Whether the fold of a subject is read."""
        try:
            self.folded(subject)
        except Unloaded:
            return False
        return True

    def facts(self, subject: str) -> list[Fact]:
        """All facts that name a subject, in the order of their positions. Raises Unloaded."""
        if subject not in self._facts:
            raise Unloaded("timeline", subject)
        self._index()
        return [*self._facts[subject], *self._new_facts.get(subject, ())]

    def event(self, source: str, event_id: UUID) -> Fact | None:
        """A fact by its id, as it was recorded. Raises Unloaded."""
        self._index()
        key = (source, event_id)
        if key not in self._events:
            raise Unloaded("event", f"{source}/{event_id}")
        return self._events[key]

    def travellers(self, organisation_id: str) -> set[str]:
        """Persons with a transfer or a split that names an organisation. Raises Unloaded."""
        if organisation_id not in self._travellers:
            raise Unloaded("travellers", organisation_id)
        return self._travellers[organisation_id] | self._new_travellers.get(organisation_id, set())

    def ask_folds(self, subjects: Iterable[str]) -> None:
        """Raise Unloaded for all at once whose folds are not read."""
        missing = [subject for subject in subjects if not self.has(subject)]
        if missing:
            raise Unloaded("subject", *missing)

    def ask_facts(self, subjects: Iterable[str]) -> None:
        """Raise Unloaded for all at once whose timelines are not read."""
        missing = [subject for subject in subjects if subject not in self._facts]
        if missing:
            raise Unloaded("timeline", *missing)

    def put_folds(self, found: dict[str, Folded | None]) -> None:
        """Take in folds that were read."""
        self._folds.update(found)

    def put_facts(self, subject: str, facts: Iterable[Fact]) -> None:
        """Take in the stored facts that name a subject, without those put in since."""
        self._facts[subject] = list(facts)

    def put_event(self, source: str, event_id: UUID, fact: Fact | None) -> None:
        """Take in an event that was read; None: it is not on record."""
        self._events[(source, event_id)] = fact

    def put_travellers(self, organisation_id: str, persons: Iterable[str]) -> None:
        """Take in stored persons with a transfer or a split that names an organisation."""
        self._travellers[organisation_id] = set(persons)

    def original(self, fact: Fact) -> Fact | None:
        """What a correction corrects, as it was recorded; None: not on record. Raises Unloaded."""
        return self.event(fact.source, cast(FactCorrected, fact.data).corrects)

    def as_said(self, fact: Fact) -> Fact:
        """The fact, or what a correction says in its stead; a correction itself where it retracts."""
        if not isinstance(fact.data, FactCorrected):
            return fact
        original = self.original(fact)
        now = as_corrected(original, fact) if original is not None else None
        return now if isinstance(now, Fact) else fact

    def main_timeline(self, fact: Fact) -> str:
        """The subject on whose timeline a fact stands: its own, or the person whose second id that is."""
        subject = fact.subject
        seen: tuple[str, ...] = (subject,)
        while subject.startswith("person/"):
            found = self.folded(subject)
            state = found.state if found is not None else None
            if not isinstance(state, PersonState) or state.linked_to is None or state.linked_to in seen:
                break  # nearly always at once
            if state.linked_at is not None and fact.key <= state.linked_at:
                break
            subject = state.linked_to
            seen += (subject,)
        return subject

    def timeline(self, subject: str) -> list[Fact]:
        """What a subject's fold is made of. Raises Unloaded."""
        return timeline(subject, gathered(subject, self.facts(subject), self.facts, self.original))

    def effect(self, fact: Fact) -> Effect:
        """What the fact does. Raises Unloaded; changes nothing."""
        about = self._about(fact)
        if not about and not isinstance(fact.data, FactCorrected):
            return self._plain(fact)
        subjects = self.with_first_ids((fact.subject, *about))
        return self._folded_again(fact, subjects, about)

    def put(self, fact: Fact, effect: Effect) -> None:
        """Put a fact in: what is asked from now on is answered with it."""
        self._folds.update(effect.folds)
        if effect.successions:
            self.lineage = self.lineage.changed(effect.successions)
        self._unindexed.append((fact, effect.about))
        for organisation_id, person in self.travels(fact):
            self._new_travellers.setdefault(organisation_id, set()).add(person)

    def _index(self) -> None:
        for fact, about in self._unindexed:
            self._events[(fact.source, fact.event_id)] = fact
            for subject in (fact.subject, *about):
                self._new_facts.setdefault(subject, []).append(fact)
        self._unindexed.clear()

    def travels(self, fact: Fact) -> list[tuple[str, str]]:
        """(organisation, person): its successions decide whether the person's transfer or reallocation fits."""
        if type(fact.data) not in MAY_TRAVEL:
            return []  # nearly always
        match self.as_said(fact).data:
            case TransferInitiated(from_=from_, to=to):
                return [(from_, fact.subject), (to, fact.subject)]
            case TransferAccepted(organisation_id=organisation_id):
                return [(organisation_id, fact.subject)]
            case OrganisationSplit():
                return [(fact.subject_id, person) for person in others(self.as_said(fact))]
        return []

    def _about(self, fact: Fact) -> tuple[str, ...]:
        """Subjects that a fact names besides its own; of a correction, those before it and after it."""
        if not isinstance(fact.data, FactCorrected):
            return tuple(others(fact))
        original = self.original(fact)
        if original is None:
            return ()
        found = dict.fromkeys(others(original))
        facts = self.facts(fact.subject)
        for each in (*corrected(facts), *corrected([*facts, fact])):
            if (each.source, each.event_id) == (original.source, original.event_id):
                found |= dict.fromkeys(others(each))
        return tuple(found)

    def with_first_ids(self, subjects: Iterable[str]) -> tuple[str, ...]:
        """These subjects, and of persons who are second ids the first ones too."""
        found = dict.fromkeys(subjects)
        self.ask_folds(found)
        pending = list(found)
        for subject in pending:  # grows on the way
            known = self.folded(subject)
            first = known.state.linked_to if known and isinstance(known.state, PersonState) else None
            if first is not None and first not in found:
                found[first] = None
                pending.append(first)
        return tuple(found)

    def _plain(self, fact: Fact) -> Effect:
        """Of a fact that stands on one timeline only: nearly every one, and nearly always at its end."""
        subject = self.main_timeline(fact)
        kind = kind_of(subject)
        before = self.folded(subject) or empty(kind)
        if not goes_at_end(before, fact):
            return self._folded_again(fact, (subject,), ())
        if refusal(kind, before.state, fact, self.lineage) is not None:
            # It fitted when it was recorded, and does not here: it counts nothing until it fits again.
            unseated = Folded(before.state, fact.key, before.unseated | {fact.event_id})
            return Effect((subject,), (), {subject: unseated}, (), None, {})
        return self.added(fact, subject, before)

    def added(self, fact: Fact, subject: str, before: Folded) -> Effect:
        """What a fact does that fits at the end of the only timeline on which it stands, that of `subject`."""
        kind = kind_of(subject)
        after, step = extend(kind, before, fact)
        successions = _successions({subject: before}, {subject: after}) if kind == "organisation" else {}
        effect = Effect((subject,), (), {subject: after}, changes(step), step, successions)
        return self._succeeding(effect) if successions else effect

    def _folded_again(self, fact: Fact, subjects: tuple[str, ...], about: tuple[str, ...]) -> Effect:
        names = {fact.subject, *about}
        self.ask_facts((*subjects, *names))
        self.ask_folds(subjects)
        known = {subject: self.facts(subject) for subject in (*subjects, *names)}

        def after(subject: str) -> Sequence[Fact]:
            facts = known[subject] if subject in known else self.facts(subject)
            return [*facts, fact] if subject in names else facts

        befores: dict[str, Folded] = {}
        folds: dict[str, Folded] = {}
        found: list[Change] = []
        turns: dict[str, Refolded] = {}
        main: Step | None = None
        pending = list(subjects)
        for subject in pending:  # grows on the way
            kind = kind_of(subject)
            was = list(steps(kind, self.timeline(subject), self.lineage))
            facts = timeline(subject, gathered(subject, after(subject), after, self.original))
            becomes = list(steps(kind, facts, self.lineage))
            befores[subject] = self.folded(subject) or empty(kind)
            folds[subject] = folded(kind, facts, becomes)
            found.extend(difference(was, becomes))
            turns[subject] = refolded(was, becomes)
            if subject == subjects[0]:
                main = next((each for each in becomes if each.fact.event_id == fact.event_id), None)
            state = folds[subject].state
            first = state.linked_to if isinstance(state, PersonState) else None
            if first is not None and first not in pending:
                # It was linked with somebody else before: now what is said of it stands on that timeline.
                self.ask_facts([first])
                self.ask_folds([first])
                pending.append(first)
        successions = _successions(befores, folds)
        effect = Effect(tuple(pending), about, folds, tuple(added_up(found)), main, successions, turns)
        return self._succeeding(effect) if successions else effect

    def _succeeding(self, effect: Effect) -> Effect:
        """The effect, with the persons whose moves fit or not because of the successions that it changes."""
        after = self.lineage.changed(effect.successions)
        kin: set[str] = set()
        for organisation_id in effect.successions:
            kin |= self.lineage.kin(organisation_id) | after.kin(organisation_id)
        missing = [organisation_id for organisation_id in kin if organisation_id not in self._travellers]
        if missing:
            raise Unloaded("travellers", *missing)
        persons = {person for organisation_id in kin for person in self.travellers(organisation_id)}
        folds, found = dict(effect.folds), list(effect.changes)
        turns = dict(effect.turned())
        again = sorted(set(self.with_first_ids(persons)) - folds.keys())
        self.ask_facts(again)
        for person in again:
            facts = self.timeline(person)
            was = list(steps("person", facts, self.lineage))
            becomes = list(steps("person", facts, after))
            moved = added_up(difference(was, becomes))
            again_folded = folded("person", facts, becomes)
            if moved or again_folded != self.folded(person):
                folds[person] = again_folded
                found.extend(moved)
                turns[person] = refolded(was, becomes)
        return Effect(effect.subjects, effect.about, folds, tuple(found), effect.step, effect.successions, turns)


MAY_TRAVEL = frozenset({TransferInitiated, TransferAccepted, OrganisationSplit, FactCorrected})
"""Data of the facts of which `travels` may say something."""


def _successions(before: dict[str, Folded], after: dict[str, Folded]) -> dict[str, Succession | None]:
    found = {}
    for subject, folded_ in after.items():
        was, becomes = before[subject].state, folded_.state
        if isinstance(was, OrganisationState) and isinstance(becomes, OrganisationState):
            organisation_id = subject.partition("/")[2]
            succession = succession_of(organisation_id, becomes)
            if succession != succession_of(organisation_id, was):
                found[organisation_id] = succession
    return found
