"""The overview: what a committee looks at first, and the way down to its children."""

from services.reporting.dashboard.pieces import Cell, Column, Row, Section, Table, Tile, shares
from services.reporting.dashboard.view import Body, View, at, parts
from services.reporting.dashboard.views import movements, series, targets
from shared.timeline.person import STAGES


async def overview(view: View) -> list[Section]:
    """How far the targets are, totals, admissions by month, how membership changed, and the children."""
    totals = await view.report("totals", by_child=True)
    judged = await view.report("attainment", by_child=True)
    names = await view.names(targets.issuers(judged))
    first = [await targets.targets(view, judged["targets"], names), _totals(view, totals, judged)]
    if not judged["targets"]:
        first.reverse()  # that there is none is not what is looked for first
    found = [
        *first,
        await series.admissions(view),
        await movements.whole(view),
        _stages(view, totals),
        targets.actuals(view, judged),
    ]
    if view.question.children or not _is_cell(view):
        found.append(_children(view, totals, judged))
    return found


def _is_cell(view: View) -> bool:
    """Whether there is nothing below it: cells are not asked for the organisations that they have."""
    return view.question.organisation.kind in ("cell", "grassroots_cell")


def _totals(view: View, totals: Body, judged: Body) -> Section:
    def figure(path: str) -> Cell:
        return view.figure(at(totals, path), f"totals.{path}")

    def beside(path: str, name: str) -> list[Cell]:
        return [figure(path), Cell(name)]

    t, day = view.t, view.language.day
    without = judged["actuals"]["places_without_members"]
    members = Tile(
        t("totals.members"),
        figure("members.total"),
        [
            *beside("members.official", t("totals.official") + " ·"),
            *beside("members.probationary", t("totals.probationary")),
        ],
    )
    organisations = [
        Tile(
            t("totals.grassroots"),
            figure("organisations.grassroots"),
            [
                *beside("organisations.grassroots_committees", t("totals.grassroots_committees") + " ·"),
                *beside("organisations.grassroots_cells", t("totals.grassroots_cells")),
            ],
        ),
        Tile(
            t("totals.cells"),
            figure("organisations.cells_under_grassroots_committees"),
            [Cell(t("totals.cells_note"))],
        ),
        Tile(
            t("totals.private_enterprise"),
            figure("organisations.private_enterprise"),
            [Cell(t("totals.private_enterprise_note"))],
        ),
    ]
    candidates = Tile(t("totals.candidates"), figure("candidates.open"), [Cell(t("totals.candidates_note"))])
    places = Tile(
        t("totals.places"),
        view.figure(without, "attainment.actuals.places_without_members"),
        [Cell(t("totals.places_note", day=day(view.question.until)))],
    )
    tiles = [members, *([] if _is_cell(view) else organisations), candidates, places]
    return Section("totals", t("totals.title", day=day(view.question.as_of)), tiles=tiles)


def _stages(view: View, totals: Body) -> Section:
    """Open candidates by the highest milestone that they have reached."""
    by_stage = totals["candidates"]["by_stage"]
    lengths = shares([by_stage[stage] for stage in STAGES])
    rows = [
        Row(
            [
                Cell(view.t(f"stage.{stage}")),
                view.figure(by_stage[stage], f"totals.candidates.by_stage.{stage}", share=length),
            ],
            "" if by_stage[stage] else "nothing",
        )
        for stage, length in zip(STAGES, lengths, strict=True)
    ]
    heads = [Column(view.t("stages.stage")), Column(view.t("stages.people"), figure=True, bar=True)]
    caption = view.t("stages.caption", day=view.language.day(view.question.as_of))
    return Section("stages", view.t("stages.title"), half=True, tables=[Table(caption, heads, rows)])


def _children(view: View, totals: Body, judged: Body) -> Section:
    """The way down: each child with its figures and targets."""
    question = view.question
    title = view.t("children.title")
    if not question.children:
        return Section("children", title, note=view.t("children.none"))
    amounts = [_amounts(view, total, made) for total, made in zip(parts(totals), parts(judged), strict=True)]
    lengths = shares([row[1] for row in amounts])
    kinds = {child.kind for child in question.children}
    has_targets = any(part["targets"] for part in parts(judged) if part.get("organisation"))
    rows = []
    for (cells, _), part, length in zip(amounts, parts(judged), lengths, strict=True):
        owner = part.get("organisation")
        if owner is None and not any(cell.text != "0" for cell in cells):
            continue
        members, admitted, candidates = cells
        kind = [Cell(view.t("kind." + owner["kind"]) if owner else "", quiet=True)] if len(kinds) > 1 else []
        counted = Cell(admitted.text, link=admitted.link, figure=True, share=length)
        held = [_held(view, part)] if has_targets else []
        rows.append(Row([view.organisation(owner), *kind, members, counted, candidates, *held]))
    total, _ = _amounts(view, totals, judged)
    heads = [
        Column(view.t("children.name")),
        *([Column(view.t("children.kind"))] if len(kinds) > 1 else []),
        Column(view.t("children.members"), figure=True),
        Column(view.t("children.admitted"), figure=True, bar=True),
        Column(view.t("children.candidates"), figure=True),
        *([Column(view.t("children.targets"))] if has_targets else []),
    ]
    count = view.language.number(len(question.children))
    if len(kinds) > 1:
        caption = view.t("children.caption", count=count)
    else:
        caption = view.t("children.caption_of_kind", count=count, kind=view.t(f"kind.{min(kinds)}"))
    if not has_targets:
        caption = f"{caption}. {view.t('children.no_targets')}"
    no_kind, no_target = [Cell("")] * (len(kinds) > 1), [Cell("")] * has_targets
    whole = [Cell(view.t("children.sum")), *no_kind, *total, *no_target]
    return Section("children", title, tables=[Table(caption, heads, rows, [Row(whole, "whole")])])


def _held(view: View, part: Body) -> Cell:
    """The targets of a child, one below the other."""
    owner = part.get("organisation")
    lines = [targets.held(view, row, owner["id"]) for row in part["targets"]] if owner else []
    return Cell("", lines=lines) if lines else Cell(view.t("children.no_target") if owner else "", quiet=True)


def _amounts(view: View, totals: Body, judged: Body) -> tuple[list[Cell], int]:
    admitted: int = judged["actuals"]["admissions"]
    cells = [
        view.of_part(totals["members"]["total"], "totals.members.total", totals),
        view.of_part(admitted, "attainment.actuals.admissions", totals),
        view.of_part(totals["candidates"]["open"], "totals.candidates.open", totals),
    ]
    return cells, admitted
