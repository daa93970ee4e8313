"""The situation that events are decided in: what is on record, with the changes of the turn laid over it."""

from collections import Counter, OrderedDict
from collections.abc import Iterable
from datetime import date
from typing import Literal, cast

from services.registry.rules.decide import Record
from services.registry.rules.references import organisation_key
from services.registry.rules.rulepack import RulePack
from services.registry.rules.rules import kept
from shared.events import organisation as organisation_events
from shared.events.person import Profile
from shared.timeline.fact import Fact
from shared.timeline.fold import Folded
from shared.timeline.lineage import Lineage, Succession
from shared.timeline.measures import Change, relocated, settle
from shared.timeline.organisation import OrganisationState, new_succession

CACHED_ORGANISATIONS = 50_000


Missing = Literal["subject", "timeline", "target", "headcount"]


class Unloaded(LookupError):
    """Something was asked for that has not been read yet; read it and decide again."""

    def __init__(self, kind: Missing, key: str) -> None:
        super().__init__(f"{kind} {key}")
        self.kind = kind
        self.key = key


class OrganisationCache:
    """Folds of organisations that stay in memory from turn to turn; only the writer changes them."""

    def __init__(self, limit: int = CACHED_ORGANISATIONS) -> None:
        self._limit = limit
        self._folds: OrderedDict[str, Folded | None] = OrderedDict()

    def get(self, subject: str) -> Folded | None:
        """The fold, if it is here. Raises KeyError."""
        self._folds.move_to_end(subject)
        return self._folds[subject]

    def put(self, subject: str, folded: Folded | None) -> None:
        """Keep a fold; the least used goes when there are too many. Absence is not kept."""
        if folded is None:
            return
        self._folds[subject] = folded
        self._folds.move_to_end(subject)
        while len(self._folds) > self._limit:
            self._folds.popitem(last=False)


class LoadedSituation:
    """A `Situation` over what was read so far; `Unloaded` says what else to read."""

    def __init__(self, lineage: Lineage, rulepack: RulePack, cache: OrganisationCache) -> None:
        self.lineage = lineage
        self.rulepack = rulepack
        self._cache = cache
        self._folds: dict[str, Folded | None] = {}
        self._facts: dict[str, list[Fact]] = {}
        self._new_facts: dict[str, list[Fact]] = {}
        self._owners: dict[str, str | None] = {}
        self._headcounts: dict[str, list[Change]] = {}
        self.changed: set[str] = set()
        self.new_targets: dict[str, str] = {}
        self.new_successions: list[Succession] = []
        self.headcount_changes: Counter[tuple[str, str, date]] = Counter()

    def folded(self, subject: str) -> Folded | None:
        """The fold of a subject. Raises Unloaded."""
        if subject in self._folds:
            return self._folds[subject]
        try:
            return self._cache.get(subject)
        except KeyError:
            raise Unloaded("subject", subject) from None

    def has(self, subject: str) -> bool:
        """Whether the fold of a subject is read."""
        try:
            self.folded(subject)
        except Unloaded:
            return False
        return True

    def facts(self, subject: str) -> list[Fact]:
        """All facts about a subject, those of this turn included. Raises Unloaded."""
        if subject not in self._facts:
            raise Unloaded("timeline", subject)
        return [*self._facts[subject], *self._new_facts.get(subject, ())]

    def organisation(self, organisation_id: str) -> OrganisationState | None:
        """The state of an organisation. Raises Unloaded."""
        folded = self.folded(organisation_key(organisation_id))
        return cast(OrganisationState, folded.state) if folded else None

    def target_owner(self, target_id: str) -> str | None:
        """The organisation that holds a target. Raises Unloaded."""
        if target_id not in self._owners:
            raise Unloaded("target", target_id)
        return self._owners[target_id]

    def headcount(self, organisation_id: str) -> list[Change]:
        """Changes of members, balances and candidates, this turn's included. Raises Unloaded."""
        if organisation_id not in self._headcounts:
            raise Unloaded("headcount", organisation_id)
        pending = [
            Change(organisation_id, measure, day, amount)
            for (holder, measure, day), amount in self.headcount_changes.items()
            if holder == organisation_id
        ]
        return [*self._headcounts[organisation_id], *pending]

    def profile(self, fact: Fact) -> Profile | None:
        """The readable profile that the fact brings."""
        profile = getattr(fact.data, "profile", None)
        return profile if isinstance(profile, Profile) else None

    def put_folds(self, found: dict[str, Folded | None]) -> None:
        """Take in folds that were read."""
        for subject, folded in found.items():
            self._folds[subject] = folded
            if subject.startswith("organisation/"):
                self._cache.put(subject, folded)

    def put_facts(self, subject: str, facts: Iterable[Fact]) -> None:
        """Take in a timeline as the log has it, without this turn's facts."""
        self._facts[subject] = list(facts)

    def put_owner(self, target_id: str, organisation_id: str | None) -> None:
        """Take in who holds a target."""
        self._owners[target_id] = organisation_id

    def put_headcount(self, organisation_id: str, changes: list[Change]) -> None:
        """Take in the stored changes of an organisation."""
        self._headcounts[organisation_id] = changes

    def record(self, fact: Fact, decision: Record) -> frozenset[str]:
        """Lay a recorded fact over the situation; gives the keys under which something may wait for it.

        Raises Unloaded before anything is changed.
        """
        before = self.folded(fact.subject)
        succession = (
            new_succession(fact.subject_id, before.state, decision.folded.state) if before is not None else None
        )
        settled = kept(settle(decision.changes, self.lineage))
        moved: list[Change] = []
        if succession is not None:
            held = self.headcount(fact.subject_id)
            self.lineage.add(succession)
            moved = kept(relocated([*held, *settled], succession, self.lineage))
            self.new_successions.append(succession)
        for change in [*settled, *moved]:
            self.headcount_changes[(change.organisation_id, change.measure, change.day)] += change.change
        self._folds[fact.subject] = decision.folded
        self._new_facts.setdefault(fact.subject, []).append(fact)
        self.changed.add(fact.subject)
        wakes = {fact.subject}
        wakes |= {organisation_key(change.organisation_id) for change in [*settled, *moved]}
        if succession is not None:
            wakes.add(organisation_key(succession.successor_id))
        if isinstance(fact.data, organisation_events.TargetAssigned):
            self._owners[fact.data.target_id] = fact.subject_id
            self.new_targets[fact.data.target_id] = fact.subject_id
            wakes.add(f"target/{fact.data.target_id}")
        return frozenset(wakes)

    def changed_folds(self) -> dict[str, Folded]:
        """The folds that this turn made, by subject."""
        folds = {subject: self._folds[subject] for subject in self.changed}
        return {subject: folded for subject, folded in folds.items() if folded is not None}

    def keep(self) -> None:
        """After the turn is committed: let later turns find its organisations in memory."""
        for subject, folded in self.changed_folds().items():
            if subject.startswith("organisation/"):
                self._cache.put(subject, folded)
