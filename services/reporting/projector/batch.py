"""The projection of a batch of recorded events: what they change, worked out before anything is written. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import cast

from msgspec import Struct

from services.reporting.projector.person_steps import Steps
from services.reporting.projector.spells import Edge, edges
from services.reporting.projector.versions import (
    OrganisationVersion,
    PlaceVersion,
    Version,
    active_days,
    looked_at,
    target_versions,
    versions,
)
from shared.events.person import PersonErased
from shared.events.recorded import Recorded
from shared.timeline.book import Book, Effect, Unloaded
from shared.timeline.fact import Fact
from shared.timeline.fold import Folded, State
from shared.timeline.identity import may_erase, same_person
from shared.timeline.lineage import Lineage, Succession
from shared.timeline.measures import Change
from shared.timeline.organisation import OrganisationState

STILL_KNOWN = 2**63 - 1
"""As `known_to`: nothing else is known. The largest bigint."""

VersionKey = tuple[type[Version], str, object]


class KnownVersion(Struct, frozen=True):
    """A version and the positions from `known_from` to before `known_to` at which it is what is known."""

    version: Version
    known_from: int
    known_to: int = STILL_KNOWN


class Closing(Struct, frozen=True):
    """The stored version with this key is known no more from `position` on."""

    key: VersionKey
    position: int


def late_subjects(events: Iterable[Recorded], folds: dict[str, Folded]) -> set[str]:
    """Subjects whose whole timeline is needed, because a fact of the batch goes before its end."""
    last = {subject: folded.last for subject, folded in folds.items()}
    late = set()
    for event in events:
        key = (event.effectiveon, event.time, event.event_id)
        known = last.get(event.subject)
        if known is not None and key < known:
            late.add(event.subject)
        else:
            last[event.subject] = key
    return late


class Batch:
    """Applies recorded events one after the other, and gathers what is to be written.

    What it has not been given yet it asks for by raising `Unloaded`: all that a book asks for, `dependents`, the
    subjects whose versions an organisation has a part in, and `erased`, whether persons are.
    """

    def __init__(self, lineage: Lineage) -> None:
        self.book = Book(lineage)
        self.facts: list[Recorded] = []
        self.deltas: list[tuple[int, Change]] = []
        self.about: list[tuple[str, int]] = []
        self.travels: list[tuple[str, str]] = []
        self.successions: dict[str, Succession | None] = {}
        self.closings: list[Closing] = []
        self.moments: dict[datetime, int] = {}
        self.steps = Steps(STILL_KNOWN)
        self.edges: list[tuple[int, Edge]] = []
        self.erased: set[str] = set()
        """Persons of whom nothing may be kept by attribute any more."""
        self._known_erased: dict[str, bool] = {}
        self._superseded: list[KnownVersion] = []
        self._newest: dict[VersionKey, KnownVersion] = {}
        self._dependents: dict[str, set[str]] = {}
        self._depending: defaultdict[str, set[str]] = defaultdict(set)
        """Organisation → subjects with a version that came to be known in the batch and that it has a part in."""
        self._changed: set[str] = set()

    def changed_folds(self) -> dict[str, Folded]:
        """The folds after the batch of the subjects that it is about."""
        folds = {subject: self.book.folded(subject) for subject in sorted(self._changed)}
        return {subject: folded for subject, folded in folds.items() if folded is not None}

    def new_versions(self) -> list[KnownVersion]:
        """Versions that came to be known in the batch, those included that it overtook again."""
        return [*self._superseded, *self._newest.values()]

    def put_dependents(self, organisation_id: str, subjects: Iterable[str]) -> None:
        """Take in the stored subjects whose versions an organisation has a part in."""
        self._dependents[organisation_id] = set(subjects)

    def put_erased(self, persons: Iterable[str], erased: set[str]) -> None:
        """Take in who of these persons is erased."""
        self._known_erased |= {person: person in erased for person in persons}

    def erase(self, event: Recorded) -> None:
        """What an applied event erases: all ids of one who is erased, or of whom one turns out to be.

        Raises Unloaded, having changed nothing.
        """
        if not may_erase(Fact.of_recorded(event)):
            return
        ids = same_person(self.book, event.subject)
        if not isinstance(event.data, PersonErased):
            unknown = ids - self._known_erased.keys()
            if unknown:
                raise Unloaded("erased", *sorted(unknown))
            if not any(self._known_erased[each] for each in ids):
                return
        self.erased |= ids
        self._known_erased |= dict.fromkeys(ids, True)

    def apply(self, event: Recorded) -> None:
        """Project the next event of the log. Raises Unloaded, having changed nothing."""
        fact = Fact.of_recorded(event)
        effect = self.book.effect(fact)
        lineage = self.book.lineage
        after = lineage.changed(effect.successions) if effect.successions else lineage
        affected = self._affected(effect, lineage, after)
        were: dict[VersionKey, Version] = {}
        become: dict[VersionKey, Version] = {}
        if affected:
            were = self._versions(affected, lineage, {})
            become = self._versions(affected, after, effect.folds)
        self._supersede(were, become, event.position)
        self.deltas.extend((event.position, change) for change in effect.changes)
        for subject, turn in effect.turned():
            if subject.startswith("person/"):
                self.steps.turn(subject, turn.gone, turn.come, event.position)
                for gone in turn.gone:
                    self.edges += [(event.position, edge) for edge in edges(gone, -1)]
                for come in turn.come:
                    self.edges += [(event.position, edge) for edge in edges(come, 1)]
        self.about.extend((subject, event.position) for subject in effect.about)
        self.travels.extend(self.book.travels(fact))
        self.successions |= effect.successions
        self.book.put(fact, effect)
        self.facts.append(event)
        self.moments[event.recordedat] = event.position
        self._changed.update(effect.folds)  # `|=` with keys would copy the whole set for every event

    def _affected(self, effect: Effect, lineage: Lineage, after: Lineage) -> set[str]:
        """Subjects, of those that have versions, whose versions may change."""
        affected = {subject for subject in effect.folds if not subject.startswith("person/")}
        kin: set[str] = set()
        for organisation_id in effect.successions:
            kin |= lineage.kin(organisation_id) | after.kin(organisation_id)
        # Whose days became others: places may lose their cell by it, or get it back.
        redated = {each.partition("/")[2] for each in affected if self._active_otherwise(each, effect)}
        concerned = kin | redated
        # Not a difference of sets, which would go through all keys for every event.
        missing = sorted(each for each in concerned if each not in self._dependents)
        if missing:
            raise Unloaded("dependents", *missing)
        affected |= {f"organisation/{organisation_id}" for organisation_id in kin}
        for organisation_id in concerned:
            affected |= self._dependents[organisation_id] | self._depending.get(organisation_id, set())
        return affected

    def _active_otherwise(self, subject: str, effect: Effect) -> bool:
        """Whether it is an organisation that turns out to be active on other days; its founding is the first."""
        if not subject.startswith("organisation/"):
            return False
        before = self.book.folded(subject)
        was = None if before is None else before.state
        return active_days(was) != active_days(effect.folds[subject].state)

    def _versions(
        self, subjects: Iterable[str], lineage: Lineage, folds: Mapping[str, Folded]
    ) -> dict[VersionKey, Version]:
        """The versions of these subjects, with these folds laid over what is known."""
        subjects = sorted(subjects)
        self.book.ask_folds(subject for subject in subjects if subject not in folds)
        states = {subject: state for subject in subjects if (state := self._state(subject, folds)) is not None}
        needed = {each for state in states.values() for each in looked_at(state, lineage)}
        kin: dict[str, frozenset[str]] = {}
        for subject in states:
            kind, _, identifier = subject.partition("/")
            if kind == "organisation":
                kin[identifier] = frozenset(lineage.kin(identifier))
                needed |= kin[identifier]
        names = [f"organisation/{each}" for each in sorted(needed)]
        self.book.ask_folds(name for name in names if name not in folds)
        organisations = {
            name.partition("/")[2]: state
            for name in names
            if isinstance(state := self._state(name, folds), OrganisationState)
        }
        found: list[Version] = []
        for subject, state in states.items():
            found.extend(versions(subject.partition("/")[2], state, lineage, organisations))
        for family in sorted(set(kin.values()), key=sorted):
            known = {each: organisations[each] for each in family if each in organisations}
            found.extend(target_versions(known, lineage))
        return {version_key(each): each for each in found}

    def _state(self, subject: str, folds: Mapping[str, Folded]) -> State | None:
        folded = folds.get(subject) or self.book.folded(subject)
        return folded.state if folded is not None else None

    def _supersede(
        self, were: dict[VersionKey, Version], become: dict[VersionKey, Version], position: int
    ) -> None:
        for key, version in were.items():
            if become.get(key) == version:
                continue
            newest = self._newest.pop(key, None)
            if newest is None:
                self.closings.append(Closing(key, position))
            else:
                self._superseded.append(KnownVersion(newest.version, newest.known_from, position))
        for key, version in become.items():
            if were.get(key) != version:
                self._newest[key] = KnownVersion(version, position)
                match version:
                    case OrganisationVersion(organisation_id=child, parent_id=str(parent)):
                        self._depending[parent].add(f"organisation/{child}")
                    case PlaceVersion(place_id=place, organisation_id=owner, named_cell_id=cell):
                        for each in (owner, cell):
                            if each is not None:
                                self._depending[each].add(f"place/{place}")


def version_key(version: Version) -> VersionKey:
    """What only one known version has: its kind, its id and its first day."""
    first = cast(str, getattr(version, version.__struct_fields__[0]))
    return (type(version), first, version.valid_from)
