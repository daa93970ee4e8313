"""Movements: from the opening to the closing number of members, so that the column adds up."""

from services.reporting.dashboard.pieces import Cell, Column, Row, Section, Table, shares
from services.reporting.dashboard.view import Body, View, parts

GAINS = ("declared", "admitted", "enrolled", "transferred_in", "reorganised_in")
LOSSES = ("transferred_out", "ended", "reorganised_out", "linked")


async def movements(view: View) -> list[Section]:
    """The organisation's movements, and those of each child."""
    found = [await whole(view)]
    if view.question.children:
        found.append(_children(view, await view.report("movements", by_child=True)))
    return found


async def whole(view: View) -> Section:
    """The movements of the whole."""
    body = await view.report("movements")
    changes = (*GAINS, *LOSSES)
    lengths = dict(zip(changes, shares([body[name] for name in changes]), strict=True))
    residual = body["residual"]
    rows = [_row(view, body, "opening", "", "whole")]
    rows += [_row(view, body, name, "+", share=lengths[name]) for name in GAINS]
    rows += [_row(view, body, name, "−", share=lengths[name]) for name in LOSSES]
    unexplained = Cell(view.language.number(abs(residual)), figure=True, sign="−" if residual < 0 else "+")
    rows.append(Row([Cell(view.t("movement.residual")), unexplained], "" if residual else "nothing"))
    rows.append(_row(view, body, "closing", "=", "whole"))
    heads = [Column(view.t("movements.what")), Column(view.t("movements.members"), figure=True, bar=True)]
    return Section(
        "movements",
        view.t("movements.title"),
        half=True,
        tables=[Table(_caption(view), heads, rows)],
    )


def _caption(view: View) -> str:
    question, day = view.question, view.language.day
    if question.until < question.from_:
        return view.t("period.not_begun")
    return view.t("movements.caption", first=day(question.from_), last=day(question.until))


def _row(view: View, body: Body, name: str, sign: str, kind: str = "", share: float | None = None) -> Row:
    amount = view.figure(body[name], f"movements.{name}", sign=sign, share=share)
    return Row([Cell(view.t(f"movement.{name}")), amount], kind or ("" if body[name] else "nothing"))


def _children(view: View, body: Body) -> Section:
    """One row a child; movements that no child has are left out."""
    told = ("opening", *GAINS, *LOSSES, "residual", "closing")
    rows = parts(body)
    names = [name for name in told if name in ("opening", "closing") or any(row[name] for row in (body, *rows))]
    heads = [Column(view.t("children.name")), *(Column(view.t(f"movement.{name}"), figure=True) for name in names)]
    shown = [
        Row([view.organisation(row.get("organisation"), "movements"), *_cells(view, row, names)])
        for row in rows
        if row.get("organisation") or any(row[name] for name in names)
    ]
    foot = [Row([Cell(view.t("movements.sum")), *_cells(view, body, names)], "whole")]
    table = Table(view.t("movements.children_caption"), heads, shown, foot)
    return Section("children", view.t("children.title"), tables=[table])


def _cells(view: View, row: Body, names: list[str]) -> list[Cell]:
    return [
        view.number(row[name]) if name == "residual" else view.of_part(row[name], f"movements.{name}", row)
        for name in names
    ]
