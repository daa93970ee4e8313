"""Why a figure is what it is: the events behind it, and what changed since it was told before."""

from http import HTTPStatus
from typing import Any

import msgspec
from msgspec.structs import replace

from services.reporting.api import parameters
from services.reporting.api.answers import heading
from services.reporting.dashboard.pieces import Cell, Choice, Column, Row, Section, Table, Tile
from services.reporting.dashboard.view import SQL, Body, View, plain
from services.reporting.dashboard.views import targets
from services.reporting.reports import organisations
from services.reporting.reports.evidence import UnknownMeasure
from services.reporting.reports.evidence import evidence as behind
from services.reporting.reports.restatement import DEFAULT, RESTATED
from shared.runtime.http import Problem

SHOWN = 100
"""Events on a page."""


async def evidence(view: View) -> list[Section]:
    """One figure, and the events that add up to it; of a target also those that set it. Raises Problem."""
    own = view.own
    measure = own.get("measure", "")
    found = []
    if "target" in own:
        row = await _target(view, own["target"])
        view.question = replace(view.question, from_=row["from"], to=row["to"])
        found.append(await _set_by(view, row))
    after = parameters.number(own, "after", 0, 0, parameters.MAX_POSITION)
    # Which cells some figures count depends on how many candidates were asked for.
    counted = {"at_least": parameters.number(own, "at_least", 1, 1, 1000)} if "at_least" in own else {}
    reading = view.reading()
    try:
        body = await behind(reading, measure, after, SHOWN, **counted)
    except UnknownMeasure as error:
        raise Problem(HTTPStatus.BAD_REQUEST, str(error)) from None
    told = plain(heading(reading.question) | body)
    view.about_persons.append(("evidence", told))
    events = await _facts(view, told["events"])
    return [*found, _figure(view, told, events)]


def _figure(view: View, body: Body, events: list[Body]) -> Section:
    tile = Tile(
        view.figure_name(body["measure"]),
        view.number(body["value"]),
        [Cell(view.t("evidence.sum", count=view.language.number(len(events))))],
    )
    lead = view.t("evidence.all")
    if body["next"] is not None or "after" in view.address.given:
        lead = view.t("evidence.page", shown=view.language.number(SHOWN))
    table = _events(view, events, more=view.pages(body))
    return Section("figure", view.t("evidence.title"), lead=lead, tiles=[tile], tables=[table])


def _events(view: View, events: list[Body], *, more: list[Cell] | None = None, since: bool = False) -> Table:
    # Steps say how many days they took: medians are made of these.
    timed = any("days" in row for row in events)
    heads = [
        Column(view.t("evidence.event")),
        Column(view.t("evidence.effective")),
        Column(view.t("evidence.change"), figure=True),
        *([Column(view.t("evidence.days"), figure=True)] if timed else []),
        Column(view.t("evidence.recorded")),
        *([Column(view.t("restatement.because"))] if since else []),
        Column(view.t("evidence.source")),
        Column(view.t("evidence.position"), figure=True),
    ]
    rows = [
        Row(
            [
                Cell(view.event(row["type"])),
                view.day(row["effectiveon"]),
                Cell(view.language.signed(row["change"]), figure=True),
                *([view.number(row["days"])] if timed else []),
                view.moment(row["recordedat"]),
                *([_because(view, row)] if since else []),
                Cell(row["source"], note=str(row["event_id"])),
                view.number(row["position"]),
            ]
        )
        for row in events
    ]
    return Table(view.t("evidence.caption"), heads, rows, empty=view.t("evidence.none"), more=more or ())


async def _facts(view: View, events: list[Body]) -> list[Body]:
    """The events with what they are and when they took effect and were recorded."""
    positions = [event["position"] for event in events]
    facts = await view.connection.execute(SQL["facts"], {"positions": positions})
    found = {row.position: dict(row._mapping) for row in facts}
    return [found[event["position"]] | event for event in events]


async def _target(view: View, target_id: str) -> Body:
    body = await view.report("attainment")
    for row in body["targets"]:
        if row["target_id"] == target_id:
            found: Body = row
            return found
    raise Problem(
        HTTPStatus.NOT_FOUND,
        f"expected a target of {view.id} in force on {view.question.as_of} that overlaps the period, "
        f"found none with id {target_id[:200]!r}",
    )


async def _set_by(view: View, row: Body) -> Section:
    """The events that set a target, and how its ratio follows."""
    parameters_ = {"target_id": row["target_id"], "known": view.question.known, "day": view.question.as_of}
    facts = (await view.connection.execute(SQL["of_target"], parameters_)).all()
    rows = []
    for fact in facts:
        data: dict[str, Any] = msgspec.json.decode(fact.data)
        value = data.get("value")
        rows.append(
            Row(
                [
                    Cell(view.event(fact.type)),
                    view.day(fact.effectiveon),
                    view.number(value),
                    view.moment(fact.recordedat),
                    Cell(fact.source, note=str(fact.event_id)),
                    view.number(fact.position),
                ]
            )
        )
    heads = [
        Column(view.t("evidence.event")),
        Column(view.t("evidence.effective")),
        Column(view.t("targets.target"), figure=True),
        Column(view.t("evidence.recorded")),
        Column(view.t("evidence.source")),
        Column(view.t("evidence.position"), figure=True),
    ]
    tiles = [
        Tile(
            f"{view.t('metric.' + row['metric'])} · {view.t('basis.' + row['basis'])}",
            view.percent(row["attainment_percent"]),
            [
                Cell(f"= {view.language.number(row['actual'])} ÷ {view.language.number(row['target'])}"),
                Cell("·"),
                Cell(view.language.difference(row["excess_percent"])),
                view.status(row["status"]),
            ],
        ),
        Tile(view.t("targets.target"), Cell(targets.asked(view, row)), [Cell(view.span(row["from"], row["to"]))]),
    ]
    table = Table(view.t("evidence.target_caption"), heads, rows, empty=view.t("evidence.none"))
    return Section("target", view.t("evidence.target"), tiles=tiles, tables=[table])


async def restatement(view: View) -> list[Section]:
    """Figures that differ from what was known before, each with the events that changed it."""
    own = view.own
    # Events are searched for when one figure is asked for: of all figures that would take seconds.
    body = await view.report("restatement", own | {"limit": str(SHOWN if "measure" in own else 0)})
    if "measure" in own:
        view.about_persons.append(("restatement", body))
    since = body["since"]
    at = view.t("restatement.nothing") if since["time"] is None else view.language.moment(since["time"])
    lead = view.t("restatement.lead", position=view.language.number(since["position"]), time=at)
    changed = [figure for figure in body["figures"] if figure["difference"]]
    same = len(body["figures"]) - len(changed)
    heads = [
        Column(view.t("restatement.figure")),
        Column(view.t("restatement.then"), figure=True),
        Column(view.t("restatement.now"), figure=True),
        Column(view.t("restatement.difference"), figure=True),
    ]
    known = await organisations.organisation(view.connection, view.id, view.question.as_of, since["position"])
    rows = [Row(_changed(view, figure, since["position"] if known else None)) for figure in changed]
    caption = view.t("restatement.caption", same=view.language.number(same))
    table = Table(caption, heads, rows, empty=view.t("restatement.none"))
    found = [Section("restatement", view.t("restatement.title"), lead=lead, tables=[table])]
    if body["reorganisations"]:
        found.append(_reorganisations(view, body["reorganisations"]))
    found += [_explained(view, figure, number) for number, figure in enumerate(changed) if figure["events"]]
    return found


def _changed(view: View, figure: Body, since: int | None) -> list[Cell]:
    """`since`: the position to know the organisation at as it was known then; None where it was not."""
    measure = figure["measure"]
    evidence = view.address.evidence(view.id, measure, known_at=since) if since is not None else None
    explained = view.address.here(measure=measure, report=None, after=None)
    return [
        Cell(view.heading(measure)),
        Cell(view.language.number(figure["then"]), figure=True, link=evidence),
        view.figure(figure["now"], measure),
        Cell(view.language.signed(figure["difference"]), figure=True, made=True, link=explained),
    ]


def _explained(view: View, figure: Body, number: int) -> Section:
    title = f"{view.heading(figure['measure'])}: {view.language.signed(figure['difference'])}"
    return Section(
        f"figure-{number}", title, tables=[_events(view, figure["events"], more=view.pages(figure), since=True)]
    )


def _because(view: View, row: Body) -> Cell:
    closed = row["closed_period"]
    note = ""
    if closed is not None:
        period = view.span(closed["from"], closed["to"])
        note = view.t("restatement.closed_own" if closed["closed_by"] == "own" else "restatement.closed_above")
        note = f"{note} {period}"
    return Cell(view.t(f"because.{row['because']}"), note=note)


def _reorganisations(view: View, rows: list[Body]) -> Section:
    heads = [
        Column(view.t("evidence.event")),
        Column(view.t("evidence.effective")),
        Column(view.t("evidence.source")),
        Column(view.t("evidence.position"), figure=True),
    ]
    shown = [
        Row(
            [
                Cell(view.event(row["type"])),
                view.day(row["effectiveon"]),
                Cell(row["source"], note=str(row["event_id"])),
                view.number(row["position"]),
            ]
        )
        for row in rows
    ]
    table = Table(view.t("restatement.reorganisations_caption"), heads, shown, folded=True)
    return Section("reorganisations", view.word("reorganisations"), tables=[table])


def choices_of_restatement(view: View) -> list[Choice]:
    """Since when, and which reports or which figure."""
    own = view.own
    since = view.address.given.get("since", "")
    reports = [(",".join(DEFAULT), view.t("restatement.usual"))]
    reports += [(report, view.word(report)) for report in RESTATED]
    reports.append((",".join(RESTATED), view.t("restatement.every")))
    found = [Choice("since", view.t("choice.since"), since, hint=view.t("choice.since_hint"))]
    if "measure" not in own:
        chosen = own.get("report", ",".join(DEFAULT))
        found.append(Choice("report", view.t("choice.reports"), chosen, [("", reports)]))
    return found
