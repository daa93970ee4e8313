"""The overview: what a committee looks at first, and the way down to its children."""

from services.reporting.dashboard.pieces import Cell, Column, Row, Section, Table, Tile, shares
from services.reporting.dashboard.view import Body, View, at
from services.reporting.dashboard.views import movements, series, targets
from shared.timeline.person import STAGES


async def overview(view: View) -> list[Section]:
    """Totals, targets, how admissions went, how the number of members changed, and the children."""
    totals = await view.report("totals", by_child=True)
    judged = await view.report("attainment", by_child=True)
    names = await view.names(targets.issuers(judged))
    return [
        _totals(view, totals, judged),
        targets.targets(view, judged["targets"], names),
        await series.admissions(view),
        await movements.whole(view),
        _stages(view, totals),
        targets.actuals(view, judged),
        targets.children_with_targets(view, totals, judged),
    ]


def _totals(view: View, totals: Body, judged: Body) -> Section:
    def figure(path: str) -> Cell:
        return view.figure(at(totals, path), f"totals.{path}")

    def beside(path: str, name: str) -> list[Cell]:
        return [figure(path), Cell(name)]

    t, day = view.t, view.language.day
    without = judged["actuals"]["places_without_members"]
    tiles = [
        Tile(
            t("totals.members"),
            figure("members.total"),
            [
                *beside("members.official", t("totals.official") + " ·"),
                *beside("members.probationary", t("totals.probationary")),
            ],
        ),
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
        Tile(t("totals.candidates"), figure("candidates.open"), [Cell(t("totals.candidates_note"))]),
        Tile(
            t("totals.places"),
            view.figure(without, "attainment.actuals.places_without_members"),
            [Cell(t("totals.places_note", day=day(view.question.until)))],
        ),
    ]
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
