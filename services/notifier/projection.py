"""The projection: what recorded events change in the tree, the targets and the tallies that rules ask for."""

from collections import Counter
from collections.abc import Sequence
from datetime import date

from msgspec import Struct, field
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier import store
from services.notifier.rules.attained import Target
from services.notifier.rules.counting import COUNTED, METRICS, METRICS_OF, active_days, holdings, placements, seats
from shared.events.recorded import Recorded
from shared.events.vocabulary import Metric
from shared.runtime.progress import Stopped
from shared.timeline.book import Book, Effect, Unloaded
from shared.timeline.fact import Fact
from shared.timeline.lineage import Lineage, Succession
from shared.timeline.organisation import OrganisationState
from shared.timeline.place import PlaceState
from shared.timeline.targets import Standing, standings


class Touched(Struct):
    """What recorded events may have changed."""

    figures: set[tuple[str, Metric]] = field(default_factory=set)
    """Organisations and the metrics whose figures may be others there, and so above."""
    targets: set[str] = field(default_factory=set)
    """Targets that may stand no more."""

    def take_in(self, other: "Touched") -> None:
        """What another batch may have changed too."""
        self.figures |= other.figures
        self.targets |= other.targets


class Projection:
    """Applies one batch on one connection; `book` is then as after it."""

    def __init__(self, connection: AsyncConnection, lineage: Lineage) -> None:
        self.book = Book(lineage)
        self._connection = connection
        self._changed: set[str] = set()
        self._kin: set[str] = set()
        self._tallies: Counter[tuple[str, str, date]] = Counter()
        self._about: list[tuple[str, int]] = []
        self._travels: list[tuple[str, str]] = []
        self._successions: dict[str, Succession | None] = {}
        self._touched = Touched()

    async def apply(self, events: Sequence[Recorded]) -> Touched:
        """Take in consecutive events; gives what they may have changed."""
        await store.load(self._connection, self.book, Unloaded("subject", *{event.subject for event in events}))
        for event in events:
            await self._take(event)
        await store.put_facts(self._connection, events)
        await store.add_tallies(self._connection, self._tallies)
        folds = {subject: folded for subject in self._changed if (folded := self.book.folded(subject)) is not None}
        await store.put_folds(self._connection, folds)
        await store.put_successions(self._connection, self._successions)
        await store.put_about(self._connection, self._about)
        await store.put_travellers(self._connection, self._travels)
        await self._seat()
        await self._touch_places()
        return self._touched

    async def _take(self, event: Recorded) -> None:
        fact = Fact.of_recorded(event)
        effect = await self._effect(event, fact)
        lineage = self.book.lineage
        self.book.put(fact, effect)
        # Not `|=` with keys(): that would copy the whole set for every fact.
        self._changed.update(effect.folds)
        self._about += [(subject, event.position) for subject in effect.about]
        self._travels += self.book.travels(fact)
        self._successions |= effect.successions
        for organisation_id in effect.successions:
            self._kin |= lineage.kin(organisation_id) | self.book.lineage.kin(organisation_id)
        for change in effect.changes:
            if change.measure in COUNTED:
                name = change.organisation_id
                self._tallies[(name, change.measure, change.day)] += change.change
                hands = [name, *(each.successor_id for each in self.book.lineage.onward(name))]
                self._touched.figures.update(
                    (holder, metric) for holder in hands for metric in METRICS_OF[change.measure]
                )

    async def _effect(self, event: Recorded, fact: Fact) -> Effect:
        while True:
            try:
                return self.book.effect(fact)
            except Unloaded as missing:
                await store.load(self._connection, self.book, missing)
            except Exception as error:
                # A mistake of ours: going on without the event would make figures wrong for good.
                raise Stopped(event.position, f"applying {event.type} failed: {error!r}") from error

    async def _seat(self) -> None:
        """Write anew where changed subjects stand, and those that a changed succession moves; targets too."""
        lineage = self.book.lineage
        kin = {f"organisation/{each}" for each in self._kin}
        moved = set(await store.seated_under(self._connection, sorted(self._kin))) if kin else set()
        subjects = {each for each in self._changed | kin | moved if not each.startswith("person/")}
        organisations = {each.partition("/")[2] for each in subjects if each.startswith("organisation/")}
        families = {frozenset(lineage.kin(each)) for each in organisations}
        relatives = {f"organisation/{each}" for family in families for each in family}
        unread = [subject for subject in subjects | relatives if not self.book.has(subject)]
        if unread:
            await store.load(self._connection, self.book, Unloaded("subject", *unread))
        # A place may have the id of an organisation: each kind has its own.
        known: dict[str, OrganisationState] = {}
        places: dict[str, PlaceState] = {}
        for subject in subjects | relatives:
            key, folded = subject.partition("/")[2], self.book.folded(subject)
            if folded is not None and isinstance(folded.state, OrganisationState):
                known[key] = folded.state
            elif folded is not None and isinstance(folded.state, PlaceState):
                places[key] = folded.state
        changed = {key: state for key, state in known.items() if key in organisations}
        await self._seat_organisations(changed, families, known)
        if places:
            seated = [each for key, state in places.items() for each in seats(key, state, lineage)]
            await store.put_seats(self._connection, list(places), seated)
            self._touched.figures |= {(each.organisation_id, "places_without_members") for each in seated}

    async def _seat_organisations(
        self,
        states: dict[str, OrganisationState],
        families: set[frozenset[str]],
        relatives: dict[str, OrganisationState],
    ) -> None:
        lineage = self.book.lineage
        if states:
            placed = [each for key, state in states.items() for each in placements(key, state, lineage)]
            await store.put_placements(self._connection, list(states), placed)
            held = [each for key in states for each in holdings(key, lineage)]
            await store.put_holdings(self._connection, list(states), held)
            active = [active_days(key, state) for key, state in states.items()]
            await store.put_active_days(self._connection, active)
        assigned = {key for family in families for key in family}
        found = [
            _target(each)
            for family in families
            for each in standings({key: relatives[key] for key in family if key in relatives}, lineage)
        ]
        if assigned:
            self._touched.targets |= await store.put_targets(self._connection, sorted(assigned), found)
        concerned = states.keys() | {each.holder for each in found} | self._kin
        self._touched.figures |= {(key, metric) for key in concerned for metric in METRICS}

    async def _touch_places(self) -> None:
        cells = {organisation for organisation, metric in self._touched.figures if metric == "members"}
        owners = await store.covered_by(self._connection, cells) if cells else []
        self._touched.figures |= {(owner, "places_without_members") for owner in owners}


def _target(standing: Standing) -> Target:
    target = standing.target
    return Target(
        target.target_id,
        standing.assigned_to,
        standing.since,
        target.metric,
        target.basis,
        target.issuer_id,
        target.from_,
        target.to,
        target.comparison,
        standing.value,
        standing.holder,
        standing.until,
    )
