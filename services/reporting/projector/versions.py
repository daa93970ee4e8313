"""Versions: what organisations, places and targets are from day to day, and who holds what was whose. Pure."""

from collections.abc import Iterator, Mapping
from datetime import date

from msgspec import Struct

from services.reporting.naming import name_order, search_name
from shared.timeline.fold import State
from shared.timeline.lineage import Lineage
from shared.timeline.organisation import OrganisationState
from shared.timeline.place import PlaceState
from shared.timeline.targets import standings

EVER = date.min
FOREVER = date.max
"""As `valid_to`: until something else is known. PostgreSQL's infinity."""

MAX_DEPTH = 20


class OrganisationVersion(Struct, frozen=True):
    """An organisation on the days from `valid_from` to before `valid_to`; inactive ones keep their parent."""

    organisation_id: str
    valid_from: date
    valid_to: date
    name: str
    search_name: str
    name_order: str
    kind: str
    sector: str
    parent_id: str | None
    active: bool
    successor_id: str | None


class HoldingVersion(Struct, frozen=True):
    """Who holds, on the days from `valid_from` to before `valid_to`, what facts say of `organisation_id`."""

    organisation_id: str
    valid_from: date
    valid_to: date
    holder_id: str


class PlaceVersion(Struct, frozen=True):
    """A place, the organisation it belongs to and the cell that covers it."""

    place_id: str
    valid_from: date
    valid_to: date
    name: str
    kind: str
    organisation_id: str
    cell_id: str | None
    shared: bool
    named_cell_id: str | None
    """Who is to cover it; `cell_id` only while that one is active."""


class TargetVersion(Struct, frozen=True):
    """A target in the hands of `organisation_id`; it was assigned to `assigned_to`."""

    target_id: str
    valid_from: date
    valid_to: date
    assigned_to: str
    organisation_id: str
    metric: str
    basis: str
    issuer_id: str
    period_from: date
    period_to: date
    comparison: str
    value: int
    parent_target_id: str | None


Version = OrganisationVersion | HoldingVersion | PlaceVersion | TargetVersion


Organisations = Mapping[str, OrganisationState]
"""States by id: of those that `looked_at` names."""


def versions(subject_id: str, state: State, lineage: Lineage, beside: Organisations) -> Iterator[Version]:
    """All versions that follow from a subject's state but those of targets, each day in one of them."""
    if isinstance(state, OrganisationState) and state.segments:
        yield from _organisation(subject_id, state, lineage, beside)
        for holder, since, until in lineage.spans(subject_id, EVER, FOREVER):
            yield HoldingVersion(subject_id, since, until, holder)
    elif isinstance(state, PlaceState) and state.coverage:
        yield from _place(subject_id, state, lineage, beside)


def target_versions(kin: Organisations, lineage: Lineage) -> Iterator[Version]:
    """The versions of all targets of organisations that are kin: each took over from another."""
    for each in standings(kin, lineage):
        target = each.target
        yield TargetVersion(
            target.target_id,
            each.since,
            each.until,
            each.assigned_to,
            each.holder,
            target.metric,
            target.basis,
            target.issuer_id,
            target.from_,
            target.to,
            target.comparison,
            each.value,
            target.parent_target_id,
        )


def looked_at(state: State, lineage: Lineage) -> Iterator[str]:
    """Organisations whose states `versions` needs: those that end with a successor above one; cells of a place."""
    if isinstance(state, OrganisationState):
        for segment in state.segments:
            if segment.parent_id is not None:
                yield from (each.organisation_id for each in lineage.onward(segment.parent_id))
    elif isinstance(state, PlaceState):
        for coverage in state.coverage:
            if coverage.cell_id is not None:
                yield coverage.cell_id
                yield from (each.successor_id for each in lineage.onward(coverage.cell_id))


def _organisation(
    organisation_id: str, state: OrganisationState, lineage: Lineage, above: Organisations
) -> Iterator[Version]:
    ended_on = state.ended_on or FOREVER
    starts = [segment.since for segment in state.segments[1:]]
    for segment, until in zip(state.segments, [*starts, FOREVER], strict=True):
        for start, end in _split(segment.since, until, ended_on):
            active = start < ended_on
            for parent_id, valid_from, valid_to in _parents(
                organisation_id, segment.parent_id, start, end, lineage, above
            ):
                yield OrganisationVersion(
                    organisation_id,
                    valid_from,
                    valid_to,
                    segment.name,
                    search_name(segment.name),
                    name_order(segment.name),
                    segment.kind,
                    segment.sector,
                    parent_id,
                    active,
                    None if active else state.successor_id,
                )


def _parents(
    organisation_id: str,
    parent_id: str | None,
    start: date,
    end: date,
    lineage: Lineage,
    above: Organisations,
    depth: int = 0,
) -> Iterator[tuple[str | None, date, date]]:
    """The parent from day to day. Who takes over from its own parent takes its place under the next one up."""
    for holder, since, until in _held(parent_id, start, end, lineage):
        if holder != organisation_id or depth > MAX_DEPTH:
            yield holder, since, until
            continue
        # What a correction leaves may name itself, or one whose founding was retracted: then it has no parent.
        onward = lineage.onward(parent_id) if parent_id is not None else ()
        ended = next((each for each in onward if each.successor_id == organisation_id), None)
        known = above.get(ended.organisation_id) if ended is not None else None
        was = known.at(since) if known is not None else None
        next_up = was.parent_id if was is not None else None
        yield from _parents(organisation_id, next_up, since, until, lineage, above, depth + 1)


def _place(place_id: str, state: PlaceState, lineage: Lineage, cells: Organisations) -> Iterator[Version]:
    starts = [coverage.since for coverage in state.coverage[1:]]
    for coverage, until in zip(state.coverage, [*starts, FOREVER], strict=True):
        if coverage.since == until:
            continue
        for organisation_id, start, end in _held(state.organisation_id, coverage.since, until, lineage):
            assert organisation_id is not None
            for named, cell_id, valid_from, valid_to in _covering(coverage.cell_id, start, end, lineage, cells):
                yield PlaceVersion(
                    place_id,
                    valid_from,
                    valid_to,
                    state.name,
                    state.kind,
                    organisation_id,
                    cell_id,
                    coverage.shared,
                    named,
                )


def _covering(
    cell_id: str | None, start: date, end: date, lineage: Lineage, cells: Organisations
) -> Iterator[tuple[str | None, str | None, date, date]]:
    """Who is named, and covers, from day to day: a cell not founded yet, or that has ended, covers nothing."""
    for holder, since, until in _held(cell_id, start, end, lineage):
        founded, ended = active_days(cells.get(holder) if holder is not None else None)
        for first, last in _split(since, until, founded):
            for valid_from, valid_to in _split(first, last, ended):
                covers = founded <= valid_from < ended
                yield holder, holder if covers else None, valid_from, valid_to


def active_days(state: State | None) -> tuple[date, date]:
    """Those of an organisation's state; of what is not on record, none."""
    return state.active_days if isinstance(state, OrganisationState) else (FOREVER, FOREVER)


def _split(start: date, end: date, at: date) -> list[tuple[date, date]]:
    return [(start, at), (at, end)] if start < at < end else [(start, end)]


def _held(
    organisation_id: str | None, start: date, end: date, lineage: Lineage
) -> list[tuple[str | None, date, date]]:
    if organisation_id is None:
        return [(None, start, end)]
    return [*lineage.spans(organisation_id, start, end)]
