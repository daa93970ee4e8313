"""The situation that events are decided in: what is on record, with the changes of the turn laid over it."""

from collections import defaultdict
from collections.abc import Sequence, Set
from datetime import date
from typing import cast

from services.registry.rules.branches import Branches
from services.registry.rules.references import event_key, organisation_key, target_key
from shared.events import organisation as organisation_events
from shared.events.correction import FactCorrected
from shared.law.rulepack import RulePack
from shared.timeline.book import Book, Effect, Unloaded
from shared.timeline.correcting import as_corrected
from shared.timeline.fact import Fact
from shared.timeline.fold import Folded
from shared.timeline.lineage import Lineage, Succession
from shared.timeline.measures import CANDIDATE_LEVELS, MEMBER_LEVELS, Change, held
from shared.timeline.organisation import OrganisationState

CACHED_ORGANISATIONS = 50_000
HEADCOUNTS = {level: level for level in MEMBER_LEVELS} | dict.fromkeys(CANDIDATE_LEVELS, "candidates.open")
"""Level → the head count that it is part of. No rule asks for a candidate's stage; most facts change no more."""
_STAGES = frozenset(CANDIDATE_LEVELS)
_MAY_ASSIGN = frozenset({organisation_events.TargetAssigned, FactCorrected})


class OrganisationCache:
    """Organisations that stay in memory from turn to turn; only the writer changes them.

    `branches` are ahead of the tables while a turn is decided: if it fails, the whole cache is to be dropped.
    """

    def __init__(self, limit: int = CACHED_ORGANISATIONS) -> None:
        self.branches = Branches()
        self._limit = limit
        self._folds: dict[str, Folded] = {}

    def get(self, subject: str) -> Folded | None:
        """The fold, if it is here."""
        return self._folds.get(subject)

    def put(self, subject: str, folded: Folded | None) -> None:
        """Keep a fold; the one that came first goes when there are too many. Absence is not kept."""
        if folded is None:
            return
        self._folds[subject] = folded
        while len(self._folds) > self._limit:
            del self._folds[next(iter(self._folds))]


def headcounts(changes: Sequence[Change]) -> dict[tuple[str, str, date], int]:
    """What signed changes do to head counts, by organisation, head count and day; nothing that stays as it is."""
    if len(changes) == 2 and _only_the_stage(*changes):
        return {}  # most often
    found: dict[tuple[str, str, date], int] = {}
    for change in changes:
        measure = HEADCOUNTS.get(change.measure)
        if measure is not None:
            key = (change.organisation_id, measure, change.day)
            found[key] = found.get(key, 0) + change.change
    return {key: amount for key, amount in found.items() if amount}


def _only_the_stage(one: Change, other: Change) -> bool:
    """Whether two changes of one fact move a candidate from one stage to another."""
    return (
        one.measure in _STAGES
        and other.measure in _STAGES
        and one.organisation_id == other.organisation_id
        and one.change + other.change == 0
        and one.day == other.day
    )


class LoadedSituation(Book):
    """A `Situation` over what was read so far; `Unloaded` says what else to read.

    Besides what a book asks for: `target` (owners) and `headcount` (of organisations as facts name them).
    """

    def __init__(self, lineage: Lineage, rulepack: RulePack, cache: OrganisationCache) -> None:
        super().__init__(lineage)
        self.rulepack = rulepack
        self.branches = cache.branches
        self._cache = cache
        self.years_of_birth: dict[str, int | None] = {}
        """Of persons about whom a fact is judged by age, and does not tell it."""
        self._owners: dict[str, str | None] = {}
        self._headcounts: dict[str, list[Change]] = {}
        self.changed: set[str] = set()
        self.new_targets: dict[str, str] = {}
        self.new_travels: list[tuple[str, str]] = []
        self.successions: dict[str, Succession | None] = {}
        self.headcount_changes: defaultdict[tuple[str, str, date], int] = defaultdict(int)

    def folded(self, subject: str) -> Folded | None:
        """The fold of a subject. Raises Unloaded."""
        try:
            return self._folds[subject]
        except KeyError:
            folded = self._cache.get(subject)
        if folded is None:
            raise Unloaded("subject", subject)
        return folded

    def has(self, subject: str) -> bool:
        """Whether the fold of a subject is read."""
        return subject in self._folds or self._cache.get(subject) is not None

    def organisation(self, organisation_id: str) -> OrganisationState | None:
        """The state of an organisation, None where none is founded. Raises Unloaded."""
        folded = self.folded(organisation_key(organisation_id))
        if folded is None:
            return None
        state = cast(OrganisationState, folded.state)
        return state if state.segments else None  # without any its founding was taken back

    def target_owner(self, target_id: str) -> str | None:
        """The organisation that a target was assigned to. Raises Unloaded."""
        if target_id not in self._owners:
            raise Unloaded("target", target_id)
        return self._owners[target_id]

    def knows_target(self, target_id: str) -> bool:
        """Whether it is read who holds a target."""
        return target_id in self._owners

    def headcount(self, organisation_id: str) -> list[Change]:
        """Changes of members, balances and candidates in the hands of an organisation. Raises Unloaded."""
        names = {organisation_id, *self.lineage.before(organisation_id)}
        missing = sorted(names - self._headcounts.keys())
        if missing:
            raise Unloaded("headcount", *missing)
        found = [change for name in names for change in self._headcounts[name]]
        found += [
            Change(name, measure, day, amount)
            for (name, measure, day), amount in self.headcount_changes.items()
            if name in names
        ]
        return held(found, organisation_id, self.lineage)

    def year_of_birth(self, fact: Fact) -> int | None:
        """What the fact tells, else what was told last."""
        told = getattr(getattr(fact.data, "profile", None), "birth_year", None)
        return told if told is not None else self.years_of_birth.get(fact.subject)

    def put_folds(self, found: dict[str, Folded | None]) -> None:
        """Take in folds that were read."""
        super().put_folds(found)
        for subject, folded in found.items():
            if subject.startswith("organisation/"):
                self._cache.put(subject, folded)

    def put_owner(self, target_id: str, organisation_id: str | None) -> None:
        """Take in who holds a target."""
        self._owners[target_id] = organisation_id

    def put_headcount(self, organisation_id: str, changes: list[Change]) -> None:
        """Take in the stored changes of an organisation."""
        self._headcounts[organisation_id] = changes

    def record(self, fact: Fact, effect: Effect) -> None:
        """Lay a recorded fact over the situation."""
        if effect.changes:
            for key, amount in headcounts(effect.changes).items():
                self.headcount_changes[key] += amount
        if not fact.subject.startswith("person/"):
            self._look_at_the_tree(effect)
            self.successions |= effect.successions
        self.put(fact, effect)
        # Not `|=` with keys(): that would copy the whole set for every fact.
        self.changed.update(effect.folds)
        if travels := self.travels(fact):
            self.new_travels += travels
        assigned = self._target_assigned(fact)
        if assigned is not None:
            self._owners[assigned] = self.new_targets[assigned] = fact.subject_id

    def wakes(self, fact: Fact, effect: Effect, before: Lineage, awaited: Set[str]) -> frozenset[str]:
        """The keys under which something may wait for a recorded fact; `before` is the lineage before it.

        awaited: the kinds of what anything may wait for; keys of others are left out, but for subjects.
        """
        keys = {fact.subject, *effect.folds}
        if "event" in awaited:
            keys.add(event_key(fact.source, fact.event_id))
        if "organisation" in awaited:
            names = {organisation_id for organisation_id, _, _ in headcounts(effect.changes)}
            for name in names.union(effect.successions):
                keys.add(organisation_key(name))
                if before.succession(name) is not None:
                    keys |= {organisation_key(each.successor_id) for each in before.onward(name)}
            for name in effect.successions:
                keys |= {organisation_key(each.successor_id) for each in self.lineage.onward(name)}
        if "target" in awaited:
            keys.update(map(target_key, self._target_ids(fact)))
        return frozenset(keys)

    def _target_assigned(self, fact: Fact) -> str | None:
        """The target that a fact assigns, or that a correction says it assigned."""
        if type(fact.data) not in _MAY_ASSIGN:
            return None  # nearly always
        said = self.as_said(fact).data
        return said.target_id if isinstance(said, organisation_events.TargetAssigned) else None

    def _target_ids(self, fact: Fact) -> set[str]:
        """The id of the target that a fact assigns; of a correction of such a fact, all that it ever had."""
        if not isinstance(fact.data, FactCorrected):
            data = fact.data
            return {data.target_id} if isinstance(data, organisation_events.TargetAssigned) else set()
        original = self.original(fact)
        if original is None or not isinstance(original.data, organisation_events.TargetAssigned):
            return set()
        corrections = (
            each
            for each in self.facts(fact.subject)
            if isinstance(each.data, FactCorrected)
            and (each.source, each.data.corrects) == (original.source, original.event_id)
        )
        said = [original, *(as_corrected(original, each) for each in corrections)]
        return {
            cast(organisation_events.TargetAssigned, each.data).target_id
            for each in said
            if isinstance(each, Fact)
        }

    def _look_at_the_tree(self, effect: Effect) -> None:
        """Forget the branches if organisations come to lie elsewhere; a new one has nothing under it yet."""
        if effect.successions:
            self.branches.forget()
            return
        for subject, after in effect.folds.items():
            if subject.startswith("organisation/"):
                before = self._known_organisation(subject)
                if before.segments and before.segments != cast(OrganisationState, after.state).segments:
                    self.branches.forget()

    def _known_organisation(self, subject: str) -> OrganisationState:
        folded = self.folded(subject)
        return cast(OrganisationState, folded.state) if folded else OrganisationState()

    def changed_folds(self) -> dict[str, Folded]:
        """The folds that this turn made, by subject."""
        folds = {subject: self._folds[subject] for subject in self.changed}
        return {subject: folded for subject, folded in folds.items() if folded is not None}

    def keep(self) -> None:
        """After the turn is committed: let later turns find its organisations in memory."""
        for subject, folded in self.changed_folds().items():
            if subject.startswith("organisation/"):
                self._cache.put(subject, folded)
