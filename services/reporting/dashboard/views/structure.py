"""Structure: how many organisations of each kind and sector, and which were founded or ended."""

from collections.abc import Sequence

from services.reporting.dashboard.pieces import Cell, Column, Row, Section, Table, shares
from services.reporting.dashboard.view import Body, View, parts
from shared.events.vocabulary import ORGANISATION_KINDS, SECTORS


async def structure(view: View) -> list[Section]:
    """Kinds and sectors on the day, foundings and ends of the period, and the kinds under each child."""
    body = await view.report("structure", by_child=True)
    found = [
        _counted(view, body, "by_kind", ORGANISATION_KINDS),
        _counted(view, body, "by_sector", SECTORS),
        _founded(view, body),
    ]
    if view.question.children:
        found.append(_children(view, body))
    return found


def _counted(view: View, body: Body, name: str, codes: Sequence[str]) -> Section:
    lengths = shares([body[name][code] for code in codes])
    rows = [
        Row(
            [
                Cell(_said(view, name, code)),
                view.figure(body[name][code], f"structure.{name}.{code}", share=length),
            ],
            "" if body[name][code] else "nothing",
        )
        for code, length in zip(codes, lengths, strict=True)
    ]
    total = view.number(sum(body[name][code] for code in codes))
    caption = view.t("structure.caption", day=view.language.day(view.question.as_of))
    foot = [Row([Cell(view.t("children.sum")), total], "whole")]
    return Section(name, view.t(f"structure.{name}"), half=True, tables=[Table(caption, _heads(view), rows, foot)])


def _said(view: View, name: str, code: str) -> str:
    return view.t(f"kind.{code}") if name == "by_kind" else view.t(f"sector.{code}")


def _heads(view: View) -> list[Column]:
    return [
        Column(view.t("structure.what")),
        Column(view.t("structure.organisations"), figure=True, bar=True),
    ]


def _founded(view: View, body: Body) -> Section:
    by_sector = body["founded"]["by_sector"]
    told = [sector for sector in SECTORS if by_sector[sector]]
    lengths = shares([by_sector[sector] for sector in told])
    rows = [
        Row(
            [
                Cell(view.t("structure.founded_in", sector=view.t(f"sector.{sector}"))),
                view.figure(by_sector[sector], f"structure.founded.by_sector.{sector}", share=length),
            ]
        )
        for sector, length in zip(told, lengths, strict=True)
    ]
    total = view.figure(body["founded"]["total"], "structure.founded.total")
    rows.append(Row([Cell(view.t("structure.founded_total")), total], "whole"))
    rows.append(Row([Cell(view.t("structure.ended")), view.figure(body["ended"], "structure.ended")], "whole"))
    return Section(
        "founded",
        view.t("structure.changes"),
        half=True,
        tables=[Table(view.period, _heads(view), rows)],
    )


def _children(view: View, body: Body) -> Section:
    """Kinds that are nowhere below are left out."""
    kinds = [kind for kind in ORGANISATION_KINDS if body["by_kind"][kind]]

    def cells(part: Body) -> list[Cell]:
        return [view.of_part(part["by_kind"][kind], f"structure.by_kind.{kind}", part) for kind in kinds]

    rows = [Row([view.organisation(part.get("organisation"), "structure"), *cells(part)]) for part in parts(body)]
    heads = [Column(view.t("children.name")), *(Column(view.t(f"kind.{kind}"), figure=True) for kind in kinds)]
    foot = [Row([Cell(view.t("children.sum")), *cells(body)], "whole")]
    table = Table(view.t("structure.children_caption"), heads, rows, foot)
    return Section("children", view.t("children.title"), tables=[table])
