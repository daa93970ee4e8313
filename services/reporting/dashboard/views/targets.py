"""Targets: how far each is on each basis, the actual figures of the period, and whether lower levels add up."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from services.reporting.dashboard.pieces import Cell, Chart, Column, Row, Section, Table, shares
from services.reporting.dashboard.view import SIGNS, SQL, Body, View
from shared.events.vocabulary import FLOW_METRICS, LEVEL_METRICS
from shared.timeline.attainment import rounded


async def attainment(view: View) -> list[Section]:
    """Each target with its pace, what was actually done, and the targets of the level below."""
    body = await view.report("attainment", by_child=True)
    names = await view.names(issuers(body))
    found = [await targets(view, body["targets"], names), actuals(view, body)]
    if any(child["targets"] for child in body["children"]):
        found.append(_below(view, body, names))
    return found


def issuers(body: Body) -> set[str]:
    """Who issued the targets of an organisation and of its children."""
    return {row["issuer_id"] for part in (body, *body.get("children", ())) for row in part["targets"]}


async def targets(view: View, rows: Sequence[Body], names: Mapping[str, str]) -> Section:
    """The organisation's own targets, as bars and as a table."""
    question, day = view.question, view.language.day
    first, last, as_of = day(question.from_), day(question.to), day(question.as_of)
    title = view.t("targets.title")
    if not rows:
        none = view.t("targets.none", first=first, last=last, day=as_of)
        return Section("targets", title, note=none, more=await _nearest(view))
    drawn = {
        "kind": "targets",
        "bars": [_bar(view, row) for row in rows],
        "target": view.t("targets.target"),
        "pace": view.t("targets.pace"),
        "percent": view.t("format.tick", value="{value}"),
    }
    table = Table(
        view.t("targets.caption", day=as_of),
        [
            Column(view.t("targets.what")),
            *(Column(view.t(f"targets.{name}"), figure=True) for name in _AMOUNTS),
            Column(view.t("targets.status")),
        ],
        [Row(_target(view, row, names)) for row in rows],
    )
    return Section("targets", title, chart=Chart(view.t("targets.chart"), drawn), tables=[table])


async def _nearest(view: View) -> Cell | None:
    """Where there are targets, for whoever sees none: in January this year's are often not yet assigned."""
    question = view.question
    asked = {
        "organisation_id": question.root,
        "known": question.known,
        "first": question.from_,
        "last": question.to,
        "today": question.today,
    }
    row = (await view.connection.execute(SQL["nearest_targets"], asked)).one_or_none()
    if row is None:
        return None
    found = {"from": str(row.period_from), "to": str(row.period_to), "as_of": str(row.day)}
    return Cell(
        view.t("targets.nearest", period=view.span(row.period_from, row.period_to)),
        link=view.address.here(**found),
    )


_AMOUNTS = ("target", "actual", "percent", "difference", "expected", "remaining")


def _target(view: View, row: Body, names: Mapping[str, str]) -> list[Cell]:
    evidence = inputs(view, row, view.id)
    return [
        what(view, row, view.id, names),
        Cell(asked(view, row), link=evidence, figure=True, made=True),
        Cell(view.language.number(row["actual"]), link=evidence, figure=True),
        view.percent(row["attainment_percent"], evidence),
        Cell(view.language.difference(row["excess_percent"]), link=evidence, figure=True, made=True),
        view.number(row["expected_to_date"], note=view.language.percent(_expected(row))),
        view.number(row["remaining"]),
        view.status(row["status"]),
    ]


def _expected(row: Body) -> float | None:
    """The share expected to date, to be compared with the one attained."""
    return rounded(Fraction(row["expected_to_date"]) / row["target"] * 100) if row["target"] else None


def what(view: View, row: Body, owner: str, names: Mapping[str, str]) -> Cell:
    """What a target is about, on which basis, who issued it, if not the owner itself, and for which period."""
    issuer, basis = row["issuer_id"], view.t(f"basis.{row['basis']}")
    if issuer != owner:
        basis += " · " + view.t("targets.issuer", name=names.get(issuer, issuer))
    return Cell(view.t(f"metric.{row['metric']}"), note=f"{basis} · {view.span(row['from'], row['to'])}")


def _briefly(view: View, row: Body) -> str:
    """The basis of a target, and its period where that is not the one of the page."""
    basis, question = view.t(f"basis.{row['basis']}"), view.question
    if (row["from"], row["to"]) == (question.from_, question.to):
        return basis
    return f"{basis} {view.span(row['from'], row['to'])}"


def asked(view: View, row: Body) -> str:
    """What a target asks for: `at least 200`."""
    return view.t(f"comparison.{row['comparison']}", value=view.language.number(row["target"]))


def inputs(view: View, row: Body, owner: str) -> str:
    """Where the inputs of a target's ratio are: the events done, and those that set the target."""
    return view.address.evidence(owner, f"attainment.actuals.{row['metric']}", target=row["target_id"])


def _bar(view: View, row: Body) -> dict[str, Any]:
    percent = view.language.percent(row["attainment_percent"])
    return {
        "metric": view.t(f"metric.{row['metric']}"),
        "basis": _briefly(view, row),
        "figures": f"{view.language.number(row['actual'])} / {asked(view, row)} · {percent}",
        "status": row["status"],
        "said": f"{SIGNS[row['status']]} {view.t('status.' + row['status'])}",
        "share": row["attainment_percent"],
        "expected": _expected(row),
    }


def held(view: View, row: Body, owner: str) -> list[Cell]:
    """A target in one line, for tables of children."""
    evidence = inputs(view, row, owner)
    return [
        Cell(f"{view.t('metric.' + row['metric'])} · {_briefly(view, row)}:"),
        Cell(view.language.number(row["actual"]), link=evidence, figure=True),
        Cell(f"/ {asked(view, row)},"),
        view.percent(row["attainment_percent"], evidence),
        view.status(row["status"]),
    ]


def actuals(view: View, body: Body) -> Section:
    """What was done in the period, whether or not there is a target for it."""
    flowing = [
        Row([Cell(view.t(f"metric.{metric}")), amount], "" if body["actuals"][metric] else "nothing")
        for metric in (*FLOW_METRICS, *LEVEL_METRICS)
        for amount in [view.figure(body["actuals"][metric], f"attainment.actuals.{metric}")]
    ]
    heads = [Column(view.t("period.what")), Column(view.t("period.amount"), figure=True)]
    caption = view.t("period.caption", period=view.period, day=view.language.day(view.question.until))
    return Section("period", view.t("period.title"), half=True, tables=[Table(caption, heads, flowing)])


def _below(view: View, body: Body, names: Mapping[str, str]) -> Section:
    """The children's targets one by one, the furthest behind first."""
    rows = [(part, row) for part in body["children"] for row in part["targets"]]
    rows.sort(key=lambda each: (each[1]["attainment_percent"] is None, each[1]["attainment_percent"] or 0))
    lengths = shares([row["attainment_percent"] for _, row in rows], 100)
    cells = [
        Row(
            [
                view.organisation(part["organisation"], "attainment"),
                what(view, row, part["organisation"]["id"], names),
                Cell(asked(view, row), link=evidence, figure=True, made=True),
                Cell(view.language.number(row["actual"]), link=evidence, figure=True),
                view.percent(row["attainment_percent"], evidence, share=length),
                view.status(row["status"]),
            ]
        )
        for (part, row), length in zip(rows, lengths, strict=True)
        for evidence in [inputs(view, row, part["organisation"]["id"])]
    ]
    heads = [
        Column(view.t("children.name")),
        Column(view.t("targets.what")),
        Column(view.t("targets.target"), figure=True),
        Column(view.t("targets.actual"), figure=True),
        Column(view.t("targets.percent"), figure=True, bar=True),
        Column(view.t("targets.status")),
    ]
    caption = view.t("targets.below_caption")
    return Section("below", view.t("targets.below"), tables=[Table(caption, heads, cells)])


async def cascade(view: View) -> list[Section]:
    """Each target beside the sum of the children's of the same aim."""
    body = await view.report("cascade")
    names = await view.names({row["issuer_id"] for row in body["targets"]})
    title = view.word("cascade")
    question = view.question
    if not body["targets"]:
        first, last = view.language.day(question.from_), view.language.day(question.to)
        none = view.t("targets.none", first=first, last=last, day=view.language.day(question.as_of))
        return [Section("cascade", title, note=none, more=await _nearest(view))]
    heads = [
        Column(view.t("targets.what")),
        Column(view.t("targets.target"), figure=True),
        Column(view.t("cascade.children"), figure=True),
        Column(view.t("cascade.difference"), figure=True),
        Column(view.t("cascade.without"), figure=True),
    ]
    rows = [Row(_cascaded(view, row, names), "") for row in body["targets"]]
    found = [Section("cascade", title, tables=[Table(view.t("cascade.caption"), heads, rows)])]
    for number, row in enumerate(body["targets"]):
        if row["children_targets"]:
            found.append(_inputs(view, row, number))
    return found


def _cascaded(view: View, row: Body, names: Mapping[str, str]) -> list[Cell]:
    difference = row["difference"]
    return [
        what(view, row, view.id, names),
        Cell(asked(view, row), link=inputs(view, row, view.id), figure=True, made=True),
        view.number(row["children_total"]),
        Cell(view.language.signed(difference), figure=True, status="behind" if difference < 0 else ""),
        view.number(row["children_without_target"]),
    ]


def _inputs(view: View, row: Body, number: int) -> Section:
    lengths = shares([each["target"] for each in row["children_targets"]])
    rows = [
        Row(
            [
                view.organisation(each["organisation"], "cascade"),
                Cell(
                    view.language.number(each["target"]),
                    link=inputs(view, row | each, each["organisation"]["id"]),
                    figure=True,
                    made=True,
                    share=length,
                ),
            ]
        )
        for each, length in zip(row["children_targets"], lengths, strict=True)
    ]
    title = f"{view.t('metric.' + row['metric'])} · {view.t('basis.' + row['basis'])}"
    heads = [Column(view.t("children.name")), Column(view.t("targets.target"), figure=True, bar=True)]
    table = Table(view.t("cascade.inputs", period=view.span(row["from"], row["to"])), heads, rows)
    return Section(f"cascade-{number}", title, half=True, tables=[table])
