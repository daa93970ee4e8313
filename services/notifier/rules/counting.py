"""Which measures each target metric adds up, and where organisations and places stand day by day. Pure."""

from collections.abc import Iterator
from datetime import date
from itertools import pairwise

from msgspec import Struct

from shared.events.vocabulary import FLOW_METRICS, LEVEL_METRICS, SECTORS, Metric
from shared.timeline.lineage import Lineage
from shared.timeline.measures import MEMBER_LEVELS
from shared.timeline.organisation import OrganisationState
from shared.timeline.place import PlaceState

METRICS: tuple[Metric, ...] = (*FLOW_METRICS, *LEVEL_METRICS)

MEASURES: dict[Metric, tuple[str, ...]] = {
    "admissions": ("admissions",),
    "confirmations": ("confirmations",),
    "candidates_identified": ("candidates_identified",),
    "training_completions": ("training_completions",),
    "organisations_founded": tuple(f"founded.{sector}" for sector in SECTORS),
    "private_enterprise_organisations_founded": ("founded.private_enterprise",),
    "members": MEMBER_LEVELS,
}
"""What each metric adds up; `places_without_members` counts places instead."""

COUNTED = frozenset(measure for measures in MEASURES.values() for measure in measures)
METRICS_OF: dict[str, tuple[Metric, ...]] = {
    measure: tuple(metric for metric, measures in MEASURES.items() if measure in measures) for measure in COUNTED
}

EVER = date.min
ENDLESS = date.max


class Placement(Struct, frozen=True):
    """Whose child an organisation is, from `since` to before `until`."""

    organisation_id: str
    since: date
    until: date
    parent_id: str | None


def placements(organisation_id: str, state: OrganisationState, lineage: Lineage) -> Iterator[Placement]:
    """Where an organisation stands in the tree. Its end changes nothing: what is left below it stays there."""
    if not state.segments:
        return  # its founding was retracted
    ends = [*(segment.since for segment in state.segments[1:]), ENDLESS]
    for segment, end in zip(state.segments, ends, strict=True):
        if segment.since >= end:
            continue
        if segment.parent_id is None:
            yield Placement(organisation_id, segment.since, end, None)
            continue
        for holder, since, until in lineage.spans(segment.parent_id, segment.since, end):
            # Who succeeds its own parent has none from that day on.
            yield Placement(organisation_id, since, until, None if holder == organisation_id else holder)


class ActiveDays(Struct, frozen=True):
    """An organisation is active from `founded` to before `ended`."""

    organisation_id: str
    founded: date
    ended: date


def active_days(organisation_id: str, state: OrganisationState) -> ActiveDays:
    """When it is active: never, if its founding was retracted."""
    return ActiveDays(organisation_id, *state.active_days)


class Holding(Struct, frozen=True):
    """Who holds what facts say of an organisation, from `since` to before `until`."""

    organisation_id: str
    since: date
    until: date
    holder: str


def holdings(organisation_id: str, lineage: Lineage) -> Iterator[Holding]:
    """Itself, and after its end its successor."""
    for holder, since, until in lineage.spans(organisation_id, EVER, ENDLESS):
        yield Holding(organisation_id, since, until, holder)


class Seat(Struct, frozen=True):
    """Whose a place is and which cell covers it, from `since` to before `until`."""

    place_id: str
    since: date
    until: date
    organisation_id: str
    cell_id: str | None


def seats(place_id: str, state: PlaceState, lineage: Lineage) -> Iterator[Seat]:
    """Whose a place is and which cell covers it, day by day."""
    if state.organisation_id is None:
        return
    following = [*(coverage.since for coverage in state.coverage[1:]), ENDLESS]
    for coverage, end in zip(state.coverage, following, strict=True):
        if coverage.since >= end:
            continue
        owners = lineage.spans(state.organisation_id, coverage.since, end)
        cells = lineage.spans(coverage.cell_id, coverage.since, end) if coverage.cell_id else []
        days = sorted({since for _, since, _ in (*owners, *cells)} | {end})
        for since, until in pairwise(days):
            owner = lineage.resolve(state.organisation_id, since)
            cell = lineage.resolve(coverage.cell_id, since) if coverage.cell_id else None
            yield Seat(place_id, since, until, owner, cell)
