"""Why a figure is what it is: the events behind it, and what changed since it was told before."""

from collections.abc import Callable
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

MOST_PLACES = 3
"""Organisations that are named beside an event: a transfer has two, a merger many."""


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
    reading = view.reading()
    try:
        body = await behind(reading, measure, after, SHOWN, parameters.at_least(own))
    except UnknownMeasure as error:
        raise parameters.Refused("measure", measure[:200], str(error)) from None
    told = plain(heading(reading.question) | body)
    view.about_persons.append(("evidence", told))
    events = await _facts(view, told["events"])
    await _locate(view, events)
    return [*found, _figure(view, told, events)]


def _figure(view: View, body: Body, events: list[Body]) -> Section:
    beside = [Cell(view.t("evidence.sum", count=view.language.number(len(events))))]
    if body["measure"].partition(".")[0] in RESTATED:
        at_least = view.own.get("at_least")
        restated = view.restatement(body["measure"], at_least=at_least)
        beside.append(Cell(view.t("evidence.restated"), link=restated))
    tile = Tile(view.figure_name(body["measure"]), view.number(body["value"]), beside)
    lead = view.t("evidence.all")
    if body["next"] is not None or "after" in view.address.given:
        lead = view.t("evidence.page", shown=view.language.number(SHOWN))
    # Steps say how many days they took: medians are made of these.
    timed = ("days",) if any("days" in row for row in events) else ()
    told = ("where", "change", *timed, "recorded")
    table = _events(view, events, view.t("evidence.caption"), *told, more=view.pages(body))
    return Section("figure", view.t("evidence.title"), lead=lead, tiles=[tile], tables=[table])


def _events(view: View, rows: list[Body], caption: str, *told: str, **more: Any) -> Table:
    """A table of events; `told` names what it says of each besides what every one says, in this order."""
    columns: dict[str, tuple[Column, Callable[[Body], Cell]]] = {
        "event": (Column(view.t("evidence.event")), lambda row: Cell(view.event(row["type"]))),
        "where": (Column(view.t("children.name")), lambda row: _where(view, row["where"])),
        "effective": (Column(view.t("evidence.effective")), lambda row: view.day(row["effectiveon"])),
        "change": (
            Column(view.t("evidence.change"), figure=True),
            lambda row: Cell(view.language.signed(row["change"]), figure=True),
        ),
        "value": (Column(view.t("targets.target"), figure=True), lambda row: view.number(row["value"])),
        "days": (Column(view.t("evidence.days"), figure=True), lambda row: view.number(row["days"])),
        "days_then": (
            Column(view.t("restatement.days_then"), figure=True),
            lambda row: view.number(row["days_then"]),
        ),
        "recorded": (Column(view.t("evidence.recorded")), lambda row: view.moment(row["recordedat"])),
        "because": (Column(view.t("restatement.because")), lambda row: _because(view, row)),
        "source": (
            Column(view.t("evidence.source")),
            lambda row: Cell(row["source"], note=str(row["event_id"])),
        ),
        "position": (Column(view.t("evidence.position"), figure=True), lambda row: view.number(row["position"])),
    }
    shown = [columns[name] for name in ("event", "effective", *told, "source", "position")]
    return Table(
        caption,
        [column for column, _ in shown],
        [Row([cell(row) for _, cell in shown]) for row in rows],
        empty=view.t("evidence.none"),
        **more,
    )


async def _facts(view: View, events: list[Body]) -> list[Body]:
    """The events with what they are and when they took effect and were recorded."""
    positions = [event["position"] for event in events]
    facts = await view.connection.execute(SQL["facts"], {"positions": positions})
    found = {row.position: dict(row._mapping) for row in facts}
    return [found[event["position"]] | event for event in events]


async def _locate(view: View, events: list[Body]) -> None:
    """Say of each event as `where` in which organisations it changed something, as far as they are the asker's."""
    asked = {"positions": [event["position"] for event in events], "most": MOST_PLACES + 1}
    rows = (await view.connection.execute(SQL["where"], asked)).all()
    names = await view.names({row.organisation_id for row in rows})
    for event in events:
        event["where"] = [
            {"id": row.organisation_id, "name": names[row.organisation_id]}
            for row in rows
            if row.position == event["position"] and row.organisation_id in names
        ]


def _where(view: View, found: list[Body]) -> Cell:
    named = [[view.organisation(each)] for each in found[:MOST_PLACES]]
    if len(found) > MOST_PLACES:
        named.append([Cell("…")])
    return Cell("", lines=named) if named else Cell("–")


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
    rows = [dict(fact._mapping) | {"value": _asked(msgspec.json.decode(fact.data))} for fact in facts]
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
    table = _events(view, rows, view.t("evidence.target_caption"), "value", "recorded")
    return Section("target", view.t("evidence.target"), tiles=tiles, tables=[table])


def _asked(data: Body) -> int | None:
    """What an event sets a target to, or says in correction that it was set to."""
    corrected = (data.get("replacement") or {}).get("data") or {}
    found: int | None = data.get("value", corrected.get("value"))
    return found


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
    retargeted = body.get("targets", [])
    if changed and (same := len(body["figures"]) - len(changed)):
        lead = f"{lead} {view.t('restatement.same', same=view.language.number(same))}"
    known = await organisations.organisation(view.connection, view.id, view.question.as_of, since["position"])
    then = since["position"] if known else None
    by_report: dict[str, list[Body]] = {}
    for figure in changed:
        by_report.setdefault(figure["measure"].partition(".")[0], []).append(figure)
    note = "" if changed or retargeted else view.t("restatement.none")
    found = [Section("restatement", view.t("restatement.title"), lead=lead, note=note)]
    found += [_of_report(view, report, figures, then) for report, figures in by_report.items()]
    if retargeted:
        found.append(await _retargeted(view, retargeted))
    for figure in changed:
        await _locate(view, figure["events"])
    found += [_explained(view, figure, number) for number, figure in enumerate(changed) if figure["events"]]
    if body["reorganisations"]:
        found.append(_reorganisations(view, body["reorganisations"]))
    return found


def _of_report(view: View, report: str, figures: list[Body], since: int | None) -> Section:
    """The figures of one report that changed."""
    heads = [
        Column(view.t("restatement.figure")),
        Column(view.t("restatement.then"), figure=True),
        Column(view.t("restatement.now"), figure=True),
        Column(view.t("restatement.difference"), figure=True),
    ]
    rows = [Row(_changed(view, figure, since)) for figure in figures]
    return Section(f"of-{report}", view.word(report), tables=[Table("", heads, rows)])


async def _retargeted(view: View, rows: list[Body]) -> Section:
    """Targets that are set or attained otherwise than they were; the link leads to the events of both."""
    names = await view.names({row["issuer_id"] for row in rows})
    heads = [
        Column(view.t("targets.what")),
        Column(view.t("restatement.then"), figure=True),
        Column(view.t("restatement.now"), figure=True),
    ]
    told = [
        Row(
            [
                targets.what(view, row, view.id, names),
                _standing(view, row["then"], None),
                _standing(view, row["now"], targets.inputs(view, row, view.id)),
            ]
        )
        for row in rows
    ]
    return Section("targets", view.t("targets.title"), tables=[Table("", heads, told)])


def _standing(view: View, row: Body | None, link: str | None) -> Cell:
    """A target as it stood: `310 / at least 200` and the share; a dash where there was none."""
    if row is None:
        return Cell("–", figure=True)
    asked, actual = targets.asked(view, row), view.language.number(row["actual"])
    share = view.language.percent(row["attainment_percent"])
    return Cell(f"{actual} / {asked} · {share}", figure=True, made=True, link=link)


def _changed(view: View, figure: Body, since: int | None) -> list[Cell]:
    """`since`: the position to know the organisation at as it was known then; None where it was not."""
    measure, at_least = figure["measure"], view.own.get("at_least")
    evidence = view.address.evidence(view.id, measure, known_at=since, at_least=at_least)
    explained = view.address.here(measure=measure, report=None, after=None)
    return [
        Cell(view.figure_name(measure)),
        Cell(view.language.number(figure["then"]), figure=True, link=evidence if since is not None else None),
        view.figure(figure["now"], measure, at_least=at_least),
        Cell(view.language.signed(figure["difference"]), figure=True, made=True, link=explained),
    ]


def _explained(view: View, figure: Body, number: int) -> Section:
    title = f"{view.figure_name(figure['measure'])}: {view.language.signed(figure['difference'])}"
    timed = ("days_then", "days") if any("days" in row for row in figure["events"]) else ()
    told = ("where", "change", *timed, "recorded", "because")
    table = _events(view, figure["events"], view.t("evidence.caption"), *told, more=view.pages(figure))
    return Section(f"figure-{number}", title, tables=[table])


def _because(view: View, row: Body) -> Cell:
    closed = row["closed_period"]
    note = ""
    if closed is not None:
        period = view.span(closed["from"], closed["to"])
        note = view.t("restatement.closed_own" if closed["closed_by"] == "own" else "restatement.closed_above")
        note = f"{note} {period}"
    return Cell(view.t(f"because.{row['because']}"), note=note)


def _reorganisations(view: View, rows: list[Body]) -> Section:
    table = _events(view, rows, view.t("restatement.reorganisations_caption"), folded=True)
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
        if chosen not in dict(reports):
            reports.insert(0, (chosen, ", ".join(view.word(each) for each in chosen.split(","))))
        found.append(Choice("report", view.t("choice.reports"), chosen, [("", reports)]))
    return found
