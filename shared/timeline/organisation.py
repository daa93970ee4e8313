"""An organisation's timeline: its founding, its place in the tree, its targets, its end."""

from datetime import date

from msgspec import Struct
from msgspec.structs import replace

from shared.events import organisation as events
from shared.events.vocabulary import Basis, Comparison, Metric, OrganisationKind, Sector, TargetMerging
from shared.timeline.fact import Fact, Refusal
from shared.timeline.lineage import Lineage, Succession
from shared.timeline.perspective import Absorbed


class Segment(Struct, frozen=True):
    """What an organisation was from the day `since` until its next segment."""

    since: date
    name: str
    kind: OrganisationKind
    sector: Sector
    parent_id: str | None
    tags: tuple[str, ...] = ()


class Revision(Struct, frozen=True):
    """Another value of a target, from the day `since` on."""

    since: date
    value: int


class Target(Struct, frozen=True, omit_defaults=True):
    """A target as its organisation's timeline has it; `since` is the day from which it is known."""

    target_id: str
    since: date
    metric: Metric
    basis: Basis
    issuer_id: str
    from_: date
    to: date
    comparison: Comparison
    value: int
    parent_target_id: str | None = None
    revisions: tuple[Revision, ...] = ()
    withdrawn_on: date | None = None
    """The first day on which it stands no more."""

    def values(self) -> list[tuple[date, int]]:
        """Its values, each with the day from which it holds, in order."""
        found = {self.since: self.value}
        for revision in self.revisions:
            found[revision.since] = revision.value
        return sorted(found.items())

    @property
    def aim(self) -> tuple[Metric, Basis, str, date, date]:
        """What only one active target of an organisation may be about."""
        return (self.metric, self.basis, self.issuer_id, self.from_, self.to)


class Inherited(Struct, frozen=True):
    """What an heir says of a target that was assigned to another organisation; no value: it withdraws it."""

    target_id: str
    since: date
    value: int | None


class Period(Struct, frozen=True):
    """Days whose figures are reported; both included."""

    from_: date
    to: date


class OrganisationState(Struct, frozen=True, omit_defaults=True):
    """Where an organisation stands after a stretch of the timeline; no segment: not founded."""

    segments: tuple[Segment, ...] = ()
    ended_on: date | None = None
    """The first day on which it is active no more."""
    successor_id: str | None = None
    merging: TargetMerging = "keep"
    """What becomes of its targets at its end, if it has a successor."""
    targets: tuple[Target, ...] = ()
    inherited: tuple[Inherited, ...] = ()
    closed: tuple[Period, ...] = ()

    def at(self, day: date) -> Segment | None:
        """What it was on `day`, also after its end; None before its founding."""
        found = None
        for segment in self.segments:
            if segment.since > day:
                break
            found = segment
        return found

    @property
    def active_days(self) -> tuple[date, date]:
        """The first day on which it is active, and the first on which it is no more.

        Without a founding both are the last day that there is: it never is active.
        """
        if not self.segments:
            return date.max, date.max
        return self.segments[0].since, self.ended_on or date.max

    def active_on(self, day: date) -> bool:
        """From its founding day to the day before it ends."""
        if not self.segments or day < self.segments[0].since:
            return False
        return self.ended_on is None or day < self.ended_on

    def describe(self, day: date) -> str:
        """One phrase that says whether it is active on `day`."""
        if not self.segments:
            return "no founding on record"
        if day < self.segments[0].since:
            return f"founded on {self.segments[0].since}"
        if self.ended_on is not None and day >= self.ended_on:
            return f"ended on {self.ended_on}"
        return "active"


EMPTY = OrganisationState()


def succession_of(organisation_id: str, state: OrganisationState) -> Succession | None:
    """How the organisation is taken over, if it is."""
    if state.ended_on is None or state.successor_id is None:
        return None
    return Succession(organisation_id, state.ended_on, state.successor_id, state.merging)


def refusal(state: OrganisationState, fact: Fact, lineage: Lineage) -> Refusal | None:
    """The hard rule of the organisation's own timeline that `fact` breaks in `state`, or None."""
    if isinstance(fact.data, events.OrganisationEstablished):
        if state.segments:
            return Refusal("rule-violated", f"expected a new id, found one taken since {state.segments[0].since}")
        return None
    if not state.active_on(fact.effectiveon):
        found = state.describe(fact.effectiveon)
        return Refusal(
            "wrong-stage", f"expected {fact.subject} to be active on {fact.effectiveon}, found it {found}"
        )
    match fact.data:
        case events.TargetAssigned():
            return _assignment_refusal(state, _target(fact))
        case events.TargetRevised(target_id=target_id) | events.TargetWithdrawn(target_id=target_id):
            standing = _find(state, target_id)
            if standing is not None and standing.withdrawn_on is not None:
                message = f"expected target {target_id} to stand, found it withdrawn on {standing.withdrawn_on}"
                return Refusal("rule-violated", message)
        case events.PeriodClosed(from_=from_, to=to):
            if Period(from_, to) in state.closed:
                return Refusal("rule-violated", f"expected a period not closed yet, found {from_} to {to} closed")
    return None


def _assignment_refusal(state: OrganisationState, wanted: Target) -> Refusal | None:
    for target in state.targets:
        if target.target_id == wanted.target_id:
            return Refusal("rule-violated", f"expected a new target id, found {target.target_id} taken")
        if target.aim == wanted.aim and target.withdrawn_on is None:
            return Refusal(
                "rule-violated",
                f"expected one active target for {target.metric}, {target.basis}, "
                f"issuer {target.issuer_id}, {target.from_} to {target.to}, found {target.target_id}",
            )
    return None


def _find(state: OrganisationState, target_id: str) -> Target | None:
    return next((each for each in state.targets if each.target_id == target_id), None)


def advance(state: OrganisationState, fact: Fact) -> OrganisationState:
    """The state after a fact whose rules hold."""
    match fact.data:
        case events.OrganisationEstablished() as data:
            segment = Segment(
                fact.effectiveon, data.name, data.kind, data.sector, data.parent_id, tuple(data.tags)
            )
            return replace(state, segments=(segment,))
        case events.OrganisationRenamed(name=name):
            return _changed(state, fact.effectiveon, name=name)
        case events.OrganisationReclassified() as data:
            new = {"kind": data.kind, "sector": data.sector, "tags": data.tags}
            return _changed(state, fact.effectiveon, **{k: v for k, v in new.items() if v is not None})
        case events.OrganisationReparented(parent_id=parent_id):
            return _changed(state, fact.effectiveon, parent_id=parent_id)
        case events.OrganisationDissolved(successor_id=successor_id):
            return replace(state, ended_on=fact.effectiveon, successor_id=successor_id)
        case Absorbed(successor_id=successor_id, targets=merging):
            return replace(state, ended_on=fact.effectiveon, successor_id=successor_id, merging=merging)
        case events.OpeningBalanceDeclared() | events.OrganisationsMerged() | events.OrganisationSplit():
            return state
        case events.TargetAssigned():
            return replace(state, targets=(*state.targets, _target(fact)))
        case events.TargetRevised(target_id=target_id, value=value):
            return _retargeted(state, target_id, fact.effectiveon, value)
        case events.TargetWithdrawn(target_id=target_id):
            return _retargeted(state, target_id, fact.effectiveon, None)
        case events.PeriodClosed(from_=from_, to=to):
            return replace(state, closed=(*state.closed, Period(from_, to)))
        case _:
            raise TypeError(f"no fold for {fact.name} about an organisation")


def _changed(state: OrganisationState, day: date, **new: object) -> OrganisationState:
    """Another segment from `day` on, or the last one changed where it begins on that day too."""
    last = state.segments[-1]
    segment = replace(last, since=day, **new)
    kept = state.segments[:-1] if last.since == day else state.segments
    return replace(state, segments=(*kept, segment))


def _retargeted(state: OrganisationState, target_id: str, day: date, value: int | None) -> OrganisationState:
    def changed(target: Target) -> Target:
        if target.target_id != target_id:
            return target
        if value is None:
            return replace(target, withdrawn_on=day)
        return replace(target, revisions=(*target.revisions, Revision(day, value)))

    if _find(state, target_id) is None:
        # Assigned to one that this organisation took over from: `shared.timeline.targets` puts the two together.
        return replace(state, inherited=(*state.inherited, Inherited(target_id, day, value)))
    return replace(state, targets=tuple(changed(target) for target in state.targets))


def _target(fact: Fact) -> Target:
    data = fact.data
    assert isinstance(data, events.TargetAssigned)
    return Target(
        data.target_id,
        fact.effectiveon,
        data.metric,
        data.basis,
        data.issuer_id,
        data.from_,
        data.to,
        data.comparison,
        data.value,
        data.parent_target_id,
    )
