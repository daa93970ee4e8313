"""Candidates on their way: where they wait, which cells admit nobody, and who is lost after admission."""

from services.reporting.dashboard.pieces import Cell, Choice, Column, Row, Section, Table, Tile, shares
from services.reporting.dashboard.view import Body, View
from shared.timeline.person import STAGES


async def funnel(view: View) -> list[Section]:
    """Who waits at which step and how long a step takes, and what became of those identified in the period."""
    body = await view.report("funnel")
    return [_now(view, body), _waiting(view, body), _cohort(view, body["conversion"])]


def _now(view: View, body: Body) -> Section:
    made, t = body["conversion"], view.t
    admitted = view.figure(made["admitted"], "funnel.conversion.admitted")
    ratio = view.percent(made["admitted_percent"], admitted.link)
    among = Cell(t("funnel.among_identified"))
    tiles = [
        Tile(t("funnel.open"), view.figure(body["candidates"]["open"], "funnel.candidates.open")),
        Tile(
            t("funnel.identified"),
            view.figure(made["identified"], "funnel.conversion.identified"),
            [Cell(view.period)],
        ),
        Tile(t("funnel.admitted"), admitted, [ratio, Cell(t("funnel.of_identified"))]),
        Tile(t("funnel.closed"), view.figure(made["closed"], "funnel.conversion.closed"), [among]),
        Tile(t("funnel.still_open"), view.figure(made["open"], "funnel.conversion.open"), [among]),
    ]
    return Section("now", t("totals.title", day=view.language.day(view.question.as_of)), tiles=tiles)


def _waiting(view: View, body: Body) -> Section:
    by_stage = body["candidates"]["by_stage"]
    lengths = shares([by_stage[stage] for stage in STAGES])
    rows = []
    for stage, length in zip(STAGES, lengths, strict=True):
        days = body["days"][stage]
        steps = view.figure(days["count"], f"funnel.days.{stage}.count")
        rows.append(
            Row(
                [
                    Cell(view.t(f"stage.{stage}")),
                    view.figure(by_stage[stage], f"funnel.candidates.by_stage.{stage}", share=length),
                    steps,
                    view.number(days["median"], link=steps.link, made=True),
                    view.number(days["p90"], link=steps.link, made=True),
                ],
                "" if by_stage[stage] or days["count"] else "nothing",
            )
        )
    heads = [
        Column(view.t("stages.stage")),
        Column(view.t("funnel.waiting"), figure=True, bar=True),
        Column(view.t("funnel.steps"), figure=True),
        Column(view.t("funnel.median"), figure=True),
        Column(view.t("funnel.p90"), figure=True),
    ]
    table = Table(view.t("funnel.waiting_caption", period=view.period), heads, rows)
    return Section("waiting", view.t("funnel.waiting_title"), tables=[table])


def _cohort(view: View, made: Body) -> Section:
    counts = ("reached", "went_on", "closed", "otherwise", "waiting")
    lengths = shares([made["by_stage"][stage]["reached"] for stage in STAGES])
    rows = []
    for stage, length in zip(STAGES, lengths, strict=True):
        told = made["by_stage"][stage]
        path = f"funnel.conversion.by_stage.{stage}"
        cells = {name: view.figure(told[name], f"{path}.{name}") for name in counts}
        reached = view.figure(told["reached"], f"{path}.reached", share=length)
        ratio = view.percent(told["went_on_percent"], cells["went_on"].link)
        rest = [cells[name] for name in ("closed", "otherwise", "waiting")]
        named = Cell(view.t(f"stage.{stage}"))
        rows.append(Row([named, reached, cells["went_on"], ratio, *rest], "" if told["reached"] else "nothing"))
    heads = [
        Column(view.t("stages.stage")),
        Column(view.t("funnel.reached"), figure=True, bar=True),
        *(
            Column(view.t(f"funnel.{name}"), figure=True)
            for name in ("went_on", "went_on_percent", "closed", "otherwise", "still")
        ),
    ]
    table = Table(view.t("funnel.cohort_caption", period=view.period), heads, rows)
    return Section("cohort", view.t("funnel.cohort_title"), tables=[table])


async def blocked(view: View) -> list[Section]:
    """Cells that have candidates and admitted nobody in twelve months, with the step that stops them."""
    body = await view.report("blocked", view.own)
    # Evidence has to be asked for the same number of candidates.
    at_least = str(body["at_least"])
    tiles = [
        Tile(
            view.t(f"blocked.count_{name}"),
            view.figure(body["counts"][name], f"blocked.counts.{name}", at_least=at_least),
        )
        for name in ("cells", "with_candidates", "blocked", "candidates")
    ]
    lengths = shares([row["open"] for row in body["cells"]])
    rows = [Row(_blocked(view, row, length)) for row, length in zip(body["cells"], lengths, strict=True)]
    heads = [
        Column(view.t("blocked.cell")),
        Column(view.t("children.candidates"), figure=True, bar=True),
        Column(view.t("blocked.stage")),
        Column(view.t("blocked.at_stage"), figure=True),
        Column(view.t("blocked.median"), figure=True),
        Column(view.t("blocked.longest"), figure=True),
        Column(view.t("blocked.last")),
    ]
    since = view.language.day(body["no_admission_since"])
    table = Table(
        view.t("blocked.caption", day=since), heads, rows, empty=view.t("blocked.none"), more=view.pages(body)
    )
    title = view.t("totals.title", day=view.language.day(view.question.as_of))
    return [
        Section("counts", title, tiles=tiles),
        Section("blocked", view.t("blocked.title"), tables=[table]),
    ]


def _blocked(view: View, row: Body, length: float | None) -> list[Cell]:
    owner = row["organisation"]["id"]
    at_stage = view.figure(row["at_stage"], f"totals.candidates.by_stage.{row['stage']}", owner)
    return [
        view.organisation(row["organisation"], note=row["parent"]["name"] if row["parent"] else ""),
        view.figure(row["open"], "totals.candidates.open", owner, share=length),
        Cell(view.t(f"stage.{row['stage']}")),
        at_stage,
        view.number(row["median_days"], link=at_stage.link, made=True),
        view.number(row["longest_days"], link=at_stage.link, made=True),
        view.day(row["last_admission"]) if row["last_admission"] else Cell(view.t("blocked.never"), quiet=True),
    ]


def choices_of_blocked(view: View) -> list[Choice]:
    """From how many candidates on a cell counts."""
    chosen = view.own.get("at_least", "1")
    numbers = sorted({1, 2, 3, 5, 10, int(chosen) if chosen.isdecimal() else 1})
    options = [(str(number), view.language.number(number)) for number in numbers]
    return [Choice("at_least", view.t("choice.at_least"), chosen, [("", options)])]


REASONS = ("removed", "expelled", "resigned", "deceased", "transferred_out", "linked")


async def retention(view: View) -> list[Section]:
    """What became of those admitted, by the year of their admission."""
    body = await view.report("retention")
    lengths = shares([row["ended_percent"] for row in body["cohorts"]])
    rows = [
        Row([Cell(str(row["cohort"])), *_retained(view, row, f"retention.cohorts.{row['cohort']}", length)])
        for row, length in zip(body["cohorts"], lengths, strict=True)
    ]
    heads = [
        Column(view.t("retention.cohort")),
        Column(view.t("retention.admitted"), figure=True),
        Column(view.t("retention.still_members"), figure=True),
        *(Column(view.t(f"reason.{reason}"), figure=True) for reason in REASONS),
        Column(view.t("retention.ended_percent"), figure=True, bar=True),
    ]
    caption = view.t("retention.caption", day=view.language.day(view.question.as_of))
    foot = [Row([Cell(view.t("series.sum")), *_retained(view, body, "retention", None)], "whole")]
    table = Table(caption, heads, rows, foot, empty=view.t("list.none"))
    return [Section("retention", view.t("retention.title"), tables=[table])]


def _retained(view: View, row: Body, path: str, length: float | None) -> list[Cell]:
    ended = view.figure(row["ended"], f"{path}.ended")
    return [
        view.figure(row["admitted"], f"{path}.admitted"),
        view.figure(row["still_members"], f"{path}.still_members"),
        *(view.figure(row["by_reason"][reason], f"{path}.by_reason.{reason}") for reason in REASONS),
        view.percent(row["ended_percent"], ended.link, share=length),
    ]
