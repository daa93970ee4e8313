"""One figure over time, and one figure of all children side by side."""

from datetime import date, timedelta
from typing import Any, cast

from services.reporting.dashboard.pieces import Cell, Chart, Choice, Column, Row, Section, Table, shares
from services.reporting.dashboard.view import Body, View
from services.reporting.reports.evidence import wanted
from services.reporting.reports.made_of import figures_of
from services.reporting.reports.ranking import ATTAINMENT
from services.reporting.reports.spans import STEPS, Span, Step, spans
from services.reporting.reports.timeseries import OF_A_WHOLE
from shared.events.vocabulary import FLOW_METRICS, LEVEL_METRICS

MEASURE = "attainment.actuals.admissions"
"""The figure that both pages begin with."""

_WITHIN_DAYS = frozenset({"flows", "own_flows", "movements", "went_on", "spell_flows", "spell_days"})
"""Contributions of figures that happen within days; all others stand on a day."""


async def timeseries(view: View) -> list[Section]:
    """The figure asked for, as a line or as columns, and as a table."""
    body = await view.report("timeseries", view.own)
    return [_series(view, "timeseries", view.figure_name(body["measure"]), body)]


async def admissions(view: View) -> Section:
    """Admissions of the period by month, for the overview."""
    body = await view.report("timeseries", {"measure": MEASURE, "step": "month"})
    return _series(view, "months", view.t("months.title"), body, half=True)


def choices_over_time(view: View) -> list[Choice]:
    """What can be chosen of a series."""
    own = view.own
    steps = [(step, view.t(f"step.{step}")) for step in STEPS]
    return [
        Choice(
            "measure", view.t("choice.measure"), own["measure"], measures(view, "movements.opening", *OF_A_WHOLE)
        ),
        Choice("step", view.t("choice.step"), own["step"], [("", steps)]),
    ]


def measures(view: View, *without: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """Figures with events behind them, in groups by their report; `without` some paths and contributions."""
    found: dict[str, list[tuple[str, str]]] = {}
    for report, path, of in figures_of(view.question):
        # One of sixty months in which certificates expire is nothing to choose from a list.
        is_month = path.rpartition(".")[2][:1].isdigit()
        if not is_month and of.contribution not in without and f"{report}.{path}" not in without:
            found.setdefault(view.word(report), []).append(
                (f"{report}.{path}", view.figure_name(f"{report}.{path}"))
            )
    return list(found.items())


def _series(view: View, name: str, title: str, body: Body, *, half: bool = False) -> Section:
    measure, points = body["measure"], body["points"]
    level = wanted(measure, view.question).contribution not in _WITHIN_DAYS
    if not points:
        return Section(name, title, half=half, note=view.t("period.not_begun"))
    drawn: dict[str, Any] = {
        "kind": "series",
        "form": "line" if level else "columns",
        "labels": [_label(view, body["step"], point["from"]) for point in points],
        "values": [point["value"] for point in points],
        "name": title,
        "cut": view.t("series.cut", value="{value}"),
    }
    lengths = shares([point["value"] for point in points]) if not level else [None] * len(points)
    rows = [
        Row(
            [
                Cell(
                    _label(view, body["step"], point["from"]),
                    note=_cut_off(view, body["step"], point["from"], point["to"]),
                ),
                view.figure(
                    point["value"],
                    measure,
                    first=point["from"],
                    last=point["to"],
                    as_of=point["to"],
                    share=length,
                ),
            ],
            "" if point["value"] else "nothing",
        )
        for point, length in zip(points, lengths, strict=True)
    ]
    heads = [Column(view.t("series.span")), Column(view.figure_name(measure), figure=True, bar=not level)]
    foot = []
    if not level:
        total = view.figure(sum(point["value"] for point in points), measure)
        foot = [Row([Cell(view.t("series.sum")), total], "whole")]
    caption = view.t("series.level" if level else "series.flow")
    # The drawing says it at a glance; beside it the overview keeps the rows for whoever opens them.
    table = Table(caption, heads, rows, foot, folded=half)
    return Section(name, title, half=half, chart=Chart(view.t("series.chart", title=title), drawn), tables=[table])


def _cut_off(view: View, step: str, first: date, last: date) -> str:
    """The days of a span, where its label does not say them."""
    if step == "day":
        return ""
    around = spans(first - timedelta(days=400), last + timedelta(days=400), cast(Step, step))
    return "" if step != "week" and Span(first, last) in around else view.span(first, last)


def _label(view: View, step: str, first: date) -> str:
    if step in ("day", "week"):
        return view.language.day(first)
    return view.language.calendar(first, step)


async def ranking(view: View) -> list[Section]:
    """The children in the order of a figure, or of how far a target is."""
    own = view.own
    if own["measure"] != ATTAINMENT:
        # Of other figures no target is asked for; the form sends its fields all the same.
        own = view.own = {name: value for name, value in own.items() if name not in ("metric", "basis", "issuer")}
    body = await view.report("ranking", own)
    judged, title = own["measure"] == ATTAINMENT, view.t("ranking.title", measure=_ranked(view, own))
    if not body["ranking"]:
        return [Section("ranking", title, note=view.t("children.none"))]
    lengths = shares([row["value"] for row in body["ranking"]], 100 if judged else 0)
    rows = [
        Row(_judged(view, row, length, own) if judged else _counted(view, row, length, body["measure"]))
        for row, length in zip(body["ranking"], lengths, strict=True)
    ]
    heads = [Column(view.t("ranking.rank")), Column(view.t("children.name"))]
    if judged:
        heads += [
            Column(view.t("targets.percent"), figure=True, bar=True),
            Column(view.t("targets.actual"), figure=True),
            Column(view.t("targets.target"), figure=True),
            Column(view.t("targets.status")),
        ]
    else:
        heads += [
            Column(view.figure_name(body["measure"]), figure=True, bar=True),
            Column(view.t("ranking.share"), figure=True),
        ]
    return [Section("ranking", title, tables=[Table(view.t("ranking.caption"), heads, rows, naming=1)])]


def _ranked(view: View, own: Body) -> str:
    if own["measure"] != ATTAINMENT:
        return view.figure_name(own["measure"])
    metric, basis = own.get("metric", "admissions"), own.get("basis", "resolution")
    return f"{view.t('targets.percent')} – {view.word(metric)}, {view.t(f'basis.{basis}')}"


def choices_of_ranking(view: View) -> list[Choice]:
    """What can be chosen of a ranking; the last two count for targets only."""
    own = view.own
    metrics = [(metric, view.t(f"metric.{metric}")) for metric in (*FLOW_METRICS, *LEVEL_METRICS)]
    bases = [(basis, view.t(f"basis.{basis}")) for basis in ("resolution", "assigned", "own")]
    orders = [(order, view.t(f"order.{order}")) for order in ("desc", "asc")]
    by = [("", [(ATTAINMENT, view.t("choice.attainment"))]), *measures(view)]
    found = [
        Choice("measure", view.t("choice.measure"), own["measure"], by),
        Choice("order", view.t("choice.order"), own["order"], [("", orders)]),
    ]
    if own["measure"] == ATTAINMENT:
        found += [
            Choice("metric", view.t("choice.metric"), own.get("metric", "admissions"), [("", metrics)]),
            Choice("basis", view.t("choice.basis"), own.get("basis", "resolution"), [("", bases)]),
        ]
    return found


def _rank(row: Body) -> Cell:
    return Cell("–" if row["rank"] is None else str(row["rank"]))


def _counted(view: View, row: Body, length: float | None, measure: str) -> list[Cell]:
    value = view.figure(row["value"], measure, row["organisation"]["id"], share=length)
    share = view.percent(row["share_percent"], value.link)
    return [_rank(row), view.organisation(row["organisation"]), value, share]


def _judged(view: View, row: Body, length: float | None, own: Body) -> list[Cell]:
    if row["value"] is None and "actual" not in row:
        none = Cell(view.t("children.no_target"), quiet=True)
        return [_rank(row), view.organisation(row["organisation"]), none, Cell(""), Cell(""), Cell("")]
    measure = f"attainment.actuals.{own.get('metric', 'admissions')}"
    link = view.address.evidence(row["organisation"]["id"], measure, target=row["target_id"])
    return [
        _rank(row),
        view.organisation(row["organisation"]),
        view.percent(row["value"], link, share=length),
        Cell(view.language.number(row["actual"]), link=link, figure=True),
        Cell(view.language.number(row["target"]), link=link, figure=True, made=True),
        view.status(row["status"]),
    ]
