"""The projection of a batch of recorded events: what they change, worked out before anything is written. Pure."""

from collections.abc import Iterable
from datetime import datetime
from typing import cast

from msgspec import Struct

from services.reporting.projector.versions import (
    OrganisationVersion,
    PlaceVersion,
    TargetVersion,
    Version,
    ended_above,
    versions,
)
from shared.events.organisation import OrganisationDissolved
from shared.events.recorded import Recorded
from shared.timeline.fact import Fact
from shared.timeline.fold import Folded, empty, extend, goes_at_end, kind_of, refusal
from shared.timeline.lineage import Lineage, Succession
from shared.timeline.measures import Change, changes, refolded, relocated, settle
from shared.timeline.organisation import OrganisationState, new_succession

STILL_KNOWN = 2**63 - 1
"""As `known_to`: nothing else is known. The largest bigint."""

VersionKey = tuple[type[Version], str, object]


class Situation(Struct):
    """What the projections say before a batch, as far as the batch asks for it.

    `timelines` are of subjects with a late fact; `held` are all changes of organisations that end, and those of
    others that name them as counterpart; `dependents` are the subjects that such organisations hold.
    """

    lineage: Lineage
    folds: dict[str, Folded]
    timelines: dict[str, list[Fact]]
    held: dict[str, list[Change]]
    dependents: dict[str, set[str]]


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
        key = Fact.of_recorded(event).key
        known = last.get(event.subject)
        if known is not None and key < known:
            late.add(event.subject)
        else:
            last[event.subject] = key
    return late


def ending_organisations(events: Iterable[Recorded]) -> set[str]:
    """Organisations that end with a successor in the batch, if their fact counts."""
    return {
        event.subject.partition("/")[2]
        for event in events
        if isinstance(event.data, OrganisationDissolved) and event.data.successor_id is not None
    }


class Batch:
    """Applies recorded events one after the other, and gathers what is to be written."""

    def __init__(self, situation: Situation) -> None:
        self.facts: list[Recorded] = []
        self.deltas: list[tuple[int, Change]] = []
        self.successions: list[Succession] = []
        self.closings: list[Closing] = []
        self.moments: dict[datetime, int] = {}
        self._superseded: list[KnownVersion] = []
        self._newest: dict[VersionKey, KnownVersion] = {}
        self._situation = situation
        self._folds = dict(situation.folds)
        self._changed: set[str] = set()

    def changed_folds(self) -> dict[str, Folded]:
        """The folds after the batch of the subjects that it is about."""
        return {subject: self._folds[subject] for subject in sorted(self._changed)}

    def new_versions(self) -> list[KnownVersion]:
        """Versions that came to be known in the batch, those included that it overtook again."""
        return [*self._superseded, *self._newest.values()]

    def apply(self, event: Recorded) -> None:
        """Project the next event of the log."""
        fact = Fact.of_recorded(event)
        before = self._folds.get(event.subject) or empty(kind_of(event.subject))
        after, raw = self._advance(fact, before)
        settled = settle(raw, self._situation.lineage)
        self._add(event.position, settled)
        succession = new_succession(fact.subject_id, before.state, after.state)
        affected = {event.subject} | (self._dependents(succession.organisation_id) if succession else set())
        were = self._versions(affected)
        self._folds[event.subject] = after
        if succession is not None:
            held = self._held(succession)
            self._situation.lineage.add(succession)
            self._add(event.position, relocated(held, succession, self._situation.lineage))
            self.successions.append(succession)
        self._supersede(were, self._versions(affected), event.position)
        self.facts.append(event)
        self.moments[event.recordedat] = event.position
        self._changed.add(event.subject)
        if event.subject in self._situation.timelines:
            self._situation.timelines[event.subject].append(fact)

    def _advance(self, fact: Fact, before: Folded) -> tuple[Folded, Iterable[Change]]:
        """The fold after the fact, and what changes in the figures."""
        kind, lineage = kind_of(fact.subject), self._situation.lineage
        if goes_at_end(before, fact):
            if refusal(kind, before.state, fact, lineage) is not None:
                # It fitted when it was recorded, and does not here: it counts nothing until it fits again.
                return Folded(before.state, fact.key, before.unseated | {fact.event_id}), ()
            after, step = extend(kind, before, fact)
            return after, changes(step)
        again = refolded(kind, self._situation.timelines[fact.subject], fact, lineage)
        return again.folded, again.changes

    def _add(self, position: int, found: Iterable[Change]) -> None:
        self.deltas.extend((position, change) for change in found)

    def _held(self, succession: Succession) -> list[Change]:
        ended = succession.organisation_id
        ours = [change for _, change in self.deltas if ended in (change.organisation_id, change.counterpart)]
        return [
            change
            for change in [*self._situation.held[ended], *ours]
            if change.organisation_id == ended or change.day >= succession.day
        ]

    def _dependents(self, organisation_id: str) -> set[str]:
        found = set(self._situation.dependents[organisation_id])
        for known in self._newest.values():
            match known.version:
                case OrganisationVersion(organisation_id=child, parent_id=parent) if parent == organisation_id:
                    found.add(f"organisation/{child}")
                case TargetVersion(assigned_to=owner, organisation_id=holder) if holder == organisation_id:
                    found.add(f"organisation/{owner}")
                case PlaceVersion(place_id=place) as version:
                    if organisation_id in (version.organisation_id, version.cell_id):
                        found.add(f"place/{place}")
        return found

    def _versions(self, subjects: Iterable[str]) -> dict[VersionKey, Version]:
        lineage = self._situation.lineage
        found: dict[VersionKey, Version] = {}
        for subject in subjects:
            folded = self._folds.get(subject)
            if folded is not None:
                above = self._above(folded)
                for version in versions(subject.partition("/")[2], folded.state, lineage, above):
                    found[version_key(version)] = version
        return found

    def _above(self, folded: Folded) -> dict[str, OrganisationState]:
        ended = ended_above(folded.state, self._situation.lineage)
        return {each: cast(OrganisationState, self._folds[f"organisation/{each}"].state) for each in ended}

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


def version_key(version: Version) -> VersionKey:
    """What only one known version has: its kind, its id and its first day."""
    first = cast(str, getattr(version, version.__struct_fields__[0]))
    return (type(version), first, version.valid_from)
