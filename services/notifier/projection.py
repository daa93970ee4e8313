"""The projection: what recorded events change in the tree, the targets and the tallies that rules ask for."""

from collections import Counter
from collections.abc import Sequence
from datetime import date

from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier import store
from services.notifier.rules.attained import Target
from services.notifier.rules.counting import COUNTED, METRICS, METRICS_OF, placements, seats
from shared.events.recorded import Recorded
from shared.events.vocabulary import Metric
from shared.timeline import organisation as timeline
from shared.timeline.fact import Fact
from shared.timeline.fold import Folded, empty, extend, goes_at_end, kind_of, refusal
from shared.timeline.lineage import Lineage, Succession
from shared.timeline.measures import Change, changes, refolded, relocated, settle
from shared.timeline.organisation import OrganisationState, new_succession
from shared.timeline.place import PlaceState

Touched = set[tuple[str, Metric]]
"""Organisations and the metrics whose figures may have changed there, and so above."""


class Projection:
    """Applies one batch on one connection. `lineage` learns of successions, even where the batch then fails."""

    def __init__(self, connection: AsyncConnection, lineage: Lineage) -> None:
        self._connection = connection
        self._lineage = lineage
        self._folds: dict[str, Folded] = {}
        self._changed: set[str] = set()
        self._tallies: Counter[tuple[str, str, date]] = Counter()
        self._successions: list[Succession] = []
        self._touched: Touched = set()

    async def apply(self, events: Sequence[Recorded]) -> Touched:
        """Take in consecutive events; gives what they may have changed."""
        await store.put_facts(self._connection, events)
        self._folds = await store.folds(self._connection, {event.subject for event in events})
        for event in events:
            await self._take(event)
        await self._flush_tallies()
        changed = {subject: self._folds[subject] for subject in self._changed}
        await store.put_folds(self._connection, changed)
        await store.put_successions(self._connection, self._successions)
        await self._seat()
        await self._touch_places()
        return self._touched

    async def _take(self, event: Recorded) -> None:
        fact = Fact.of_recorded(event)
        kind = kind_of(fact.subject)
        before = self._folds.get(fact.subject) or empty(kind)
        raw: Sequence[Change]
        if goes_at_end(before, fact) and refusal(kind, before.state, fact, self._lineage) is None:
            after, step = extend(kind, before, fact)
            raw = changes(step)
        else:
            facts = await store.timeline(self._connection, fact.subject, event.position)
            again = refolded(kind, facts, fact, self._lineage)
            after, raw = again.folded, again.changes
        self._folds[fact.subject] = after
        self._changed.add(fact.subject)
        self._tally(settle((change for change in raw if change.measure in COUNTED), self._lineage))
        succession = new_succession(fact.subject_id, before.state, after.state)
        if succession is not None:
            await self._succeed(succession)

    def _tally(self, settled: list[Change]) -> None:
        for change in settled:
            if change.measure in COUNTED:
                self._tallies[(change.organisation_id, change.measure, change.day)] += change.change
                self._touched |= {(change.organisation_id, metric) for metric in METRICS_OF[change.measure]}

    async def _succeed(self, succession: Succession) -> None:
        await self._flush_tallies()
        held = await store.tallies(self._connection, succession.organisation_id)
        self._lineage.add(succession)
        self._tally(relocated(held, succession, self._lineage))
        self._successions.append(succession)

    async def _flush_tallies(self) -> None:
        await store.add_tallies(self._connection, self._tallies)
        self._tallies.clear()

    async def _seat(self) -> None:
        """Write anew where changed subjects stand, and those that a succession moves; targets too."""
        ended = [each.organisation_id for each in self._successions]
        moved = set(await store.seated_under(self._connection, ended)) if ended else set()
        self._folds |= await store.folds(self._connection, moved - self._folds.keys())
        states = {subject: self._folds[subject].state for subject in self._changed | moved}
        organisations = {
            subject.partition("/")[2]: state
            for subject, state in states.items()
            if isinstance(state, OrganisationState)
        }
        places = {
            subject.partition("/")[2]: state for subject, state in states.items() if isinstance(state, PlaceState)
        }
        if organisations:
            placed = [
                each for key, state in organisations.items() for each in placements(key, state, self._lineage)
            ]
            await store.put_placements(self._connection, list(organisations), placed)
            targets = [
                _target(key, each)
                for key, state in organisations.items()
                for each in state.targets
                if each.withdrawn_on is None
            ]
            await store.put_targets(self._connection, list(organisations), targets)
            self._touched |= {(key, metric) for key in organisations for metric in METRICS}
        if places:
            seated = [each for key, state in places.items() for each in seats(key, state, self._lineage)]
            await store.put_seats(self._connection, list(places), seated)
            self._touched |= {(each.organisation_id, "places_without_members") for each in seated}
        for each in self._successions:
            self._touched |= {
                (key, metric) for key in (each.organisation_id, each.successor_id) for metric in METRICS
            }

    async def _touch_places(self) -> None:
        cells = {organisation for organisation, metric in self._touched if metric == "members"}
        owners = await store.covered_by(self._connection, cells) if cells else []
        self._touched |= {(owner, "places_without_members") for owner in owners}


def _target(organisation_id: str, target: timeline.Target) -> Target:
    return Target(
        target.target_id,
        organisation_id,
        target.since,
        target.metric,
        target.basis,
        target.issuer_id,
        target.from_,
        target.to,
        target.comparison,
        # The value last revised to; one that holds only from a later day is announced early.
        target.values()[-1][1],
    )
