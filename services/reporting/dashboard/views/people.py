"""Who was admitted, by attribute; what is withheld of small groups stays so."""

from services.reporting.dashboard.pieces import Cell, Column, Row, Section, Table, Tile, shares
from services.reporting.dashboard.view import Body, View
from services.reporting.reports.profile import GROUPS
from shared.timeline.attainment import percent


async def profile(view: View) -> list[Section]:
    """Admissions of the period by sex, age, minority, occupation, schooling, youth union and category."""
    body = await view.report("profile")
    view.about_persons.append(("profile", body))
    tiles = [
        Tile(view.t("profile.admitted"), view.figure(body["admitted"], "profile.admitted"), [Cell(view.period)]),
        Tile(view.t("profile.unread"), view.number(body["unread"]), [Cell(view.t("profile.unread_note"))]),
        Tile(view.t("profile.erased"), view.number(body["erased"]), [Cell(view.t("profile.erased_note"))]),
    ]
    found = [Section("profile", view.t("profile.title"), lead=view.t("profile.lead"), tiles=tiles)]
    found += [_attribute(view, body, name) for name in GROUPS]
    return [*found, _categories(view, body)]


def _attribute(view: View, body: Body, name: str) -> Section:
    groups = body[f"by_{name}"]
    told = sum(number or 0 for number in groups.values())
    kept, unstated = body["withheld"][name], body["unstated"][name]
    lengths = shares(list(groups.values()))
    rows = [
        _row(view, view.word(group) if group else view.t("profile.other"), number, told + kept, length)
        for (group, number), length in zip(groups.items(), lengths, strict=True)
    ]
    more = [("profile.withheld", kept), ("profile.unstated", unstated)]
    rows += [Row([Cell(view.t(key)), view.number(number), Cell("")], "nothing") for key, number in more if number]
    return Section(
        f"by_{name}",
        _title(view, f"by_{name}"),
        half=True,
        tables=[_table(view, rows, "profile.of_stated", told + kept)],
    )


def _title(view: View, name: str) -> str:
    word = view.word(name)
    return word[:1].upper() + word[1:]


def _row(view: View, group: str, number: int | None, whole: int, length: float | None) -> Row:
    if number is None:
        return Row([Cell(group), Cell(view.t("profile.hidden"), quiet=True), Cell("")])
    share = view.percent(percent(number, whole))
    return Row([Cell(group), view.number(number, share=length), share], "" if number else "nothing")


def _categories(view: View, body: Body) -> Section:
    groups = body["by_category"]
    lengths = shares(list(groups.values()))
    rows = [
        _row(view, view.word(category), number, body["admitted"], length)
        for (category, number), length in zip(groups.items(), lengths, strict=True)
    ]
    return Section(
        "by_category",
        _title(view, "by_category"),
        half=True,
        tables=[_table(view, rows, "profile.of_all", body["admitted"])],
    )


def _table(view: View, rows: list[Row], caption: str, whole: int) -> Table:
    """`caption` names what `whole` is, of which shares are told: of few stated they say little."""
    heads = [
        Column(view.t("profile.group")),
        Column(view.t("profile.persons"), figure=True, bar=True),
        Column(view.t("ranking.share"), figure=True),
    ]
    said = view.t(caption, number=view.language.number(whole)) if whole else ""
    return Table(said, heads, rows, empty=view.t("profile.none"))
