"""Places and private enterprises: which have no or few members, and where an organisation could be founded."""

from services.reporting.dashboard.pieces import Cell, Choice, Column, Row, Section, Table, Tile
from services.reporting.dashboard.view import Body, View
from services.reporting.reports.coverage import FLAGS
from services.reporting.reports.figures import COVERAGE_COUNTS, ENTERPRISE_COUNTS


async def coverage(view: View) -> list[Section]:
    """How many places are how covered, and a list of them, those with the fewest members first."""
    body = await view.report("coverage", view.own)
    heads = [
        Column(view.t("coverage.place")),
        Column(view.t("coverage.organisation")),
        Column(view.t("coverage.cell")),
        Column(view.t("children.members"), figure=True),
        Column(view.t("coverage.flags")),
    ]
    rows = [Row(_place(view, row)) for row in body["places"]]
    flag = view.own.get("flag")
    title = view.t("coverage.places") if flag is None else view.t("coverage.flagged", flag=view.t(f"flag.{flag}"))
    none = view.t("coverage.none")
    table = Table(view.t("coverage.caption"), heads, rows, empty=none, more=view.pages(body))
    return [
        _counts(view, body, "coverage", COVERAGE_COUNTS),
        Section("places", title, tables=[table]),
    ]


def choices_of_places(view: View) -> list[Choice]:
    """Which places are listed."""
    flags = [("", view.t("flag.all")), *((flag, view.t(f"flag.{flag}")) for flag in FLAGS)]
    return [Choice("flag", view.t("choice.flag"), view.own.get("flag", ""), [("", flags)])]


def _place(view: View, row: Body) -> list[Cell]:
    place, cell = row["place"], row["cell"]
    if cell is None:
        members, covering = view.number(row["members"]), Cell(view.t("flag.uncovered"), status="missed", sign="✕")
    else:
        members = view.figure(row["members"], "totals.members.total", cell["id"])
        covering = view.organisation(cell)
    # Who has no cell or no members is seen by that; in words are those that need a second look.
    flags = [flag for flag in row["flags"] if flag != "uncovered"]
    if "without_members" in flags:
        flags.remove("fewer_than_3")
    said = [view.t(f"flag.{flag}") for flag in flags]
    return [
        Cell(place["name"], note=view.place_kind(place["kind"])),
        view.organisation(row["organisation"], "coverage"),
        covering,
        members,
        Cell(" · ".join(said), quiet=True),
    ]


async def enterprise(view: View) -> list[Section]:
    """How many private enterprises have an organisation or could, and a list of them."""
    body = await view.report("enterprise", view.own)
    known = {row[name] for row in body["enterprises"] for name in ("organisation_id", "cell_id") if row.get(name)}
    names = await view.names(known)
    heads = [
        Column(view.t("enterprise.what")),
        Column(view.t("coverage.organisation")),
        Column(view.t("coverage.cell")),
        Column(view.t("children.members"), figure=True),
        Column(view.t("enterprise.state")),
    ]
    rows = [Row(_enterprise(view, row, names)) for row in body["enterprises"]]
    table = Table(
        view.t("enterprise.caption"), heads, rows, empty=view.t("enterprise.none"), more=view.pages(body)
    )
    return [
        _counts(view, body, "enterprise", ENTERPRISE_COUNTS),
        Section("enterprises", view.word("enterprises"), lead=view.t("enterprise.lead"), tables=[table]),
    ]


def _enterprise(view: View, row: Body, names: dict[str, str]) -> list[Cell]:
    def named(organisation_id: str | None) -> Cell:
        if organisation_id is None:
            return Cell("–")
        return view.organisation({"id": organisation_id, "name": names.get(organisation_id, organisation_id)})

    is_place = row["what"] == "place"
    has_members = row["id"] if not is_place else row["cell_id"]
    members = (
        view.figure(row["members"], "totals.members.total", has_members)
        if has_members
        else view.number(row["members"])
    )
    if row["could_be_founded"]:
        state = Cell(view.t("enterprise.could"), status="behind", sign="●")
    elif row["has_organisation"]:
        state = Cell(view.t("enterprise.has"), status="attained", sign="✓")
    else:
        state = Cell(view.t("enterprise.few"), quiet=True)
    kind = view.place_kind(row["kind"]) if is_place else view.t(f"kind.{row['kind']}")
    name = (
        Cell(row["name"], note=kind)
        if is_place
        else view.organisation({"id": row["id"], "name": row["name"]}, note=kind)
    )
    return [name, named(row["organisation_id"]), named(row["cell_id"]), members, state]


def _counts(view: View, body: Body, report: str, counts: tuple[str, ...]) -> Section:
    tiles = []
    for name in counts:
        listed: tuple[Cell, ...] = ()
        if name in FLAGS:
            listed = (Cell(view.t("coverage.list"), link=view.address.here(flag=name, after=None)),)
        figure = view.figure(body["counts"][name], f"{report}.counts.{name}")
        tiles.append(Tile(view.t(f"{report}.count_{name}"), figure, listed))
    title = view.t("totals.title", day=view.language.day(view.question.as_of))
    return Section("counts", title, tiles=tiles)
