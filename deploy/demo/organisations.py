"""The made-up tree of the demo: a district with 64 grassroots organisations, its neighbour, its targets."""

from dataclasses import dataclass, field
from datetime import date

from deploy.demo.chronicle import Chronicle

PROVINCE = "dien-bien"
DISTRICT = "dien-bien-district"
NEIGHBOUR = "dien-bien-neighbour"
COMMUNE = "muong-pon"

BEGINNING = date(2020, 1, 1)
COMMUNE_CELLS = 14

# (id prefix, name, sector, cells of each committee): with the commune 38 committees and 404 cells.
_COMMITTEES = (
    ("xa", "Đảng bộ xã số", "territorial", [11, 12, 13, 14, 15] * 4),
    ("gd", "Đảng bộ trường số", "education", [8] * 8),
    ("yt", "Đảng bộ đơn vị sự nghiệp số", "public_service", [8, 8, 8]),
    ("vt", "Đảng bộ lực lượng vũ trang số", "armed_forces", [7, 7, 7]),
    ("nn", "Đảng bộ doanh nghiệp nhà nước số", "state_enterprise", [7, 7, 7]),
)
# (id prefix, name, sector, how many): with the two enterprise cells below 26 grassroots cells.
_GRASSROOTS_CELLS = (
    ("cb-sn", "Chi bộ đơn vị sự nghiệp số", "public_service", 10),
    ("cb-gd", "Chi bộ trường số", "education", 6),
    ("cb-nn", "Chi bộ doanh nghiệp nhà nước số", "state_enterprise", 4),
    ("cb-kh", "Chi bộ cơ quan số", "other", 4),
)
ENTERPRISE_FOUNDINGS = (date(2022, 5, 19), date(2022, 8, 31))


@dataclass(frozen=True)
class Cell:
    """A cell or a grassroots cell: where members belong."""

    id: str
    parent: str
    sector: str
    founded: date


@dataclass
class Tree:
    """The cells in which the history happens."""

    ordinary: list[Cell] = field(default_factory=list)
    """Of the district, neither the commune's nor the enterprises' nor the emptied one."""
    commune: list[Cell] = field(default_factory=list)
    enterprises: list[Cell] = field(default_factory=list)
    """The two private-enterprise grassroots cells founded in 2022, in the order of their founding."""
    neighbour: list[Cell] = field(default_factory=list)
    emptied: Cell | None = None
    """A cell whose three members all move on: its village then has no member."""

    @property
    def before_2022(self) -> list[Cell]:
        """Every cell of the district that has an opening balance."""
        assert self.emptied is not None
        return [*self.commune, self.emptied, *self.ordinary]


def found(chronicle: Chronicle) -> Tree:
    """Tell the founding of every organisation, from the province down."""
    tree = Tree()
    _establish(chronicle, PROVINCE, "Đảng bộ tỉnh Điện Biên", "provincial_committee", "territorial", None)
    _establish(chronicle, DISTRICT, "Đảng bộ huyện Điện Biên", "intermediate_committee", "territorial", PROVINCE)
    _commune(chronicle, tree)
    for prefix, name, sector, sizes in _COMMITTEES:
        # The published commune is number 1 of the communes.
        for number, size in enumerate(sizes, start=2 if prefix == "xa" else 1):
            committee = f"db-{prefix}-{number:02d}"
            label = f"{name} {number:02d}"
            _establish(chronicle, committee, f"{label} (minh hoạ)", "grassroots_committee", sector, DISTRICT)
            tree.ordinary += _cells(chronicle, committee, f"trực thuộc {label}", sector, size)
    for prefix, name, sector, how_many in _GRASSROOTS_CELLS:
        for number in range(1, how_many + 1):
            cell = Cell(f"db-{prefix}-{number:02d}", DISTRICT, sector, _founding_day(chronicle))
            _establish_cell(chronicle, cell, f"{name} {number:02d} (minh hoạ)", "grassroots_cell")
            tree.ordinary.append(cell)
    for number, day in enumerate(ENTERPRISE_FOUNDINGS, start=1):
        cell = Cell(f"db-cb-tn-{number:02d}", DISTRICT, "private_enterprise", day)
        _establish_cell(
            chronicle, cell, f"Chi bộ doanh nghiệp tư nhân số {number:02d} (minh hoạ)", "grassroots_cell"
        )
        tree.enterprises.append(cell)
    _neighbour(chronicle, tree)
    tree.emptied = next(cell for cell in tree.ordinary if cell.parent == "db-xa-02")
    tree.ordinary.remove(tree.emptied)
    return tree


def _commune(chronicle: Chronicle, tree: Tree) -> None:
    name = "Đảng bộ xã Mường Pồn"
    _establish(chronicle, COMMUNE, name, "grassroots_committee", "territorial", DISTRICT)
    tree.commune += _cells(chronicle, COMMUNE, f"trực thuộc {name}", "territorial", COMMUNE_CELLS, BEGINNING)


def _neighbour(chronicle: Chronicle, tree: Tree) -> None:
    _establish(
        chronicle,
        NEIGHBOUR,
        "Đảng bộ huyện lân cận (minh hoạ)",
        "intermediate_committee",
        "territorial",
        PROVINCE,
    )
    for number in (1, 2):
        committee = f"lc-xa-{number:02d}"
        label = f"Đảng bộ xã lân cận số {number:02d}"
        _establish(chronicle, committee, f"{label} (minh hoạ)", "grassroots_committee", "territorial", NEIGHBOUR)
        tree.neighbour += _cells(chronicle, committee, f"trực thuộc {label}", "territorial", 4, BEGINNING)


def _cells(
    chronicle: Chronicle, committee: str, of: str, sector: str, how_many: int, founded: date | None = None
) -> list[Cell]:
    cells = []
    for number in range(1, how_many + 1):
        cell = Cell(f"{committee}-{number}", committee, sector, founded or _founding_day(chronicle))
        _establish_cell(chronicle, cell, f"Chi bộ {number} {of} (minh hoạ)", "cell")
        cells.append(cell)
    return cells


def _founding_day(chronicle: Chronicle) -> date:
    """Nearly all were there when the record begins; a few were founded during its first year."""
    if chronicle.rng.random() < 0.95:
        return BEGINNING
    return chronicle.working_day(date(2020, 2, 3), date(2020, 10, 30))


def _establish_cell(chronicle: Chronicle, cell: Cell, name: str, kind: str) -> None:
    _establish(chronicle, cell.id, name, kind, cell.sector, cell.parent, cell.founded)


def _establish(
    chronicle: Chronicle,
    identifier: str,
    name: str,
    kind: str,
    sector: str,
    parent: str | None,
    day: date = BEGINNING,
) -> None:
    data: dict[str, object] = {"name": name, "kind": kind, "sector": sector, "tags": []}
    if parent is not None:
        data["parent_id"] = parent
    chronicle.tell("OrganisationEstablished", f"organisation/{identifier}", day, **data)


RESOLUTION_2022 = "dien-bien-district-2022-nghi-quyet"
ASSIGNED_2022 = "dien-bien-district-2022-tren-giao"
OWN_2023 = "dien-bien-district-2023-ket-nap"
OWN_ENTERPRISES_2023 = "dien-bien-district-2023-doanh-nghiep"


def assign_targets(chronicle: Chronicle) -> None:
    """The district's targets: two bases for 2022, its own two for 2023."""
    admissions, founded = "admissions", "private_enterprise_organisations_founded"
    for target_id, day, metric, basis, issuer, value in (
        (RESOLUTION_2022, date(2022, 1, 10), admissions, "resolution", DISTRICT, 200),
        (ASSIGNED_2022, date(2022, 1, 20), admissions, "assigned", PROVINCE, 310),
        (OWN_2023, date(2022, 12, 28), admissions, "own", DISTRICT, 310),
        (OWN_ENTERPRISES_2023, date(2022, 12, 28), founded, "own", DISTRICT, 2),
    ):
        year = 2023 if basis == "own" else 2022
        chronicle.tell(
            "TargetAssigned",
            f"organisation/{DISTRICT}",
            day,
            target_id=target_id,
            metric=metric,
            basis=basis,
            issuer_id=issuer,
            **{"from": date(year, 1, 1), "to": date(year, 12, 31)},
            comparison="at_least",
            value=value,
        )
