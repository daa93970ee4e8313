"""What is due and when: legal deadlines, mentors' reports, and certificates that expire."""

from datetime import date

from services.reporting.dashboard.pieces import Cell, Column, Row, Section, Table, Tile, shares
from services.reporting.dashboard.view import Body, View, parts

_COUNTS = ("due", "on_time", "missed", "late", "open", "overdue")


async def timeliness(view: View) -> list[Section]:
    """On time out of due, for each deadline and for each child, with the rules that they follow."""
    body = await view.report("timeliness", by_child=True)
    every = body["all"]
    on_time = view.figure(every["on_time"], "timeliness.all.on_time")
    tiles = [
        Tile(view.t("timeliness.on_time_percent"), view.percent(every["on_time_percent"], on_time.link)),
        *(
            Tile(view.t(f"timeliness.{name}"), view.figure(every[name], f"timeliness.all.{name}"))
            for name in _COUNTS
        ),
    ]
    lengths = shares([row["on_time_percent"] for row in body["deadlines"].values()], 100)
    rows = [
        Row(_counted(view, Cell(view.t(f"deadline.{rule}")), told, f"timeliness.deadlines.{rule}", None, length))
        for (rule, told), length in zip(body["deadlines"].items(), lengths, strict=True)
    ]
    by_deadline = Table(view.t("timeliness.caption"), _heads(view, view.t("timeliness.deadline")), rows)
    found = [
        Section("all", view.t("timeliness.title"), lead=view.period, tiles=tiles, tables=[by_deadline]),
    ]
    if view.question.children:
        found.append(_children(view, body))
    return [*found, _rules(view, body["rules"])]


def _heads(view: View, first: str) -> list[Column]:
    names = ("due", "on_time", "missed", "on_time_percent", "late", "open", "overdue")
    return [
        Column(first),
        *(Column(view.t(f"timeliness.{name}"), figure=True, bar=name.endswith("percent")) for name in names),
    ]


def _counted(
    view: View, named: Cell, told: Body, path: str, part: Body | None, length: float | None
) -> list[Cell]:
    about: Body = {"organisation": {"id": view.id}} if part is None else part
    cells = {name: view.of_part(told[name], f"{path}.{name}", about) for name in _COUNTS}
    ratio = view.percent(told["on_time_percent"], cells["on_time"].link, share=length)
    return [
        named,
        cells["due"],
        cells["on_time"],
        cells["missed"],
        ratio,
        cells["late"],
        cells["open"],
        cells["overdue"],
    ]


def _children(view: View, body: Body) -> Section:
    rows = [part for part in parts(body) if part.get("organisation") or any(part["all"][name] for name in _COUNTS)]
    lengths = shares([part["all"]["on_time_percent"] for part in rows], 100)
    shown = [
        Row(
            _counted(
                view,
                view.organisation(part.get("organisation"), "timeliness"),
                part["all"],
                "timeliness.all",
                part,
                length,
            )
        )
        for part, length in zip(rows, lengths, strict=True)
    ]
    table = Table(view.t("timeliness.children_caption"), _heads(view, view.t("children.name")), shown)
    return Section("children", view.t("children.title"), tables=[table])


def _rules(view: View, rules: list[Body]) -> Section:
    """The values that deadlines are reckoned with, and what each rests on."""
    rows = [
        Row(
            [
                Cell(view.t(f"deadline.{row['rule']}")),
                Cell(view.t(f"unit.{row['unit']}", value=view.language.number(row["value"]))),
                Cell(_valid(view, row["from"], row["to"])),
                Cell(row["regulation_vi" if view.language.code == "vi" else "regulation"]),
            ]
        )
        for row in rules
    ]
    heads = [
        Column(view.t("rules.rule")),
        Column(view.t("rules.value")),
        Column(view.t("rules.valid")),
        Column(view.t("rules.regulation")),
    ]
    return Section("rules", view.t("rules.title"), tables=[Table("", heads, rows, empty=view.t("list.none"))])


def _valid(view: View, first: date, last: date | None) -> str:
    if last is None:
        return view.t("rules.since", first=view.language.day(first))
    return view.span(first, last)


async def mentoring(view: View) -> list[Section]:
    """Reports in out of due, who has no mentor, and how many persons each mentor has."""
    body = await view.report("mentoring")
    reports, load, t = body["reports"], body["load"], view.t
    figures = {name: view.figure(reports[name], f"mentoring.reports.{name}") for name in ("due", "in", "late")}
    without = [
        Tile(
            t(f"mentoring.without_{name}"),
            view.figure(body["without_mentor"][name], f"mentoring.without_mentor.{name}"),
        )
        for name in ("candidates", "probationary")
    ]
    tiles = [
        Tile(
            t("mentoring.in_percent"), view.percent(reports["in_percent"], figures["in"].link), [Cell(view.period)]
        ),
        *(Tile(t(f"mentoring.{name}"), figure) for name, figure in figures.items()),
        *without,
    ]
    lengths = shares(list(load["by_persons"].values()))
    rows = [
        Row(
            [
                Cell(t(f"mentoring.has_{number}")),
                view.figure(mentors, f"mentoring.load.by_persons.{number}", share=length),
            ],
            "" if mentors else "nothing",
        )
        for (number, mentors), length in zip(load["by_persons"].items(), lengths, strict=True)
    ]
    heads = [Column(t("mentoring.persons")), Column(t("mentoring.mentors"), figure=True, bar=True)]
    # Where no rule says how many persons are too many, nobody has too many of them.
    known = load["over_limit"] is not None
    over = view.figure(load["over_limit"], "mentoring.load.over_limit") if known else view.number(None)
    foot = [
        Row([Cell(t("series.sum")), view.figure(load["mentors"], "mentoring.load.mentors")], "whole"),
        Row([Cell(t("mentoring.over_limit")), over], "whole"),
    ]
    table = Table(t("mentoring.caption", day=view.language.day(view.question.as_of)), heads, rows, foot)
    return [
        Section("reports", t("mentoring.title"), tiles=tiles),
        Section("load", t("mentoring.load"), half=True, tables=[table]),
        _rules(view, body["rules"]),
    ]


async def training(view: View) -> list[Section]:
    """Certificates that are unused, by the month in which they expire."""
    body = await view.report("training")
    held, t = body["certificates"], view.t
    tiles = [
        *(
            Tile(t(f"training.{name}"), view.figure(held[name], f"training.certificates.{name}"))
            for name in ("unused", "valid", "expired", "in_use")
        ),
        Tile(
            t("training.completions"),
            view.figure(body["completions"], "training.completions"),
            [Cell(view.period)],
        ),
    ]
    months = held["by_expiry_month"]
    lengths = shares(list(months.values()))
    rows = [
        Row(
            [
                Cell(view.language.calendar(date.fromisoformat(f"{month}-01"), "month")),
                view.figure(number, f"training.certificates.by_expiry_month.{month}", share=length),
            ]
        )
        for (month, number), length in zip(months.items(), lengths, strict=True)
    ]
    heads = [Column(t("training.month")), Column(t("training.certificates"), figure=True, bar=True)]
    table = Table(t("training.caption"), heads, rows, empty=t("training.none"))
    title = t("totals.title", day=view.language.day(view.question.as_of))
    return [
        Section("certificates", title, tiles=tiles),
        Section("months", t("training.title"), half=True, tables=[table]),
        _rules(view, body["rules"]),
    ]
